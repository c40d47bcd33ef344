//! Several expansions over the same support vectors: one machine for each class.

use ndarray::parallel::prelude::*;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use super::{ExpansionTerm, KernelExpansion, WORTH_A_THREAD};
use crate::Error;
use crate::points::contiguous;

/// `f` of several expansions at each row of `points`, (M, expansions).
///
/// Where all of them have the same kernels over the same support vectors, in one memory, each kernel is evaluated once
/// for all. Values are those of [`KernelExpansion::values`], digit by digit.
///
/// ```
/// use kernels::{Coefficients, ExpansionTerm, KernelExpansion, Linear, values_of_all};
/// use ndarray::array;
/// let term = ExpansionTerm { kernel: Linear.into(), weight: 1.0, support: array![[1.0, 0.0], [0.0, 1.0]].into() };
/// let class = |coefficients| KernelExpansion::new(vec![term.clone()], Coefficients::Shared(coefficients), 0.5);
/// let classes = [class(array![1.0, -1.0])?, class(array![0.0, 2.0])?];
/// let values = values_of_all(&classes.each_ref(), array![[3.0, 1.0]].view())?;
/// assert_eq!(values, array![[2.5, 2.5]]);
/// # Ok::<(), kernels::Error>(())
/// ```
///
/// # Errors
/// As for [`KernelExpansion::value`].
pub fn values_of_all(expansions: &[&KernelExpansion], points: ArrayView2<'_, f64>) -> Result<Array2<f64>, Error> {
    let mut values = Array2::zeros((points.nrows(), expansions.len()));
    let Some((first, others)) = expansions.split_first() else { return Ok(values) };
    if others.iter().all(|other| share_support(first, other)) {
        first.check_points("the points", points)?;
        let work = first.support_count() * first.dimensions();
        let rows = values.axis_iter_mut(Axis(0)).into_par_iter().with_min_len(WORTH_A_THREAD.div_ceil(work.max(1)));
        rows.zip(points.axis_iter(Axis(0))).for_each(|(mut values, point)| {
            values.assign(&at_point(first, expansions, point));
        });
    } else {
        for (expansion, mut of_class) in expansions.iter().zip(values.columns_mut()) {
            of_class.assign(&expansion.values(points)?);
        }
    }
    Ok(values)
}

/// Whether two expansions have the same kernels over the same memory.
fn share_support(one: &KernelExpansion, other: &KernelExpansion) -> bool {
    let shared = |(one, other): (&ExpansionTerm, &ExpansionTerm)| {
        let (here, there) = (&one.support, &other.support);
        let same = here.as_ptr() == there.as_ptr() && here.dim() == there.dim() && here.strides() == there.strides();
        same && one.kernel == other.kernel
    };
    one.terms.len() == other.terms.len() && one.terms.iter().zip(&other.terms).all(shared)
}

/// `f` of expansions over the support vectors of the first at a point that has been checked.
fn at_point(first: &KernelExpansion, expansions: &[&KernelExpansion], point: ArrayView1<'_, f64>) -> Array1<f64> {
    let point = contiguous(point);
    let mut sums = vec![0.0; expansions.len()];
    for (index, block) in first.blocks(&point).enumerate() {
        let mut of_term = vec![0.0; expansions.len()];
        for (row, x) in block.support.points.iter().enumerate() {
            let mut kernel = None;
            for (sum, expansion) in of_term.iter_mut().zip(expansions) {
                let coefficient = expansion.weighted[index][row];
                if coefficient != 0.0 {
                    *sum += coefficient * *kernel.get_or_insert_with(|| block.kernel.function().value(x, block.point));
                }
            }
        }
        for (sum, of_term) in sums.iter_mut().zip(of_term) {
            *sum += of_term;
        }
    }
    expansions.iter().zip(sums).map(|(expansion, sum)| expansion.bias + sum).collect()
}

#[cfg(test)]
mod tests {
    use ndarray::s;

