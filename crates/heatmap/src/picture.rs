//! Relevance and photos as pictures.

use std::num::NonZeroU32;

use image::{Rgb, RgbImage};
use ndarray::{ArrayView2, ArrayView3};

use crate::canvas::Canvas;
use crate::normalize::check_map;
use crate::{ColorMap, Error};

/// Colors a normalized map, one pixel of the picture for each of the map.
///
/// * `relevance` — after [`normalize`](crate::normalize()) (Eq. 35), shape (rows, columns); values outside of [−1, 1]
///   have the color of the nearer end
///
/// ```
/// use heatmap::{ColorMap, render};
/// use ndarray::array;
/// let picture = render(array![[0.0, 0.25], [0.5, 1.0]].view(), ColorMap::BlackFireRed)?;
/// assert_eq!(picture.dimensions(), (2, 2));
/// assert_eq!(picture.get_pixel(1, 0).0, [255, 0, 0]); // column 1, row 0
/// # Ok::<(), heatmap::Error>(())
/// ```
///
/// # Errors
/// [`Error::NonFinite`] for an infinity or NaN; [`Error::Empty`] and [`Error::TooLarge`] for maps that no picture can
/// show.
pub fn render(relevance: ArrayView2<'_, f64>, map: ColorMap) -> Result<RgbImage, Error> {
    check_map(relevance)?;
    from_pixels(relevance.dim(), |at| map.color(relevance[at]))
}

/// A photo as it is; gray ones become gray RGB.
///
/// * `photo` — shape (rows, columns, channels), 1 or 3 channels
///
/// ```
/// use ndarray::array;
/// let picture = heatmap::photo_picture(array![[[7], [9]]].view())?;
/// assert_eq!(picture.get_pixel(1, 0).0, [9, 9, 9]);
/// # Ok::<(), heatmap::Error>(())
/// ```
///
/// # Errors
/// [`Error::Channels`], [`Error::Empty`] or [`Error::TooLarge`].
pub fn photo_picture(photo: ArrayView3<'_, u8>) -> Result<RgbImage, Error> {
    let (height, width, _) = check_photo(photo)?;
    from_pixels((height, width), |at| color_at(photo, at))
}

/// Repeats every pixel `factor` times in either direction, so that single pixels can be seen: no blur.
///
/// ```
/// use std::num::NonZeroU32;
/// let small = heatmap::RgbImage::from_pixel(3, 2, image::Rgb([1, 2, 3]));
/// let large = heatmap::enlarge(&small, NonZeroU32::MIN.saturating_add(3))?;
/// assert_eq!(large.dimensions(), (12, 8));
/// # Ok::<(), heatmap::Error>(())
/// ```
///
/// # Errors
/// [`Error::TooLarge`].
pub fn enlarge(picture: &RgbImage, factor: NonZeroU32) -> Result<RgbImage, Error> {
    let factor = factor.get();
    let side = |length: u32| u64::from(length) * u64::from(factor);
    let mut enlarged = Canvas::new(side(picture.width()), side(picture.height()), [0; 3])?.finish();
    for (x, y, pixel) in enlarged.enumerate_pixels_mut() {
        *pixel = *picture.get_pixel(x / factor, y / factor);
    }
    Ok(enlarged)
}

/// A picture of `size` (rows, columns), each pixel from its row and column.
pub(crate) fn from_pixels(size: (usize, usize), color: impl Fn((usize, usize)) -> [u8; 3]) -> Result<RgbImage, Error> {
    let mut picture = Canvas::new(size.1 as u64, size.0 as u64, [0; 3])?.finish();
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        *pixel = Rgb(color((y as usize, x as usize)));
    }
    Ok(picture)
}

/// Fails for a photo without pixels, or of other than one or three channels.
pub(crate) fn check_photo(photo: ArrayView3<'_, u8>) -> Result<(usize, usize, usize), Error> {
    let (height, width, channels) = photo.dim();
    match channels {
        1 | 3 if height > 0 && width > 0 => Ok(photo.dim()),
        1 | 3 => Err(Error::Empty { what: "the photo", height, width }),
        found => Err(Error::Channels { found }),
    }
}

/// Fails when photo or relevance can't be shown, or do not lie over each other.
pub(crate) fn check_pair(photo: ArrayView3<'_, u8>, relevance: ArrayView2<'_, f64>) -> Result<(usize, usize), Error> {
    let (height, width, _) = check_photo(photo)?;
    check_map(relevance)?;
    if relevance.dim() != (height, width) {
        return Err(Error::Sizes { photo: (height, width), relevance: relevance.dim() });
    }
    Ok((height, width))
}

/// The color of a pixel of a photo that has been checked.
pub(crate) fn color_at(photo: ArrayView3<'_, u8>, (row, column): (usize, usize)) -> [u8; 3] {
    let last = photo.dim().2 - 1;
    std::array::from_fn(|channel| photo[[row, column, channel.min(last)]])
}

/// The brightness of a color, by the weights of Rec. 601.
pub(crate) fn brightness([red, green, blue]: [u8; 3]) -> u8 {
    let weighted = 299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue);
    ((weighted + 500) / 1000) as u8
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Array3, array};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rows_and_columns_stay_where_they_are() -> Result<(), Error> {
        let photo =
            Array3::from_shape_fn((2, 3, 3), |(row, column, channel)| (100 * row + 10 * column + channel) as u8);
        let picture = photo_picture(photo.view())?;
        assert_eq!(picture.dimensions(), (3, 2));
        assert_eq!(picture.get_pixel(2, 1).0, [120, 121, 122]);
        Ok(())
    }

    #[test]
    fn enlarging_repeats_pixels() -> Result<(), Error> {
        let small = render(array![[1.0, -1.0]].view(), ColorMap::Jet)?;
        let large = enlarge(&small, NonZeroU32::MIN.saturating_add(1))?;
        let row: Vec<[u8; 3]> = (0..4).map(|x| large.get_pixel(x, 1).0).collect();
        assert_eq!(row, [[128, 0, 0], [128, 0, 0], [0, 0, 128], [0, 0, 128]]);
        Ok(())
    }

    #[test]
    fn what_no_picture_can_show_is_an_error() {
        assert!(matches!(photo_picture(Array3::zeros((0, 4, 3)).view()), Err(Error::Empty { width: 4, .. })));
        assert!(matches!(photo_picture(Array3::zeros((4, 4, 2)).view()), Err(Error::Channels { found: 2 })));
        assert!(matches!(render(array![[f64::NAN]].view(), ColorMap::Jet), Err(Error::NonFinite { .. })));
        let huge = enlarge(&RgbImage::new(2, 2), NonZeroU32::MAX);
        assert!(matches!(huge, Err(Error::TooLarge { .. })));
    }

    proptest! {
        #[test]
        fn any_finite_values_make_a_picture_of_the_maps_size(
            height in 1usize..20, width in 1usize..20, scale in -1e307..1e307
        ) {
            let value = |(row, column): (usize, usize)| scale * ((row as f64 - column as f64) / 20.0);
            let relevance = Array2::from_shape_fn((height, width), value);
            let clamped = relevance.mapv(|value: f64| value.clamp(-1.0, 1.0));
            for &map in ColorMap::ALL {
                let picture = render(relevance.view(), map).unwrap();
                prop_assert_eq!(picture.dimensions(), (width as u32, height as u32));
                prop_assert_eq!(picture, render(clamped.view(), map).unwrap());
            }
        }
    }
}
