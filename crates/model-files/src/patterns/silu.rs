//! SiLU, also known as Swish.

use neural_lrp::Real;

use super::{Pattern, Wiring};

/// `x · sigmoid(x)`, beginning at Sigmoid.
pub(super) fn find<F: Real>(wiring: &Wiring<'_, F>, position: usize) -> Option<Pattern> {
    let sigmoid = wiring.of_kind(position, "Sigmoid")?;
    let source = sigmoid.input(0)?;
    let (output, mut nodes) = wiring.gated(source, sigmoid.output(), 1.0)?;
    nodes.push(position);
    wiring.pattern("Silu", source, output, nodes)
}
