//! How far pixels are from a mask.

use ndarray::{Array2, ArrayView2, Axis, Zip};

use crate::Error;
use crate::error::check_shape;

/// The Euclidean distance of each pixel to the nearest pixel of `mask`: 0 within the mask, infinite where the mask is
/// without any pixel.
///
/// ```text
/// d(r, c) = min { √((r − r')² + (c − c')²) : (r', c') in mask }
/// ```
///
/// The transform is exact: squared distances are whole numbers, first along columns, then as the lower envelope of one
/// parabola for each column (Felzenszwalb and Huttenlocher 2012), whose intersections are whole numbers too, as it is
/// only asked which parabola is lower at which pixel. Its time is proportional to the number of pixels.
///
/// ```
/// use ndarray::array;
/// let distance = evaluation::distance_to(array![[true, false, false], [false, false, false]].view());
/// assert_eq!(distance, array![[0.0, 1.0, 2.0], [1.0, 2_f64.sqrt(), 5_f64.sqrt()]]);
/// ```
pub fn distance_to(mask: ArrayView2<'_, bool>) -> Array2<f64> {
    let along_columns = squares_along_columns(mask);
    let mut distances = Array2::from_elem(mask.raw_dim(), f64::INFINITY);
    for (squares, mut row) in along_columns.outer_iter().zip(distances.outer_iter_mut()) {
        let envelope = lower_envelope(squares.iter().copied());
        let mut segments = envelope.iter().peekable();
        let mut lowest = None;
        for (column, distance) in (0_i64..).zip(&mut row) {
            if let Some(parabola) = segments.next_if(|parabola| parabola.start <= column) {
                lowest = Some(parabola);
            }
            if let Some(parabola) = lowest {
                *distance = (parabola.at(column) as f64).sqrt();
            }
        }
    }
    distances
}

/// Which of two masks a pixel belongs to: the nearer one, if it is within a distance.
///
/// ```text
/// (d_a ≤ within and d_a < d_b,   d_b ≤ within and d_b ≤ d_a)
/// ```
/// * `d_a`, `d_b` — [`distance_to`] the masks `a` and `b`; what is as far from both goes to `b`
///
/// ```
/// use ndarray::array;
/// let (polygon, circle) = (array![[true, false, false, false, false]], array![[false, false, false, false, true]]);
/// let (near_polygon, near_circle) = evaluation::nearer(polygon.view(), circle.view(), 2.0)?;
/// assert_eq!(near_polygon, array![[true, true, false, false, false]]);
/// assert_eq!(near_circle, array![[false, false, true, true, true]]);
/// # Ok::<(), evaluation::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`] when the masks differ in shape; [`Error::Distance`] when `within` is negative or NaN.
pub fn nearer(
    a: ArrayView2<'_, bool>,
    b: ArrayView2<'_, bool>,
    within: f64,
) -> Result<(Array2<bool>, Array2<bool>), Error> {
    check_shape("the second mask", b.shape(), a.shape())?;
    if within.is_nan() || within < 0.0 {
        return Err(Error::Distance { distance: within });
    }
    let (to_a, to_b) = (distance_to(a), distance_to(b));
    let near_a = Zip::from(&to_a).and(&to_b).map_collect(|&to_a, &to_b| to_a <= within && to_a < to_b);
    let near_b =
        Zip::from(&to_a).and(&to_b).map_collect(|&to_a, &to_b| to_b <= within && to_b <= to_a && to_b.is_finite());
    Ok((near_a, near_b))
}

/// The squared distance of each pixel to the nearest pixel of the mask in the same column, if there is one.
fn squares_along_columns(mask: ArrayView2<'_, bool>) -> Array2<Option<i64>> {
    let mut squares = Array2::from_elem(mask.raw_dim(), None);
    for (column, mut of_column) in mask.axis_iter(Axis(1)).zip(squares.axis_iter_mut(Axis(1))) {
        approach(column.iter().zip(&mut of_column));
        approach(column.iter().zip(&mut of_column).rev());
    }
    squares
}

/// Walks along a column and keeps the squared distance to the last pixel of the mask where that is the smaller one.
fn approach<'a>(walk: impl Iterator<Item = (&'a bool, &'a mut Option<i64>)>) {
    let mut steps: Option<i64> = None;
    for (&is_inside, square) in walk {
        steps = if is_inside { Some(0) } else { steps.map(|steps| steps + 1) };
        *square = square.iter().copied().chain(steps.map(|steps| steps * steps)).min();
    }
}

/// `(column − center)² + height`, which is the lowest of all parabolas from the column `start` on.
struct Parabola {
    center: i64,
    height: i64,
    start: i64,
}

