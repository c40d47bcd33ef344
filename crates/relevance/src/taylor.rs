//! First-order Taylor decomposition (Eqs 17, 18) of any function that gives its value and gradient.

use ndarray::{Array1, ArrayView1, ArrayView2};

use crate::error::{check_finite, check_length};
use crate::{Amount, Entry, Error, Sink};

/// A real function of several variables, with its gradient.
///
/// The methods may take for granted that points have [`dimensions`](Self::dimensions) finite entries: what calls them
/// has checked that.
///
/// Value and gradient are enough; the other methods follow from them.
///
/// ```
/// use ndarray::{Array1, ArrayView1, array};
/// use relevance::Differentiable;
///
/// struct Bowl; // f(x) = ‖x‖² − 1
/// impl Differentiable for Bowl {
///     fn dimensions(&self) -> usize { 2 }
///     fn value(&self, x: ArrayView1<f64>) -> f64 { x.dot(&x) - 1.0 }
///     fn gradient(&self, x: ArrayView1<f64>) -> Array1<f64> { 2.0 * &x }
/// }
/// let (x, root) = (array![2.0, 0.0], array![1.0, 0.0]);
/// assert_eq!(Bowl.change(x.view(), root.view()), 3.0);
/// assert_eq!(Bowl.remainder(x.view(), root.view()), 1.0); // ‖x − x₀‖²
/// assert_eq!(Bowl.along(root.view(), x.view())(0.5), 1.25); // at (1.5, 0)
/// ```
pub trait Differentiable: Sync {
    /// How many variables the function has.
    fn dimensions(&self) -> usize;

    /// `f(x)`
    fn value(&self, x: ArrayView1<'_, f64>) -> f64;

    /// `∇f(x)`
    fn gradient(&self, x: ArrayView1<'_, f64>) -> Array1<f64>;

    /// `f` at each row of `points`.
    fn values(&self, points: ArrayView2<'_, f64>) -> Array1<f64> {
        points.rows().into_iter().map(|point| self.value(point)).collect()
    }

    /// `f(x) − f(x₀)`
    ///
    /// Functions that know it without the cancellation of two nearly equal values override this: a decomposition about
    /// a root close by balances to the last digits then.
    fn change(&self, x: ArrayView1<'_, f64>, root: ArrayView1<'_, f64>) -> f64 {
        self.value(x) - self.value(root)
    }

    /// What the first-order expansion at `root` leaves out at `x`: `f(x) − f(x₀) − ∇f(x₀)·(x − x₀)`.
    ///
    /// Functions that know it in closed form override this: the ledger's balance then checks value and gradient
    /// against each other.
    fn remainder(&self, x: ArrayView1<'_, f64>, root: ArrayView1<'_, f64>) -> f64 {
        self.change(x, root) - self.gradient(root).dot(&(&x - &root))
    }

    /// `f` along the segment `l(a) = a · to + (1 − a) · from`, as a function of `a`.
    ///
    /// Functions that can evaluate many points of one segment faster than as many points anywhere override this.
    fn along<'a>(&'a self, from: ArrayView1<'a, f64>, to: ArrayView1<'a, f64>) -> Box<dyn Fn(f64) -> f64 + 'a> {
        Box::new(move |position| self.value(point_on_segment(from, to, position).view()))
    }
}

/// `l(a) = a · to + (1 − a) · from`, the line between the point to explain (`to`) and a candidate (`from`).
///
/// * `from`, `to` — points of the same length
/// * `position` — `a`
///
/// ```
/// use ndarray::array;
/// use relevance::point_on_segment;
/// let (candidate, x) = (array![0.0, 4.0], array![2.0, 0.0]);
/// assert_eq!(point_on_segment(candidate.view(), x.view(), 0.75), array![1.5, 1.0]);
/// ```
pub fn point_on_segment(from: ArrayView1<'_, f64>, to: ArrayView1<'_, f64>, position: f64) -> Array1<f64> {
    &to * position + &from * (1.0 - position)
}

