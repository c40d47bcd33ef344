//! From shapes to pixels: a pixel takes on as much of a shape's color as the shape covers of it.
//!
//! Coverage is counted on 4×4 samples a pixel. Along a row of samples a shape is a few intervals, whose ends are found
//! by bisection; so only pixels that a shape covers are ever touched.

use std::ops::Range;

use ndarray::{Array2, Array3, Axis};

use super::{Outline, Point, Shape};
use crate::voc::BoundingBox;

/// Samples a pixel, along each axis.
const SAMPLES: usize = 4;

pub(super) struct Painted {
    pub(super) image: Array3<u8>,
    pub(super) polygon_mask: Array2<bool>,
    pub(super) circle_mask: Array2<bool>,
}

/// Paints one shape after another on the background.
pub(super) fn paint(background: [f64; 3], shapes: &[Shape], height: usize, width: usize) -> Painted {
    let mut painted = Painted {
        image: Array3::zeros((height, width, 3)),
        polygon_mask: Array2::from_elem((height, width), false),
        circle_mask: Array2::from_elem((height, width), false),
    };
    let stencils: Vec<Stencil<'_>> = shapes.iter().map(|shape| Stencil::new(shape, height, width)).collect();
    let mut colors = vec![background; width];
    for row in 0..height {
        colors.fill(background);
        for stencil in &stencils {
            let mask = match stencil.shape.outline {
                Outline::Polygon { .. } => &mut painted.polygon_mask,
                Outline::Circle => &mut painted.circle_mask,
            };
            stencil.for_each_covered(row, |column, coverage| {
                for (color, of_shape) in colors[column].iter_mut().zip(stencil.shape.color) {
                    *color = (1.0 - coverage) * *color + coverage * of_shape;
                }
                mask[[row, column]] = true;
            });
        }
        for (mut pixel, color) in painted.image.index_axis_mut(Axis(0), row).outer_iter_mut().zip(&colors) {
            pixel.iter_mut().zip(color).for_each(|(level, value)| *level = (value * 255.0 + 0.5) as u8);
        }
    }
    painted
}

/// The smallest rectangle around all pixels that a shape covers at least in part; none where it covers no pixel.
pub(super) fn bounding_box(shape: &Shape, height: usize, width: usize) -> Option<BoundingBox> {
    let stencil = Stencil::new(shape, height, width);
    let mut covered: Option<(Range<usize>, Range<usize>)> = None;
    for row in stencil.rows.clone() {
        stencil.for_each_covered(row, |column, _| {
            covered = Some(match covered.take() {
                None => (row..row + 1, column..column + 1),
                Some((rows, columns)) => (rows.start..row + 1, columns.start.min(column)..columns.end.max(column + 1)),
            });
        });
    }
    covered.and_then(|(rows, columns)| BoundingBox::new(rows, columns))
}

/// A shape over the pixels that it can touch.
struct Stencil<'a> {
    shape: &'a Shape,
    rows: Range<usize>,
    first_column: usize,
    /// Where along a row the samples are, [`SAMPLES`] for each column.
    xs: Vec<f64>,
}

impl<'a> Stencil<'a> {
    fn new(shape: &'a Shape, height: usize, width: usize) -> Self {
        let columns = extent(shape.center.x, shape.radius, width);
        Self {
            shape,
            rows: extent(shape.center.y, shape.radius, height),
            first_column: columns.start,
            xs: columns.flat_map(|column| (0..SAMPLES).map(move |sample| sample_position(column, sample))).collect(),
        }
    }

    /// Calls `visit` with each column of `row` of which the shape covers something, and how much of it.
    fn for_each_covered(&self, row: usize, mut visit: impl FnMut(usize, f64)) {
        if !self.rows.contains(&row) {
            return;
        }
        let mut counts = vec![0_u8; self.xs.len() / SAMPLES];
        for sample in 0..SAMPLES {
            for inside in self.shape.intervals(sample_position(row, sample), &self.xs) {
                inside.for_each(|index| counts[index / SAMPLES] += 1);
            }
        }
        for (offset, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            visit(self.first_column + offset, f64::from(count) / (SAMPLES * SAMPLES) as f64);
        }
    }
}

impl Shape {
    /// The samples at height `y` that lie inside, as ranges of positions in `xs`, which ascends.
    fn intervals(&self, y: f64, xs: &[f64]) -> Vec<Range<usize>> {
        match &self.outline {
            Outline::Circle => vec![self.chord(y, xs)],
            Outline::Polygon { vertices } => even_odd(vertices, y, xs),
        }
    }

    /// `(x − c_x)² + (y − c_y)² ≤ R²`: what is inside lies in one piece around the center.
    fn chord(&self, y: f64, xs: &[f64]) -> Range<usize> {
        let Point { x: center_x, y: center_y } = self.center;
        let is_inside =
            |x: f64| (x - center_x) * (x - center_x) + (y - center_y) * (y - center_y) <= self.radius * self.radius;
        let middle = xs.partition_point(|&x| x < center_x);
        let start = xs[..middle].partition_point(|&x| !is_inside(x));
        let end = middle + xs[middle..].partition_point(|&x| is_inside(x));
        start..end
    }
}

