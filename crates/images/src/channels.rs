//! From pictures to arrays.

use image::{DynamicImage, GrayImage, RgbImage};
use ndarray::{Array3, ArrayView1, ArrayView3, Axis};

/// A picture as bytes, shape (rows, columns, 3).
///
/// ```
/// let picture = image::RgbImage::from_pixel(3, 2, image::Rgb([1, 2, 3]));
/// assert_eq!(images::from_rgb(&picture).dim(), (2, 3, 3));
/// ```
pub fn from_rgb(picture: &RgbImage) -> Array3<u8> {
    from_pixels(picture, |pixel| pixel.0)
}

/// Bytes to numbers in [0, 1].
///
/// ```text
/// v / 255
/// ```
/// * `photo` — shape (rows, columns, channels)
///
/// ```
/// use ndarray::array;
/// assert_eq!(images::to_unit_range(array![[[0u8, 51, 255]]].view()), array![[[0.0, 0.2, 1.0]]]);
/// ```
pub fn to_unit_range(photo: ArrayView3<'_, u8>) -> Array3<f64> {
    photo.mapv(|byte| f64::from(byte) / 255.0)
}

/// A gray photo of the same brightness, one channel.
///
/// ```text
/// (19595 red + 38470 green + 7471 blue) / 2¹⁶, rounded: 0.299 red + 0.587 green + 0.114 blue (ITU-R 601, as Pillow)
/// ```
pub(crate) fn to_gray(photo: ArrayView3<'_, u8>) -> Array3<u8> {
    let brightness = |pixel: ArrayView1<'_, u8>| {
        if pixel.len() == 1 {
            return pixel[0];
        }
        let sum: u32 = pixel.iter().zip([19_595, 38_470, 7_471]).map(|(byte, part)| u32::from(*byte) * part).sum();
        ((sum + (1 << 15)) >> 16) as u8
    };
    photo.map_axis(Axis(2), brightness).insert_axis(Axis(2))
}

/// A gray photo in colors, three times the same; any other as it is.
pub(crate) fn to_three_channels(photo: Array3<u8>) -> Array3<u8> {
    match photo.dim() {
        (height, width, 1) => Array3::from_shape_fn((height, width, 3), |(row, column, _)| photo[[row, column, 0]]),
        _ => photo,
    }
}

/// One channel for a gray picture, three for any other; what is transparent shows white.
pub(crate) fn from_decoded(picture: DynamicImage) -> Array3<u8> {
    use DynamicImage::{ImageLuma8, ImageLuma16, ImageLumaA8, ImageLumaA16};
    match picture {
        ImageLuma8(_) | ImageLuma16(_) => from_gray(&picture.into_luma8()),
        ImageLumaA8(_) | ImageLumaA16(_) => {
            from_pixels(&picture.into_luma_alpha8(), |pixel| [on_white(pixel.0[0], pixel.0[1])])
        }
        picture if picture.color().has_alpha() => from_pixels(&picture.into_rgba8(), |pixel| {
            let [red, green, blue, alpha] = pixel.0;
            [red, green, blue].map(|byte| on_white(byte, alpha))
        }),
        picture => from_rgb(&picture.into_rgb8()),
    }
}

fn from_gray(picture: &GrayImage) -> Array3<u8> {
    from_pixels(picture, |pixel| pixel.0)
}

fn from_pixels<P: image::Pixel<Subpixel = u8>, const CHANNELS: usize>(
    picture: &image::ImageBuffer<P, Vec<u8>>,
    color: impl Fn(&P) -> [u8; CHANNELS],
) -> Array3<u8> {
    let (width, height) = picture.dimensions();
    let mut photo = Array3::zeros((height as usize, width as usize, CHANNELS));
    for (target, pixel) in photo.rows_mut().into_iter().zip(picture.pixels()) {
        target.into_iter().zip(color(pixel)).for_each(|(target, byte)| *target = byte);
    }
    photo
}

/// `(α v + (255 − α) 255) / 255`, rounded.
fn on_white(byte: u8, alpha: u8) -> u8 {
    let (byte, alpha) = (u32::from(byte), u32::from(alpha));
    ((alpha * byte + (255 - alpha) * 255 + 127) / 255) as u8
}

#[cfg(test)]
mod tests {
    use image::{GrayAlphaImage, Luma, LumaA, Rgb, RgbaImage};

    use super::*;

    #[test]
    fn pixels_stay_where_they_are() {
        let picture = RgbImage::from_fn(3, 2, |x, y| Rgb([x as u8, y as u8, 9]));
        let photo = from_rgb(&picture);
        assert_eq!(photo.dim(), (2, 3, 3));
        assert_eq!([photo[[1, 2, 0]], photo[[1, 2, 1]], photo[[1, 2, 2]]], [2, 1, 9]);
    }

    #[test]
    fn gray_stays_gray_at_any_depth() {
        let gray = DynamicImage::ImageLuma8(GrayImage::from_pixel(2, 1, Luma([77])));
        let deep = DynamicImage::ImageLuma16(image::ImageBuffer::from_pixel(2, 1, Luma([77 * 257])));
        for picture in [gray, deep] {
            let photo = from_decoded(picture);
            assert_eq!((photo.dim(), photo[[0, 1, 0]]), ((1, 2, 1), 77));
        }
    }

    #[test]
    fn what_is_transparent_shows_white() {
        let color = RgbaImage::from_fn(3, 1, |x, _| image::Rgba([0, 100, 200, [0, 51, 255][x as usize]]));
        let photo = from_decoded(DynamicImage::ImageRgba8(color));
        assert_eq!(photo.into_raw_vec_and_offset().0, [255, 255, 255, 204, 224, 244, 0, 100, 200]);

        let gray = GrayAlphaImage::from_fn(2, 1, |x, _| LumaA([10, [0, 255][x as usize]]));
        let photo = from_decoded(DynamicImage::ImageLumaA8(gray));
        assert_eq!((photo.dim(), photo[[0, 0, 0]], photo[[0, 1, 0]]), ((1, 2, 1), 255, 10));
    }
}
