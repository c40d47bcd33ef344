//! Gram matrices: the kernel's values between all pairs of points.
//!
//! Rows are filled in parallel, in blocks whose bounds depend on the sizes alone: the result is the same for any number
//! of threads.

use ndarray::linalg::general_mat_mul;
use ndarray::parallel::prelude::*;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, s};

use crate::domain::{check_dimensions, check_points};
use crate::points::Rows;
use crate::{Error, Kernel};

/// The Gram matrix between two sets of points: entry (i, j) is `k(rows_i, columns_j)`.
///
/// * `rows` — (M, V)
/// * `columns` — (N, V)
///
/// ```
/// use kernels::{HistogramIntersection, gram};
/// use ndarray::array;
/// let test = array![[0.5, 0.5]];
/// let train = array![[1.0, 0.0], [0.25, 0.75]];
/// assert_eq!(gram(&HistogramIntersection.into(), test.view(), train.view())?, array![[0.5, 0.75]]);
/// # Ok::<(), kernels::Error>(())
/// ```
///
/// # Errors
/// [`Error::Dimensions`] when the two sets differ in dimension, [`Error::Empty`] when that is 0; [`Error::Negative`] or
/// [`Error::NotFinite`] for points that the kernel does not take.
pub fn gram(kernel: &Kernel, rows: ArrayView2<'_, f64>, columns: ArrayView2<'_, f64>) -> Result<Array2<f64>, Error> {
    check_dimensions("the second set of points", columns.ncols(), rows.ncols())?;
    check_set("the first set of points", kernel, rows)?;
    check_set("the second set of points", kernel, columns)?;
    let (rows, columns) = (rows.as_standard_layout(), columns.as_standard_layout());
    Ok(kernel.function().gram(rows.view(), columns.view()))
}

/// The Gram matrix of one set of points: entry (i, j) is `k(points_i, points_j)`.
///
/// Each pair is evaluated once, so the matrix is exactly symmetric.
///
/// * `points` — (N, V)
///
/// ```
/// use kernels::{Linear, symmetric_gram};
/// use ndarray::array;
/// assert_eq!(symmetric_gram(&Linear.into(), array![[1.0, 2.0], [0.0, 3.0]].view())?, array![[5.0, 6.0], [6.0, 9.0]]);
/// # Ok::<(), kernels::Error>(())
/// ```
///
/// # Errors
/// [`Error::Empty`] when the points have no dimensions; [`Error::Negative`] or [`Error::NotFinite`] for points that the
/// kernel does not take.
pub fn symmetric_gram(kernel: &Kernel, points: ArrayView2<'_, f64>) -> Result<Array2<f64>, Error> {
    check_set("the points", kernel, points)?;
    Ok(kernel.function().symmetric_gram(points.as_standard_layout().view()))
}

fn check_set(what: &'static str, kernel: &Kernel, points: ArrayView2<'_, f64>) -> Result<(), Error> {
    if points.ncols() == 0 {
        return Err(Error::Empty { what: "the list of dimensions" });
    }
    check_points(what, kernel.kind(), points)
}

/// Rows of the Gram matrix that are evaluated together, pair by pair: they stay in the cache while the columns pass by.
const PAIR_BLOCK: usize = 8;

/// Rows of the Gram matrix that come from one matrix product.
const PRODUCT_BLOCK: usize = 128;

/// Multiplications below which another thread costs more than it brings.
const WORTH_A_THREAD: usize = 1 << 18;

/// A Gram matrix from the kernel's values.
pub(crate) fn pair_by_pair(
    rows: ArrayView2<'_, f64>,
    columns: ArrayView2<'_, f64>,
    value: impl Fn(&[f64], &[f64]) -> f64 + Sync,
) -> Array2<f64> {
    let (rows, columns) = (Rows::of(rows), Rows::of(columns));
    let mut gram = Array2::zeros((rows.count(), columns.count()));
    for_blocks(&mut gram, PAIR_BLOCK, columns.dimensions(), |first, mut block| {
        for (column, z) in columns.iter().enumerate() {
            for (row, entry) in block.column_mut(column).iter_mut().enumerate() {
                *entry = value(rows.row(first + row), z);
            }
        }
    });
    gram
}

/// A symmetric Gram matrix from the kernel's values.
pub(crate) fn half_by_half(points: ArrayView2<'_, f64>, value: impl Fn(&[f64], &[f64]) -> f64 + Sync) -> Array2<f64> {
    let points = Rows::of(points);
    let mut gram = Array2::zeros((points.count(), points.count()));
    for_blocks(&mut gram, PAIR_BLOCK, points.dimensions(), |first, mut block| {
        for (column, z) in points.iter().enumerate().take(first + block.nrows()) {
            for row in column.saturating_sub(first)..block.nrows() {
                block[[row, column]] = value(points.row(first + row), z);
            }
        }
    });
    mirror(&mut gram);
    gram
}