    use super::*;
    use crate::{ChiSquared, Coefficients, HistogramIntersection, Kernel, Rbf};

    fn wave(rows: usize, columns: usize, phase: f64) -> Array2<f64> {
        Array2::from_shape_fn((rows, columns), |(row, column)| ((row * 31 + column * 17) as f64 + phase).sin().abs())
    }

    /// Some classes over columns of one matrix, each without some of the rows, and one of them without any.
    fn classes(kernels: &[Kernel], support: usize) -> Vec<KernelExpansion> {
        let matrix = wave(support, 5 * kernels.len(), 0.3).into_shared();
        let class = |class: usize| {
            let terms = kernels.iter().enumerate().map(|(index, &kernel)| {
                let columns = matrix.clone().slice_move(s![.., 5 * index..5 * (index + 1)]);
                ExpansionTerm { kernel, weight: 0.5 + (class + index) as f64, support: columns }
            });
            let coefficient = |row: usize| if (row + class) % 3 < class.min(2) { (row as f64).cos() } else { 0.0 };
            let coefficients = Coefficients::Shared(Array1::from_shape_fn(support, coefficient));
            KernelExpansion::new(terms.collect(), coefficients, class as f64 - 1.0).unwrap()
        };
        (0..4).map(class).collect()
    }

    #[test]
    fn values_are_those_of_each_expansion_by_itself() {
        let chi_squared = Kernel::from(ChiSquared::new(0.7).unwrap());
        let kernels = [chi_squared, Rbf::new(2.0).unwrap().into(), HistogramIntersection.into()];
        for (terms, support) in [(1, 1), (2, 19), (3, 100)] {
            let classes = classes(&kernels[..terms], support);
            let points = wave(7, 5 * terms, 1.1);
            let together = values_of_all(&classes.iter().collect::<Vec<_>>(), points.view()).unwrap();
            for (class, values) in classes.iter().zip(together.columns()) {
                assert_eq!(class.values(points.view()).unwrap(), values);
                let alone = class.sparsified();
                assert_eq!(alone.values(points.view()).unwrap(), values);
            }
            // Without a common memory, too.
            let apart: Vec<KernelExpansion> = classes.iter().map(KernelExpansion::sparsified).collect();
            assert_eq!(values_of_all(&apart.iter().collect::<Vec<_>>(), points.view()).unwrap(), together);
        }
    }

    #[test]
    fn expansions_of_columns_hold_no_copy_of_them() {
        let classes = classes(&[HistogramIntersection.into(), HistogramIntersection.into()], 19);
        assert!(classes.iter().all(|class| share_support(&classes[0], class)));
        assert!(!share_support(&classes[0], &classes[0].sparsified()));
    }

    #[test]
    fn files_do_not_tell_what_is_shared() {
        for class in classes(&[HistogramIntersection.into(), Rbf::new(2.0).unwrap().into()], 7) {
            let copied = class.terms().iter().map(|term| {
                let support = term.support.as_standard_layout().into_owned().into_shared();
                ExpansionTerm { support, ..term.clone() }
            });
            let copied = KernelExpansion::new(copied.collect(), class.coefficients().clone(), class.bias()).unwrap();
            let text = serde_json::to_string(&class).unwrap();
            assert_eq!(text, serde_json::to_string(&copied).unwrap());
            assert_eq!(serde_json::from_str::<KernelExpansion>(&text).unwrap(), class);
        }
    }

    #[test]
    fn points_that_do_not_fit_are_refused() {
        let classes = classes(&[HistogramIntersection.into()], 3);
        let all: Vec<&KernelExpansion> = classes.iter().collect();
        assert!(matches!(values_of_all(&all, wave(2, 4, 0.0).view()), Err(Error::Dimensions { .. })));
        assert!(matches!(values_of_all(&all, (-wave(2, 5, 0.0)).view()), Err(Error::Negative { .. })));
        assert_eq!(values_of_all(&[], wave(2, 5, 0.0).view()).unwrap().dim(), (2, 0));
    }
}
