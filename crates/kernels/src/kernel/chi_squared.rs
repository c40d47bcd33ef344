//! The χ² kernel (Eqs 44–46), with the denominator un-squared.

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use super::chi_squared_dense::ChiSquaredDense;
use super::chi_squared_segment::ChiSquaredSegment;
use super::exponential::{Expansion, UncheckedSigma, check_sigma, kernel_change, mean_distance};
use super::{DifferentiableKernel, FitBandwidth, KernelFunction, Segment, ZeroQuotient, plain_segment};
use crate::lanes::{sum_pairs, sum_triples, vectorized};
use crate::points::SupportVectors;
use crate::{Domain, Error};

/// The χ² kernel, for non-negative values.
///
/// ```text
/// k(x, z) = exp( −σ Σ_d (x_(d) − z_(d))² / (x_(d) + z_(d)) ),   0/0 = 0
///                                                            Bach et al. 2015, Eq. (44), denominator un-squared
/// ∂k/∂z_(d) = k(x, z) · σ · ( 4 x_(d)² / (x_(d) + z_(d))² − 1 )
///                                                            Bach et al. 2015, Eq. (45)
/// ```
/// * `σ` — `sigma`; it multiplies
///
/// The paper prints Eq. 44 with the denominator squared; its derivatives, Eqs 45 and 46, are those of the form here,
/// which is the usual one. [`ChiSquaredPrinted`](crate::ChiSquaredPrinted) is Eq. 44 as printed. For 0/0 in Eq. 45 see
/// [`ZeroQuotient`].
///
/// ```
/// use kernels::{ChiSquared, Kernel, ZeroQuotient};
/// use ndarray::array;
/// let kernel = Kernel::from(ChiSquared::new(0.25)?);
/// let (x, z) = (array![3.0, 0.0], array![1.0, 0.0]);
/// let k = (-0.25_f64).exp(); // (3 − 1)²/(3 + 1) = 1
/// assert_eq!(kernel.value(x.view(), z.view())?, k);
/// let factors = array![4.0 * 9.0 / 16.0 - 1.0, -1.0];
/// assert_eq!(kernel.derivative(x.view(), z.view(), ZeroQuotient::RightDerivative)?, factors * (0.25 * k));
/// # Ok::<(), kernels::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "UncheckedSigma")]
pub struct ChiSquared {
    sigma: f64,
}

impl ChiSquared {
    /// Histograms: with negative values the denominator may vanish.
    pub const DOMAIN: Domain = Domain::NonNegative;

    /// The kernel of bandwidth `sigma` > 0.
    ///
    /// # Errors
    /// [`Error::Parameter`] when `sigma` is not finite or not larger than 0.
    pub fn new(sigma: f64) -> Result<Self, Error> {
        Ok(Self { sigma: check_sigma("chi-squared", sigma)? })
    }

    /// The σ of Eq. 44.
    pub fn sigma(&self) -> f64 {
        self.sigma
    }
}

impl TryFrom<UncheckedSigma> for ChiSquared {
    type Error = Error;

    fn try_from(unchecked: UncheckedSigma) -> Result<Self, Error> {
        Self::new(unchecked.sigma)
    }
}

/// The denominator `x + z`, kept from 0 so that 0/0 = 0: the numerators vanish with it.
#[inline(always)]
fn denominator(x: f64, z: f64) -> f64 {
    let sum = x + z;
    if sum > f64::MIN_POSITIVE { sum } else { f64::MIN_POSITIVE }
}

/// `Σ_d (x_(d) − z_(d))² / (x_(d) + z_(d))`
#[inline(always)]
fn distance(x: &[f64], z: &[f64]) -> f64 {
    sum_pairs(x, z, |x, z| {
        let difference = x - z;
        difference / denominator(x, z) * difference
    })
}

/// `2 x_(d) / (x_(d) + z_(d))`, 0 where both are zero: value, derivative and remainder all follow from it.
fn set_ratios(ratios: &mut [f64], x: &[f64], z: &[f64]) {
    vectorized(
        #[inline(always)]
        || {
            for ((ratio, &x), &z) in ratios.iter_mut().zip(x).zip(z) {
                *ratio = 2.0 * x / denominator(x, z);
            }
        },
    );
}

/// [`distance`] as `Σ_d (x−z) (2x/(x+z) − 1)`
fn distance_from_ratios(x: &[f64], z: &[f64], ratios: &[f64]) -> f64 {
    sum_triples(x, z, ratios, |x, z, ratio| (x - z) * (ratio - 1.0))
}

/// `Σ_d (1 − r r₀) (z−z₀)`, the change of the distance from `z₀` to `z`
fn distance_change(ratios: &[f64], at_root: &[f64], steps: &[f64]) -> f64 {
    sum_triples(ratios, at_root, steps, |ratio, at_root, step| (1.0 - ratio * at_root) * step)
}