/// The even-odd rule: a sample is inside when an odd number of edges cross its row to the right of it.
fn even_odd(vertices: &[Point], y: f64, xs: &[f64]) -> Vec<Range<usize>> {
    let next = vertices.iter().cycle().skip(1);
    let mut ends: Vec<usize> = vertices
        .iter()
        .zip(next)
        .filter(|(from, to)| (from.y > y) != (to.y > y))
        .map(|(from, to)| {
            let crossing = (to.x - from.x) * (y - from.y) / (to.y - from.y) + from.x;
            xs.partition_point(|&x| x < crossing)
        })
        .collect();
    // A closed outline crosses a row an even number of times.
    ends.sort_unstable();
    ends.chunks_exact(2).map(|pair| pair[0]..pair[1]).collect()
}

/// The pixels along one axis that lie within a radius of the center, and one more on either side.
fn extent(center: f64, radius: f64, length: usize) -> Range<usize> {
    let start = ((center - radius) as i64 - 1).max(0) as usize;
    let end = ((center + radius) as i64 + 2).max(0) as usize;
    start.min(length)..end.min(length).max(start.min(length))
}

/// Where the `sample`-th sample of a pixel lies.
fn sample_position(pixel: usize, sample: usize) -> f64 {
    pixel as f64 + (sample as f64 + 0.5) / SAMPLES as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::polygons::{Scene, composite, tile, tile_of};

    /// The definition: every sample of every pixel, edge by edge.
    fn plain_coverage(shape: &Shape, row: usize, column: usize) -> f64 {
        let mut inside = 0;
        for vertical in 0..4 {
            for horizontal in 0..4 {
                let y = row as f64 + (f64::from(vertical) + 0.5) / 4.0;
                let x = column as f64 + (f64::from(horizontal) + 0.5) / 4.0;
                inside += u8::from(plain_inside(shape, x, y));
            }
        }
        f64::from(inside) / 16.0
    }

    fn plain_inside(shape: &Shape, x: f64, y: f64) -> bool {
        match &shape.outline {
            Outline::Circle => {
                (x - shape.center.x).powi(2) + (y - shape.center.y).powi(2) <= shape.radius * shape.radius
            }
            Outline::Polygon { vertices } => {
                let mut inside = false;
                for (index, from) in vertices.iter().enumerate() {
                    let to = vertices[(index + 1) % vertices.len()];
                    if (from.y > y) != (to.y > y) && x < (to.x - from.x) * (y - from.y) / (to.y - from.y) + from.x {
                        inside = !inside;
                    }
                }
                inside
            }
        }
    }

    fn assert_painted_plainly(scene: &Scene) {
        let (height, width, _) = scene.image.dim();
        for row in 0..height {
            for column in 0..width {
                let mut color = scene.background;
                let (mut polygon, mut circle) = (false, false);
                for shape in &scene.shapes {
                    let coverage = plain_coverage(shape, row, column);
                    color =
                        [0, 1, 2].map(|channel| (1.0 - coverage) * color[channel] + coverage * shape.color[channel]);
                    match shape.outline {
                        Outline::Circle => circle |= coverage > 0.0,
                        Outline::Polygon { .. } => polygon |= coverage > 0.0,
                    }
                }
                assert_eq!(scene.polygon_mask[[row, column]], polygon, "polygon at ({row}, {column})");
                assert_eq!(scene.circle_mask[[row, column]], circle, "circle at ({row}, {column})");
                let levels = color.map(|value| (255.0 * value + 0.5).floor() as u8);
                assert_eq!([0, 1, 2].map(|channel| scene.image[[row, column, channel]]), levels, "({row}, {column})");
            }
        }
    }

    #[test]
    fn pictures_are_those_of_the_plain_definition() {
        for index in 0..12 {
            assert_painted_plainly(&tile(20_150_710, index));
        }
        assert_painted_plainly(&composite(9, 4));
    }

    #[test]
    fn shapes_are_clipped_at_borders_of_any_size() -> Result<(), crate::Error> {
        for (height, width) in [(1, 1), (1, 100), (3, 19), (19, 3), (24, 24), (100, 57)] {
            for index in 0..6 {
                assert_painted_plainly(&tile_of(5, index, height, width)?);
            }
        }
        Ok(())
    }

    #[test]
    fn samples_on_the_outline_count_by_the_same_rule_as_in_the_plain_definition() {
        let square = [(1.125, 1.125), (3.125, 1.125), (3.125, 3.125), (1.125, 3.125)];
        let star = [(0.0, 0.0), (4.0, 4.0), (4.0, 0.0), (0.0, 4.0)];
        for corners in [square, star] {
            let vertices: Vec<Point> = corners.iter().map(|&(x, y)| Point { x, y }).collect();
            let shape = Shape {
                center: Point { x: 2.125, y: 2.125 },
                radius: 2.0,
                color: [1.0; 3],
                outline: Outline::Polygon { vertices },
            };
            let circle = Shape { outline: Outline::Circle, ..shape.clone() };
            for shape in [shape, circle] {
                let stencil = Stencil::new(&shape, 6, 6);
                for row in 0..6 {
                    let mut covered = vec![0.0; 6];
                    stencil.for_each_covered(row, |column, coverage| covered[column] = coverage);
                    let plain: Vec<f64> = (0..6).map(|column| plain_coverage(&shape, row, column)).collect();
                    assert_eq!(covered, plain, "row {row} of {shape:?}");
                }
            }
        }
    }
}
