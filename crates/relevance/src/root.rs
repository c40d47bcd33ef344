//! The search for a root point (text after Eq. 18): on segments towards candidates of the opposite sign.
//!
//! The search is deterministic: on each segment, 64 halvings of the interval decide which root it is when there are
//! several. The signs of most midpoints are known without evaluating the function there once the interval is small
//! enough to hold a single root (`bisection.rs`); that makes the search three times as fast.

use ndarray::{ArcArray2, Array1, ArrayView1};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::bisection::bisect;
use crate::error::{check_finite, check_length};
use crate::taylor::{TaylorDecomposition, check_point, complete, point_on_segment, relevance_about};
use crate::{Amount, Differentiable, Entry, Error, Sink};

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
    points: ArcArray2<f64>,
    values: Array1<f64>,
}

impl Candidates {
    /// Evaluates `function` at each row of `points`, which may be shared with other candidates.
    ///
    /// # Errors
    /// [`Error::Length`] when the points do not have the function's dimensions; [`Error::NonFinite`] when one holds
    /// an infinity or NaN, or the function has such a value there.
    pub fn new<F: Differentiable + ?Sized>(function: &F, points: impl Into<ArcArray2<f64>>) -> Result<Self, Error> {
        let points = points.into();
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
    pub fn with_values(points: impl Into<ArcArray2<f64>>, values: Array1<f64>) -> Result<Self, Error> {
        let points = points.into();
        check_length("the values of the candidates", values.len(), points.nrows())?;
        check_finite("the candidates", &points)?;
        check_finite("the values of the candidates", &values)?;
        Ok(Self { points, values })
    }

    /// The candidates, one a row.
    pub fn points(&self) -> &ArcArray2<f64> {
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
    /// Where on the segments towards them the roots are: `a` in `x₀ = a x + (1 − a) x'`, as [`point_on_segment`] has it.
    pub positions: Vec<f64>,
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

    /// The mean over `roots`; no relevance where there are none, since `f(x)` is zero then.
    fn mean(value: f64, dimensions: usize, roots: &[Root]) -> Self {
        let count = roots.len().max(1) as f64;
        let mean = |part: fn(&TaylorDecomposition) -> f64| {
            roots.iter().map(|root| part(&root.decomposition)).sum::<f64>() / count
        };
        let mut relevance = Array1::zeros(dimensions);
        for root in roots {
            relevance += &root.decomposition.relevance;
        }
        Self {
            relevance: relevance / count,
            value,
            root_value: mean(|decomposition| decomposition.root_value),
            remainder: mean(|decomposition| decomposition.remainder),
            candidates: roots.iter().map(|root| root.candidate).collect(),
            positions: roots.iter().map(|root| root.position).collect(),
        }
    }
}

/// A root and the relevance about it: all that a selection looks at. The rest of the decomposition takes twice the time
/// and is made for the roots that are kept.
struct Found {
    candidate: usize,
    position: f64,
    point: Array1<f64>,
    distance: f64,
    relevance: Array1<f64>,
}

impl Found {
    fn complete<F: Differentiable + ?Sized>(self, function: &F, x: ArrayView1<'_, f64>, value: f64) -> Root {
        let decomposition = complete(function, x, self.point.view(), value, self.relevance);
        let Self { candidate, position, point, distance, .. } = self;
        Root { candidate, position, point, distance, decomposition }
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
        let (value, found) = self.find(function, x, candidates)?;
        let kept = self.keep(value, found)?;
        let roots: Vec<Root> = kept.into_iter().map(|root| root.complete(function, x, value)).collect();
        Ok(RootedDecomposition::mean(value, x.len(), &roots))
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
        let (value, found) = self.find(function, x, candidates)?;
        Ok(found.into_iter().map(|root| root.complete(function, x, value)).collect())
    }

    /// `f(x)`, and the roots towards all candidates that are searched.
    fn find<F: Differentiable + ?Sized>(
        &self,
        function: &F,
        x: ArrayView1<'_, f64>,
        candidates: &Candidates,
    ) -> Result<(f64, Vec<Found>), Error> {
        self.check()?;
        check_point("the point to explain", function, x)?;
        check_length("a candidate", candidates.points.ncols(), function.dimensions())?;
        let value = function.value(x);
        check_finite("the value at the point to explain", &[value])?;
        if value == 0.0 {
            return Ok((value, Vec::new()));
        }
        let found = self
            .searched(x, value, candidates)?
            .into_par_iter()
            .map(|candidate| {
                let from = candidates.points.row(candidate);
                let ends = [candidates.values[candidate], value];
                let position = bisect(&function.along(from.reborrow(), x.reborrow()), ends);
                let point = point_on_segment(from, x, position);
                let relevance = relevance_about(function, x, point.view());
                let distance = squared_distance(x, point.view()).sqrt();
                Found { candidate, position, point, distance, relevance }
            })
            .collect();
        Ok((value, found))
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

    /// The roots that the radius and the selection keep; all sorts are stable, so that ties go to the earlier candidate.
    fn keep(&self, value: f64, mut found: Vec<Found>) -> Result<Vec<Found>, Error> {
        if let Some(radius) = self.radius
            && !found.is_empty()
        {
            let nearest = found.iter().map(|root| root.distance).fold(f64::INFINITY, f64::min);
            if nearest > radius {
                return Err(Error::NoneWithinRadius { radius, roots: found.len(), nearest });
            }
            found.retain(|root| root.distance <= radius);
        }
        let residual = |root: &Found| (value - root.relevance.sum()).abs();
        let kept = match self.selection {
            RootSelection::Nearest => {
                found.sort_by(|left, right| left.distance.total_cmp(&right.distance));
                1
            }
            RootSelection::SmallestResidual => {
                found.sort_by(|left, right| residual(left).total_cmp(&residual(right)));
                1
            }
            RootSelection::AverageOfBest(best) => {
                found.sort_by(|left, right| residual(left).total_cmp(&residual(right)));
                best
            }
        };
        found.truncate(kept);
        Ok(found)
    }
}

fn squared_distance(x: ArrayView1<'_, f64>, z: ArrayView1<'_, f64>) -> f64 {
    x.iter().zip(z).map(|(x, z)| (x - z) * (x - z)).sum()
}
