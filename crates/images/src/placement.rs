//! Where a photo's pixels go: the size it is brought to, and the part of it that is taken.

use std::ops::Range;

use crate::resample::Resizing;
use crate::settings::{Centering, Extent, Size};

/// One axis of a photo on its way to the network.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Placement {
    pub resizing: Resizing,
    /// Pixels of the result.
    pub length: usize,
    /// Pixels of the result before the photo's window begins; what the photo does not fill is plain.
    pub padding: usize,
}

impl Placement {
    /// Rows and columns of a photo of `height × width`.
    pub fn of(size: Size, crop: Option<Extent>, centering: Centering, height: usize, width: usize) -> (Self, Self) {
        let resized = match size {
            Size::ShorterSide(side) => shorter_side(side, height, width),
            Size::Exact(Extent { height, width }) => (height, width),
            Size::Cover(extent) => in_ratio(extent, height, width, f64::min),
            Size::Within(extent) => in_ratio(extent, height, width, f64::max),
            Size::Keep => (height, width),
        };
        let rows = Self::along(height, resized.0, crop.map(|crop| crop.height), centering);
        let columns = Self::along(width, resized.1, crop.map(|crop| crop.width), centering);
        (rows, columns)
    }

    fn along(input: usize, output: usize, crop: Option<usize>, centering: Centering) -> Self {
        let length = crop.unwrap_or(output);
        let resizing = Resizing { input, output, window: center(output, length, centering) };
        let spare = length.saturating_sub(output);
        let padding = match centering {
            Centering::Rounded => spare / 2,
            Centering::Floor => spare.div_ceil(2),
        };
        Self { resizing, length, padding }
    }

    /// Where the photo's window lies in the result.
    pub fn target(&self) -> Range<usize> {
        self.padding..self.padding + self.resizing.window.len()
    }
}

/// The longer side keeps the aspect ratio, rounded down as torchvision's `Resize` does: `int(size * long / short)`.
///
/// Rounding down leaves no side of zero: long ≥ short and size ≥ 1.
fn shorter_side(side: usize, height: usize, width: usize) -> (usize, usize) {
    let longer = |long: usize, short: usize| (side as u128 * long as u128 / short as u128) as usize;
    if width <= height { (longer(height, width), side) } else { (side, longer(width, height)) }
}

/// The photo's sides over the larger or smaller of its ratios to an extent, as timm's `ResizeKeepRatio`: halves go to the
/// even neighbor, and no side to nothing.
fn in_ratio(extent: Extent, height: usize, width: usize, choose: fn(f64, f64) -> f64) -> (usize, usize) {
    let ratio = choose(height as f64 / extent.height as f64, width as f64 / extent.width as f64);
    let side = |length: usize| ((length as f64 / ratio).round_ties_even() as usize).max(1);
    (side(height), side(width))
}

/// The middle `length` of `available` pixels, all of them if there are not that many; it begins where torchvision's
/// `CenterCrop` does, at `int(round((available - length) / 2.0))`, which takes halves to the even neighbor, or at
/// `(available - length) // 2`.
fn center(available: usize, length: usize, centering: Centering) -> Range<usize> {
    match available.checked_sub(length) {
        None => 0..available,
        Some(spare) => {
            let start = match centering {
                Centering::Rounded => (spare as f64 / 2.0).round_ties_even() as usize,
                Centering::Floor => spare / 2,
            };
            start..start + length
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_side_is_rounded_down() {
        assert_eq!(shorter_side(256, 320, 213), (384, 256)); // 384.6
        assert_eq!(shorter_side(256, 213, 320), (256, 384));
        assert_eq!(shorter_side(256, 320, 320), (256, 256));
        assert_eq!(shorter_side(1, 2, 3), (1, 1)); // 1.5
        assert_eq!(shorter_side(32_768, 1, 32_768), (32_768, 1 << 30));
    }

    #[test]
    fn halves_go_to_the_even_neighbor() {
        assert_eq!(center(256, 224, Centering::Rounded), 16..240);
        assert_eq!(center(225, 224, Centering::Rounded), 0..224); // 0.5
        assert_eq!(center(227, 224, Centering::Rounded), 2..226); // 1.5
        assert_eq!(center(229, 224, Centering::Rounded), 2..226); // 2.5
        assert_eq!(center(3, 3, Centering::Rounded), 0..3);
        assert_eq!(center(2, 3, Centering::Rounded), 0..2);
    }

    #[test]
    fn halves_are_cut_off() {
        assert_eq!(center(227, 224, Centering::Floor), 1..225);
        assert_eq!(Placement::along(4, 4, Some(9), Centering::Floor).target(), 3..7);
    }

    #[test]
    fn a_photo_covers_an_extent_or_lies_within() {
        let extent = Extent { height: 10, width: 10 };
        assert_eq!(in_ratio(extent, 40, 30, f64::min), (13, 10));
        assert_eq!(in_ratio(extent, 40, 30, f64::max), (10, 8)); // 7.5
        assert_eq!(in_ratio(extent, 1, 1000, f64::max), (1, 10));
    }

    #[test]
    fn padding_is_put_around_evenly_and_the_odd_pixel_last() {
        let placement = Placement::along(4, 4, Some(9), Centering::Rounded);
        assert_eq!((placement.target(), placement.length), (2..6, 9));
        assert_eq!(Placement::along(4, 9, Some(4), Centering::Rounded).target(), 0..4);
    }
}
