//! One descriptor: 4×4 histograms of gradient orientations around a point.

use std::ops::Range;

use multiversion::multiversion;

use super::gradient::Field;
use super::votes::{Votes, votes};
use super::{CELLS, LENGTH, ORIENTATIONS, SAMPLES};

/// Everything about the descriptors of one image that does not depend on where they stand.
pub(super) struct Describer<'a> {
    field: &'a Field,
    /// Where samples lie along either axis, from the center.
    offsets: [f64; SAMPLES],
    weights: Weights,
    fixed_point: FixedPoint,
    contrast: f64,
}

/// What each of the 16 samples along an axis gives to each of the 4 cells: its part of the Gaussian window times its
/// share in the cell. In units of the descriptor's side it is the same for all scales, and for both axes.
type Weights = [[f32; CELLS]; SAMPLES];

/// Sample positions relative to the center, as integers: exact sums, and the whole pixels are a shift away.
#[derive(Clone, Copy)]
struct FixedPoint {
    fraction_bits: u32,
}

impl FixedPoint {
    /// As many bits for the fraction as positions up to `side` leave in an `i32`.
    fn for_side(side: f64) -> Self {
        let whole_bits = side.max(1.0).log2().ceil() as u32 + 1;
        Self { fraction_bits: 31_u32.saturating_sub(whole_bits).min(30) }
    }

    #[inline]
    fn of(self, value: f64) -> i32 {
        (value * (1_i64 << self.fraction_bits) as f64) as i32
    }

    #[inline]
    fn whole(self, position: i32) -> i32 {
        position >> self.fraction_bits
    }

    #[inline]
    fn fraction(self, position: i32) -> f32 {
        (position & ((1 << self.fraction_bits) - 1)) as f32 * (1.0 / (1_i64 << self.fraction_bits) as f32)
    }
}

/// Where the samples of one descriptor lie: sample (i, j) at `x_i − across_j`, `y_i + along_j`.
struct Samples {
    /// The center.
    row: isize,
    column: isize,
    /// `column + o_i cos`
    x: [f64; SAMPLES],
    /// `row + o_i sin`
    y: [f64; SAMPLES],
    /// `o_j cos`
    along: [f64; SAMPLES],
    /// `o_j sin`
    across: [f64; SAMPLES],
    /// The same two, in fixed point.
    fixed_along: [i32; SAMPLES],
    fixed_across: [i32; SAMPLES],
}

/// For each row of cells and each column of samples, the votes of that column.
type Strips = [[[f32; ORIENTATIONS]; SAMPLES]; CELLS];

impl<'a> Describer<'a> {
    /// `side` — the descriptors' side in pixels; `contrast` — the norm up to which a descriptor counts as flat.
    pub(super) fn new(field: &'a Field, side: f64, contrast: f64) -> Self {
        Self { field, offsets: offsets(side), weights: weights(), fixed_point: FixedPoint::for_side(side), contrast }
    }

    /// The descriptor around `point`, (row, column), turned by `angle`: 4×4 cells of 8 orientations each.
    pub(super) fn describe(&self, point: (usize, usize), angle: f64) -> [f32; LENGTH] {
        let (sine, cosine) = angle.sin_cos();
        if self.field.is_flat(point, self.reach(cosine, sine)) {
            return [0.0; LENGTH];
        }
        let samples = self.samples(point, cosine, sine);
        let interior = self.is_interior(&samples);
        let mut strips: Strips = [[[0.0; ORIENTATIONS]; SAMPLES]; CELLS];
        for j in 0..SAMPLES {
            let inside = if interior { 0..SAMPLES } else { self.inside(&samples, j) };
            let [x, y] = self.gradients(&samples, j, inside);
            if x.iter().chain(&y).any(|&component| component != 0.0) {
                cast(&votes(&x, &y, cosine as f32, sine as f32), &self.weights[j], &mut strips);
            }
        }
        normalized(self.collect(&strips), self.contrast)
    }

    /// Rows and columns from the center up to which samples read the gradient: half the turned square's extent, and one
    /// more pixel for what is in between.
    fn reach(&self, cosine: f64, sine: f64) -> usize {
        (self.offsets[SAMPLES - 1] * (cosine.abs() + sine.abs())).ceil() as usize + 1
    }

    fn samples(&self, (row, column): (usize, usize), cosine: f64, sine: f64) -> Samples {
        let along = self.offsets.map(|offset| offset * cosine);
        let across = self.offsets.map(|offset| offset * sine);
        Samples {
            row: row as isize,
            column: column as isize,
            x: along.map(|offset| column as f64 + offset),
            y: across.map(|offset| row as f64 + offset),
            along,
            across,
            fixed_along: along.map(|offset| self.fixed_point.of(offset)),
            fixed_across: across.map(|offset| self.fixed_point.of(offset)),
        }
    }

