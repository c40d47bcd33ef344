//! The pictures of an explanation.

use std::num::NonZeroU32;

use heatmap::{
    BoundingBox, ColorBar, ColorMap, ColorSuperposition, ContactSheet, EdgeSuperposition, RgbImage, Tile, draw_boxes,
    encode_png, enlarge, photo_picture, render,
};
use ndarray::{Array2, Array3};

use crate::failure::Failure;

/// Pictures are enlarged until their longer side has about so many pixels: those of 224 pixels twofold.
const SIDE: usize = 450;

/// What a heatmap is about.
pub struct Caption {
    /// The class.
    pub title: String,
    /// Its score, and the input.
    pub text: String,
    /// What the ends of the color bar mean, the negative one first.
    pub ends: [String; 2],
}

/// The relevance of pixels, and what the strongest color stands for.
pub struct Drawing<'a> {
    /// The relevance of pixels.
    pub map: &'a Array2<f64>,
    /// The relevance that gets the strongest color.
    pub maximum: f64,
    /// The colors.
    pub color_map: ColorMap,
    /// Objects whose place is known.
    pub boxes: &'a [BoundingBox],
}

impl Drawing<'_> {
    /// The map with a caption and a color bar, as a PNG file.
    pub fn heatmap(&self, caption: &Caption) -> Result<Vec<u8>, Failure> {
        let picture = self.map()?;
        let [negative, positive] = &caption.ends;
        let bar = ColorBar {
            maximum: if self.maximum > 0.0 { self.maximum } else { 1.0 },
            length: picture.width().clamp(204, 420),
            ..ColorBar::of(self.color_map)
        };
        let tile = Tile { picture, caption: caption.text.clone(), color_bar: Some(bar.captions(negative, positive)) };
        Ok(encode_png(&ContactSheet::new().title(&caption.title).row([tile]).draw()?)?)
    }

    /// The map alone.
    pub fn map(&self) -> Result<RgbImage, Failure> {
        self.finished(render(self.normalized().view(), self.color_map)?)
    }

    /// The photo alone.
    pub fn photo(&self, photo: &Array3<u8>) -> Result<RgbImage, Failure> {
        self.finished(photo_picture(photo.view())?)
    }

    /// The map over the photo.
    pub fn overlay(&self, photo: &Array3<u8>) -> Result<RgbImage, Failure> {
        let superposition = ColorSuperposition { color_map: self.color_map, ..ColorSuperposition::default() };
        self.finished(superposition.draw(photo.view(), self.normalized().view())?)
    }

    /// The photo's prominent edges over the map.
    pub fn edges(&self, photo: &Array3<u8>) -> Result<RgbImage, Failure> {
        let superposition = EdgeSuperposition { color_map: self.color_map, ..EdgeSuperposition::default() };
        self.finished(superposition.draw(photo.view(), self.normalized().view())?)
    }

    /// A picture of the map's size, enlarged, with the boxes.
    fn finished(&self, picture: RgbImage) -> Result<RgbImage, Failure> {
        let factor = self.magnification();
        Ok(draw_boxes(enlarge(&picture, factor)?, self.boxes, factor))
    }

    /// Eq. 35, by the maximum of this map or of all maps of the run; what is larger has the strongest color, too.
    fn normalized(&self) -> Array2<f64> {
        match self.maximum {
            0.0 => Array2::zeros(self.map.raw_dim()),
            maximum => self.map.mapv(|value| (value / maximum).clamp(-1.0, 1.0)),
        }
    }

    fn magnification(&self) -> NonZeroU32 {
        let longer = self.map.nrows().max(self.map.ncols()).max(1);
        NonZeroU32::new((SIDE / longer) as u32).unwrap_or(NonZeroU32::MIN)
    }
}
