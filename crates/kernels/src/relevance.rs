//! R³: the relevance of an expansion's input dimensions (Eqs 22–25).

use ndarray::{Array1, ArrayView1};
use relevance::{Amount, Candidates, Entry, RootSearch, RootedDecomposition, taylor_decomposition};

use crate::points::contiguous;
use crate::{DifferentiableExpansion, Error, KernelExpansion};

/// How the ledger calls the step.
pub(crate) const SUM_STAGE: &str = "R³ dimensions (Eq. 24)";
const TAYLOR_STAGE: &str = "R³ dimensions (Eq. 25)";

/// R³ of an expansion over sum-decomposable kernels, exactly.
///
/// ```text
/// R_d = b/V + Σ_i α_i y_i k^(d)(x_i(d), x_(d))               Bach et al. 2015, Eq. (24)
/// R_d = b/V + Σ_i α_i y_i min(x_i(d), x_(d))                 Bach et al. 2015, Eq. (43), for histogram intersection
/// ```
/// * `b`, `α_i y_i`, `x_i` — the `expansion`; with several kernels, `α_i y_i` includes the kernel's weight, and V counts
///   the dimensions of all of them
/// * `x` — the point to explain, (V)
///
/// Σ_d R_d = f(x) (Eq. 22, exact here). The ledger entry takes in f(x), summed over support vectors and not over
/// dimensions, and has no sinks.
///
/// ```
/// use kernels::{Coefficients, ExpansionTerm, HistogramIntersection, KernelExpansion, sum_relevance};
/// use ndarray::array;
/// let support = array![[0.5, 0.5], [0.25, 0.75]];
/// let term = ExpansionTerm { kernel: HistogramIntersection.into(), weight: 1.0, support: support.into() };
/// let expansion = KernelExpansion::new(vec![term], Coefficients::Shared(array![2.0, -1.0]), 0.5)?;
/// let (relevance, entry) = sum_relevance(&expansion, array![1.0, 0.0].view())?;
/// assert_eq!(relevance, array![0.25 + 2.0 * 0.5 - 0.25, 0.25]);
/// assert_eq!(entry.relative_error(), 0.0);
/// # Ok::<(), kernels::Error>(())
/// ```
///
/// # Errors
/// [`Error::NotSumDecomposable`] when one of the kernels is no sum over dimensions; [`Error::Dimensions`],
/// [`Error::Negative`] or [`Error::NotFinite`] for a point that the kernels do not take.
pub fn sum_relevance(expansion: &KernelExpansion, x: ArrayView1<'_, f64>) -> Result<(Array1<f64>, Entry), Error> {
    let kernels =
        expansion.terms().iter().map(|term| term.kernel.sum_decomposable()).collect::<Result<Vec<_>, Error>>()?;
    expansion.check_point("x", x)?;
    let x = contiguous(x);
    let mut relevance = vec![0.0; x.len()];
    let mut rest = relevance.as_mut_slice();
    let mut value = expansion.bias();
    for (kernel, block) in kernels.into_iter().zip(expansion.blocks(&x)) {
        let (parts, others) = rest.split_at_mut(block.point.len());
        value += kernel.add_parts(&block.support, block.point, parts);
        rest = others;
    }
    let share_of_bias = expansion.bias() / x.len() as f64;
    let relevance: Array1<f64> = relevance.into_iter().map(|part| part + share_of_bias).collect();
    let entry = Entry::new(SUM_STAGE, Amount::of(value), relevance.iter().collect());
    Ok((relevance, entry))
}

