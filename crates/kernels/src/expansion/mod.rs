//! Kernel expansions (Eqs 20, 21): the score of a support vector machine.

mod differentiable;
mod shared;
mod sorted;

use ndarray::parallel::prelude::*;
use ndarray::{ArcArray2, Array1, Array2, ArrayView1, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

pub use differentiable::DifferentiableExpansion;
pub use shared::values_of_all;
pub use sorted::SortedExpansion;

use crate::domain::{check_dimensions, check_points, check_values};
use crate::points::{Rows, SupportVectors, contiguous, has_slices_for_rows};
use crate::{Error, Kernel, ZeroQuotient};

/// Support values that a point is compared with, from which it is worth a thread of its own.
const WORTH_A_THREAD: usize = 1 << 18;

/// The part of an expansion that one kernel has: `K_u`, its share of each support vector, and its weight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExpansionTerm {
    /// `k_u`
    pub kernel: Kernel,
    /// `β_u`, the kernel's weight in a multiple-kernel learner; 1 for a single kernel.
    pub weight: f64,
    /// `x_i(u)`, the support vectors' values in this term's dimensions, (N, V_u). Expansions may share them, and several
    /// terms may be columns of one matrix: copies of such an array refer to the same memory.
    pub support: ArcArray2<f64>,
}

/// The coefficients of the support vectors.
///
/// ```
/// use kernels::{Coefficients, ExpansionTerm, KernelExpansion, Linear};
/// use ndarray::{ArcArray2, array};
/// let term = |support: ArcArray2<f64>| ExpansionTerm { kernel: Linear.into(), weight: 1.0, support };
/// let terms = vec![term(array![[1.0], [2.0]].into()), term(array![[3.0], [4.0]].into())];
/// let x = array![1.0, 1.0];
/// let shared = KernelExpansion::new(terms.clone(), Coefficients::Shared(array![1.0, -1.0]), 0.0)?;
/// assert_eq!(shared.value(x.view())?, (1.0 + 3.0) - (2.0 + 4.0));
/// let per_kernel = Coefficients::PerKernel(array![[1.0, 0.5], [-1.0, 0.0]]);
/// assert_eq!(KernelExpansion::new(terms, per_kernel, 0.0)?.value(x.view())?, (1.0 + 0.5 * 3.0) - 2.0);
/// # Ok::<(), kernels::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Coefficients {
    /// `α_i y_i` of Eq. 20, one for each support vector, (N); all kernels share them.
    Shared(Array1<f64>),
    /// `α_{i,u}` of Eq. 21, one column for each kernel, (N, K). They contain `y_i`, and `β_u` unless the terms' weights
    /// do.
    PerKernel(Array2<f64>),
}

impl Coefficients {
    fn count(&self) -> usize {
        match self {
            Self::Shared(values) => values.len(),
            Self::PerKernel(values) => values.nrows(),
        }
    }

    /// The coefficients of one term.
    fn of_term(&self, term: usize) -> ArrayView1<'_, f64> {
        match self {
            Self::Shared(values) => values.view(),
            Self::PerKernel(values) => values.column(term),
        }
    }

    fn select(&self, rows: &[usize]) -> Self {
        match self {
            Self::Shared(values) => Self::Shared(values.select(Axis(0), rows)),
            Self::PerKernel(values) => Self::PerKernel(values.select(Axis(0), rows)),
        }
    }
}

/// A weighted sum of kernels: the score of a support vector machine with one or several kernels.
///
/// ```text
/// f(x) = b + Σ_i α_i y_i Σ_u β_u k_u(x_i(u), x_(u))          Bach et al. 2015, Eq. (20), with kernel weights
/// f(x) = b + Σ_i Σ_u α_{i,u} k_u(x_i(u), x_(u))              Bach et al. 2015, Eq. (21)
/// ```
/// * `x` — the concatenation of the terms' dimensions, (V) with V = V_1 + … + V_K
/// * `k_u`, `β_u`, `x_i(u)` — the [`terms`](ExpansionTerm)
/// * `α_i y_i` or `α_{i,u}` — the [`Coefficients`]
/// * `b` — the bias
///
/// ```
/// use kernels::{Coefficients, ExpansionTerm, HistogramIntersection, KernelExpansion, Linear};
/// use ndarray::array;
/// let terms = vec![
///     ExpansionTerm { kernel: HistogramIntersection.into(), weight: 0.5, support: array![[1.0, 0.0], [0.0, 1.0]].into() },
///     ExpansionTerm { kernel: Linear.into(), weight: 2.0, support: array![[3.0], [1.0]].into() },
/// ];
/// let expansion = KernelExpansion::new(terms, Coefficients::Shared(array![1.0, -1.0]), 0.25)?;
/// // 0.25 + (0.5 · 0.75 + 2 · 3 · 2) − (0.5 · 0.25 + 2 · 1 · 2)
/// assert_eq!(expansion.value(array![0.75, 0.25, 2.0].view())?, 8.5);
/// # Ok::<(), kernels::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "UncheckedExpansion")]
pub struct KernelExpansion {
    terms: Vec<ExpansionTerm>,
    coefficients: Coefficients,
    bias: f64,
    /// Each term's coefficients with its weight.
    #[serde(skip)]
    weighted: Vec<Vec<f64>>,
}

