//! A linear layer on tensors of any rank: a product with weights, then the bias.

use neural_lrp::Real;
use neural_lrp::operation::Attribute;

use super::{Pattern, Wiring};

/// `x W + b` with a matrix W and a vector b, which may be a single row, both known, beginning at MatMul.
pub(super) fn find<F: Real>(wiring: &Wiring<'_, F>, position: usize) -> Option<Pattern> {
    let product = wiring.of_kind(position, "MatMul")?;
    let (source, weights) = (product.input(0)?, product.input(1)?);
    let &[_, outputs] = wiring.constant_shape(weights)? else { return None };
    let (adding, add) = wiring.only_taker(product.output()).filter(|(_, node)| node.kind == "Add")?;
    let bias = add.given_inputs().find(|input| *input != product.output())?;
    let (&[length] | &[1, length]) = wiring.constant_shape(bias)? else { return None };
    if length != outputs {
        return None;
    }
    let mut pattern = wiring.pattern("Gemm", source, add.output(), vec![position, adding])?;
    pattern.operation.name.clone_from(&product.name);
    pattern.operation.inputs.extend([weights.to_owned(), bias.to_owned()]);
    pattern.operation.attributes.insert("transB".to_owned(), Attribute::Integer(0));
    Some(pattern)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Sketch, recognized};

    #[test]
    fn weights_and_bias_are_one_layer() {
        for sum in [["p", "b"], ["b", "p"]] {
            let nodes: &[Sketch<'_>] = &[("MatMul", &["x", "w"], "p"), ("Add", &sum, "y")];
            assert_eq!(recognized(nodes, &[], &[("w", &[3, 2]), ("b", &[2])]), ["Gemm(x, w, b) y"]);
            assert_eq!(recognized(nodes, &[], &[("w", &[3, 2]), ("b", &[1, 2])]), ["Gemm(x, w, b) y"]);
            assert_eq!(recognized(nodes, &[], &[("w", &[3, 2]), ("b", &[2, 2])]).len(), 2);
            assert_eq!(recognized(nodes, &[], &[("w", &[4, 3, 2]), ("b", &[2])]).len(), 2);
            assert_eq!(recognized(nodes, &[], &[("w", &[3, 2]), ("b", &[1])]).len(), 2);
            assert_eq!(recognized(nodes, &[], &[("w", &[3, 2])]).len(), 2);
        }
    }
}
