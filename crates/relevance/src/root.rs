//! The search for a root point (text after Eq. 18): on segments towards candidates of the opposite sign.
//!
//! The search is deterministic: on each segment, 64 halvings of the interval decide which root it is when there are
//! several. The signs of most midpoints are known without evaluating the function there once the interval is small
//! enough to hold a single root ([`bisect`]); that makes the search three times as fast.

use ndarray::{Array1, Array2, ArrayView1};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{check_finite, check_length};
use crate::taylor::{TaylorDecomposition, check_point, decompose, point_on_segment};
use crate::{Amount, Differentiable, Entry, Error, Sink};

/// Halvings of the interval on each segment.
const HALVINGS: usize = 64;

/// Halvings that evaluate every midpoint. They decide which root it is; the interval that is left, a thousandth of the
/// segment, is taken to hold one sign change.
const PLAIN_HALVINGS: usize = 10;

/// Points towards which roots are searched, with their values: computed once, used for every explanation.
///
/// ```
/// use ndarray::{Array1, ArrayView1, array};
/// use relevance::{Candidates, Differentiable};
///
/// struct Plane; // f(x) = x₁ + x₂ − 1
/// impl Differentiable for Plane {
///     fn dimensions(&self) -> usize { 2 }
///     fn value(&self, x: ArrayView1<f64>) -> f64 { x.sum() - 1.0 }
///     fn gradient(&self, _: ArrayView1<f64>) -> Array1<f64> { array![1.0, 1.0] }
/// }
/// let points = array![[0.0, 0.0], [5.0, 5.0]];
/// let candidates = Candidates::new(&Plane, points.clone())?;
/// assert_eq!(candidates.values(), array![-1.0, 9.0]);
/// // From a file, with the scores that were computed in training:
/// assert_eq!(Candidates::with_values(points, array![-1.0, 9.0])?, candidates);
/// # Ok::<(), relevance::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Candidates {
    points: Array2<f64>,
    values: Array1<f64>,
}

impl Candidates {
    /// Evaluates `function` at each row of `points`.
    ///
    /// # Errors
    /// [`Error::Length`] when the points do not have the function's dimensions; [`Error::NonFinite`] when one holds
    /// an infinity or NaN, or the function has such a value there.
    pub fn new<F: Differentiable + ?Sized>(function: &F, points: Array2<f64>) -> Result<Self, Error> {
        check_length("a candidate", points.ncols(), function.dimensions())?;
        check_finite("the candidates", &points)?;
        let values = function.values(points.view());
        Self::with_values(points, values)
    }

    /// Candidates whose values are known already.
    ///
    /// # Errors
    /// [`Error::Length`] when there is not one value for each row of `points`; [`Error::NonFinite`] when any number is
    /// infinite or NaN.
    pub fn with_values(points: Array2<f64>, values: Array1<f64>) -> Result<Self, Error> {
        check_length("the values of the candidates", values.len(), points.nrows())?;
        check_finite("the candidates", &points)?;
        check_finite("the values of the candidates", &values)?;
        Ok(Self { points, values })
    }

    /// The candidates, one a row.
    pub fn points(&self) -> &Array2<f64> {
        &self.points
    }

    /// `f` at each of them.
    pub fn values(&self) -> &Array1<f64> {
        &self.values
    }
}

/// Which of the candidates of the opposite sign are searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SearchOver {
    /// All of them.
    All,
    /// The k nearest by Euclidean distance; ties go to the lower index.
    Nearest(usize),
}

/// What becomes of the roots that were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RootSelection {
    /// The root whose decomposition leaves the smallest |residual|.
    SmallestResidual,
    /// The root nearest to the explained point.
    Nearest,
    /// The mean of the decompositions with the k smallest |residual|. (The decompositions are averaged, not the roots:
    /// an average of roots is no root.)
    AverageOfBest(usize),
}

