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

#[cfg(test)]
mod tests {
    use super::super::testing::{Sketch, recognized};

    #[test]
    fn a_tensor_times_its_own_sigmoid_is_recognized() {
        let nodes: &[Sketch<'_>] = &[("Sigmoid", &["x"], "g"), ("Mul", &["g", "x"], "y")];
        assert_eq!(recognized(nodes, &[], &[]), ["Silu(x) y"]);
    }

    #[test]
    fn a_gate_of_another_tensor_stays_one() {
        let nodes: &[Sketch<'_>] = &[("Relu", &["x"], "s"), ("Sigmoid", &["s"], "g"), ("Mul", &["x", "g"], "y")];
        assert_eq!(recognized(nodes, &[], &[]).len(), 3);
    }
}