/// A Gram matrix from inner products: entry (i, j) is `value(i, j, rows_i · columns_j)`.
pub(crate) fn by_products(
    rows: ArrayView2<'_, f64>,
    columns: ArrayView2<'_, f64>,
    value: impl Fn(usize, usize, f64) -> f64 + Sync,
) -> Array2<f64> {
    let mut gram = Array2::zeros((rows.nrows(), columns.nrows()));
    for_blocks(&mut gram, PRODUCT_BLOCK, columns.ncols(), |first, mut block| {
        let factor = rows.slice(s![first..first + block.nrows(), ..]);
        general_mat_mul(1.0, &factor, &columns.t(), 0.0, &mut block);
        for ((row, column), entry) in block.indexed_iter_mut() {
            *entry = value(first + row, column, *entry);
        }
    });
    gram
}

/// A symmetric Gram matrix from inner products; `value(i, j, points_i · points_j)` is asked for j ≤ i only.
pub(crate) fn half_by_products(
    points: ArrayView2<'_, f64>,
    value: impl Fn(usize, usize, f64) -> f64 + Sync,
) -> Array2<f64> {
    let mut gram = Array2::zeros((points.nrows(), points.nrows()));
    for_blocks(&mut gram, PRODUCT_BLOCK, points.ncols(), |first, block| {
        let end = first + block.nrows();
        let mut lower = block.split_at(Axis(1), end).0;
        let (factor, columns) = (points.slice(s![first..end, ..]), points.slice(s![..end, ..]));
        general_mat_mul(1.0, &factor, &columns.t(), 0.0, &mut lower);
        for (row, mut entries) in lower.rows_mut().into_iter().enumerate() {
            for (column, entry) in entries.iter_mut().enumerate().take(first + row + 1) {
                *entry = value(first + row, column, *entry);
            }
        }
    });
    mirror(&mut gram);
    gram
}

/// `mean_{i<j} distance(x_i, x_j)`; NaN for fewer than two points.
pub(crate) fn mean_over_pairs(points: &Rows<'_>, distance: impl Fn(&[f64], &[f64]) -> f64 + Sync) -> f64 {
    let count = points.count();
    let sums: Vec<f64> = (0..count)
        .into_par_iter()
        .with_min_len(WORTH_A_THREAD.div_ceil(count.max(1) * points.dimensions()))
        .map(|row| (0..row).map(|column| distance(points.row(row), points.row(column))).sum())
        .collect();
    sums.iter().sum::<f64>() / (0.5 * count as f64 * (count as f64 - 1.0))
}

