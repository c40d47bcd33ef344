//! A linear layer on tensors of any rank: a product with weights, then the bias.

use std::collections::BTreeSet;

use neural_lrp::Real;
use neural_lrp::operation::{Attribute, Constant};

use super::wiring::Wiring;
use super::{Pattern, Replacement};
use crate::graph::Node;

/// `x W + b` with a matrix W and a vector b, which may be a single row, both known; MatMul stands at the position.
pub(super) fn find<F: Real>(wiring: &Wiring<'_, F>, position: usize) -> Option<Pattern<F>> {
    let product = wiring.of_kind(position, "MatMul")?;
    let (source, weights) = (product.input(0)?, product.input(1)?);
    let &[_, outputs] = wiring.known(weights)?.1.shape() else { return None };
    let bias = bias_behind(wiring, product.output(), outputs)?;
    let operation = layer(product, [source, weights, &bias.name], bias.add.output());
    let nodes = BTreeSet::from([position, bias.position]);
    Some(Pattern { nodes, replacement: Replacement { operations: vec![operation], constants: bias.constants } })
}

/// The layer of a product, with its bias.
pub(super) fn layer(product: &Node, inputs: [&str; 3], output: &str) -> Node {
    Node::new(&product.name, "Gemm", &inputs, output).with("transB", Attribute::Integer(0))
}

/// A vector that is added to what a product gives.
pub(super) struct AddedBias<'a, F> {
    /// Where the addition stands.
    pub(super) position: usize,
    pub(super) add: &'a Node,
    pub(super) name: String,
    /// The vector, if it is not in the file as one.
    pub(super) constants: Vec<(String, Constant<F>)>,
}

/// The known vector of so many numbers, or single row, that is added to a tensor which nothing else takes.
pub(super) fn bias_behind<'a, F: Real>(
    wiring: &Wiring<'a, F>,
    tensor: &str,
    outputs: usize,
) -> Option<AddedBias<'a, F>> {
    let (position, add) = wiring.only_taker(tensor).filter(|(_, node)| node.kind == "Add")?;
    let bias = add.given_inputs().find(|input| *input != tensor)?;
    let shape = wiring.known(bias)?.1.shape();
    if shape.last() != Some(&outputs) || shape.iter().product::<usize>() != outputs {
        return None;
    }
    let (name, constant) = wiring.scaled(bias, 1.0, &format!("{}.bias", add.output()))?;
    let constants = constant.map(|constant| (name.clone(), constant)).into_iter().collect();
    Some(AddedBias { position, add, name, constants })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Sketch, recognized};

    #[test]
    fn weights_and_bias_are_one_layer() {
        for sum in [["p", "b"], ["b", "p"]] {
            let nodes: &[Sketch<'_>] = &[("MatMul", &["x", "w"], "p"), ("Add", &sum, "y")];
            let rows: [&[usize]; 3] = [&[2], &[1, 2], &[1, 1, 2]];
            for (row, bias) in rows.into_iter().zip(["b", "y.bias", "y.bias"]) {
                let layer = format!("Gemm(x, w, {bias}) y");
                assert_eq!(recognized(nodes, &[], &[("w", &[3, 2]), ("b", row)]), [layer]);
            }
            assert_eq!(recognized(nodes, &[], &[("w", &[3, 2]), ("b", &[2, 2])]).len(), 2);
            assert_eq!(recognized(nodes, &[], &[("w", &[4, 3, 2]), ("b", &[2])]).len(), 2);
            assert_eq!(recognized(nodes, &[], &[("w", &[3, 2]), ("b", &[1])]).len(), 2);
            assert_eq!(recognized(nodes, &[], &[("w", &[3, 2])]).len(), 2);
        }
    }
}