/// An expansion as it stands in a file.
#[derive(Deserialize)]
struct UncheckedExpansion {
    terms: Vec<ExpansionTerm>,
    coefficients: Coefficients,
    bias: f64,
}

impl TryFrom<UncheckedExpansion> for KernelExpansion {
    type Error = Error;

    fn try_from(unchecked: UncheckedExpansion) -> Result<Self, Error> {
        Self::new(unchecked.terms, unchecked.coefficients, unchecked.bias)
    }
}

impl KernelExpansion {
    /// The expansion of `terms` with `coefficients` and `bias`.
    ///
    /// # Errors
    /// [`Error::Empty`] when there are no terms, or one has no dimensions; [`Error::Count`] when the terms and
    /// coefficients do not have the same number of support vectors, or columns of coefficients are not as many as terms;
    /// [`Error::Negative`] and [`Error::NotFinite`] for values that can't be used.
    pub fn new(mut terms: Vec<ExpansionTerm>, coefficients: Coefficients, bias: f64) -> Result<Self, Error> {
        if terms.is_empty() {
            return Err(Error::Empty { what: "the list of terms" });
        }
        check_coefficients(&coefficients, terms.len())?;
        check_number("the bias", bias)?;
        for term in &mut terms {
            check_term(term, coefficients.count())?;
            if !has_slices_for_rows(term.support.view()) {
                term.support = term.support.as_standard_layout().into_owned().into_shared();
            }
        }
        let weighted = terms
            .iter()
            .enumerate()
            .map(|(index, term)| coefficients.of_term(index).iter().map(|value| value * term.weight).collect())
            .collect();
        Ok(Self { terms, coefficients, bias, weighted })
    }

    /// `k_u`, `β_u` and `x_i(u)`
    pub fn terms(&self) -> &[ExpansionTerm] {
        &self.terms
    }

    /// `α_i y_i` or `α_{i,u}`
    pub fn coefficients(&self) -> &Coefficients {
        &self.coefficients
    }

    /// `b`
    pub fn bias(&self) -> f64 {
        self.bias
    }

    /// V, all terms together.
    pub fn dimensions(&self) -> usize {
        self.terms.iter().map(|term| term.support.ncols()).sum()
    }

    /// How many support vectors there are, those with zero coefficients included.
    pub fn support_count(&self) -> usize {
        self.coefficients.count()
    }

    /// The support vectors `x_i`, all terms' dimensions one behind the other, (N, V).
    ///
    /// ```
    /// use kernels::{Coefficients, ExpansionTerm, HistogramIntersection, KernelExpansion, Linear};
    /// use ndarray::array;
    /// let first = ExpansionTerm { kernel: Linear.into(), weight: 1.0, support: array![[1.0, 2.0], [3.0, 4.0]].into() };
    /// let second = ExpansionTerm { kernel: HistogramIntersection.into(), weight: 1.0, support: array![[5.0], [6.0]].into() };
    /// let expansion = KernelExpansion::new(vec![first, second], Coefficients::Shared(array![1.0, -1.0]), 0.0)?;
    /// assert_eq!(expansion.support(), array![[1.0, 2.0, 5.0], [3.0, 4.0, 6.0]]);
    /// # Ok::<(), kernels::Error>(())
    /// ```
    pub fn support(&self) -> Array2<f64> {
        let mut support = Array2::zeros((self.support_count(), self.dimensions()));
        let mut rest = support.view_mut();
        for term in &self.terms {
            let (mut part, others) = rest.split_at(Axis(1), term.support.ncols());
            part.assign(&term.support);
            rest = others;
        }
        support
    }

