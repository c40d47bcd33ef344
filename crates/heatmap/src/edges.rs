//! The photo's prominent edges over the map (Figs 7–10).

use image::{GrayImage, Luma, RgbImage};
use imageproc::edges::canny;
use ndarray::{Array2, ArrayView2, ArrayView3};

use crate::picture::{brightness, check_pair, check_photo, color_at, from_pixels};
use crate::{ColorMap, Error};

/// Which edges of a photo are prominent: Canny's two thresholds.
///
/// The strength of an edge is `√(d_x² + d_y²)` of Sobel derivatives of the gray photo, blurred with σ = 1.4: at most
/// 1140 for 8 bits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edges {
    /// Edges stronger than this are kept where they go on from prominent ones. Default: 40.
    pub low: f32,
    /// Edges stronger than this are prominent. Default: 80, a step of some 35 gray levels.
    pub high: f32,
}

impl Default for Edges {
    fn default() -> Self {
        Self { low: 40.0, high: 80.0 }
    }
}

impl Edges {
    /// Where the prominent edges of `photo` are, shape (rows, columns).
    ///
    /// ```
    /// use heatmap::Edges;
    /// use ndarray::Array3;
    /// let photo = Array3::from_shape_fn((20, 20, 1), |(_, column, _)| if column < 10 { 0 } else { 255 });
    /// let edges = Edges::default().find(photo.view())?;
    /// assert!(edges.row(7).iter().any(|edge| *edge) && !edges[[7, 3]]);
    /// # Ok::<(), heatmap::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Option`] unless 0 < low ≤ high; and as for [`photo_picture`](crate::photo_picture).
    pub fn find(&self, photo: ArrayView3<'_, u8>) -> Result<Array2<bool>, Error> {
        let (height, width, _) = check_photo(photo)?;
        self.check()?;
        // Through a picture, whose size is checked.
        let gray = from_pixels((height, width), |at| [brightness(color_at(photo, at)); 3])?;
        let gray = GrayImage::from_fn(gray.width(), gray.height(), |x, y| Luma([gray.get_pixel(x, y).0[0]]));
        let edges = canny(&gray, self.low, self.high);
        Ok(Array2::from_shape_fn((height, width), |(row, column)| edges.get_pixel(column as u32, row as u32).0[0] > 0))
    }

    fn check(&self) -> Result<(), Error> {
        if !(self.low > 0.0 && self.low.is_finite()) {
            return Err(Error::Option { option: "low", value: self.low.into(), expected: "larger than 0" });
        }
        if !(self.high >= self.low && self.high.is_finite()) {
            return Err(Error::Option {
                option: "high",
                value: self.high.into(),
                expected: "at least as large as low",
            });
        }
        Ok(())
    }
}

/// The map's colors with the photo's prominent edges drawn over them, as in the middle of each triplet of the paper's
/// Figs 7–10.
///
/// The edges are black or white, whichever stands out from the map's color of zero.
///
/// ```
/// use heatmap::EdgeSuperposition;
/// use ndarray::{Array2, Array3};
/// let photo = Array3::from_shape_fn((20, 20, 3), |(_, column, _)| if column < 10 { 0 } else { 255 });
/// let picture = EdgeSuperposition::default().draw(photo.view(), Array2::zeros((20, 20)).view())?;
/// assert!((8..12).any(|x| picture.get_pixel(x, 7).0 == [0, 0, 0]));
/// assert_eq!(picture.get_pixel(3, 7).0, [128, 255, 128]);
/// # Ok::<(), heatmap::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EdgeSuperposition {
    /// The colors. Default: jet, as in the paper.
    pub color_map: ColorMap,
    /// Which edges are drawn.
    pub edges: Edges,
}

impl EdgeSuperposition {
    /// Draws it.
    ///
    /// * `photo` — shape (rows, columns, channels), 1 or 3 channels
    /// * `relevance` — normalized, shape (rows, columns)
    ///
    /// # Errors
    /// As for [`Edges::find`]; [`Error::Sizes`] when the two do not lie over each other; [`Error::NonFinite`].
    pub fn draw(&self, photo: ArrayView3<'_, u8>, relevance: ArrayView2<'_, f64>) -> Result<RgbImage, Error> {
        let size = check_pair(photo, relevance)?;
        let edges = self.edges.find(photo)?;
        let ink = if brightness(self.color_map.color(0.0)) > 127 { [0; 3] } else { [255; 3] };
        from_pixels(size, |at| if edges[at] { ink } else { self.color_map.color(relevance[at]) })
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;

    #[test]
    fn photos_of_a_few_pixels_have_no_edges_and_make_no_trouble() -> Result<(), Error> {
        for (height, width) in [(1, 1), (1, 9), (2, 2), (3, 3), (2, 40)] {
            let photo = Array3::from_shape_fn((height, width, 1), |(row, column, _)| (97 * row + 61 * column) as u8);
            let edges = Edges { low: 1e-30, high: 1e-30 }.find(photo.view())?;
            assert_eq!(edges.dim(), (height, width));
        }
        Ok(())
    }

    #[test]
    fn a_dark_map_has_white_edges() -> Result<(), Error> {
        let photo = Array3::from_shape_fn((12, 12, 1), |(row, _, _)| if row < 6 { 20 } else { 230 });
        let superposition = EdgeSuperposition { color_map: ColorMap::BlackFireRed, ..EdgeSuperposition::default() };
        let picture = superposition.draw(photo.view(), Array2::zeros((12, 12)).view())?;
        assert!(picture.pixels().any(|pixel| pixel.0 == [255; 3]));
        Ok(())
    }

    #[test]
    fn thresholds_in_the_wrong_order_are_named() {
        let photo = Array3::zeros((5, 5, 1));
        for (low, high) in [(0.0, 1.0), (2.0, 1.0), (f32::NAN, 1.0), (1.0, f32::INFINITY), (1.0, f32::NAN)] {
            assert!(matches!(Edges { low, high }.find(photo.view()), Err(Error::Option { .. })), "{low}, {high}");
        }
    }
}
