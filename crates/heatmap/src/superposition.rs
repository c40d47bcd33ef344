//! Photo and map in one picture (Figs 6–10).

use image::RgbImage;
use ndarray::{ArrayView2, ArrayView3};

use crate::picture::{brightness, check_pair, color_at, from_pixels};
use crate::{ColorMap, Error};

/// The map's colors, laid over a gray version of the photo, as at the right of the paper's Fig 6.
///
/// ```
/// use heatmap::Superposition;
/// use ndarray::{Array3, array};
/// let photo = Array3::from_elem((1, 2, 3), 100);
/// let picture = Superposition::default().draw(photo.view(), array![[0.0, 1.0]].view())?;
/// assert_eq!(picture.get_pixel(1, 0).0, [114, 50, 50]); // half photo, half dark red
/// # Ok::<(), heatmap::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Superposition {
    /// The colors. Default: jet, as in Fig 6.
    pub color_map: ColorMap,
    /// Share of the colors, from 0 (only the photo) to 1 (only the map). Default: 0.5, near to what Fig 6 looks like.
    pub opacity: f64,
}

impl Default for Superposition {
    fn default() -> Self {
        Self { color_map: ColorMap::Jet, opacity: 0.5 }
    }
}

impl Superposition {
    /// Draws it.
    ///
    /// * `photo` — shape (rows, columns, channels), 1 or 3 channels
    /// * `relevance` — normalized, shape (rows, columns)
    ///
    /// # Errors
    /// [`Error::Sizes`] when the two do not lie over each other; [`Error::Option`] for an opacity outside of [0, 1];
    /// and as for [`render`](crate::render) and [`photo_picture`](crate::photo_picture).
    pub fn draw(&self, photo: ArrayView3<'_, u8>, relevance: ArrayView2<'_, f64>) -> Result<RgbImage, Error> {
        check_share("opacity", self.opacity)?;
        let size = check_pair(photo, relevance)?;
        from_pixels(size, |at| {
            let gray = brightness(color_at(photo, at));
            self.color_map.color(relevance[at]).map(|color| blend(gray, color, self.opacity))
        })
    }
}

/// The map's colors over the photo in its own: the stronger the relevance, the less of the photo is seen.
///
/// ```text
/// (1 − a) · photo + a · color,   a = opacity · |R|
/// ```
/// * `color` — of the sign, the same for all magnitudes: where the map is pale or dark, the photo would hide it
///
/// ```
/// use heatmap::ColorSuperposition;
/// use ndarray::{Array3, array};
/// let photo = Array3::from_shape_fn((1, 2, 3), |(_, _, channel)| [40, 90, 200][channel]);
/// let picture = ColorSuperposition::default().draw(photo.view(), array![[0.0, 1.0]].view())?;
/// assert_eq!(picture.get_pixel(0, 0).0, [40, 90, 200]); // the photo
/// assert_eq!(picture.get_pixel(1, 0).0, [234, 9, 20]); // a tenth of the photo, and red
/// # Ok::<(), heatmap::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColorSuperposition {
    /// The colors. Default: seismic.
    pub color_map: ColorMap,
    /// Share of the color where relevance is strongest, from 0 to 1. Default: 0.9.
    pub opacity: f64,
}

/// Where on the scale the color of a sign is: a bright one in all maps.
const OF_SIGN: f64 = 0.5;

impl Default for ColorSuperposition {
    fn default() -> Self {
        Self { color_map: ColorMap::Seismic, opacity: 0.9 }
    }
}

impl ColorSuperposition {
    /// Draws it.
    ///
    /// * `photo` — shape (rows, columns, channels), 1 or 3 channels
    /// * `relevance` — normalized, shape (rows, columns)
    ///
    /// # Errors
    /// As for [`Superposition::draw`].
    pub fn draw(&self, photo: ArrayView3<'_, u8>, relevance: ArrayView2<'_, f64>) -> Result<RgbImage, Error> {
        check_share("opacity", self.opacity)?;
        let size = check_pair(photo, relevance)?;
        from_pixels(size, |at| {
            let (below, value) = (color_at(photo, at), relevance[at].clamp(-1.0, 1.0));
            let above = self.color_map.color(OF_SIGN * value.signum());
            [0, 1, 2].map(|channel| blend(below[channel], above[channel], self.opacity * value.abs()))
        })
    }
}