/// A value, decomposed over the input's dimensions about a point `x₀`.
#[derive(Clone, Debug, PartialEq)]
pub struct TaylorDecomposition {
    /// `R_d = ∂f/∂x_(d)(x₀) · (x − x₀)_(d)`
    pub relevance: Array1<f64>,
    /// `f(x)`
    pub value: f64,
    /// `f(x₀)`, as `f(x) − change(x, x₀)` ([`Differentiable::change`]), without the cancellation of two nearly
    /// equal values. Zero up to rounding when `x₀` is a root.
    pub root_value: f64,
    /// `f(x) − f(x₀) − Σ_d R_d`, as the function itself knows it ([`Differentiable::remainder`]).
    pub remainder: f64,
}

impl TaylorDecomposition {
    /// `f(x) − Σ_d R_d`: what the decomposition of Eq. 18 does not explain.
    pub fn residual(&self) -> f64 {
        self.value - self.relevance.sum()
    }

    /// The ledger entry: the score is what came from above; residual and root value are sinks.
    pub fn entry(&self, stage: impl Into<String>) -> Entry {
        Entry::new(stage, Amount::of(self.value), self.relevance.iter().collect())
            .with_sink(Sink::TaylorResidual, Amount::of(self.remainder))
            .with_sink(Sink::RootValue, Amount::of(self.root_value))
    }
}

/// First-order Taylor decomposition about `root`.
///
/// ```text
/// f(x) ≈ f(x₀) + Σ_d ∂f/∂x_(d)(x₀) · (x − x₀)_(d)           Bach et al. 2015, Eq. (17); Eq. (18) where f(x₀) = 0
/// ```
/// * `x` — the point to explain, (V)
/// * `root` — `x₀`, (V); the gradient is taken here, not at `x`
///
/// ```
/// use ndarray::{Array1, ArrayView1, array};
/// use relevance::{Differentiable, taylor_decomposition};
///
/// struct Product; // f(x) = x₁ x₂ − 1
/// impl Differentiable for Product {
///     fn dimensions(&self) -> usize { 2 }
///     fn value(&self, x: ArrayView1<f64>) -> f64 { x[0] * x[1] - 1.0 }
///     fn gradient(&self, x: ArrayView1<f64>) -> Array1<f64> { array![x[1], x[0]] }
/// }
/// let decomposition = taylor_decomposition(&Product, array![3.0, 2.0].view(), array![1.0, 1.0].view())?;
/// assert_eq!(decomposition.relevance, array![2.0, 1.0]);
/// assert_eq!(decomposition.residual(), 2.0); // f(x) = 5
/// assert_eq!(decomposition.entry("Taylor").relative_error(), 0.0);
/// # Ok::<(), relevance::Error>(())
/// ```
///
/// # Errors
/// [`Error::Length`] when a point does not have the function's dimensions; [`Error::NonFinite`] when it holds an
/// infinity or NaN.
pub fn taylor_decomposition<F: Differentiable + ?Sized>(
    function: &F,
    x: ArrayView1<'_, f64>,
    root: ArrayView1<'_, f64>,
) -> Result<TaylorDecomposition, Error> {
    check_point("the point to explain", function, x)?;
    check_point("the root point", function, root)?;
    Ok(complete(function, x, root, function.value(x), relevance_about(function, x, root)))
}

/// `R_d` about `root`.
pub(crate) fn relevance_about<F: Differentiable + ?Sized>(
    function: &F,
    x: ArrayView1<'_, f64>,
    root: ArrayView1<'_, f64>,
) -> Array1<f64> {
    function.gradient(root) * (&x - &root)
}

/// The decomposition of which value and relevance are known.
pub(crate) fn complete<F: Differentiable + ?Sized>(
    function: &F,
    x: ArrayView1<'_, f64>,
    root: ArrayView1<'_, f64>,
    value: f64,
    relevance: Array1<f64>,
) -> TaylorDecomposition {
    let root_value = value - function.change(x, root);
    TaylorDecomposition { relevance, value, root_value, remainder: function.remainder(x, root) }
}

/// Fails when `point` is no finite point of the function's domain.
pub(crate) fn check_point<F: Differentiable + ?Sized>(
    what: &'static str,
    function: &F,
    point: ArrayView1<'_, f64>,
) -> Result<(), Error> {
    check_length(what, point.len(), function.dimensions())?;
    check_finite(what, point)
}
