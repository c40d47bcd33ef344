//! Digits and maps as pictures.

use std::num::NonZeroU32;

use heatmap::{ColorBar, ColorMap, ContactSheet, RgbImage, normalize, render};
use ndarray::ArrayView2;

use crate::Outcome;

/// Green at zero, as in the paper.
const COLORS: ColorMap = ColorMap::Jet;

/// A pixel of a digit is a square of so many.
const MAGNIFICATION: NonZeroU32 = NonZeroU32::new(4).unwrap();

/// A digit in black on white.
pub fn digit(ink: ArrayView2<'_, u8>) -> RgbImage {
    RgbImage::from_fn(ink.ncols() as u32, ink.nrows() as u32, |x, y| {
        image::Rgb([255 - ink[[y as usize, x as usize]]; 3])
    })
}

/// Ink from 0 to 1, in black on white; what is less or more is cut off.
pub fn ink(ink: ArrayView2<'_, f64>) -> RgbImage {
    digit(ink.mapv(|ink| (255.0 * ink.clamp(0.0, 1.0)).round() as u8).view())
}

/// A map, scaled by its largest magnitude (Eq. 35).
pub fn map(map: ArrayView2<'_, f64>) -> Outcome<RgbImage> {
    Ok(render(normalize(map)?.view(), COLORS)?)
}

/// A sheet of digits and maps, with the colors' bar.
pub fn sheet() -> ContactSheet {
    ContactSheet::new()
        .magnification(MAGNIFICATION)
        .color_bar(ColorBar { length: 260, ..ColorBar::of(COLORS) }.captions("against the class", "for it"))
}