impl Parabola {
    fn at(&self, column: i64) -> i64 {
        (column - self.center) * (column - self.center) + self.height
    }

    /// The first column at which a parabola farther to the right is lower than this one.
    fn overtaken_at(&self, center: i64, height: i64) -> i64 {
        let difference = center * center + height - self.center * self.center - self.height;
        difference.div_euclid(2 * (center - self.center)) + 1
    }
}

/// The parabolas that are the lowest somewhere, from left to right.
fn lower_envelope(heights: impl Iterator<Item = Option<i64>>) -> Vec<Parabola> {
    let mut envelope: Vec<Parabola> = Vec::new();
    for (center, height) in (0_i64..).zip(heights) {
        let Some(height) = height else { continue };
        let mut start = 0;
        while let Some(top) = envelope.last() {
            start = top.overtaken_at(center, height);
            if start > top.start {
                break;
            }
            envelope.pop(); // the new one is lower wherever this one was the lowest
            start = 0;
        }
        envelope.push(Parabola { center, height, start });
    }
    envelope
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain_distance(mask: &Array2<bool>) -> Array2<f64> {
        Array2::from_shape_fn(mask.dim(), |(row, column)| {
            let mut nearest = f64::INFINITY;
            for ((other_row, other_column), &is_inside) in mask.indexed_iter() {
                if is_inside {
                    let squared = row.abs_diff(other_row).pow(2) + column.abs_diff(other_column).pow(2);
                    nearest = nearest.min((squared as f64).sqrt());
                }
            }
            nearest
        })
    }

    fn mask(height: usize, width: usize, density: u32) -> impl Strategy<Value = Array2<bool>> {
        proptest::collection::vec(prop::bool::weighted(f64::from(density) / 100.0), height * width)
            .prop_map(move |pixels| Array2::from_shape_vec((height, width), pixels).expect("as many as pixels"))
    }

    fn masks() -> impl Strategy<Value = Array2<bool>> {
        (1_usize..24, 1_usize..24, 0_u32..40).prop_flat_map(|(height, width, density)| mask(height, width, density))
    }

    #[test]
    fn a_mask_without_any_pixel_is_infinitely_far() {
        let distance = distance_to(Array2::from_elem((3, 4), false).view());
        assert!(distance.iter().all(|&value| value == f64::INFINITY));
        assert_eq!(distance_to(Array2::from_elem((0, 4), false).view()).dim(), (0, 4));
    }

    #[test]
    fn a_single_pixel_at_any_place_is_found_from_everywhere() {
        for (height, width) in [(1, 1), (1, 19), (19, 1), (3, 100)] {
            for row in 0..height {
                for column in 0..width {
                    let mask = Array2::from_shape_fn((height, width), |pixel| pixel == (row, column));
                    assert_eq!(distance_to(mask.view()), plain_distance(&mask));
                }
            }
        }
    }

    #[test]
    fn masks_that_do_not_fit_and_impossible_distances_are_errors() {
        let (square, wide) = (Array2::from_elem((2, 2), true), Array2::from_elem((2, 3), true));
        assert!(matches!(nearer(square.view(), wide.view(), 1.0), Err(Error::Shape { .. })));
        for within in [-1.0, f64::NAN] {
            let error = nearer(square.view(), square.view(), within).expect_err("no distance");
            assert_eq!(error.to_string(), format!("distance {within}: it has to be 0 or larger"));
        }
    }

    #[test]
    fn nothing_is_near_masks_without_any_pixel() -> Result<(), Error> {
        let none = Array2::from_elem((2, 3), false);
        assert_eq!(nearer(none.view(), none.view(), f64::INFINITY)?, (none.clone(), none.clone()));
        Ok(())
    }

    proptest! {
        #[test]
        fn distances_are_those_of_the_definition(mask in masks()) {
            prop_assert_eq!(distance_to(mask.view()), plain_distance(&mask));
        }

        #[test]
        fn the_nearer_mask_wins((a, b) in (1_usize..16, 1_usize..16).prop_flat_map(|(height, width)| {
            (mask(height, width, 5), mask(height, width, 5))
        }), within in 0.0..8.0) {
            let (near_a, near_b) = nearer(a.view(), b.view(), within).expect("one shape");
            let (to_a, to_b) = (plain_distance(&a), plain_distance(&b));
            for (pixel, &is_near_a) in near_a.indexed_iter() {
                prop_assert_eq!(is_near_a, to_a[pixel] <= within && to_a[pixel] < to_b[pixel]);
                prop_assert_eq!(near_b[pixel], to_b[pixel] <= within && to_b[pixel] <= to_a[pixel]);
            }
        }
    }
}