/// How a root point is searched and chosen.
///
/// ```
/// use ndarray::{Array1, ArrayView1, array};
/// use relevance::{Candidates, Differentiable, RootSearch};
///
/// struct Plane; // f(x) = x₁ + x₂ − 1
/// impl Differentiable for Plane {
///     fn dimensions(&self) -> usize { 2 }
///     fn value(&self, x: ArrayView1<f64>) -> f64 { x.sum() - 1.0 }
///     fn gradient(&self, _: ArrayView1<f64>) -> Array1<f64> { array![1.0, 1.0] }
/// }
/// let candidates = Candidates::new(&Plane, array![[0.0, 0.0], [5.0, 5.0], [1.0, -1.0]])?;
/// let found = RootSearch::default().decompose(&Plane, array![2.0, 1.0].view(), &candidates)?;
/// assert!((found.relevance.sum() - 2.0).abs() < 1e-12); // f(x) = 2, a plane has no residual
/// assert_eq!(found.candidates, [0]); // the second is on the same side
/// # Ok::<(), relevance::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RootSearch {
    /// Candidates that are searched (default: all).
    pub over: SearchOver,
    /// Roots farther from the explained point than this do not count (default: no bound).
    pub radius: Option<f64>,
    /// What becomes of the roots (default: the one with the smallest residual).
    pub selection: RootSelection,
}

impl Default for RootSearch {
    fn default() -> Self {
        Self { over: SearchOver::All, radius: None, selection: RootSelection::SmallestResidual }
    }
}

/// A root on the segment towards one candidate, and the decomposition about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Root {
    /// Which candidate, as a row of [`Candidates::points`].
    pub candidate: usize,
    /// `a` in `x₀ = a x + (1 − a) x'`
    pub position: f64,
    /// `x₀`
    pub point: Array1<f64>,
    /// `‖x − x₀‖₂`
    pub distance: f64,
    /// Eq. 18 about `x₀`.
    pub decomposition: TaylorDecomposition,
}

/// The decomposition that a [`RootSearch`] arrives at.
#[derive(Clone, Debug, PartialEq)]
pub struct RootedDecomposition {
    /// `R_d`
    pub relevance: Array1<f64>,
    /// `f(x)`
    pub value: f64,
    /// `f(x₀)` as [`TaylorDecomposition::root_value`] has it; the mean of them where decompositions are averaged.
    pub root_value: f64,
    /// `f(x) − f(x₀) − Σ_d R_d` from the function's own formula; the mean of them where decompositions are averaged.
    pub remainder: f64,
    /// The candidates whose roots are in it.
    pub candidates: Vec<usize>,
}

impl RootedDecomposition {
    /// `f(x) − Σ_d R_d`
    pub fn residual(&self) -> f64 {
        self.value - self.relevance.sum()
    }

    /// The ledger entry: the score is what came from above; residual and root value are sinks.
    pub fn entry(&self, stage: impl Into<String>) -> Entry {
        Entry::new(stage, Amount::of(self.value), self.relevance.iter().collect())
            .with_sink(Sink::TaylorResidual, Amount::of(self.remainder))
            .with_sink(Sink::RootValue, Amount::of(self.root_value))
    }

    /// The mean over `roots`, which must not be empty.
    fn mean(value: f64, roots: &[&Root]) -> Self {
        let count = roots.len() as f64;
        let mean = |part: fn(&TaylorDecomposition) -> f64| {
            roots.iter().map(|root| part(&root.decomposition)).sum::<f64>() / count
        };
        let mut relevance = Array1::zeros(roots[0].point.len());
        for root in roots {
            relevance += &root.decomposition.relevance;
        }
        Self {
            relevance: relevance / count,
            value,
            root_value: mean(|decomposition| decomposition.root_value),
            remainder: mean(|decomposition| decomposition.remainder),
            candidates: roots.iter().map(|root| root.candidate).collect(),
        }
    }
}

