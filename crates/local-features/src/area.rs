//! `area(l)`: the pixels that a local feature was computed from.

use std::ops::Range;

use crate::raster::{Circle, Raster, Square};

/// The pixels that a local feature covers: `area(l)` of Eqs 33 and 34.
///
/// A pixel is covered when its center, the integer point (row, column), lies inside; what sticks out of the image is
/// clipped away, so that only pixels of the image count.
///
/// ```
/// use local_features::Area;
/// let area = Area::Circle { row: 0.0, column: 5.0, radius: 1.0 };
/// let spans: Vec<_> = area.spans(10, 10).map(|span| (span.row, span.columns)).collect();
/// assert_eq!(spans, [(0, 4..7), (1, 5..6)]);
/// assert_eq!(area.pixel_count(10, 10), 4);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Area {
    /// Rows `top..bottom`, columns `left..right`.
    Rectangle {
        /// First row.
        top: i64,
        /// First column.
        left: i64,
        /// Row after the last.
        bottom: i64,
        /// Column after the last.
        right: i64,
    },
    /// `(r − row)² + (c − column)² ≤ radius²`; empty when `radius` is negative.
    Circle {
        /// Row of the center.
        row: f64,
        /// Column of the center.
        column: f64,
        /// Radius in pixels.
        radius: f64,
    },
    /// `−side/2 ≤ u, v < side/2` with `u = dx cos + dy sin`, `v = −dx sin + dy cos`, `dx = c − column`, `dy = r − row`.
    RotatedSquare {
        /// Row of the center.
        row: f64,
        /// Column of the center.
        column: f64,
        /// Side in pixels.
        side: f64,
        /// Angle of the `u` axis in radians, from the direction of growing columns to that of growing rows.
        angle: f64,
    },
}

/// A run of covered pixels in one row; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The row.
    pub row: usize,
    /// The columns.
    pub columns: Range<usize>,
}

impl Area {
    /// The covered pixels of an image of `height` × `width`, from top to bottom; at most one span in each row.
    ///
    /// Shapes with parameters that are infinite or NaN cover nothing.
    pub fn spans(&self, height: usize, width: usize) -> impl Iterator<Item = Span> + use<> {
        let raster = self.raster((height, width));
        raster.rows().map(move |row| Span { row, columns: raster.columns(row) }).filter(|span| !span.columns.is_empty())
    }

    /// `#area(l)`: how many pixels of an image of `height` × `width` are covered.
    pub fn pixel_count(&self, height: usize, width: usize) -> usize {
        self.spans(height, width).map(|span| span.columns.len()).sum()
    }

    /// Whether the pixel (row, column) is covered.
    ///
    /// ```
    /// use local_features::Area;
    /// let area = Area::Rectangle { top: -2, left: 3, bottom: 4, right: 5 };
    /// assert!(area.covers((0, 4)));
    /// assert!(!area.covers((0, 5)));
    /// ```
    pub fn covers(&self, (row, column): (usize, usize)) -> bool {
        let raster = self.raster((row.saturating_add(1), column.saturating_add(1)));
        raster.rows().contains(&row) && raster.columns(row).contains(&column)
    }

    fn raster(&self, shape: (usize, usize)) -> Raster {
        match *self {
            Self::Rectangle { top, left, bottom, right } => {
                Raster::Rectangle { rows: clip(top, bottom, shape.0), columns: clip(left, right, shape.1) }
            }
            Self::Circle { row, column, radius } if are_finite([row, column, radius, 0.0]) && radius >= 0.0 => {
                Raster::Circle(Circle::new(row, column, radius, shape))
            }
            Self::RotatedSquare { row, column, side, angle }
                if are_finite([row, column, side, angle]) && side > 0.0 =>
            {
                Raster::Square(Square::new(row, column, side, angle, shape))
            }
            Self::Circle { .. } | Self::RotatedSquare { .. } => Raster::EMPTY,
        }
    }
}

fn are_finite(parameters: [f64; 4]) -> bool {
    parameters.iter().all(|parameter| parameter.is_finite())
}

/// The part of `start..end` that is in `0..length`.
fn clip(start: i64, end: i64, length: usize) -> Range<usize> {
    let within = |bound: i64| usize::try_from(bound.max(0)).unwrap_or(usize::MAX).min(length);
    let (start, end) = (within(start), within(end));
    start..end.max(start)
}
