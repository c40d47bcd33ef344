//! Histogram intersection with sorted support vectors.

use ndarray::{Array1, ArrayView1};
use relevance::{Amount, Entry};

use super::KernelExpansion;
use crate::domain::{check_dimensions, check_point};
use crate::points::contiguous;
use crate::{Error, KernelKind};

/// An expansion over histogram-intersection kernels whose support vectors are sorted in each dimension.
///
/// ```text
/// Σ_i α_i min(x_i(d), x_(d)) = Σ_{i: x_i(d) ≤ x_(d)} α_i x_i(d)  +  x_(d) · Σ_{i: x_i(d) > x_(d)} α_i
/// ```
///
/// Both sums are kept for each place among the sorted values, so that a dimension takes O(log N) instead of O(N). The
/// results differ from the plain form's by the rounding of those sums.
///
/// ```
/// use kernels::{Coefficients, ExpansionTerm, HistogramIntersection, KernelExpansion};
/// use ndarray::array;
/// let support = array![[0.5, 0.5], [0.25, 0.75]];
/// let term = ExpansionTerm { kernel: HistogramIntersection.into(), weight: 1.0, support: support.into() };
/// let expansion = KernelExpansion::new(vec![term], Coefficients::Shared(array![2.0, -1.0]), 0.5)?;
/// let sorted = expansion.sorted()?;
/// assert_eq!(sorted.value(array![0.375, 0.625].view())?, 1.375);
/// let (relevance, _) = sorted.sum_relevance(array![0.375, 0.625].view())?;
/// assert_eq!(relevance, array![0.75, 0.625]); // b/V + 2 · 0.375 − 0.25, b/V + 2 · 0.5 − 0.625
/// # Ok::<(), kernels::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SortedExpansion {
    bias: f64,
    dimensions: Vec<SortedDimension>,
}

/// The function of one dimension, `Σ_i α_i min(x_i(d), ·)`: piecewise linear, with a corner at each support value.
#[derive(Clone, Debug, PartialEq)]
struct SortedDimension {
    /// The support values larger than 0, ascending.
    corners: Vec<f64>,
    /// One more than corners: the function is `offset + slope · x` between the corner before and the corner at it.
    pieces: Vec<Piece>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Piece {
    /// `Σ α_i x_i(d)` over the corners before
    offset: f64,
    /// `Σ α_i` over the corners from here on
    slope: f64,
}

impl SortedDimension {
    /// From the support values and their coefficients. Values of 0 contribute nothing.
    fn new(values: impl Iterator<Item = (f64, f64)>) -> Self {
        let mut sorted: Vec<(f64, f64)> = values.filter(|&(value, weight)| value > 0.0 && weight != 0.0).collect();
        sorted.sort_by(|left, right| left.0.total_cmp(&right.0));
        let mut pieces = vec![Piece { offset: 0.0, slope: 0.0 }; sorted.len() + 1];
        for (place, (value, weight)) in sorted.iter().enumerate() {
            pieces[place + 1].offset = pieces[place].offset + weight * value;
        }
        for (place, (_, weight)) in sorted.iter().enumerate().rev() {
            pieces[place].slope = pieces[place + 1].slope + weight;
        }
        Self { corners: sorted.into_iter().map(|(value, _)| value).collect(), pieces }
    }

    fn value(&self, x: f64) -> f64 {
        let Piece { offset, slope } = self.pieces[self.corners.partition_point(|&corner| corner <= x)];
        offset + slope * x
    }
}

impl SortedExpansion {
    pub(super) fn new(expansion: &KernelExpansion) -> Result<Self, Error> {
        let mut dimensions = Vec::with_capacity(expansion.dimensions());
        for (index, (term, coefficients)) in expansion.terms.iter().zip(&expansion.weighted).enumerate() {
            if term.kernel.kind() != KernelKind::HistogramIntersection {
                return Err(Error::NotIntersection { term: index, kernel: term.kernel.name() });
            }
            for column in term.support.columns() {
                let values = column.iter().copied().zip(coefficients.iter().copied());
                dimensions.push(SortedDimension::new(values));
            }
        }
        Ok(Self { bias: expansion.bias, dimensions })
    }

    /// V, all terms together.
    pub fn dimensions(&self) -> usize {
        self.dimensions.len()
    }

    /// `f(x)` (Eqs 20, 21, 42)
    ///
    /// # Errors
    /// [`Error::Dimensions`], [`Error::Negative`] or [`Error::NotFinite`] for a point that the kernel does not take.
    pub fn value(&self, x: ArrayView1<'_, f64>) -> Result<f64, Error> {
        self.check(x)?;
        Ok(self.bias + self.parts(&contiguous(x)).sum::<f64>())
    }

    /// R³ as [`sum_relevance`](crate::sum_relevance) gives it (Eqs 24, 43).
    ///
    /// The ledger entry takes in [`value`](Self::value).
    ///
    /// # Errors
    /// As for [`value`](Self::value).
    pub fn sum_relevance(&self, x: ArrayView1<'_, f64>) -> Result<(Array1<f64>, Entry), Error> {
        self.check(x)?;
        let parts: Array1<f64> = self.parts(&contiguous(x)).collect();
        let value = self.bias + parts.iter().sum::<f64>();
        let relevance = parts + self.bias / self.dimensions() as f64;
        let entry = Entry::new(crate::relevance::SUM_STAGE, Amount::of(value), relevance.iter().collect());
        Ok((relevance, entry))
    }

    fn check(&self, x: ArrayView1<'_, f64>) -> Result<(), Error> {
        check_dimensions("x", x.len(), self.dimensions())?;
        check_point("x", KernelKind::HistogramIntersection, x)
    }

    fn parts(&self, x: &[f64]) -> impl Iterator<Item = f64> {
        self.dimensions.iter().zip(x).map(|(dimension, &x)| dimension.value(x))
    }
}