impl RootSearch {
    /// Decomposes `f(x)` about the root point that the search selects (Eq. 18).
    ///
    /// Where `f(x)` is exactly zero, `x` is its own root, and all relevance is zero.
    ///
    /// # Errors
    /// [`Error::NoCandidate`] when no candidate has the opposite sign, [`Error::NoneWithinRadius`] when all roots are
    /// too far away, [`Error::Length`] and [`Error::NonFinite`] for points that are none of the function's,
    /// [`Error::Zero`] when 0 candidates are to be searched or 0 decompositions to be averaged.
    pub fn decompose<F: Differentiable + ?Sized>(
        &self,
        function: &F,
        x: ArrayView1<'_, f64>,
        candidates: &Candidates,
    ) -> Result<RootedDecomposition, Error> {
        let roots = self.roots(function, x, candidates)?;
        if roots.is_empty() {
            return Ok(RootedDecomposition {
                relevance: Array1::zeros(x.len()),
                value: 0.0,
                root_value: 0.0,
                remainder: 0.0,
                candidates: Vec::new(),
            });
        }
        let mut chosen = self.within_radius(&roots)?;
        let keep = match self.selection {
            RootSelection::SmallestResidual => {
                sort_by_residual(&mut chosen);
                1
            }
            RootSelection::Nearest => {
                chosen.sort_by(|left, right| left.distance.total_cmp(&right.distance));
                1
            }
            RootSelection::AverageOfBest(best) => {
                sort_by_residual(&mut chosen);
                best
            }
        };
        chosen.truncate(keep);
        Ok(RootedDecomposition::mean(chosen[0].decomposition.value, &chosen))
    }

    /// The roots on the segments towards all candidates that are searched, in the order of the candidates.
    ///
    /// Empty where `f(x)` is exactly zero.
    ///
    /// # Errors
    /// As for [`decompose`](Self::decompose).
    pub fn roots<F: Differentiable + ?Sized>(
        &self,
        function: &F,
        x: ArrayView1<'_, f64>,
        candidates: &Candidates,
    ) -> Result<Vec<Root>, Error> {
        self.check()?;
        check_point("the point to explain", function, x)?;
        check_length("a candidate", candidates.points.ncols(), function.dimensions())?;
        let value = function.value(x);
        check_finite("the value at the point to explain", &[value])?;
        if value == 0.0 {
            return Ok(Vec::new());
        }
        let searched = self.searched(x, value, candidates)?;
        let roots = searched
            .into_par_iter()
            .map(|candidate| {
                let from = candidates.points.row(candidate);
                let ends = [candidates.values[candidate], value];
                let position = bisect(&function.along(from.reborrow(), x.reborrow()), ends);
                let point = point_on_segment(from, x, position);
                let decomposition = decompose(function, x, point.view(), value);
                let distance = squared_distance(x, point.view()).sqrt();
                Root { candidate, position, point, distance, decomposition }
            })
            .collect();
        Ok(roots)
    }

    /// Fails when nothing is to be searched, or nothing is to be averaged.
    fn check(&self) -> Result<(), Error> {
        if self.over == SearchOver::Nearest(0) {
            return Err(Error::Zero { what: "number of root candidates" });
        }
        if self.selection == RootSelection::AverageOfBest(0) {
            return Err(Error::Zero { what: "number of averaged decompositions" });
        }
        Ok(())
    }

    /// The candidates to search: of the opposite sign, ascending.
    fn searched(&self, x: ArrayView1<'_, f64>, value: f64, candidates: &Candidates) -> Result<Vec<usize>, Error> {
        let mut opposite: Vec<usize> = (0..candidates.values.len())
            .filter(|&index| {
                let other = candidates.values[index];
                other != 0.0 && (other > 0.0) != (value > 0.0)
            })
            .collect();
        if opposite.is_empty() {
            return Err(Error::NoCandidate { value, candidates: candidates.values.len() });
        }
        match self.over {
            SearchOver::All => {}
            SearchOver::Nearest(count) => {
                let mut by_distance: Vec<(f64, usize)> =
                    opposite.iter().map(|&index| (squared_distance(x, candidates.points.row(index)), index)).collect();
                by_distance.sort_by(|left, right| left.0.total_cmp(&right.0).then(left.1.cmp(&right.1)));
                by_distance.truncate(count);
                opposite = by_distance.into_iter().map(|(_, index)| index).collect();
                opposite.sort_unstable();
            }
        }
        Ok(opposite)
    }

