//! A linear layer whose product is rounded before its bias comes to it.

use std::collections::BTreeSet;

use neural_lrp::Real;

use super::linear::{bias_behind, layer};
use super::wiring::Wiring;
use super::{Pattern, Replacement};
use crate::graph::Node;

/// `round(x W) + b` with a matrix W and a vector b, as a layer with its bias and a rounding that leaves that out:
/// `z = x W + b`, `round(z − b) + b`. MatMul stands at the position.
///
/// Rules then see the layer that it is. With its bias apart, relevance would be shared between product and bias, and what
/// each input gets would not be what the rule of the layer says.
pub(super) fn find<F: Real>(wiring: &Wiring<'_, F>, position: usize) -> Option<Pattern<F>> {
    let product = wiring.of_kind(position, "MatMul")?;
    let (source, weights) = (product.input(0)?, product.input(1)?);
    let &[_, outputs] = wiring.known(weights)?.1.shape() else { return None };
    let is_plain = |node: &Node| node.kind == "FakeQuantize" && node.inputs.len() <= 3;
    let (rounding, round) = wiring.only_taker(product.output()).filter(|(_, node)| is_plain(node))?;
    let bias = bias_behind(wiring, round.output(), outputs)?;
    let layer = layer(product, [source, weights, &bias.name], product.output());
    let mut round = Node { outputs: bias.add.outputs.clone(), ..round.clone() };
    round.inputs.resize(3, String::new());
    round.inputs.push(bias.name);
    let replacement = Replacement { operations: vec![layer, round], constants: bias.constants };
    Some(Pattern { nodes: BTreeSet::from([position, rounding, bias.position]), replacement })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Sketch, recognized};

    #[test]
    fn a_bias_behind_a_rounding_belongs_to_the_layer() {
        for sum in [["r", "b"], ["b", "r"]] {
            let nodes: &[Sketch<'_>] =
                &[("MatMul", &["x", "w"], "p"), ("FakeQuantize", &["p", "s"], "r"), ("Add", &sum, "y")];
            let rounded = recognized(nodes, &[("s", 0.5)], &[("w", &[3, 2]), ("b", &[2])]);
            assert_eq!(rounded, ["Gemm(x, w, b) p", "FakeQuantize(p, s, , b) y"]);
            assert_eq!(recognized(nodes, &[("s", 0.5)], &[("w", &[3, 2]), ("b", &[1])]).len(), 3);
            assert_eq!(recognized(nodes, &[("s", 0.5)], &[("w", &[3, 2])]).len(), 3);
        }
    }
}
