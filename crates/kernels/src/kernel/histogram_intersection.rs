//! The histogram-intersection kernel (Eqs 42, 43).

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use super::{FitBandwidth, KernelFunction, SumDecomposable};
use crate::lanes::{add_weighted, sum_pairs};
use crate::points::SupportVectors;
use crate::{Domain, Error};

/// The histogram-intersection kernel, for non-negative values.
///
/// ```text
/// k(x, z) = Σ_d min(x_(d), z_(d))                            Bach et al. 2015, Eq. (42)
/// ```
/// * `k^(d)(x_(d), z_(d)) = min(x_(d), z_(d))` (Eq. 23; with it, Eq. 24 is Eq. 43)
///
/// It has no derivative where `x_(d) = z_(d)`; [`sum_relevance`](crate::sum_relevance) decomposes it exactly.
///
/// ```
/// use kernels::{HistogramIntersection, Kernel};
/// use ndarray::array;
/// let kernel = Kernel::from(HistogramIntersection);
/// assert_eq!(kernel.value(array![0.5, 0.5, 0.0].view(), array![0.25, 0.5, 0.25].view())?, 0.75);
/// let error = kernel.value(array![0.5, -0.1].view(), array![0.5, 0.5].view()).unwrap_err();
/// assert!(error.to_string().contains("row 0, column 1 holds -0.1"));
/// # Ok::<(), kernels::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistogramIntersection;

impl HistogramIntersection {
    /// Histograms: the kernel is positive definite for non-negative values only.
    pub const DOMAIN: Domain = Domain::NonNegative;
}

/// The smaller of two numbers that are not NaN: one instruction, where [`f64::min`] is four.
#[inline(always)]
fn smaller(x: f64, z: f64) -> f64 {
    if x < z { x } else { z }
}

impl KernelFunction for HistogramIntersection {
    fn value(&self, x: &[f64], z: &[f64]) -> f64 {
        sum_pairs(x, z, smaller)
    }

    fn sum_decomposable(&self) -> Option<&dyn SumDecomposable> {
        Some(self)
    }
}

impl SumDecomposable for HistogramIntersection {
    fn part(&self, x: f64, z: f64) -> f64 {
        smaller(x, z)
    }

    fn add_parts(&self, support: &SupportVectors<'_>, z: &[f64], parts: &mut [f64]) -> f64 {
        let mut sum = 0.0;
        let rows = support.iter().inspect(|(x, coefficient)| sum += coefficient * self.value(x, z));
        add_weighted(rows, z, parts, smaller);
        sum
    }
}

impl FitBandwidth for HistogramIntersection {
    fn fit_bandwidth(_: ArrayView2<'_, f64>) -> Result<Self, Error> {
        Ok(Self)
    }
}