    /// `f(x)` (Eqs 20, 21)
    ///
    /// # Errors
    /// [`Error::Dimensions`], [`Error::Negative`] or [`Error::NotFinite`] for a point that the kernels do not take.
    pub fn value(&self, x: ArrayView1<'_, f64>) -> Result<f64, Error> {
        self.check_point("x", x)?;
        Ok(self.value_unchecked(&contiguous(x)))
    }

    /// `f` at each row of `points`, (M, V).
    ///
    /// ```
    /// use kernels::{Coefficients, ExpansionTerm, KernelExpansion, Linear};
    /// use ndarray::array;
    /// let term = ExpansionTerm { kernel: Linear.into(), weight: 1.0, support: array![[1.0, 2.0]].into() };
    /// let expansion = KernelExpansion::new(vec![term], Coefficients::Shared(array![1.0]), 0.5)?;
    /// assert_eq!(expansion.values(array![[1.0, 0.0], [0.0, 1.0]].view())?, array![1.5, 2.5]);
    /// assert!(expansion.is_sum_decomposable() && expansion.is_differentiable());
    /// # Ok::<(), kernels::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`value`](Self::value).
    pub fn values(&self, points: ArrayView2<'_, f64>) -> Result<Array1<f64>, Error> {
        self.check_points("the points", points)?;
        Ok(self.values_unchecked(points))
    }

    /// Whether all kernels are sums over dimensions (Eq. 23), so that [`sum_relevance`](crate::sum_relevance)
    /// decomposes the score.
    pub fn is_sum_decomposable(&self) -> bool {
        self.terms.iter().all(|term| term.kernel.function().sum_decomposable().is_some())
    }

    /// Whether all kernels have derivatives, so that [`taylor_relevance`](crate::taylor_relevance) decomposes the score.
    pub fn is_differentiable(&self) -> bool {
        self.terms.iter().all(|term| term.kernel.function().differentiable().is_some())
    }

