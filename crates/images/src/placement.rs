//! Where a photo's pixels go: the size it is brought to, and the part of it that is taken.

use std::ops::Range;

use crate::resample::Resizing;
use crate::settings::{Extent, Size};

/// One axis of a photo on its way to the network.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Placement {
    pub resizing: Resizing,
    /// Pixels of the result.
    pub length: usize,
    /// Pixels of the result before the photo's window begins; what the photo does not fill is black.
    pub padding: usize,
}

impl Placement {
    /// Rows and columns of a photo of `height × width`.
    pub fn of(size: Size, crop: Option<Extent>, height: usize, width: usize) -> (Self, Self) {
        let resized = match size {
            Size::ShorterSide(side) => shorter_side(side, height, width),
            Size::Exact(Extent { height, width }) => (height, width),
            Size::Keep => (height, width),
        };
        let rows = Self::along(height, resized.0, crop.map(|crop| crop.height));
        let columns = Self::along(width, resized.1, crop.map(|crop| crop.width));
        (rows, columns)
    }

    fn along(input: usize, output: usize, crop: Option<usize>) -> Self {
        let length = crop.unwrap_or(output);
        let resizing = Resizing { input, output, window: center(output, length) };
        Self { resizing, length, padding: length.saturating_sub(output) / 2 }
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

/// The middle `length` of `available` pixels, all of them if there are not that many; it begins where torchvision's
/// `CenterCrop` does, at `int(round((available - length) / 2.0))`, which takes halves to the even neighbor.
fn center(available: usize, length: usize) -> Range<usize> {
    match available.checked_sub(length) {
        None => 0..available,
        Some(spare) => {
            let start = (spare as f64 / 2.0).round_ties_even() as usize;
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
        assert_eq!(center(256, 224), 16..240);
        assert_eq!(center(225, 224), 0..224); // 0.5
        assert_eq!(center(227, 224), 2..226); // 1.5
        assert_eq!(center(229, 224), 2..226); // 2.5
        assert_eq!(center(3, 3), 0..3);
        assert_eq!(center(2, 3), 0..2);
    }

    #[test]
    fn padding_is_put_around_evenly_and_the_odd_pixel_last() {
        let placement = Placement::along(4, 4, Some(9));
        assert_eq!((placement.target(), placement.length), (2..6, 9));
        assert_eq!(Placement::along(4, 9, Some(4)).target(), 0..4);
    }
}
