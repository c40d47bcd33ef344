//! Relevance brought to [−1, 1] for display (Eq. 35).

use ndarray::{Array2, ArrayView2};

use crate::Error;

/// Brings the relevance of an image's pixels to [−1, 1].
///
/// ```text
/// R_q ← R_q / max_q' |R_q'|                                 Bach et al. 2015, Eq. (35)
/// ```
/// * `relevance` — `R^(1)_q`, shape (rows, columns); maps of overlapping tiles are averaged first, normalized last
///
/// A map that is zero everywhere stays zero. What is normalized no longer sums to `f(x)`.
///
/// ```
/// use ndarray::array;
/// let normalized = heatmap::normalize(array![[0.5, -2.0], [0.0, 1.0]].view())?;
/// assert_eq!(normalized, array![[0.25, -1.0], [0.0, 0.5]]);
/// # Ok::<(), heatmap::Error>(())
/// ```
///
/// # Errors
/// [`Error::NonFinite`] for an infinity or NaN; [`Error::Empty`] for a map without pixels.
pub fn normalize(relevance: ArrayView2<'_, f64>) -> Result<Array2<f64>, Error> {
    Ok(divided(relevance, largest(relevance)?))
}

/// Brings the relevance of a set of images to [−1, 1] by the one maximum over all of them, so that their colors can be
/// compared: the paper's global normalization.
///
/// ```text
/// R_q ← R_q / max_{images} max_q' |R_q'|                    Bach et al. 2015, Eq. (35) and the text after it
/// ```
/// * `relevances` — `R^(1)_q` of each image, shape (rows, columns), of any size each
///
/// ```
/// use ndarray::array;
/// let maps = [array![[1.0, -2.0]], array![[4.0, 0.0]]];
/// let normalized = heatmap::normalize_all(&[maps[0].view(), maps[1].view()])?;
/// assert_eq!(normalized, [array![[0.25, -0.5]], array![[1.0, 0.0]]]);
/// # Ok::<(), heatmap::Error>(())
/// ```
///
/// # Errors
/// As for [`normalize`].
pub fn normalize_all(relevances: &[ArrayView2<'_, f64>]) -> Result<Vec<Array2<f64>>, Error> {
    let mut maximum = 0.0;
    for relevance in relevances {
        maximum = largest(*relevance)?.max(maximum);
    }
    Ok(relevances.iter().map(|relevance| divided(*relevance, maximum)).collect())
}

/// The magnitude that a share `level` of a map's pixels does not exceed: the largest for 1. A scale that ends there is not
/// ruled by a few pixels.
///
/// ```text
/// the k-th smallest of |R_q|,   k = ⌈level · pixels⌉, at least 1
/// ```
///
/// The largest, too, where so few pixels have relevance that the magnitude is 0; 0 for a map that is zero everywhere.
///
/// ```
/// use ndarray::array;
/// let map = array![[1.0, -2.0, 3.0, -100.0]];
/// assert_eq!(heatmap::magnitude_at(map.view(), 0.75), 3.0);
/// assert_eq!(heatmap::magnitude_at(map.view(), 1.0), 100.0);
/// assert_eq!(heatmap::magnitude_at(array![[0.0, 0.0, 5.0]].view(), 0.5), 5.0);
/// ```
pub fn magnitude_at(relevance: ArrayView2<'_, f64>, level: f64) -> f64 {
    let mut magnitudes: Vec<f64> = relevance.iter().map(|value| value.abs()).collect();
    magnitudes.sort_unstable_by(f64::total_cmp);
    let place = ((level * magnitudes.len() as f64).ceil() as usize).clamp(1, magnitudes.len().max(1)) - 1;
    let at = magnitudes.get(place).copied().unwrap_or(0.0);
    if at > 0.0 { at } else { magnitudes.last().copied().unwrap_or(0.0) }
}

/// `max_q |R_q|` of a map that has pixels, all of them finite.
fn largest(relevance: ArrayView2<'_, f64>) -> Result<f64, Error> {
    check_map(relevance)?;
    Ok(relevance.iter().fold(0.0, |maximum, value| value.abs().max(maximum)))
}

fn divided(relevance: ArrayView2<'_, f64>, maximum: f64) -> Array2<f64> {
    if maximum == 0.0 { Array2::zeros(relevance.raw_dim()) } else { relevance.mapv(|value| value / maximum) }
}

/// Fails for a map without pixels, or with pixels that are not finite.
pub(crate) fn check_map(relevance: ArrayView2<'_, f64>) -> Result<(), Error> {
    if relevance.is_empty() {
        return Err(Error::Empty { what: "the relevance", height: relevance.nrows(), width: relevance.ncols() });
    }
    match relevance.indexed_iter().find(|(_, value)| !value.is_finite()) {
        Some(((row, column), &value)) => Err(Error::NonFinite { row, column, value }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, Axis, array};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_map_that_is_zero_everywhere_stays_zero() -> Result<(), Error> {
        assert_eq!(normalize(array![[0.0, -0.0]].view())?, array![[0.0, 0.0]]);
        assert_eq!(normalize_all(&[array![[0.0]].view(), array![[0.0]].view()])?, [array![[0.0]], array![[0.0]]]);
        Ok(())
    }

    #[test]
    fn no_images_are_no_maps() -> Result<(), Error> {
        assert!(normalize_all(&[])?.is_empty());
        Ok(())
    }

    #[test]
    fn values_that_are_not_finite_are_named() {
        let error = normalize(array![[0.0, 1.0], [f64::NAN, 2.0]].view()).unwrap_err().to_string();
        assert!(error.contains("row 1, column 0") && error.contains("NaN"), "{error}");
        assert!(matches!(
            normalize_all(&[array![[1.0]].view(), array![[f64::INFINITY]].view()]),
            Err(Error::NonFinite { row: 0, column: 0, .. })
        ));
    }

    #[test]
    fn a_map_without_pixels_is_an_error() {
        assert!(matches!(normalize(Array2::zeros((0, 3)).view()), Err(Error::Empty { width: 3, .. })));
    }

    #[test]
    fn one_image_and_many_are_normalized_as_the_reference_does() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/bow/r1_tiles");
        let average: Array2<f64> = ndarray_npy::read_npy(format!("{folder}/avg.npy")).unwrap();
        let expected: Array2<f64> = ndarray_npy::read_npy(format!("{folder}/avg_norm.npy")).unwrap();
        assert_eq!(normalize(average.view()).unwrap(), expected);

        let tiles: Array3<f64> = ndarray_npy::read_npy(format!("{folder}/tiles.npy")).unwrap();
        let expected: Array3<f64> = ndarray_npy::read_npy(format!("{folder}/tiles_globalnorm.npy")).unwrap();
        let normalized = normalize_all(&tiles.outer_iter().collect::<Vec<_>>()).unwrap();
        let views: Vec<_> = normalized.iter().map(Array2::view).collect();
        assert_eq!(ndarray::stack(Axis(0), &views).unwrap(), expected);
    }

    proptest! {
        #[test]
        fn the_largest_magnitude_becomes_one(values in prop::collection::vec(-1e300..1e300, 12)) {
            let map = Array2::from_shape_vec((3, 4), values.clone()).unwrap();
            let normalized = normalize(map.view()).unwrap();
            let largest = normalized.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
            prop_assert_eq!(largest, if values.iter().all(|value| *value == 0.0) { 0.0 } else { 1.0 });
            prop_assert!(normalized.iter().zip(&values).all(|(after, before)| after * before >= 0.0));
        }
    }
}
