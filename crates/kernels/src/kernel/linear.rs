//! The linear kernel.

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::{DifferentiableKernel, FitBandwidth, KernelFunction, Segment, SumDecomposable, ZeroQuotient};
use crate::gram::{by_products, half_by_products};
use crate::lanes::{add_weighted, sum_pairs, sum_triples};
use crate::points::SupportVectors;
use crate::{Domain, Error};

/// The linear kernel: `k(x, z) = Σ_d x_(d) z_(d)`.
///
/// * `k^(d)(x_(d), z_(d)) = x_(d) z_(d)` (Eq. 23)
/// * `∂k/∂z_(d) = x_(d)`; a first-order expansion leaves nothing out
///
/// ```
/// use kernels::{Kernel, Linear, ZeroQuotient};
/// use ndarray::array;
/// let (kernel, x, z) = (Kernel::from(Linear), array![1.0, -2.0], array![3.0, 0.5]);
/// assert_eq!(kernel.value(x.view(), z.view())?, 2.0);
/// assert_eq!(kernel.derivative(x.view(), z.view(), ZeroQuotient::default())?, x);
/// # Ok::<(), kernels::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Linear;

impl Linear {
    /// Any real numbers.
    pub const DOMAIN: Domain = Domain::Real;
}

impl KernelFunction for Linear {
    fn value(&self, x: &[f64], z: &[f64]) -> f64 {
        sum_pairs(x, z, |x, z| x * z)
    }

    fn gram(&self, rows: ArrayView2<'_, f64>, columns: ArrayView2<'_, f64>) -> Array2<f64> {
        by_products(rows, columns, |_, _, product| product)
    }

    fn symmetric_gram(&self, points: ArrayView2<'_, f64>) -> Array2<f64> {
        half_by_products(points, |_, _, product| product)
    }

    fn sum_decomposable(&self) -> Option<&dyn SumDecomposable> {
        Some(self)
    }

    fn differentiable(&self) -> Option<&dyn DifferentiableKernel> {
        Some(self)
    }
}

impl SumDecomposable for Linear {
    fn part(&self, x: f64, z: f64) -> f64 {
        x * z
    }

    fn add_parts(&self, support: &SupportVectors<'_>, z: &[f64], parts: &mut [f64]) -> f64 {
        let mut sum = 0.0;
        let rows = support.iter().inspect(|(x, coefficient)| sum += coefficient * self.value(x, z));
        add_weighted(rows, z, parts, |x, z| x * z);
        sum
    }
}

impl DifferentiableKernel for Linear {
    fn add_gradient(&self, support: &SupportVectors<'_>, z: &[f64], _: ZeroQuotient, gradient: &mut [f64]) {
        add_weighted(support.iter(), z, gradient, |x, _| x);
    }

    fn change(&self, support: &SupportVectors<'_>, z: &[f64], root: &[f64]) -> f64 {
        let terms =
            support.iter().map(|(x, coefficient)| coefficient * sum_triples(x, z, root, |x, z, root| x * (z - root)));
        terms.sum()
    }

    fn remainder(&self, _: &SupportVectors<'_>, _: &[f64], _: &[f64], _: ZeroQuotient) -> f64 {
        0.0
    }

    fn along<'a>(&'a self, support: SupportVectors<'a>, from: &[f64], to: &[f64]) -> Segment<'a> {
        let (start, end) = (self.weighted_sum(&support, from), self.weighted_sum(&support, to));
        Box::new(move |position| position * end + (1.0 - position) * start)
    }
}

impl FitBandwidth for Linear {
    fn fit_bandwidth(_: ArrayView2<'_, f64>) -> Result<Self, Error> {
        Ok(Self)
    }
}
