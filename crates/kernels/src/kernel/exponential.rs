//! What the kernels `exp(−s · distance)` share.

use ndarray::ArrayView2;
use serde::Deserialize;

use crate::Error;
use crate::gram::mean_over_pairs;
use crate::points::Rows;

/// Exponents up to here may be computed as differences of sums of their own size: what rounding does to them stays
/// below 1e-13.
pub(super) const LARGEST_EXPONENT: f64 = 256.0;

/// The parameter of such a kernel as it stands in a file, not yet checked.
#[derive(Deserialize)]
pub(super) struct UncheckedSigma {
    pub(super) sigma: f64,
}

/// Fails unless `sigma` is finite and larger than 0.
pub(super) fn check_sigma(kernel: &'static str, sigma: f64) -> Result<f64, Error> {
    if sigma.is_finite() && sigma > 0.0 {
        Ok(sigma)
    } else {
        Err(Error::Parameter { kernel, parameter: "sigma", value: sigma })
    }
}

/// `mean_{i<j} distance(x_i, x_j)`, which has to be larger than 0.
pub(super) fn mean_distance(
    points: ArrayView2<'_, f64>,
    distance: impl Fn(&[f64], &[f64]) -> f64 + Sync,
) -> Result<f64, Error> {
    check_mean(points, mean_over_pairs(&Rows::of(points), distance))
}

/// Fails for a mean distance from which no bandwidth comes.
pub(super) fn check_mean(points: ArrayView2<'_, f64>, mean: f64) -> Result<f64, Error> {
    if mean.is_finite() && mean > 0.0 { Ok(mean) } else { Err(Error::NoBandwidth { points: points.nrows(), mean }) }
}

/// A distance about an expansion point, in the units of the exponent.
pub(super) struct Expansion {
    /// `s · D(z₀)`
    pub(super) at_root: f64,
    /// `s · (D(z) − D(z₀))`, from a formula that loses no digits to the difference
    pub(super) change: f64,
    /// `s · ∇D(z₀) · (z − z₀)`
    pub(super) linear: f64,
}

impl Expansion {
    /// What the expansion of the kernel `k = exp(−s D)` leaves out.
    ///
    /// ```text
    /// k(z) − k(z₀) − ∇k·(z − z₀) = k(z₀) · ( e^(−s (D(z) − D(z₀))) − 1 + s ∇D·(z − z₀) )
    /// ```
    pub(super) fn kernel_remainder(&self) -> f64 {
        (-self.at_root).exp() * ((-self.change).exp_m1() + self.linear)
    }
}

/// `k(z) − k(z₀)` of the kernel `k = exp(−s D)`, without the cancellation of nearly equal values.
///
/// ```text
/// k(z) − k(z₀) = −k(z) · ( e^(s (D(z) − D(z₀))) − 1 )
/// ```
/// * `at_z` — `s · D(z)`
/// * `change` — `s · (D(z) − D(z₀))`, from a formula that loses no digits to the difference
pub(super) fn kernel_change(at_z: f64, change: f64) -> f64 {
    // A large change could overflow, and cancels nothing.
    if change > 1.0 { (-at_z).exp() - (change - at_z).exp() } else { -(-at_z).exp() * change.exp_m1() }
}