/// What is missing from the derivative of the distance under the reading of 0/0: 1 where both are zero and the whole
/// derivative shall be 0.
fn both_zero(x: f64, z: f64) -> f64 {
    if x == 0.0 && z == 0.0 { 1.0 } else { 0.0 }
}

impl KernelFunction for ChiSquared {
    fn value(&self, x: &[f64], z: &[f64]) -> f64 {
        (-self.sigma * distance(x, z)).exp()
    }

    fn differentiable(&self) -> Option<&dyn DifferentiableKernel> {
        Some(self)
    }
}

impl DifferentiableKernel for ChiSquared {
    /// Eq. 45, summed, with one division for each support vector and dimension.
    fn add_gradient(&self, support: &SupportVectors<'_>, z: &[f64], zero_quotient: ZeroQuotient, gradient: &mut [f64]) {
        let mut ratios = vec![0.0; z.len()];
        for (x, coefficient) in support.iter() {
            set_ratios(&mut ratios, x, z);
            let weight = coefficient * self.sigma * (-self.sigma * distance_from_ratios(x, z, &ratios)).exp();
            vectorized(
                #[inline(always)]
                || {
                    for (sum, &ratio) in gradient.iter_mut().zip(&ratios) {
                        *sum += weight * (ratio * ratio - 1.0);
                    }
                },
            );
            if zero_quotient == ZeroQuotient::Zero {
                for ((sum, &x), &z) in gradient.iter_mut().zip(x).zip(z) {
                    *sum += weight * both_zero(x, z);
                }
            }
        }
    }

    /// With `r = 2x/(x+z)` and `r₀ = 2x/(x+z₀)`, the distance changes by
    ///
    /// ```text
    /// (x−z)²/(x+z) − (x−z₀)²/(x+z₀) = (1 − r r₀) (z−z₀)
    /// ```
    fn change(&self, support: &SupportVectors<'_>, z: &[f64], root: &[f64]) -> f64 {
        let steps: Vec<f64> = z.iter().zip(root).map(|(z, root)| z - root).collect();
        let (mut ratios, mut at_root) = (vec![0.0; z.len()], vec![0.0; z.len()]);
        let terms = support.iter().map(|(x, coefficient)| {
            set_ratios(&mut ratios, x, z);
            set_ratios(&mut at_root, x, root);
            let at_z = distance_from_ratios(x, z, &ratios);
            coefficient * kernel_change(self.sigma * at_z, self.sigma * distance_change(&ratios, &at_root, &steps))
        });
        terms.sum()
    }

    /// Of the [`change`](DifferentiableKernel::change) of the distance, the first order is `(1 − r₀²) (z−z₀)`, and
    /// `z − z₀` where `x = z₀ = 0`, unless the derivative there is taken to be 0.
    fn remainder(&self, support: &SupportVectors<'_>, z: &[f64], root: &[f64], zero_quotient: ZeroQuotient) -> f64 {
        let steps: Vec<f64> = z.iter().zip(root).map(|(z, root)| z - root).collect();
        let (mut ratios, mut at_root) = (vec![0.0; z.len()], vec![0.0; z.len()]);
        let terms = support.iter().map(|(x, coefficient)| {
            set_ratios(&mut ratios, x, z);
            set_ratios(&mut at_root, x, root);
            let linear = sum_pairs(&at_root, &steps, |at_root, step| (1.0 - at_root * at_root) * step);
            let not_in_linear = match zero_quotient {
                ZeroQuotient::RightDerivative => 0.0,
                ZeroQuotient::Zero => sum_triples(x, root, &steps, |x, root, step| both_zero(x, root) * step),
            };
            let expansion = Expansion {
                at_root: self.sigma * distance_from_ratios(x, root, &at_root),
                change: self.sigma * distance_change(&ratios, &at_root, &steps),
                linear: self.sigma * (linear - not_in_linear),
            };
            coefficient * expansion.kernel_remainder()
        });
        terms.sum()
    }

    fn along<'a>(&'a self, support: SupportVectors<'a>, from: &[f64], to: &[f64]) -> Segment<'a> {
        if !ChiSquaredSegment::suits(self.sigma, &support, from, to) {
            plain_segment(self, support, from, to)
        } else if ChiSquaredDense::suits(self.sigma, &support) {
            let segment = ChiSquaredDense::new(self.sigma, support, from, to);
            Box::new(move |position| segment.value(position))
        } else {
            let segment = ChiSquaredSegment::new(self.sigma, &support, from, to);
            Box::new(move |position| segment.value(position))
        }
    }
}

impl FitBandwidth for ChiSquared {
    fn fit_bandwidth(points: ArrayView2<'_, f64>) -> Result<Self, Error> {
        Self::new(1.0 / mean_distance(points, distance)?)
    }
}
