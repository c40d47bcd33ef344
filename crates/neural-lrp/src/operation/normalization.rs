//! Operations that divide by a statistic of their own input.

use ndarray::{ArrayD, ArrayViewD};
use relevance::Amount;

use crate::Real;
use crate::operation::Step;

/// A normalization whose deviations are taken as constants: what is left of it is `y = J x + t`.
///
/// Of `y = (x − mean x) / σ · w + b`, σ is the constant: the mean is part of `J`, and `t = b`.
pub trait Normalization<F: Real> {
    /// `Jᵀ s` for a message `s` of the output's shape, in the shape of the operand.
    fn transposed(&self, step: &Step<'_, F>, message: ArrayViewD<'_, F>) -> ArrayD<F>;

    /// Whether a mean of the operand's own numbers is subtracted: layer, instance and group normalization do so.
    fn centers(&self) -> bool {
        false
    }

    /// `Σ_j t_j s_j`: what the shift takes of a message.
    fn absorbed(&self, step: &Step<'_, F>, message: ArrayViewD<'_, F>) -> Amount;
}
