//! The χ² kernel as Eq. 44 prints it.

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use super::exponential::{Expansion, UncheckedSigma, check_sigma, kernel_change, mean_distance};
use super::{DifferentiableKernel, FitBandwidth, KernelFunction, ZeroQuotient};
use crate::lanes::{sum_pairs, sum_triples};
use crate::points::SupportVectors;
use crate::{Domain, Error};

/// The χ² kernel exactly as Eq. 44 is printed, with the denominator squared. For comparison only.
///
/// ```text
/// k(x, z) = exp( −σ Σ_d (x_(d) − z_(d))² / (x_(d) + z_(d))² ),   0/0 = 0
///                                                            Bach et al. 2015, Eq. (44), as printed
/// ∂k/∂z_(d) = k(x, z) · σ · 4 x_(d) (x_(d) − z_(d)) / (x_(d) + z_(d))³,   0/0 = 0
/// ```
/// * `σ` — `sigma`; it multiplies
///
/// Each summand is 1 wherever one of the two values is zero and the other is not: the kernel jumps at zeros, and counts
/// words that only one of the images has, however rare. The paper's Eqs 45 and 46 belong to
/// [`ChiSquared`](crate::ChiSquared).
///
/// ```
/// use kernels::{ChiSquaredPrinted, Kernel};
/// use ndarray::array;
/// let kernel = Kernel::from(ChiSquaredPrinted::new(1.0)?);
/// let value = kernel.value(array![3.0, 1e-9, 0.0].view(), array![1.0, 0.0, 0.0].view())?;
/// assert_eq!(value, (-1.25_f64).exp());
/// # Ok::<(), kernels::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "UncheckedSigma")]
pub struct ChiSquaredPrinted {
    sigma: f64,
}

impl ChiSquaredPrinted {
    /// Histograms: with negative values the denominator may vanish.
    pub const DOMAIN: Domain = Domain::NonNegative;

    /// The kernel of bandwidth `sigma` > 0.
    ///
    /// # Errors
    /// [`Error::Parameter`] when `sigma` is not finite or not larger than 0.
    pub fn new(sigma: f64) -> Result<Self, Error> {
        Ok(Self { sigma: check_sigma("chi-squared-printed", sigma)? })
    }

    /// The σ of Eq. 44.
    pub fn sigma(&self) -> f64 {
        self.sigma
    }
}

impl TryFrom<UncheckedSigma> for ChiSquaredPrinted {
    type Error = Error;

    fn try_from(unchecked: UncheckedSigma) -> Result<Self, Error> {
        Self::new(unchecked.sigma)
    }
}

/// `numerator / denominator`, with 0/0 = 0.
#[inline(always)]
fn quotient(numerator: f64, denominator: f64) -> f64 {
    if denominator == 0.0 { 0.0 } else { numerator / denominator }
}

/// `u = (x − z) / (x + z)`: the distance is `Σ u²`.
#[inline(always)]
fn contrast(x: f64, z: f64) -> f64 {
    quotient(x - z, x + z)
}

/// `du²/dz = −2u · 2x/(x + z)²`
#[inline(always)]
fn slope(x: f64, z: f64) -> f64 {
    let sum = x + z;
    -2.0 * contrast(x, z) * quotient(quotient(2.0 * x, sum), sum)
}

fn distance(x: &[f64], z: &[f64]) -> f64 {
    sum_pairs(x, z, |x, z| contrast(x, z) * contrast(x, z))
}

/// `u² − u₀²`
///
/// ```text
/// x > 0:  (u − u₀) (u + u₀),   u − u₀ = −2x (z−z₀) / ((x+z) (x+z₀))
/// x = 0:  the jumps of u² between 0 at zero and 1 elsewhere
/// ```
fn change(x: f64, z: f64, root: f64) -> f64 {
    let (at_z, at_root) = (contrast(x, z), contrast(x, root));
    if x == 0.0 {
        return at_z * at_z - at_root * at_root;
    }
    -2.0 * x / (x + z) * ((z - root) / (x + root)) * (at_z + at_root)
}

impl KernelFunction for ChiSquaredPrinted {
    fn value(&self, x: &[f64], z: &[f64]) -> f64 {
        (-self.sigma * distance(x, z)).exp()
    }

    fn differentiable(&self) -> Option<&dyn DifferentiableKernel> {
        Some(self)
    }
}

/// Where 0/0 occurs the derivative is 0 under both readings: the kernel jumps there and has none.
impl DifferentiableKernel for ChiSquaredPrinted {
    fn add_gradient(&self, support: &SupportVectors<'_>, z: &[f64], _: ZeroQuotient, gradient: &mut [f64]) {
        for (x, coefficient) in support.iter() {
            let weight = -coefficient * self.sigma * self.value(x, z);
            for ((sum, &x), &z) in gradient.iter_mut().zip(x).zip(z) {
                *sum += weight * slope(x, z);
            }
        }
    }

    fn change(&self, support: &SupportVectors<'_>, z: &[f64], root: &[f64]) -> f64 {
        let terms = support.iter().map(|(x, coefficient)| {
            let change = self.sigma * sum_triples(x, z, root, change);
            coefficient * kernel_change(self.sigma * distance(x, z), change)
        });
        terms.sum()
    }

    fn remainder(&self, support: &SupportVectors<'_>, z: &[f64], root: &[f64], _: ZeroQuotient) -> f64 {
        let terms = support.iter().map(|(x, coefficient)| {
            let expansion = Expansion {
                at_root: self.sigma * distance(x, root),
                linear: self.sigma * sum_triples(x, z, root, |x, z, root| slope(x, root) * (z - root)),
                change: self.sigma * sum_triples(x, z, root, change),
            };
            coefficient * expansion.kernel_remainder()
        });
        terms.sum()
    }
}

impl FitBandwidth for ChiSquaredPrinted {
    fn fit_bandwidth(points: ArrayView2<'_, f64>) -> Result<Self, Error> {
        Self::new(1.0 / mean_distance(points, distance)?)
    }
}
