//! Bounding boxes, drawn into pictures.

use std::num::NonZeroU32;
use std::ops::Range;

use image::RgbImage;

use crate::canvas::{Canvas, INK, PAPER};
use crate::lettering::Lettering;

/// How a box stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineWeight {
    /// What the picture is about.
    Bold,
    /// What else there is.
    Thin,
}

impl LineWeight {
    /// Colors of the frame, from the box outward: light between dark, to be seen on any ground.
    fn rings(self) -> &'static [[u8; 3]] {
        match self {
            Self::Bold => &[INK, PAPER, PAPER, PAPER, INK],
            Self::Thin => &[INK, PAPER],
        }
    }
}

/// A rectangle of an image, and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundingBox {
    /// Rows that it covers.
    pub rows: Range<usize>,
    /// Columns that it covers.
    pub columns: Range<usize>,
    /// What is in it; may be empty.
    pub label: String,
    /// How it stands out.
    pub weight: LineWeight,
}

/// Draws frames with labels around boxes: thin ones first, bold ones over them.
///
/// Frames lie around their boxes, so that nothing within is covered; at the sides of the picture they are moved inward.
/// A label stands above its box, or in it where there is no room above.
///
/// * `picture` — an image, [enlarged](crate::enlarge) by `magnification`; lines are as wide for each
/// * `boxes` — in rows and columns of the image itself; what lies beyond it is cut off
///
/// ```
/// use std::num::NonZeroU32;
/// use heatmap::{BoundingBox, LineWeight, RgbImage, draw_boxes};
/// let photo = RgbImage::new(60, 60);
/// let bird = BoundingBox { rows: 40..50, columns: 10..30, label: "bird".to_owned(), weight: LineWeight::Bold };
/// let drawn = draw_boxes(photo.clone(), &[bird], NonZeroU32::MIN);
/// assert_eq!(drawn.get_pixel(20, 51).0, [255; 3]); // the frame below the box
/// assert!((40..50).all(|y| (10..30).all(|x| drawn.get_pixel(x, y) == photo.get_pixel(x, y))));
/// ```
pub fn draw_boxes(picture: RgbImage, boxes: &[BoundingBox], magnification: NonZeroU32) -> RgbImage {
    let mut canvas = Canvas::over(picture);
    for weight in [LineWeight::Thin, LineWeight::Bold] {
        for marked in boxes.iter().filter(|marked| marked.weight == weight) {
            canvas.mark(marked, magnification.get());
        }
    }
    canvas.finish()
}

/// Free pixels around a label.
const MARGIN: u32 = 2;

impl Canvas {
    fn mark(&mut self, marked: &BoundingBox, magnification: u32) {
        let rings = marked.weight.rings();
        let width = rings.len() as u32;
        let across = framed(&marked.columns, magnification, self.width(), width);
        let down = framed(&marked.rows, magnification, self.height(), width);
        let Some(((left, right), (top, bottom))) = across.zip(down) else { return };
        for (distance, &color) in (1..).zip(rings) {
            let (left, top) = (left - distance, top - distance);
            let (wide, high) = (right + distance - left, bottom + distance - top);
            self.fill(left, top, wide, 1, color);
            self.fill(left, top + high - 1, wide, 1, color);
            self.fill(left, top, 1, high, color);
            self.fill(left + wide - 1, top, 1, high, color);
        }
        if marked.label.is_empty() {
            return;
        }
        let lettering = Lettering::new(2, PAPER);
        let (wide, high) = (lettering.width(&marked.label) + 2 * MARGIN, lettering.height() + 2 * MARGIN);
        let left = (left - width).min(self.width().saturating_sub(wide));
        let top = (top - width).checked_sub(high).unwrap_or(top);
        self.fill(left, top, wide, high, INK);
        self.write(&marked.label, left + MARGIN, top + MARGIN, lettering);
    }
}

/// Where a box begins and ends along a side of the picture, with room for its frame; `None` where nothing of it can be
/// seen, or the picture is too small for any frame.
fn framed(range: &Range<usize>, magnification: u32, side: u32, frame: u32) -> Option<(u32, u32)> {
    let along = |position: usize| {
        let position = u32::try_from(position).unwrap_or(u32::MAX).saturating_mul(magnification);
        position.min(side)
    };
    let (start, end) = (along(range.start), along(range.end));
    let (first, last) = (frame, side.checked_sub(frame)?);
    (start < end && first <= last).then(|| (start.clamp(first, last), end.clamp(first, last)))
}