    fn within_radius<'a>(&self, roots: &'a [Root]) -> Result<Vec<&'a Root>, Error> {
        let Some(radius) = self.radius else { return Ok(roots.iter().collect()) };
        let near: Vec<&Root> = roots.iter().filter(|root| root.distance <= radius).collect();
        if near.is_empty() {
            let nearest = roots.iter().map(|root| root.distance).fold(f64::INFINITY, f64::min);
            return Err(Error::NoneWithinRadius { radius, roots: roots.len(), nearest });
        }
        Ok(near)
    }
}

/// Stable, so that ties go to the earlier candidate.
fn sort_by_residual(roots: &mut [&Root]) {
    roots.sort_by(|left, right| left.decomposition.residual().abs().total_cmp(&right.decomposition.residual().abs()));
}

fn squared_distance(x: ArrayView1<'_, f64>, z: ArrayView1<'_, f64>) -> f64 {
    x.iter().zip(z).map(|(x, z)| (x - z) * (x - z)).sum()
}

/// The position in [0, 1] at which `function` changes its sign, by 64 halvings.
///
/// ```text
/// lo = 0, hi = 1;  64 times: mid = (lo + hi)/2;  f(mid) = 0 → lo = hi = mid, stop;
///                            sign f(mid) = sign f(1) → hi = mid, else lo = mid;      result (lo + hi)/2
/// ```
/// * `ends` — `f(0)` and `f(1)`, of opposite sign
///
/// After [`PLAIN_HALVINGS`] the sign change is enclosed between two points a few roundings apart by secant steps, and
/// only midpoints between those two are evaluated; the others' signs are known.
fn bisect(function: &dyn Fn(f64) -> f64, ends: [f64; 2]) -> f64 {
    let upper_is_positive = ends[1] > 0.0;
    let mut enclosure = Enclosure { low: (0.0, ends[0]), high: (1.0, ends[1]) };
    let (mut low, mut high) = (0.0, 1.0);
    for halving in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if middle == low || middle == high {
            break; // no number is left between the two: further halvings change nothing
        }
        if halving == PLAIN_HALVINGS {
            enclosure.tighten(function, upper_is_positive);
        }
        let on_upper_side = match enclosure.side(middle) {
            Some(known) => known,
            None => {
                let value = function(middle);
                enclosure.insert(middle, value, upper_is_positive);
                (value > 0.0) == upper_is_positive
            }
        };
        if enclosure.is_root(middle) {
            return middle;
        }
        if on_upper_side {
            high = middle;
        } else {
            low = middle;
        }
    }
    0.5 * (low + high)
}

/// Two positions, with their values, between which the sign changes.
struct Enclosure {
    low: (f64, f64),
    high: (f64, f64),
}

impl Enclosure {
    /// Widths below this are left to the halvings: positions in [0, 1] have roundings of 1.1e-16.
    const NARROW: f64 = 1e-14;

    /// Whether the sign at `position` is the upper end's, where that is known.
    fn side(&self, position: f64) -> Option<bool> {
        if position <= self.low.0 {
            Some(false)
        } else if position >= self.high.0 {
            Some(true)
        } else {
            None
        }
    }

    fn is_root(&self, position: f64) -> bool {
        (position == self.low.0 && self.low.1 == 0.0) || (position == self.high.0 && self.high.1 == 0.0)
    }

    /// Moves the end on whose side `value` is; both, where it is the root itself.
    fn insert(&mut self, position: f64, value: f64, upper_is_positive: bool) {
        let upper_side = (value > 0.0) == upper_is_positive;
        if value == 0.0 || upper_side {
            self.high = (position, value);
        }
        if value == 0.0 || !upper_side {
            self.low = (position, value);
        }
    }

