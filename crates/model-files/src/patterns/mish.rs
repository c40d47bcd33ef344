//! Mish.

use neural_lrp::Real;

use super::{Pattern, Wiring};

/// `x · tanh(softplus(x))`, beginning at Softplus.
pub(super) fn find<F: Real>(wiring: &Wiring<'_, F>, position: usize) -> Option<Pattern> {
    let softplus = wiring.of_kind(position, "Softplus")?;
    let source = softplus.input(0)?;
    let (bounding, tanh) = wiring.only_taker(softplus.output()).filter(|(_, node)| node.kind == "Tanh")?;
    let (output, mut nodes) = wiring.gated(source, tanh.output(), 1.0)?;
    nodes.extend([position, bounding]);
    wiring.pattern("Mish", source, output, nodes)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Sketch, recognized};

    #[test]
    fn mish_is_recognized_in_both_orders() {
        for product in [["x", "g"], ["g", "x"]] {
            let nodes: &[Sketch<'_>] = &[("Softplus", &["x"], "s"), ("Tanh", &["s"], "g"), ("Mul", &product, "y")];
            assert_eq!(recognized(nodes, &[], &[]), ["Mish(x) y"]);
        }
    }
}