#[cfg(test)]
mod tests {
    use image::Rgb;
    use proptest::prelude::*;

    use super::*;

    const GROUND: [u8; 3] = [90, 140, 30];

    fn ground(width: u32, height: u32) -> RgbImage {
        RgbImage::from_pixel(width, height, Rgb(GROUND))
    }

    fn marked(rows: Range<usize>, columns: Range<usize>, label: &str, weight: LineWeight) -> BoundingBox {
        BoundingBox { rows, columns, label: label.to_owned(), weight }
    }

    fn magnified(factor: u32) -> NonZeroU32 {
        NonZeroU32::new(factor).unwrap()
    }

    #[test]
    fn a_frame_lies_around_its_box() {
        for (weight, width) in [(LineWeight::Thin, 2), (LineWeight::Bold, 5)] {
            let drawn = draw_boxes(ground(50, 40), &[marked(10..15, 12..20, "", weight)], magnified(2));
            for (x, y, pixel) in drawn.enumerate_pixels() {
                let inside = (24..40).contains(&x) && (20..30).contains(&y);
                let within = (24 - width..40 + width).contains(&x) && (20 - width..30 + width).contains(&y);
                assert_eq!(pixel.0 == GROUND, inside || !within, "{weight:?} at {x}, {y}");
            }
        }
    }

    #[test]
    fn at_the_sides_frames_are_moved_inward() {
        let drawn = draw_boxes(ground(30, 30), &[marked(0..30, 0..99, "", LineWeight::Bold)], magnified(1));
        let row: Vec<bool> = (0..30).map(|x| drawn.get_pixel(x, 15).0 == GROUND).collect();
        let expected: Vec<bool> = (0..30).map(|x| (5..25).contains(&x)).collect();
        assert_eq!(row, expected);
        assert_eq!(drawn.get_pixel(0, 15).0, INK);
    }

    #[test]
    fn labels_stand_above_or_inside() {
        let above = draw_boxes(ground(60, 60), &[marked(30..50, 10..50, "cat", LineWeight::Thin)], magnified(1));
        assert!((30..50).all(|y| (10..50).all(|x| above.get_pixel(x, y).0 == GROUND)));
        assert!((0..28).any(|y| above.get_pixel(12, y).0 == INK));
        let inside = draw_boxes(ground(60, 60), &[marked(3..50, 10..50, "cat", LineWeight::Thin)], magnified(1));
        assert!((3..20).any(|y| inside.get_pixel(12, y).0 == INK));
    }

    #[test]
    fn bold_frames_lie_over_thin_ones() {
        let both = [marked(10..30, 10..30, "", LineWeight::Bold), marked(8..20, 8..28, "", LineWeight::Thin)];
        let alone = draw_boxes(ground(40, 40), &both[..1], magnified(1));
        let drawn = draw_boxes(ground(40, 40), &both, magnified(1));
        let frame = (0..40).flat_map(|y| (0..40).map(move |x| (x, y)));
        for (x, y) in frame.filter(|&(x, y)| alone.get_pixel(x, y).0 != GROUND) {
            assert_eq!(drawn.get_pixel(x, y), alone.get_pixel(x, y), "{x}, {y}");
        }
    }

    proptest! {
        #[test]
        fn any_box_is_drawn_into_any_picture(
            width in 1u32..40, height in 1u32..40, factor in 1u32..5,
            rows in (0usize..60, 0usize..60), columns in (0usize..60, 0usize..usize::MAX),
            bold: bool, label in "[a-z]{0,9}",
        ) {
            let weight = if bold { LineWeight::Bold } else { LineWeight::Thin };
            let drawn = draw_boxes(
                ground(width, height), &[marked(rows.0..rows.1, columns.0..columns.1, &label, weight)], magnified(factor),
            );
            prop_assert_eq!(drawn.dimensions(), (width, height));
        }
    }
}
