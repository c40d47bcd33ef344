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

/// A distance about an expansion point, in the units of the exponent: `s · D(z) = s · (D(z₀) + ∇D·(z − z₀) + Q)`.
pub(super) struct Expansion {
    /// `s · D(z₀)`
    pub(super) at_root: f64,
    /// `s · ∇D(z₀) · (z − z₀)`
    pub(super) linear: f64,
    /// `s · Q`: what the expansion of the distance leaves out
    pub(super) remainder: f64,
}

impl Expansion {
    /// What the expansion of the kernel `k = exp(−s D)` leaves out.
    ///
    /// ```text
    /// k(z) − k(z₀) − ∇k·(z − z₀) = k(z₀) · ( e^y − 1 + s ∇D·(z − z₀) ) = k(z₀) · ( (e^y − 1 − y) − s Q ),
    ///                          y = −s (∇D·(z − z₀) + Q)
    /// ```
    pub(super) fn kernel_remainder(&self) -> f64 {
        (-self.at_root).exp() * (exp_remainder(-(self.linear + self.remainder)) - self.remainder)
    }
}

/// `e^y − 1 − y` without loss of digits near 0.
fn exp_remainder(y: f64) -> f64 {
    if y.abs() > 0.5 {
        return y.exp_m1() - y;
    }
    // y²/2 · (1 + y/3 · (1 + y/4 · (…))): at |y| = 1/2 the first term left out is below a rounding.
    let tail = (3..=15).rev().fold(1.0, |tail, order| 1.0 + tail * y / f64::from(order));
    0.5 * y * y * tail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remainder_of_the_exponential_keeps_its_digits() {
        for y in [-0.5_f64, -0.1, 1e-3, 0.3, 0.5] {
            let plain = y.exp_m1() - y;
            assert!((exp_remainder(y) - plain).abs() < 1e-16, "{y}");
        }
        assert_eq!(exp_remainder(0.0), 0.0);
        let tiny = 1e-9;
        assert!((exp_remainder(tiny) / (0.5 * tiny * tiny * (1.0 + tiny / 3.0)) - 1.0).abs() < 1e-15);
        assert_eq!(exp_remainder(2.0), 2.0_f64.exp_m1() - 2.0);
    }
}