    /// The expansion with its gradient: what Taylor decompositions and root searches work on.
    ///
    /// # Errors
    /// [`Error::NotDifferentiable`] when one of the kernels is not.
    pub fn differentiable(&self, zero_quotient: ZeroQuotient) -> Result<DifferentiableExpansion<'_>, Error> {
        DifferentiableExpansion::new(self, zero_quotient)
    }

    /// The expansion with its support vectors sorted in each dimension, which makes histogram intersection fast.
    ///
    /// # Errors
    /// [`Error::NotIntersection`] when one of the kernels is another one.
    pub fn sorted(&self) -> Result<SortedExpansion, Error> {
        SortedExpansion::new(self)
    }

    /// The same function without the support vectors that have no share in it: those whose coefficients are all zero.
    ///
    /// ```
    /// use kernels::{Coefficients, ExpansionTerm, KernelExpansion, Linear};
    /// use ndarray::array;
    /// let term = ExpansionTerm { kernel: Linear.into(), weight: 1.0, support: array![[1.0], [2.0], [3.0]].into() };
    /// let expansion = KernelExpansion::new(vec![term], Coefficients::Shared(array![0.5, 0.0, -1.0]), 0.0)?;
    /// let sparsified = expansion.sparsified();
    /// assert_eq!(sparsified.support_count(), 2);
    /// assert_eq!(sparsified.value(array![2.0].view())?, expansion.value(array![2.0].view())?);
    /// # Ok::<(), kernels::Error>(())
    /// ```
    #[must_use]
    pub fn sparsified(&self) -> Self {
        let rows: Vec<usize> = self.supporting().collect();
        let terms = self
            .terms
            .iter()
            .map(|term| ExpansionTerm { support: term.support.select(Axis(0), &rows).into_shared(), ..term.clone() })
            .collect();
        let weighted = self.weighted.iter().map(|values| rows.iter().map(|&row| values[row]).collect()).collect();
        Self { terms, coefficients: self.coefficients.select(&rows), bias: self.bias, weighted }
    }

    /// The support vectors that have a share in the function: those with a coefficient that is not zero.
    ///
    /// ```
    /// use kernels::{Coefficients, ExpansionTerm, KernelExpansion, Linear};
    /// use ndarray::array;
    /// let term = ExpansionTerm { kernel: Linear.into(), weight: 1.0, support: array![[1.0], [2.0], [3.0]].into() };
    /// let expansion = KernelExpansion::new(vec![term], Coefficients::Shared(array![0.5, 0.0, -1.0]), 0.0)?;
    /// assert_eq!(expansion.supporting().collect::<Vec<_>>(), [0, 2]);
    /// # Ok::<(), kernels::Error>(())
    /// ```
    pub fn supporting(&self) -> impl Iterator<Item = usize> {
        let coefficients = move |row| (0..self.terms.len()).map(move |term| self.coefficients.of_term(term)[row]);
        (0..self.support_count()).filter(move |&row| coefficients(row).any(|coefficient| coefficient != 0.0))
    }

    /// Fails when `point` is none that all kernels take; columns are counted over all terms.
    pub(crate) fn check_point(&self, what: &'static str, point: ArrayView1<'_, f64>) -> Result<(), Error> {
        self.check_points(what, point.insert_axis(Axis(0)))
    }

    /// [`check_point`](Self::check_point) for each row.
    pub(crate) fn check_points(&self, what: &'static str, points: ArrayView2<'_, f64>) -> Result<(), Error> {
        check_dimensions(what, points.ncols(), self.dimensions())?;
        let mut rest = points;
        let mut first_column = 0;
        for term in &self.terms {
            let (block, others) = rest.split_at(Axis(1), term.support.ncols());
            check_points(what, term.kernel.kind(), block).map_err(|error| error.with_columns_from(first_column))?;
            first_column += block.ncols();
            rest = others;
        }
        Ok(())
    }

    /// The terms, each with its support vectors and its part of `point`.
    pub(crate) fn blocks<'a, 'p>(&'a self, point: &'p [f64]) -> impl Iterator<Item = Block<'a, 'p>> {
        let mut rest = point;
        self.terms.iter().zip(&self.weighted).map(move |(term, coefficients)| {
            let (part, others) = rest.split_at(term.support.ncols());
            rest = others;
            let support = SupportVectors { points: Rows::of(term.support.view()), coefficients };
            Block { kernel: &term.kernel, support, point: part }
        })
    }

    /// `f(x)` of a point that has been checked.
    pub(crate) fn value_unchecked(&self, x: &[f64]) -> f64 {
        let terms = self.blocks(x).map(|block| block.kernel.function().weighted_sum(&block.support, block.point));
        self.bias + terms.sum::<f64>()
    }

    /// `f` at points that have been checked; in parallel where they are many.
    pub(crate) fn values_unchecked(&self, points: ArrayView2<'_, f64>) -> Array1<f64> {
        let work = self.support_count() * self.dimensions();
        let values: Vec<f64> = (0..points.nrows())
            .into_par_iter()
            .with_min_len(WORTH_A_THREAD.div_ceil(work.max(1)))
            .map(|row| self.value_unchecked(&contiguous(points.row(row))))
            .collect();
        values.into()
    }
}

/// One term, with its part of a point.
pub(crate) struct Block<'a, 'p> {
    pub(crate) kernel: &'a Kernel,
    pub(crate) support: SupportVectors<'a>,
    pub(crate) point: &'p [f64],
}

fn check_coefficients(coefficients: &Coefficients, terms: usize) -> Result<(), Error> {
    match coefficients {
        Coefficients::Shared(values) => check_values("the coefficients", values.view().insert_axis(Axis(1))),
        Coefficients::PerKernel(values) => {
            if values.ncols() != terms {
                return Err(Error::Count { what: "columns of coefficients", found: values.ncols(), expected: terms });
            }
            check_values("the coefficients", values.view())
        }
    }
}

fn check_term(term: &ExpansionTerm, support_vectors: usize) -> Result<(), Error> {
    if term.support.ncols() == 0 {
        return Err(Error::Empty { what: "the list of a term's dimensions" });
    }
    if term.support.nrows() != support_vectors {
        return Err(Error::Count {
            what: "support vectors of a term, as many as coefficients",
            found: term.support.nrows(),
            expected: support_vectors,
        });
    }
    check_number("the weight of a term", term.weight)?;
    check_points("the support vectors", term.kernel.kind(), term.support.view())
}

fn check_number(what: &'static str, value: f64) -> Result<(), Error> {
    check_values(what, ArrayView1::from(&[value]).insert_axis(Axis(0)))
}

#[cfg(test)]
mod tests;
