//! The χ² kernel's sum over support vectors along a segment, where few of their values are zero.
//!
//! As in [`chi_squared_segment`](super::chi_squared_segment), `(x−z)²/(x+z) = z − 3x + 4x²/(x+z)`. Nothing is made for
//! the segment but the point itself: support vectors are read as they stand, which is half as much memory as
//! denominators of their own would be, and memory is what the time goes to. Four quotients share one division.

use super::chi_squared_segment::NEGLIGIBLE;
use crate::lanes::{sum_pairs, vectorized};
use crate::points::SupportVectors;

/// Quotients that are summed together, and how many of them share a division.
const BLOCK: usize = 16;
const SHARED: usize = 4;
const LANES: usize = BLOCK / SHARED;

/// Bandwidths for which products of four denominators, each between [`NEGLIGIBLE`] and some hundreds of 1/σ, neither
/// over- nor underflow.
const BANDWIDTHS: std::ops::RangeInclusive<f64> = 1e-40..=1e40;

/// `Σ_i α_i k(x_i, l(a))` as a function of the position `a`.
pub(super) struct ChiSquaredDense<'a> {
    sigma: f64,
    support: SupportVectors<'a>,
    /// `Σ_d x_i(d)`, for each support vector with a coefficient other than zero.
    totals: Vec<f64>,
    from: Vec<f64>,
    to: Vec<f64>,
}

impl<'a> ChiSquaredDense<'a> {
    /// Whether this form is the faster one: at least half of the values are not zero.
    pub(super) fn suits(sigma: f64, support: &SupportVectors<'_>) -> bool {
        let negligible = NEGLIGIBLE / sigma;
        let count = |x: &[f64]| x.iter().map(|&value| usize::from(value > negligible)).sum::<usize>();
        let (kept, all) = support.iter().fold((0, 0), |(kept, all), (x, _)| (kept + count(x), all + x.len()));
        BANDWIDTHS.contains(&sigma) && 2 * kept >= all
    }

    pub(super) fn new(sigma: f64, support: SupportVectors<'a>, from: &[f64], to: &[f64]) -> Self {
        let totals = support.iter().map(|(x, _)| total(x)).collect();
        Self { sigma, support, totals, from: from.to_vec(), to: to.to_vec() }
    }

    /// The sum at a position in [0, 1].
    pub(super) fn value(&self, position: f64) -> f64 {
        let ends = self.from.iter().zip(&self.to);
        let point: Vec<f64> = ends.map(|(from, to)| position * to + (1.0 - position) * from).collect();
        let (line, smallest) = (total(&point), NEGLIGIBLE / self.sigma);
        let terms = self.support.iter().zip(&self.totals).map(|((x, coefficient), total)| {
            let sum = vectorized(
                #[inline(always)]
                || quotients(x, &point, smallest),
            );
            coefficient * (-self.sigma * (line - 3.0 * total + 4.0 * sum)).exp()
        });
        terms.sum()
    }
}

fn total(values: &[f64]) -> f64 {
    sum_pairs(values, values, |value, _| value)
}

/// `Σ_d x_d² / (x_d + z_d)`, no denominator below `smallest`.
#[inline(always)]
fn quotients(x: &[f64], z: &[f64], smallest: f64) -> f64 {
    let denominator = |x: f64, z: f64| if x + z > smallest { x + z } else { smallest };
    let (x_blocks, x_rest) = x.as_chunks::<BLOCK>();
    let (z_blocks, z_rest) = z.as_chunks::<BLOCK>();
    let mut lanes = [0.0; LANES];
    for (x, z) in x_blocks.iter().zip(z_blocks) {
        for lane in 0..LANES {
            let [a, b, c, d] = [x[lane], x[lane + LANES], x[lane + 2 * LANES], x[lane + 3 * LANES]];
            let of_a = denominator(a, z[lane]);
            let of_b = denominator(b, z[lane + LANES]);
            let of_c = denominator(c, z[lane + 2 * LANES]);
            let of_d = denominator(d, z[lane + 3 * LANES]);
            let (first, second) = (of_a * of_b, of_c * of_d);
            let numerator = (a * a * of_b + b * b * of_a) * second + (c * c * of_d + d * d * of_c) * first;
            lanes[lane] += numerator / (first * second);
        }
    }
    let mut sum = 0.0;
    for lane in lanes {
        sum += lane;
    }
    for (&x, &z) in x_rest.iter().zip(z_rest) {
        sum += x * x / denominator(x, z);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_are_those_of_a_plain_loop() {
        for length in [1, 3, 16, 19, 100] {
            let values = |phase: f64| (0..length).map(|d| (f64::from(d) * 0.9 + phase).sin().max(0.0)).collect();
            let (x, z): (Vec<f64>, Vec<f64>) = (values(0.3), values(1.4));
            let plain: f64 = x.iter().zip(&z).map(|(x, z)| if x + z > 0.0 { x * x / (x + z) } else { 0.0 }).sum();
            let found = quotients(&x, &z, 1e-24);
            assert!((found - plain).abs() <= 1e-14 * (1.0 + plain), "{length}: {found}, {plain}");
        }
    }
}