    /// The gradient at the samples of row `j` that are `inside` of the image, and 0 at the others: all x, and all y.
    #[inline]
    fn gradients(&self, samples: &Samples, j: usize, inside: Range<usize>) -> [[f32; SAMPLES]; 2] {
        // Interpolated vertically one by one, since each is read from another place, and then horizontally all at once.
        let mut sides = [[0.0; 4]; SAMPLES];
        for i in inside {
            let right = samples.fixed_along[i] - samples.fixed_across[j];
            let down = samples.fixed_across[i] + samples.fixed_along[j];
            let pixel = (
                samples.row + self.fixed_point.whole(down) as isize,
                samples.column + self.fixed_point.whole(right) as isize,
            );
            sides[i] = self.field.left_and_right(pixel, self.fixed_point.fraction(down));
        }
        let mut gradients = [[0.0; SAMPLES]; 2];
        for i in 0..SAMPLES {
            let right = self.fixed_point.fraction(samples.fixed_along[i] - samples.fixed_across[j]);
            for (axis, gradients) in gradients.iter_mut().enumerate() {
                gradients[i] = sides[i][axis] + right * (sides[i][axis + 2] - sides[i][axis]);
            }
        }
        gradients
    }

    /// Whether all samples are inside of the image: the corners are, and positions are monotone between them.
    fn is_interior(&self, samples: &Samples) -> bool {
        let last = SAMPLES - 1;
        [(0, 0), (last, 0), (0, last), (last, last)].into_iter().all(|(i, j)| self.is_inside(samples, i, j))
    }

    /// Decided on the position in double precision, summed up in the order of its definition, so that samples right on
    /// the border count.
    fn is_inside(&self, samples: &Samples, i: usize, j: usize) -> bool {
        let (x, y) = (samples.x[i] - samples.across[j], samples.y[i] + samples.along[j]);
        (x >= 0.0) & (y >= 0.0) & (x <= (self.field.width() - 1) as f64) & (y <= (self.field.height() - 1) as f64)
    }

    /// The samples of row `j` that are inside of the image: one run, as they lie on a line.
    fn inside(&self, samples: &Samples, j: usize) -> Range<usize> {
        let Some(start) = (0..SAMPLES).find(|&i| self.is_inside(samples, i, j)) else { return 0..0 };
        let end = (start..SAMPLES).rfind(|&i| self.is_inside(samples, i, j)).map_or(start, |last| last + 1);
        start..end
    }

    /// Gathers the columns of samples into cells.
    fn collect(&self, strips: &Strips) -> [f32; LENGTH] {
        let mut descriptor = [0.0; LENGTH];
        for (row, strip) in descriptor.chunks_exact_mut(CELLS * ORIENTATIONS).zip(strips) {
            for (histogram, weights) in strip.iter().zip(&self.weights) {
                let cells = row.chunks_exact_mut(ORIENTATIONS).zip(weights);
                for (cell, &weight) in cells.filter(|(_, weight)| **weight > 0.0) {
                    for (sum, &value) in cell.iter_mut().zip(histogram) {
                        *sum += weight * value;
                    }
                }
            }
        }
        descriptor
    }
}

/// Adds the votes of a row of samples to the rows of cells that it has a weight in.
#[inline]
fn cast(votes: &Votes, weights: &[f32; CELLS], strips: &mut Strips) {
    for (strip, &weight) in strips.iter_mut().zip(weights).filter(|(_, weight)| **weight > 0.0) {
        for (i, histogram) in strip.iter_mut().enumerate() {
            let bin = votes.bins[i] as usize % ORIENTATIONS;
            histogram[bin] += weight * votes.lower[i];
            histogram[(bin + 1) % ORIENTATIONS] += weight * votes.upper[i];
        }
    }
}

/// Where samples lie along either axis, from the center of a descriptor.
pub(super) fn offsets(side: f64) -> [f64; SAMPLES] {
    std::array::from_fn(|sample| (sample as f64 + 0.5) * side / SAMPLES as f64 - side / 2.0)
}

/// Along one axis, in units of half the side: the window `exp(−o²/2)`, and a triangle around each cell's center that
/// ends at the centers of its neighbors.
pub(super) fn weights() -> Weights {
    std::array::from_fn(|sample| {
        let position = (sample as f64 + 0.5) / SAMPLES as f64;
        let offset = 2.0 * position - 1.0;
        std::array::from_fn(|cell| {
            let distance = (position * CELLS as f64 - (cell as f64 + 0.5)).abs();
            ((-0.5 * offset * offset).exp() * (1.0 - distance).max(0.0)) as f32
        })
    })
}

/// Scales to norm 1, clips at 0.2, and scales to norm 1 again; a norm up to `contrast` makes a zero vector.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn normalized(histograms: [f32; LENGTH], contrast: f64) -> [f32; LENGTH] {
    /// No component above this counts for more.
    const CLIP: f64 = 0.2;
    let length = norm(&histograms);
    if length <= contrast {
        return [0.0; LENGTH];
    }
    let scale = 1.0 / length;
    let clipped = histograms.map(|value| (f64::from(value) * scale).min(CLIP) as f32);
    let scale = 1.0 / norm(&clipped);
    clipped.map(|value| (f64::from(value) * scale) as f32)
}

/// Summed up in lanes, so that the additions need not wait for each other.
fn norm(descriptor: &[f32; LENGTH]) -> f64 {
    let mut lanes = [0.0_f64; ORIENTATIONS];
    for chunk in descriptor.chunks_exact(ORIENTATIONS) {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane += f64::from(value) * f64::from(value);
        }
    }
    lanes.iter().sum::<f64>().sqrt()
}
