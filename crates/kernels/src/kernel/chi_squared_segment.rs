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
//! vector is not zero and the segment moves are left to the loop, and two of its quotients share one division.

use super::exponential::LARGEST_EXPONENT;
use crate::lanes::{sum_pairs, vectorized};
use crate::points::SupportVectors;

/// Quotients that are summed together.
const BLOCK: usize = 8;

/// Values below this many units of 1/σ change an exponent by less than a rounding: they count as zero. (It bounds the
/// denominators, so that a product of two of them stays far from overflow.)
pub(super) const NEGLIGIBLE: f64 = 1e-24;

/// A denominator whose quotient vanishes: it fills up the last block of a support vector.
const PADDING: f64 = 1e40;

/// `p` and `q` of eight dimensions.
#[derive(Clone, Copy)]
struct Denominators {
    start: [f64; BLOCK],
    slope: [f64; BLOCK],
}

impl Denominators {
    /// For up to eight places among the `values` of a support vector.
    fn new(places: &[usize], values: &[f64], course: &Course) -> Self {
        let (mut value, mut start, mut step) = ([1.0; BLOCK], [PADDING; BLOCK], [0.0; BLOCK]);
        for (lane, &place) in places.iter().enumerate() {
            value[lane] = values[place];
            start[lane] = values[place] + course.starts[place];
            step[lane] = course.steps[place];
        }
        for lane in 0..BLOCK {
            let scale = 1.0 / (value[lane] * value[lane]);
            start[lane] *= scale;
            step[lane] *= scale;
        }
        Self { start, slope: step }
    }
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
    /// Whether no sums are so large against the exponents that their rounding could be seen: those of histograms of a
    /// mass of hundreds of 1/σ are.
    pub(super) fn suits(sigma: f64, support: &SupportVectors<'_>, from: &[f64], to: &[f64]) -> bool {
        let mass: f64 = from.iter().zip(to).map(|(from, to)| sigma * from.max(*to)).sum();
        let heaviest = support.iter().map(|(x, _)| sigma * total(x)).fold(0.0, f64::max);
        mass + 3.0 * heaviest <= LARGEST_EXPONENT
    }

    pub(super) fn new(sigma: f64, support: &SupportVectors<'_>, from: &[f64], to: &[f64]) -> Self {
        let mut course = Course::default();
        for (dimension, (&from, &to)) in from.iter().zip(to).enumerate() {
            course.push(dimension, sigma * from, sigma * to);
        }
        let mut segment = Self {
            line: [course.starts.iter().sum(), course.steps.iter().sum()],
            terms: Vec::with_capacity(support.coefficients.len()),
            denominators: Vec::new(),
        };
        let mut workspace = Workspace { values: vec![0.0; course.varying.len()], kept: vec![0; course.varying.len()] };
        for (x, coefficient) in support.iter() {
            segment.push(x, coefficient, sigma, &course, &mut workspace);
        }
        segment
    }

    /// Adds a support vector.
    fn push(&mut self, x: &[f64], coefficient: f64, sigma: f64, course: &Course, workspace: &mut Workspace) {
        let Workspace { values, kept } = workspace;
        for (value, &dimension) in values.iter_mut().zip(&course.varying) {
            *value = sigma * x[dimension];
        }
        // Every place is written, and the next one overwrites it unless it is kept: there is no branch to guess.
        let mut count = 0;
        for (place, &value) in values.iter().enumerate() {
            kept[count] = place;
            count += usize::from(value > NEGLIGIBLE);
        }
        self.denominators.extend(kept[..count].chunks(BLOCK).map(|places| Denominators::new(places, values, course)));
        // Where the segment stands at 0, the distance is x: all of x, but for the other dimensions.
        let standing = |&(dimension, z): &(usize, f64)| {
            let x = sigma * x[dimension];
            (x - z) / (x + z) * (x - z) - x
        };
        let constant = sigma * total(x) - 4.0 * total(values) + course.standing.iter().map(standing).sum::<f64>();
        self.terms.push(Term { coefficient, constant, end: self.denominators.len() });
    }

    /// The sum at a position in [0, 1].
    pub(super) fn value(&self, position: f64) -> f64 {
        let line = self.line[0] + position * self.line[1];
        let mut begin = 0;
        let terms = self.terms.iter().map(|term| {
            let blocks = &self.denominators[begin..term.end];
            begin = term.end;
            let sum = vectorized(
                #[inline(always)]
                || quotients(blocks, position),
            );
            term.coefficient * (-(term.constant + line + 4.0 * sum)).exp()
        });
        terms.sum()
    }
}

fn total(values: &[f64]) -> f64 {
    sum_pairs(values, values, |value, _| value)
}

/// `Σ 1/(p + a q)`: eight quotients of a block become four, `1/d + 1/e = (d + e)/(d e)`.
#[inline(always)]
fn quotients(blocks: &[Denominators], position: f64) -> f64 {
    const HALF: usize = BLOCK / 2;
    let mut lanes = [0.0; HALF];
    for Denominators { start, slope } in blocks {
        for lane in 0..HALF {
            let left = start[lane] + position * slope[lane];
            let right = start[lane + HALF] + position * slope[lane + HALF];
            lanes[lane] += (left + right) / (left * right);
        }
    }
    lanes.iter().sum()
}

/// The segment, dimension by dimension, in units of 1/σ.
#[derive(Default)]
struct Course {
    /// Dimensions in which it stands still, but not at 0, with the value there.
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
            if from > 0.0 {
                self.standing.push((dimension, from));
            }
        } else {
            self.varying.push(dimension);
            self.starts.push(from);
            self.steps.push(to - from);
        }
    }
}

/// Room for what [`ChiSquaredSegment::push`] works on, used again for each support vector.
struct Workspace {
    /// `σ x`, for each dimension in which the segment moves.
    values: Vec<f64>,
    /// Places in `values` that are not zero.
    kept: Vec<usize>,
}
