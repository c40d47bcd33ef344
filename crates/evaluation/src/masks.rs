//! Measures of a map against masks: is the relevance where it should be?

use ndarray::ArrayView2;

use crate::error::{check_finite, check_shape};
use crate::{Error, area_under_roc};

/// How often a pixel of `here` has more relevance than a pixel of `there`: the [area under the ROC
/// curve](area_under_roc) over all pairs, ties counting one half. 1 when all relevance of `here` is above all of
/// `there`, ½ when a map knows nothing about the two.
///
/// * `map` — relevance, (H, W)
/// * `here`, `there` — masks of the same shape
///
/// `None` where either mask is without any pixel.
///
/// ```
/// use ndarray::array;
/// let map = array![[3.0, 1.0], [1.0, 0.0]];
/// let (polygons, circles) = (array![[true, true], [false, false]], array![[false, false], [true, true]]);
/// assert_eq!(evaluation::separation(map.view(), polygons.view(), circles.view())?, Some(0.875));
/// # Ok::<(), evaluation::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`] when a mask is of another shape; [`Error::NonFinite`] when the map holds an infinity or NaN.
pub fn separation(
    map: ArrayView2<'_, f64>,
    here: ArrayView2<'_, bool>,
    there: ArrayView2<'_, bool>,
) -> Result<Option<f64>, Error> {
    area_under_roc(&values_at(map, here)?, &values_at(map, there)?)
}

/// The share of all positive relevance that lies in `mask`.
///
/// ```text
/// Σ_{q in mask} max(R_q, 0) / Σ_q max(R_q, 0)
/// ```
/// * `map` — `R_q`, (H, W)
/// * `mask` — of the same shape
///
/// `None` where no relevance is positive.
///
/// ```
/// use ndarray::array;
/// let map = array![[3.0, 1.0], [-5.0, 0.0]];
/// let mask = array![[true, false], [true, false]];
/// assert_eq!(evaluation::share_of_positive(map.view(), mask.view())?, Some(0.75));
/// # Ok::<(), evaluation::Error>(())
/// ```
///
/// # Errors
/// As for [`separation`].
pub fn share_of_positive(map: ArrayView2<'_, f64>, mask: ArrayView2<'_, bool>) -> Result<Option<f64>, Error> {
    let within = positive_sum(&values_at(map, mask)?);
    let total = positive_sum(map);
    Ok((total > 0.0).then(|| within / total))
}

/// The mean of the map over the pixels of `mask`; `None` where the mask is without any pixel.
///
/// ```
/// use ndarray::array;
/// let mask = array![[true, false, true]];
/// assert_eq!(evaluation::mean_at(array![[3.0, 9.0, -1.0]].view(), mask.view())?, Some(1.0));
/// # Ok::<(), evaluation::Error>(())
/// ```
///
/// # Errors
/// As for [`separation`].
pub fn mean_at(map: ArrayView2<'_, f64>, mask: ArrayView2<'_, bool>) -> Result<Option<f64>, Error> {
    let values = values_at(map, mask)?;
    Ok((!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64))
}

/// The pixel of the highest relevance, (row, column); the first of several in row-major order. `None` where there are
/// no pixels.
///
/// ```
/// use ndarray::array;
/// assert_eq!(evaluation::strongest_pixel(array![[0.0, 2.0], [2.0, -7.0]].view())?, Some((0, 1)));
/// # Ok::<(), evaluation::Error>(())
/// ```
///
/// # Errors
/// [`Error::NonFinite`] when the map holds an infinity or NaN.
pub fn strongest_pixel(map: ArrayView2<'_, f64>) -> Result<Option<(usize, usize)>, Error> {
    check_finite("the map", map)?;
    let mut strongest: Option<((usize, usize), f64)> = None;
    for (pixel, &value) in map.indexed_iter() {
        if strongest.is_none_or(|(_, highest)| value > highest) {
            strongest = Some((pixel, value));
        }
    }
    Ok(strongest.map(|(pixel, _)| pixel))
}

/// The values of a finite map at the pixels of a mask, in row-major order.
fn values_at(map: ArrayView2<'_, f64>, mask: ArrayView2<'_, bool>) -> Result<Vec<f64>, Error> {
    check_shape("the mask", mask.shape(), map.shape())?;
    check_finite("the map", map)?;
    Ok(map.iter().zip(mask).filter(|(_, is_inside)| **is_inside).map(|(value, _)| *value).collect())
}

fn positive_sum<'a>(values: impl IntoIterator<Item = &'a f64>) -> f64 {
    values.into_iter().filter(|value| **value > 0.0).sum()
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn measures_of_nothing_are_none() -> Result<(), Error> {
        let map = array![[-1.0, 0.0]];
        let (none, all) = (array![[false, false]], array![[true, true]]);
        assert_eq!(separation(map.view(), none.view(), all.view())?, None);
        assert_eq!(share_of_positive(map.view(), all.view())?, None);
        assert_eq!(mean_at(map.view(), none.view())?, None);
        assert_eq!(strongest_pixel(Array2::zeros((0, 3)).view())?, None);
        Ok(())
    }

    #[test]
    fn all_positive_relevance_is_somewhere() -> Result<(), Error> {
        let map = array![[0.5, -2.0], [1.5, 0.25]];
        let mask = array![[true, false], [false, false]];
        let rest = mask.mapv(|inside| !inside);
        let shares = [share_of_positive(map.view(), mask.view())?, share_of_positive(map.view(), rest.view())?];
        assert_eq!(shares, [Some(0.5 / 2.25), Some(1.75 / 2.25)]);
        Ok(())
    }

    #[test]
    fn masks_of_another_shape_and_maps_with_nan_are_errors() {
        let (map, mask) = (Array2::zeros((2, 2)), Array2::from_elem((2, 3), true));
        let error = mean_at(map.view(), mask.view()).expect_err("another shape");
        assert_eq!(error.to_string(), "the mask has the shape [2, 3] where [2, 2] is needed");
        assert!(matches!(share_of_positive(map.view(), mask.view()), Err(Error::Shape { .. })));
        assert!(matches!(separation(map.view(), mask.view(), mask.view()), Err(Error::Shape { .. })));

        let (map, mask) = (array![[0.0, f64::NAN]], array![[true, false]]);
        assert!(matches!(separation(map.view(), mask.view(), mask.view()), Err(Error::NonFinite { position: 1, .. })));
        assert!(matches!(strongest_pixel(map.view()), Err(Error::NonFinite { .. })));
    }
}
