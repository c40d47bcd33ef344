//! Relevance of products that are linear in each of two tensors.

use ndarray::{ArrayD, ArrayViewD};
use relevance::Stabilizer;

use crate::Real;
use crate::operation::shares::shares;
use crate::operation::{Redistribution, Signal, Step};

/// A factor of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Factor {
    First,
    Second,
}

/// What the factors of a bilinear product get: `R_A = A ⊙ (∂O/∂A)ᵀ s`, `R_B = B ⊙ (∂O/∂B)ᵀ s`, where `transposed` gives
/// the derivative for a factor of the shares `s = R / stabilize(2 O)`, or `R / stabilize(O)` where one factor carries the
/// signal; the other's is not computed.
pub(super) fn to_factors<F: Real>(
    step: &Step<'_, F>,
    upper: ArrayViewD<'_, F>,
    signal: Signal,
    stabilizer: Stabilizer,
    transposed: impl Fn(&ArrayViewD<'_, F>, Factor) -> ArrayD<F>,
) -> Redistribution<F> {
    let parts = if signal == Signal::Both { F::of(2.0) } else { F::one() };
    let (shares, sinks) = shares(upper, &step.output.mapv(|output| output * parts).view(), stabilizer);
    let factors = [(Factor::First, Signal::Second), (Factor::Second, Signal::First)];
    let lower = factors.into_iter().zip(&step.operands).map(|((factor, other), operand)| match signal == other {
        true => ArrayD::zeros(operand.raw_dim()),
        false => transposed(&shares.view(), factor) * operand,
    });
    Redistribution::with_sinks(lower.collect(), sinks)
}
