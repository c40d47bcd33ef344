//! `area(l)`: the pixels that a local feature was computed from.

use std::ops::Range;

use crate::raster::{Circle, Raster, Square, upright_square};

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
            // Flat patches have no direction: many a descriptor is upright.
            Self::RotatedSquare { row, column, side, angle: 0.0 }
                if are_finite([row, column, side, 0.0]) && side > 0.0 =>
            {
                upright_square(row, column, side, shape)
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

#[cfg(test)]
mod tests {
    use std::f64::consts::FRAC_PI_2;

    use proptest::prelude::*;

    use super::*;

    /// The definition, for each pixel.
    fn slow_covers(area: Area, row: usize, column: usize) -> bool {
        match area {
            Area::Rectangle { top, left, bottom, right } => {
                let (row, column) = (row as i64, column as i64);
                top <= row && row < bottom && left <= column && column < right
            }
            Area::Circle { row: center_row, column: center_column, radius } => {
                let (dy, dx) = (row as f64 - center_row, column as f64 - center_column);
                dy * dy + dx * dx <= radius * radius
            }
            Area::RotatedSquare { row: center_row, column: center_column, side, angle } => {
                let (dy, dx) = (row as f64 - center_row, column as f64 - center_column);
                let u = dx * angle.cos() + dy * angle.sin();
                let v = -dx * angle.sin() + dy * angle.cos();
                let half = side / 2.0;
                u >= -half && u < half && v >= -half && v < half
            }
        }
    }

    fn assert_like_slow_twin(area: Area, height: usize, width: usize) {
        let pixels = |row| (0..width).map(move |column| (row, column));
        let slow: Vec<(usize, usize)> =
            (0..height).flat_map(pixels).filter(|&(row, column)| slow_covers(area, row, column)).collect();
        let fast: Vec<(usize, usize)> = area
            .spans(height, width)
            .inspect(|span| assert!(!span.columns.is_empty()))
            .flat_map(|span| span.columns.map(move |column| (span.row, column)))
            .collect();
        let difference = fast.iter().zip(&slow).find(|(fast, slow)| fast != slow);
        assert!(
            fast == slow,
            "{area:?} in {height}×{width}: {} pixels, not {}, {difference:?}",
            fast.len(),
            slow.len()
        );
        assert_eq!(area.pixel_count(height, width), slow.len());
        for diagonal in 0..height.min(width) {
            let covered = slow_covers(area, diagonal, diagonal);
            assert_eq!(area.covers((diagonal, diagonal)), covered, "{area:?} at {diagonal}");
        }
    }

    /// Numbers of all kinds: integers, half integers, any, tiny, and far away as long as squares do not overflow.
    fn coordinate() -> impl Strategy<Value = f64> {
        prop_oneof![
            (-8_i32..40).prop_map(f64::from),
            (-16_i32..80).prop_map(|twice| f64::from(twice) / 2.0),
            -8.0..40.0_f64,
            -1e-300..1e-300_f64,
            (-320_i32..150, prop::bool::ANY)
                .prop_map(|(exponent, positive)| { 10.0_f64.powi(exponent) * if positive { 1.0 } else { -1.0 } }),
        ]
    }

    fn size() -> impl Strategy<Value = f64> {
        prop_oneof![
            (0_i32..60).prop_map(f64::from),
            (0_i32..120).prop_map(|twice| f64::from(twice) / 2.0),
            coordinate()
        ]
    }

    fn angle() -> impl Strategy<Value = f64> {
        prop_oneof![
            (-8_i32..9).prop_map(|quarters| f64::from(quarters) * FRAC_PI_2),
            (-8_i32..9).prop_map(|eighths| f64::from(eighths) * FRAC_PI_2 / 2.0),
            (-8_i32..9, -1e-8..1e-8_f64).prop_map(|(quarters, more)| f64::from(quarters) * FRAC_PI_2 + more),
            (-8_i32..9, -1e-16..1e-16_f64).prop_map(|(quarters, more)| f64::from(quarters) * FRAC_PI_2 + more),
            -7.0..7.0_f64,
            -1e6..1e6_f64,
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

        #[test]
        fn rectangles_cover_what_their_definition_says(
            bounds in [-50_i64..50, -50_i64..50, -50_i64..50, -50_i64..50], (height, width) in (0_usize..40, 0_usize..40),
        ) {
            let [top, left, bottom, right] = bounds;
            assert_like_slow_twin(Area::Rectangle { top, left, bottom, right }, height, width);
        }

        #[test]
        fn circles_cover_what_their_definition_says(
            row in coordinate(), column in coordinate(), radius in size(), (height, width) in (0_usize..40, 0_usize..40),
        ) {
            assert_like_slow_twin(Area::Circle { row, column, radius: radius.abs() }, height, width);
        }

        #[test]
        fn rotated_squares_cover_what_their_definition_says(
            row in coordinate(), column in coordinate(), side in size(), angle in angle(),
            (height, width) in (0_usize..40, 0_usize..40),
        ) {
            assert_like_slow_twin(Area::RotatedSquare { row, column, side, angle }, height, width);
        }

        #[test]
        fn borders_through_far_centers_are_exact(
            far in 1.0..17.0_f64, offset in -20.0..60.0_f64, direction in angle(), turn in angle(),
        ) {
            let distance = 10.0_f64.powf(far);
            let (row, column) = (20.0 + distance * direction.sin(), 20.0 + distance * direction.cos());
            assert_like_slow_twin(Area::Circle { row, column, radius: (distance + offset).abs() }, 40, 40);
            let side = 2.0 * (distance + offset);
            assert_like_slow_twin(Area::RotatedSquare { row, column, side, angle: direction }, 40, 40);
            assert_like_slow_twin(Area::RotatedSquare { row, column, side, angle: turn }, 40, 40);
        }
    }

    #[test]
    fn ties_go_to_the_lower_side() {
        let square = |angle| Area::RotatedSquare { row: 10.0, column: 10.0, side: 4.0, angle };
        let rows = |angle| square(angle).spans(20, 20).map(|span| (span.row, span.columns)).collect::<Vec<_>>();
        assert_eq!(rows(0.0), [(8, 8..12), (9, 8..12), (10, 8..12), (11, 8..12)]);
        for quarters in -4..=4 {
            assert_like_slow_twin(square(f64::from(quarters) * FRAC_PI_2), 20, 20);
        }
    }

    #[test]
    fn shapes_that_are_none_are_empty() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for area in [
                Area::Circle { row: value, column: 3.0, radius: 3.0 },
                Area::Circle { row: 3.0, column: value, radius: 3.0 },
                Area::Circle { row: 3.0, column: 3.0, radius: value },
                Area::RotatedSquare { row: value, column: 3.0, side: 3.0, angle: 0.0 },
                Area::RotatedSquare { row: 3.0, column: value, side: 3.0, angle: 0.0 },
                Area::RotatedSquare { row: 3.0, column: 3.0, side: value, angle: 0.0 },
                Area::RotatedSquare { row: 3.0, column: 3.0, side: 3.0, angle: value },
            ] {
                assert_eq!(area.pixel_count(10, 10), 0, "{area:?}");
            }
        }
        assert_eq!(Area::Circle { row: 3.0, column: 3.0, radius: -1.0 }.pixel_count(10, 10), 0);
        assert_eq!(Area::RotatedSquare { row: 3.0, column: 3.0, side: -2.0, angle: 0.0 }.pixel_count(10, 10), 0);
    }

    #[test]
    fn extreme_parameters_are_clipped() {
        let everything = [
            Area::Rectangle { top: i64::MIN, left: i64::MIN, bottom: i64::MAX, right: i64::MAX },
            Area::Circle { row: 0.0, column: 0.0, radius: f64::MAX },
            Area::RotatedSquare { row: 0.0, column: 0.0, side: f64::MAX, angle: 1.0 },
        ];
        for area in everything {
            assert_eq!(area.pixel_count(7, 9), 63, "{area:?}");
            assert_eq!(area.pixel_count(0, 9), 0, "{area:?}");
            assert_eq!(area.pixel_count(7, 0), 0, "{area:?}");
            assert!(area.covers((1000, 0)), "{area:?}");
        }
        for value in [f64::MAX, f64::MIN] {
            assert_like_slow_twin(Area::RotatedSquare { row: value, column: value, side: f64::MAX, angle: 0.7 }, 5, 5);
            assert_like_slow_twin(Area::Circle { row: value, column: value, radius: f64::MAX }, 5, 5);
        }
    }
}
