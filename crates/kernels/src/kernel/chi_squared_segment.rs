//! The χ² kernel's sum over support vectors along a segment: what a root search evaluates again and again.
//!
//! With `x > 0` the distance in one dimension is `(x−z)²/(x+z) = z − 3x + 4x²/(x+z)`, and with `x = 0` it is `z`. On a
//! segment `z` is linear in the position, and so
//!
//! ```text
//! σ Σ_d (x−z)²/(x+z) = constant of the support vector + line common to all + 4 Σ_{d: x>0, z varies} 1/(p_d + a q_d)
//! ```
//!
//! with `a` the position, `p = (x + from)/(σx²)` and `q = (to − from)/(σx²)`. Only dimensions in which the support
//! vector is not zero and the segment moves are left to the loop, and eight of its quotients need one vector division.

use super::exponential::LARGEST_EXPONENT;
use crate::points::SupportVectors;

/// Quotients that are brought to one denominator.
const BLOCK: usize = 8;

/// Values below this many units of 1/σ change an exponent by less than a rounding: they count as zero. (It bounds the
/// denominators, so that a product of four of them stays far from overflow.)
const NEGLIGIBLE: f64 = 1e-24;

/// A denominator whose quotient vanishes: it fills up the last block of a support vector.
const PADDING: f64 = 1e40;

/// `p` and `q` of eight dimensions.
#[derive(Clone, Copy)]
struct Denominators {
    start: [f64; BLOCK],
    slope: [f64; BLOCK],
}

/// One support vector.
struct Term {
    coefficient: f64,
    constant: f64,
    /// Where its denominators end; they begin where those of the support vector before it end.
    end: usize,
}

/// `Σ_i α_i k(x_i, l(a))` as a function of the position `a`.
pub(super) struct ChiSquaredSegment {
    line: [f64; 2],
    terms: Vec<Term>,
    denominators: Vec<Denominators>,
}

impl ChiSquaredSegment {
    /// `None` where the sums are so large against the exponents that their rounding could be seen: histograms of a mass
    /// of hundreds of 1/σ.
    pub(super) fn new(sigma: f64, support: &SupportVectors<'_>, from: &[f64], to: &[f64]) -> Option<Self> {
        let mass: f64 = from.iter().zip(to).map(|(from, to)| sigma * from.max(*to)).sum();
        let heaviest = support.points.iter().map(|x| sigma * x.iter().sum::<f64>()).fold(0.0, f64::max);
        if mass + 3.0 * heaviest > LARGEST_EXPONENT {
            return None;
        }
        let mut course = Course::default();
        for (dimension, (&from, &to)) in from.iter().zip(to).enumerate() {
            course.push(dimension, sigma * from, sigma * to);
        }
        let mut segment = Self {
            line: [course.starts.iter().sum(), course.steps.iter().sum()],
            terms: Vec::with_capacity(support.coefficients.len()),
            denominators: Vec::new(),
        };
        let mut kept = Kept::with_room_for(course.varying.len());
        for (x, coefficient) in support.iter() {
            let standing: f64 = course.standing.iter().map(|&(d, z)| chi_squared(sigma * x[d], z)).sum();
            let mass = kept.keep(x, sigma, &course);
            kept.append_to(&mut segment.denominators);
            segment.terms.push(Term { coefficient, constant: standing - 3.0 * mass, end: segment.denominators.len() });
        }
        Some(segment)
    }

    /// The sum at a position in [0, 1].
    pub(super) fn value(&self, position: f64) -> f64 {
        let line = self.line[0] + position * self.line[1];
        let mut begin = 0;
        let terms = self.terms.iter().map(|term| {
            let denominators = &self.denominators[begin..term.end];
            begin = term.end;
            term.coefficient * (-(term.constant + line + 4.0 * quotients(denominators, position))).exp()
        });
        terms.sum()
    }
}

/// `(x−z)²/(x+z)`, with 0/0 = 0
fn chi_squared(x: f64, z: f64) -> f64 {
    if z == 0.0 { x } else { (x - z) / (x + z) * (x - z) }
}

/// `Σ 1/(p + a q)`: within a block, eight quotients become two over one denominator each.
fn quotients(blocks: &[Denominators], position: f64) -> f64 {
    let mut sums = [0.0; 2];
    for Denominators { start, slope } in blocks {
        let mut single = [0.0; 8];
        for lane in 0..8 {
            single[lane] = start[lane] + position * slope[lane];
        }
        // 1/d + 1/e = (d + e)/(d e)
        let (mut pair, mut pair_product) = ([0.0; 4], [0.0; 4]);
        for lane in 0..4 {
            pair[lane] = single[lane] + single[lane + 4];
            pair_product[lane] = single[lane] * single[lane + 4];
        }
        for lane in 0..2 {
            let four = pair[lane] * pair_product[lane + 2] + pair[lane + 2] * pair_product[lane];
            sums[lane] += four / (pair_product[lane] * pair_product[lane + 2]);
        }
    }
    sums[0] + sums[1]
}

/// The segment, dimension by dimension, in units of 1/σ.
#[derive(Default)]
struct Course {
    /// Dimensions in which it stands still, with the value there.
    standing: Vec<(usize, f64)>,
    /// Dimensions in which it moves.
    varying: Vec<usize>,
    /// `σ from`, for each of those.
    starts: Vec<f64>,
    /// `σ (to − from)`, for each of those.
    steps: Vec<f64>,
}

impl Course {
    fn push(&mut self, dimension: usize, from: f64, to: f64) {
        if from == to {
            self.standing.push((dimension, from));
        } else {
            self.varying.push(dimension);
            self.starts.push(from);
            self.steps.push(to - from);
        }
    }
}

/// The dimensions of one support vector that are left to the loop.
struct Kept {
    values: Vec<f64>,
    starts: Vec<f64>,
    steps: Vec<f64>,
    count: usize,
}

impl Kept {
    /// One entry more than there are dimensions: [`keep`](Self::keep) writes before it knows.
    fn with_room_for(dimensions: usize) -> Self {
        let empty = vec![0.0; dimensions + 1];
        Self { values: empty.clone(), starts: empty.clone(), steps: empty, count: 0 }
    }

    /// Keeps the varying dimensions in which `x` is not zero; returns the sum of `x` over them. Every entry is written,
    /// and the next one overwrites it unless it is kept: no branch that the processor would have to guess.
    fn keep(&mut self, x: &[f64], sigma: f64, course: &Course) -> f64 {
        let mut mass = 0.0;
        self.count = 0;
        for ((&dimension, &start), &step) in course.varying.iter().zip(&course.starts).zip(&course.steps) {
            let value = sigma * x[dimension];
            self.values[self.count] = value;
            self.starts[self.count] = start;
            self.steps[self.count] = step;
            let keep = value > NEGLIGIBLE;
            self.count += usize::from(keep);
            mass += if keep { value } else { 0.0 };
        }
        mass
    }

    fn append_to(&self, denominators: &mut Vec<Denominators>) {
        for begin in (0..self.count).step_by(BLOCK) {
            let end = self.count.min(begin + BLOCK);
            let mut block = Denominators { start: [PADDING; BLOCK], slope: [0.0; BLOCK] };
            for (lane, index) in (begin..end).enumerate() {
                let scale = 1.0 / (self.values[index] * self.values[index]);
                block.start[lane] = (self.values[index] + self.starts[index]) * scale;
                block.slope[lane] = self.steps[index] * scale;
            }
            denominators.push(block);
        }
    }
}
