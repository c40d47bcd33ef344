//! A picture to draw on: plain surfaces, other pictures, lettering.

use image::{Rgb, RgbImage};

use crate::Error;
use crate::lettering::Lettering;

/// Longest side of a picture.
pub(crate) const MAX_SIDE: u64 = 65_535;
/// Most pixels of a picture: 768 MiB of RGB.
pub(crate) const MAX_PIXELS: u64 = 1 << 28;

/// Color of the ground of color bars and contact sheets.
pub(crate) const PAPER: [u8; 3] = [255, 255, 255];
/// Color of titles and numbers.
pub(crate) const INK: [u8; 3] = [28, 30, 34];
/// Color of captions.
pub(crate) const FAINT_INK: [u8; 3] = [84, 88, 96];
/// Color of the hairlines around pictures.
pub(crate) const HAIRLINE: [u8; 3] = [198, 201, 207];

/// A picture under construction. What is drawn beyond its sides is cut off.
pub(crate) struct Canvas {
    picture: RgbImage,
}

impl Canvas {
    /// A plain surface.
    pub(crate) fn new(width: u64, height: u64, color: [u8; 3]) -> Result<Self, Error> {
        let side = |length: u64| u32::try_from(length).ok().filter(|_| length <= MAX_SIDE);
        match (side(width), side(height)) {
            (Some(columns), Some(rows)) if width * height <= MAX_PIXELS => {
                Ok(Self { picture: RgbImage::from_pixel(columns, rows, Rgb(color)) })
            }
            _ => Err(Error::TooLarge { height, width }),
        }
    }

    /// A picture that is there, to be drawn upon.
    pub(crate) fn over(picture: RgbImage) -> Self {
        Self { picture }
    }

    pub(crate) fn width(&self) -> u32 {
        self.picture.width()
    }

    pub(crate) fn height(&self) -> u32 {
        self.picture.height()
    }

    pub(crate) fn finish(self) -> RgbImage {
        self.picture
    }

    pub(crate) fn fill(&mut self, left: u32, top: u32, width: u32, height: u32, color: [u8; 3]) {
        for y in top..top.saturating_add(height).min(self.picture.height()) {
            for x in left..left.saturating_add(width).min(self.picture.width()) {
                self.picture.put_pixel(x, y, Rgb(color));
            }
        }
    }

    /// Draws `picture` with a hairline around it, one pixel outside of it.
    pub(crate) fn framed(&mut self, left: u32, top: u32, picture: &RgbImage) {
        self.fill(left.saturating_sub(1), top.saturating_sub(1), picture.width() + 2, picture.height() + 2, HAIRLINE);
        self.paste(left, top, picture);
    }

    pub(crate) fn paste(&mut self, left: u32, top: u32, picture: &RgbImage) {
        image::imageops::replace(&mut self.picture, picture, i64::from(left), i64::from(top));
    }

    /// Writes one line whose middle is at `center`, its top at `top`.
    pub(crate) fn write_centered(&mut self, line: &str, center: u32, top: u32, lettering: Lettering) {
        self.write(line, center.saturating_sub(lettering.width(line) / 2), top, lettering);
    }

    /// Writes one line that begins at `left`, its top at `top`.
    pub(crate) fn write(&mut self, line: &str, left: u32, top: u32, lettering: Lettering) {
        lettering.draw(line, |x, y, share| {
            let position = (u32::try_from(i64::from(left) + x), u32::try_from(i64::from(top) + y));
            let (Ok(x), Ok(y)) = position else { return };
            if let Some(Rgb(pixel)) = self.picture.get_pixel_mut_checked(x, y) {
                let mixed = |(ground, ink): (u8, u8)| f32::from(ground) + share * (f32::from(ink) - f32::from(ground));
                *pixel = std::array::from_fn(|channel| mixed((pixel[channel], lettering.color[channel])).round() as u8);
            }
        });
    }
}
