//! A linear layer on tensors of any rank: a product with weights, then the bias.

use std::collections::BTreeSet;

use neural_lrp::Real;
use neural_lrp::operation::Attribute;

use super::wiring::Wiring;
use super::{Pattern, Replacement};
use crate::graph::Node;

/// `x W + b` with a matrix W and a vector b, which may be a single row, both known; MatMul stands at the position.
pub(super) fn find<F: Real>(wiring: &Wiring<'_, F>, position: usize) -> Option<Pattern<F>> {
    let product = wiring.of_kind(position, "MatMul")?;
    let (source, weights) = (product.input(0)?, product.input(1)?);
    let &[_, outputs] = wiring.known(weights)?.1.shape() else { return None };
    let (adding, add) = wiring.only_taker(product.output()).filter(|(_, node)| node.kind == "Add")?;
    let bias = add.given_inputs().find(|input| *input != product.output())?;
    let shape = wiring.known(bias)?.1.shape();
    if shape.last() != Some(&outputs) || shape.iter().product::<usize>() != outputs {
        return None;
    }
    let (bias, constant) = wiring.scaled(bias, 1.0, &format!("{}.bias", add.output()))?;
    let operation = Node::new(&product.name, "Gemm", &[source, weights, &bias], add.output());
    let operation = operation.with("transB", Attribute::Integer(0));
    let constants = constant.map(|constant| (bias, constant)).into_iter().collect();
    let replacement = Replacement { operations: vec![operation], constants };
    Some(Pattern { nodes: BTreeSet::from([position, adding]), replacement })
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