    /// Secant steps, each followed by a step just across the estimate, so that both ends close in.
    fn tighten(&mut self, function: &dyn Fn(f64) -> f64, upper_is_positive: bool) {
        // Secant steps double the digits each time; 12 of them are more than any smooth function needs, and one that
        // is not smooth is left to the halvings.
        for _ in 0..12 {
            let width = self.high.0 - self.low.0;
            if width <= Self::NARROW {
                return;
            }
            let slope = (self.high.1 - self.low.1) / width;
            let estimate = (self.low.0 - self.low.1 / slope).clamp(self.low.0, self.high.0);
            if estimate.is_nan() {
                return; // a value on the segment is not finite
            }
            let before = (self.low.0, self.high.0);
            let margin = (width * width).max(0.25 * Self::NARROW);
            // The first evaluation makes the estimate one of the ends; the second then lies across the root from it.
            for _ in 0..2 {
                let position = self.off_the_ends(estimate, margin);
                if self.low.0 < position && position < self.high.0 {
                    self.insert(position, function(position), upper_is_positive);
                }
            }
            if before == (self.low.0, self.high.0) {
                return;
            }
        }
    }

    /// `position`, moved inward by `margin` where it is one of the ends.
    fn off_the_ends(&self, position: f64, margin: f64) -> f64 {
        if position == self.low.0 {
            position + margin
        } else if position == self.high.0 {
            position - margin
        } else {
            position
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// The definition, evaluating every midpoint.
    fn plain_bisection(function: &dyn Fn(f64) -> f64, ends: [f64; 2]) -> f64 {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..HALVINGS {
            let middle = 0.5 * (low + high);
            let value = function(middle);
            if value == 0.0 {
                return middle;
            }
            if (value > 0.0) == (ends[1] > 0.0) {
                high = middle;
            } else {
                low = middle;
            }
        }
        0.5 * (low + high)
    }

    type Curve = fn(f64) -> f64;

    const CURVES: [(&str, Curve); 8] = [
        ("line", |a| 3.0 * a - 1.0),
        ("line, falling", |a| 0.7 - a),
        ("cubic with a flat root", |a| (a - 0.3).powi(3)),
        ("exponential", |a| (-4.0 * a).exp() - 0.2),
        ("three roots", |a| (a - 0.2) * (a - 0.5) * (a - 0.9)),
        ("root near the candidate", |a| a - 1e-9),
        ("root near the point", |a| a - (1.0 - 1e-12)),
        ("step", |a| if a < 0.123_456_789 { -1.0 } else { 2.0 }),
    ];

    #[test]
    fn the_sign_change_is_the_one_that_64_evaluated_halvings_find() {
        for (name, curve) in CURVES {
            let ends = [curve(0.0), curve(1.0)];
            let (fast, plain) = (bisect(&curve, ends), plain_bisection(&curve, ends));
            // The cubic is flat at its root: both are right to where its values underflow to rounding.
            assert!((fast - plain).abs() <= 4.0 * f64::EPSILON, "{name}: {fast} against {plain}");
        }
    }

    #[test]
    fn smooth_functions_need_few_evaluations() {
        for (name, curve) in [CURVES[0], CURVES[3], CURVES[4]] {
            let evaluations = Cell::new(0);
            let counted = |a: f64| {
                evaluations.set(evaluations.get() + 1);
                curve(a)
            };
            bisect(&counted, [curve(0.0), curve(1.0)]);
            assert!(evaluations.get() <= 24, "{name}: {}", evaluations.get());
        }
    }

    #[test]
    fn an_exact_root_at_a_midpoint_ends_the_search() {
        assert_eq!(bisect(&|a| a - 0.5, [-0.5, 0.5]), 0.5);
        assert_eq!(bisect(&|a| a - 0.375, [-0.375, 0.625]), 0.375);
    }
}