/// R³ of an expansion over differentiable kernels, about a given expansion point.
///
/// ```text
/// R_d = (x − x₀)_(d) Σ_i α_i y_i ∂k(x_i, ·)/∂x_(d) (x₀)       Bach et al. 2015, Eq. (25)
/// R_d = (x − x₀)_(d) Σ_i α_i y_i k(x_i, x₀) σ (4 x_i(d)² / (x_i(d) + x₀_(d))² − 1)
///                                                            Bach et al. 2015, Eq. (46), for χ²
/// R_d = (x − x₀)_(d) Σ_i α_i y_i k(x_i, x₀) (2 x_i(d) − 2 x₀_(d)) / σ
///                                                            Bach et al. 2015, Eq. (49), for RBF
/// ```
/// * `α_i y_i`, `x_i` — the `expansion`, with the kernels' weights included; `b` does not appear
/// * `x` — the point to explain, (V)
/// * `root` — `x₀`, (V): a root of f, near to `x`; [`root_relevance`] finds one
///
/// The ledger entry takes in f(x); what the first order leaves out, from its own formula, is the sink
/// [`TaylorResidual`](relevance::Sink::TaylorResidual), and f(x₀) the sink [`RootValue`](relevance::Sink::RootValue).
///
/// ```
/// use kernels::{ChiSquared, Coefficients, ExpansionTerm, KernelExpansion, ZeroQuotient, taylor_relevance};
/// use ndarray::array;
/// let term = ExpansionTerm { kernel: ChiSquared::new(0.5)?.into(), weight: 1.0, support: array![[1.0, 3.0]].into() };
/// let expansion = KernelExpansion::new(vec![term], Coefficients::Shared(array![2.0]), -1.0)?;
/// let function = expansion.differentiable(ZeroQuotient::default())?;
/// let (relevance, entry) = taylor_relevance(&function, array![0.5, 3.0].view(), array![0.0, 3.0].view())?;
/// // k(x_i, x₀) = exp(−0.5 · 1), factor 4 · 1/1 − 1 = 3
/// assert!((relevance[0] - 0.5 * 2.0 * (-0.5_f64).exp() * 0.5 * 3.0).abs() < 1e-15);
/// assert_eq!(relevance[1], 0.0);
/// assert!(entry.relative_error() < 1e-15);
/// # Ok::<(), kernels::Error>(())
/// ```
///
/// # Errors
/// [`Error::Dimensions`], [`Error::Negative`] or [`Error::NotFinite`] for points that the kernels do not take.
pub fn taylor_relevance(
    function: &DifferentiableExpansion<'_>,
    x: ArrayView1<'_, f64>,
    root: ArrayView1<'_, f64>,
) -> Result<(Array1<f64>, Entry), Error> {
    function.expansion().check_point("x", x)?;
    function.expansion().check_point("the root point", root)?;
    let decomposition = taylor_decomposition(function, x, root)?;
    let entry = decomposition.entry(TAYLOR_STAGE);
    Ok((decomposition.relevance, entry))
}

/// R³ of an expansion over differentiable kernels, about the root point that `search` finds.
///
/// Eqs 25, 46 and 49 as in [`taylor_relevance`]; the roots lie on the segments from `x` to candidates of the other sign.
///
/// * `x` — the point to explain, (V)
/// * `candidates` — for example the training points, with their scores
///
/// ```
/// use kernels::{ChiSquared, Coefficients, ExpansionTerm, KernelExpansion, ZeroQuotient, root_relevance};
/// use ndarray::array;
/// use relevance::{Candidates, RootSearch};
/// let support = array![[1.0, 0.0], [0.0, 1.0]];
/// let term = ExpansionTerm { kernel: ChiSquared::new(0.5)?.into(), weight: 1.0, support: support.clone().into() };
/// let expansion = KernelExpansion::new(vec![term], Coefficients::Shared(array![1.0, -1.0]), 0.0)?;
/// let function = expansion.differentiable(ZeroQuotient::default())?;
/// let candidates = Candidates::with_values(support.clone(), expansion.values(support.view())?)?;
/// let (found, entry) = root_relevance(&function, array![0.75, 0.25].view(), &candidates, &RootSearch::default())?;
/// assert_eq!(found.candidates, [1]);
/// assert!(found.relevance[0] > 0.0 && found.relevance[1] > 0.0); // more of the first and less of the second
/// assert!(found.root_value.abs() < 1e-15 && entry.relative_error() < 1e-14);
/// # Ok::<(), kernels::Error>(())
/// ```
///
/// # Errors
/// As for [`taylor_relevance`], and [`Error::Relevance`] when no root is found.
pub fn root_relevance(
    function: &DifferentiableExpansion<'_>,
    x: ArrayView1<'_, f64>,
    candidates: &Candidates,
    search: &RootSearch,
) -> Result<(RootedDecomposition, Entry), Error> {
    function.expansion().check_point("x", x)?;
    function.expansion().check_points("the candidates", candidates.points().view())?;
    let found = search.decompose(function, x, candidates)?;
    let entry = found.entry(TAYLOR_STAGE);
    Ok((found, entry))
}