/// The photo, only where the map exceeds a threshold; the rest is gray and dark: the right of each triplet of the
/// paper's Figs 7–10.
///
/// ```
/// use heatmap::Binarization;
/// use ndarray::{Array3, array};
/// let photo = Array3::from_elem((1, 2, 3), 100);
/// let picture = Binarization::default().draw(photo.view(), array![[0.0, 1.0]].view())?;
/// assert_eq!(picture.get_pixel(0, 0).0, [25, 25, 25]);
/// assert_eq!(picture.get_pixel(1, 0).0, [100, 100, 100]);
/// # Ok::<(), heatmap::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Binarization {
    /// Pixels whose normalized relevance is larger than this keep the photo; from −1 to 1. Default: 0.2.
    pub threshold: f64,
    /// How much of the photo's brightness the rest loses, from 0 to 1. Default: 0.75.
    pub dimming: f64,
}

impl Default for Binarization {
    fn default() -> Self {
        Self { threshold: 0.2, dimming: 0.75 }
    }
}

impl Binarization {
    /// Draws it.
    ///
    /// * `photo` — shape (rows, columns, channels), 1 or 3 channels
    /// * `relevance` — normalized, shape (rows, columns)
    ///
    /// # Errors
    /// [`Error::Option`] for a threshold outside of [−1, 1] or a dimming outside of [0, 1]; otherwise as for
    /// [`Superposition::draw`].
    pub fn draw(&self, photo: ArrayView3<'_, u8>, relevance: ArrayView2<'_, f64>) -> Result<RgbImage, Error> {
        check_share("dimming", self.dimming)?;
        if !(-1.0..=1.0).contains(&self.threshold) {
            return Err(Error::Option { option: "threshold", value: self.threshold, expected: "from −1 to 1" });
        }
        let size = check_pair(photo, relevance)?;
        from_pixels(size, |at| {
            let color = color_at(photo, at);
            if relevance[at] > self.threshold { color } else { [blend(brightness(color), 0, self.dimming); 3] }
        })
    }
}

/// `(1 − share) · below + share · above`
fn blend(below: u8, above: u8, share: f64) -> u8 {
    ((1.0 - share) * f64::from(below) + share * f64::from(above)).round() as u8
}

fn check_share(option: &'static str, value: f64) -> Result<(), Error> {
    if (0.0..=1.0).contains(&value) { Ok(()) } else { Err(Error::Option { option, value, expected: "from 0 to 1" }) }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Array3, array};

    use super::*;
    use crate::{photo_picture, render};

    fn photo() -> Array3<u8> {
        Array3::from_shape_fn((3, 4, 3), |(row, column, channel)| (60 * row + 10 * column + 5 * channel) as u8)
    }

    #[test]
    fn an_opacity_of_one_is_the_map_alone() -> Result<(), Error> {
        let relevance = Array2::from_shape_fn((3, 4), |(row, column)| 0.3 * row as f64 - 0.2 * column as f64);
        let opaque = Superposition { opacity: 1.0, ..Superposition::default() };
        assert_eq!(opaque.draw(photo().view(), relevance.view())?, render(relevance.view(), ColorMap::Jet)?);
        Ok(())
    }

    #[test]
    fn an_opacity_of_zero_is_the_gray_photo() -> Result<(), Error> {
        let clear = Superposition { opacity: 0.0, ..Superposition::default() };
        let picture = clear.draw(photo().view(), Array2::zeros((3, 4)).view())?;
        assert!(picture.pixels().all(|pixel| pixel.0[0] == pixel.0[1] && pixel.0[1] == pixel.0[2]));
        Ok(())
    }

    #[test]
    fn the_lowest_threshold_keeps_the_photo() -> Result<(), Error> {
        let all = Binarization { threshold: -1.0, ..Binarization::default() };
        let picture = all.draw(photo().view(), Array2::zeros((3, 4)).view())?;
        assert_eq!(picture, photo_picture(photo().view())?);
        Ok(())
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let error = Superposition::default().draw(photo().view(), array![[0.0]].view()).unwrap_err().to_string();
        assert!(error.contains("3 × 4") && error.contains("1 × 1"), "{error}");
        for opacity in [-0.1, 1.1, f64::NAN] {
            let superposition = Superposition { opacity, ..Superposition::default() };
            let drawn = superposition.draw(photo().view(), Array2::zeros((3, 4)).view());
            assert!(matches!(drawn, Err(Error::Option { option: "opacity", .. })));
        }
        let binarization = Binarization { threshold: f64::NAN, ..Binarization::default() };
        assert!(binarization.draw(photo().view(), Array2::zeros((3, 4)).view()).is_err());
    }
}
