//! Smoothing with a Gaussian; beyond its border an image goes on as its outermost pixels.

use multiversion::multiversion;

use crate::plane::Plane;

/// Half of a sampled Gaussian; its sum over both halves and the center is 1.
pub(super) struct Gaussian {
    center: f64,
    /// The weights at distances 1, 2, …
    sides: Vec<f64>,
}

impl Gaussian {
    /// Standard deviations after which the Gaussian is cut off.
    const TRUNCATE: f64 = 4.0;

    /// A Gaussian of standard deviation `sigma` pixels, up to a distance of `⌊4 σ + ½⌋`.
    pub(super) fn new(sigma: f64) -> Self {
        let radius = (Self::TRUNCATE * sigma + 0.5) as usize;
        let sides: Vec<f64> =
            (1..=radius).map(|distance| (-0.5 * (distance * distance) as f64 / (sigma * sigma)).exp()).collect();
        let sum = 1.0 + 2.0 * sides.iter().sum::<f64>();
        Self { center: 1.0 / sum, sides: sides.iter().map(|weight| weight / sum).collect() }
    }

    /// Smooths along rows and columns.
    pub(super) fn smooth(&self, plane: &Plane) -> Plane {
        let mut smooth = self.vertically(plane, 0..plane.height());
        self.horizontally(&mut smooth);
        smooth
    }

    /// Smooths along the columns; the result has the given rows only.
    pub(super) fn vertically(&self, plane: &Plane, rows: impl ExactSizeIterator<Item = usize>) -> Plane {
        let last = plane.height() - 1;
        let mut smooth = Plane::with_capacity(rows.len(), plane.width());
        for row in rows {
            let sums = smooth.push_row(plane.row(row).iter().map(|value| self.center * value));
            for (distance, &weight) in (1..).zip(&self.sides) {
                let above = plane.row(row.saturating_sub(distance));
                let below = plane.row((row + distance).min(last));
                add_pairs(sums, weight, above, below);
            }
        }
        smooth
    }

    /// Smooths along the rows, in place.
    fn horizontally(&self, plane: &mut Plane) {
        let (radius, width) = (self.sides.len(), plane.width());
        let mut extended = vec![0.0; width + 2 * radius];
        for row in 0..plane.height() {
            let line = plane.row_mut(row);
            extended[..radius].fill(line[0]);
            extended[radius..radius + width].copy_from_slice(line);
            extended[radius + width..].fill(line[width - 1]);
            for value in line.iter_mut() {
                *value *= self.center;
            }
            for (distance, &weight) in (1..).zip(&self.sides) {
                add_pairs(line, weight, &extended[radius - distance..], &extended[radius + distance..]);
            }
        }
    }

    /// The smoothed value of a line at one of its points.
    pub(super) fn at(&self, line: &[f64], point: usize) -> f64 {
        let last = line.len() - 1;
        let mut sum = self.center * line[point];
        for (distance, &weight) in (1..).zip(&self.sides) {
            sum += weight * (line[point.saturating_sub(distance)] + line[(point + distance).min(last)]);
        }
        sum
    }
}

/// Adds the two values at the same distance on either side. Adding them to each other first keeps an image that is
/// symmetric exactly so, and the gradient on its axis exactly zero.
#[multiversion(targets("x86_64+avx2"))]
fn add_pairs(sums: &mut [f64], weight: f64, before: &[f64], after: &[f64]) {
    for ((sum, before), after) in sums.iter_mut().zip(before).zip(after) {
        *sum += weight * (before + after);
    }
}