/// Fills `gram` in blocks of rows, which are told their first row's index.
fn for_blocks(
    gram: &mut Array2<f64>,
    rows: usize,
    dimensions: usize,
    fill: impl Fn(usize, ArrayViewMut2<'_, f64>) + Sync,
) {
    let work = rows * gram.ncols() * dimensions;
    if work == 0 {
        return;
    }
    gram.axis_chunks_iter_mut(Axis(0), rows)
        .into_par_iter()
        .enumerate()
        .with_min_len(WORTH_A_THREAD.div_ceil(work))
        .for_each(|(index, block)| fill(index * rows, block));
}

/// Copies the lower triangle to the upper, tile by tile.
fn mirror(gram: &mut Array2<f64>) {
    const TILE: usize = 32;
    let count = gram.nrows();
    for top in (0..count).step_by(TILE) {
        for left in (0..=top).step_by(TILE) {
            for row in top..count.min(top + TILE) {
                for column in left..row.min(left + TILE) {
                    gram[[column, row]] = gram[[row, column]];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, array};

    use super::*;
    use crate::{ChiSquared, ChiSquaredPrinted, HistogramIntersection, Linear, Rbf};

    fn points(count: usize, dimensions: usize) -> Array2<f64> {
        Array2::from_shape_fn((count, dimensions), |(i, d)| match (i * 7 + d * 5) % 9 {
            0..=3 => 0.0,
            other => other as f64 / (3.0 + (i * d % 7) as f64),
        })
    }

    fn kernels() -> [Kernel; 5] {
        [
            Linear.into(),
            HistogramIntersection.into(),
            ChiSquared::new(0.2).unwrap().into(),
            ChiSquaredPrinted::new(0.2).unwrap().into(),
            Rbf::new(7.0).unwrap().into(),
        ]
    }

    #[test]
    fn entries_are_the_kernels_values() {
        for kernel in kernels() {
            for (count, dimensions) in [(1, 1), (3, 19), (19, 3), (150, 7)] {
                let (rows, columns) = (points(count, dimensions), points(count + 2, dimensions));
                let matrix = gram(&kernel, rows.view(), columns.view()).unwrap();
                for ((i, j), &entry) in matrix.indexed_iter() {
                    let value = kernel.value(rows.row(i), columns.row(j)).unwrap();
                    assert!((entry - value).abs() <= 1e-12 * value.abs().max(1e-3), "{}", kernel.name());
                }
            }
        }
    }

    #[test]
    fn symmetric_matrices_are_exactly_symmetric_and_equal_to_plain_ones() {
        for kernel in kernels() {
            for (count, dimensions) in [(1, 1), (3, 19), (19, 3), (150, 7)] {
                let points = points(count, dimensions);
                let matrix = symmetric_gram(&kernel, points.view()).unwrap();
                let plain = gram(&kernel, points.view(), points.view()).unwrap();
                assert_eq!(matrix, matrix.t());
                assert!((&matrix - &plain).iter().all(|error| error.abs() < 1e-13));
                if !matches!(kernel, Kernel::Linear(_) | Kernel::HistogramIntersection(_)) {
                    assert!(matrix.diag().iter().all(|&entry| entry == 1.0));
                }
            }
        }
    }

    #[test]
    fn positive_definite_kernels_have_no_negative_quadratic_forms() {
        for kernel in [kernels()[0], kernels()[1], kernels()[2], kernels()[4]] {
            let matrix = symmetric_gram(&kernel, points(40, 5).view()).unwrap();
            for phase in 0..50 {
                let v = Array1::from_shape_fn(40, |i| ((i * i + 3) as f64 * (0.37 + phase as f64)).sin());
                assert!(v.dot(&matrix.dot(&v)) > -1e-11, "{}", kernel.name());
            }
        }
    }

    #[test]
    fn distances_of_neighbors_far_from_the_origin_keep_their_digits() {
        let kernel = Kernel::from(Rbf::new(1e-8).unwrap());
        let points = Array2::from_shape_fn((30, 4), |(i, d)| 1e3 + (i / 3) as f64 + (i % 3 * (d + 1)) as f64 * 2e-5);
        let matrix = symmetric_gram(&kernel, points.view()).unwrap();
        for ((i, j), &entry) in matrix.indexed_iter() {
            let value = kernel.value(points.row(i), points.row(j)).unwrap();
            assert!((entry - value).abs() <= 1e-12 * value, "{i} {j}: {entry} {value}");
        }
    }

    #[test]
    fn memory_order_does_not_matter() {
        let points = points(19, 7);
        let fortran = points.t().as_standard_layout().into_owned();
        for kernel in kernels() {
            let matrix = symmetric_gram(&kernel, points.view()).unwrap();
            assert_eq!(symmetric_gram(&kernel, fortran.t()).unwrap(), matrix);
            let plain = gram(&kernel, points.view(), points.view()).unwrap();
            assert_eq!(gram(&kernel, fortran.t(), fortran.t()).unwrap(), plain);
        }
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bytes() {
        let points = points(300, 64);
        let compute = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                kernels().map(|kernel| {
                    let fitted = kernel.kind().fit(points.view()).unwrap();
                    (fitted, symmetric_gram(&kernel, points.view()).unwrap())
                })
            })
        };
        assert_eq!(compute(1), compute(3));
    }

    #[test]
    fn bad_points_are_refused() {
        let (kernel, good) = (Kernel::from(HistogramIntersection), array![[0.5, 0.5], [1.0, 0.0]]);
        let error = gram(&kernel, good.view(), array![[0.5]].view()).unwrap_err().to_string();
        assert!(error.contains("has 1 dimensions where 2 are needed"), "{error}");
        let error = symmetric_gram(&kernel, array![[0.5, 0.5], [1.0, -0.25]].view()).unwrap_err().to_string();
        assert!(error.contains("row 1, column 1 holds -0.25"), "{error}");
        assert!(symmetric_gram(&kernel, Array2::zeros((2, 0)).view()).is_err());
        assert_eq!(symmetric_gram(&kernel, Array2::zeros((0, 2)).view()).unwrap().dim(), (0, 0));
        assert_eq!(gram(&Linear.into(), good.view(), Array2::zeros((0, 2)).view()).unwrap().dim(), (2, 0));
        assert_eq!(
            gram(&Rbf::new(1.0).unwrap().into(), good.view(), Array2::zeros((0, 2)).view()).unwrap().dim(),
            (2, 0)
        );
    }
}
