//! Relevance of products that are linear in each of two tensors.

use ndarray::{ArrayD, ArrayViewD};
use relevance::Stabilizer;

use crate::Real;
use crate::operation::shares::shares;
use crate::operation::{Redistribution, Signal, Step};

/// What the factors of a bilinear product get: `R_A = A ⊙ (∂O/∂A)ᵀ s`, `R_B = B ⊙ (∂O/∂B)ᵀ s`, where `transposed` gives
/// both derivatives of the shares `s = R / stabilize(2 O)`, or `R / stabilize(O)` where one factor carries the signal.
pub(super) fn to_factors<F: Real>(
    step: &Step<'_, F>,
    upper: ArrayViewD<'_, F>,
    signal: Signal,
    stabilizer: Stabilizer,
    transposed: impl FnOnce(&ArrayViewD<'_, F>) -> [ArrayD<F>; 2],
) -> Redistribution<F> {
    let parts = if signal == Signal::Both { F::of(2.0) } else { F::one() };
    let (shares, sinks) = shares(upper, &step.output.mapv(|output| output * parts).view(), stabilizer);
    let [mut lower_a, mut lower_b] = transposed(&shares.view());
    lower_a *= &step.operands[0];
    lower_b *= &step.operands[1];
    match signal {
        Signal::Both => {}
        Signal::First => lower_b.fill(F::zero()),
        Signal::Second => lower_a.fill(F::zero()),
    }
    Redistribution::with_sinks(vec![lower_a, lower_b], sinks)
}
