//! A linear layer that is spelled as an Einsum: a product with weights, then the bias.

use std::collections::BTreeSet;

use neural_lrp::Real;
use neural_lrp::operation::Attribute;

use super::wiring::Wiring;
use super::{Pattern, Replacement};
use crate::graph::Node;

/// `Einsum(x, W) + b` with W and b known, beginning at the Einsum; b varies along axes of the output that come from W.
pub(super) fn find<F: Real>(wiring: &Wiring<'_, F>, position: usize) -> Option<Pattern<F>> {
    let product = wiring.of_kind(position, "Einsum")?;
    let [first, second] = product.inputs.as_slice() else { return None };
    let weights = match (wiring.known(first), wiring.known(second)) {
        (None, Some(_)) => 1,
        (Some(_), None) => 0,
        _ => return None,
    };
    let Attribute::Text(equation) = product.attributes.get("equation")? else { return None };
    let text = equation.replace(' ', "");
    let (operands, output) = text.split_once("->")?;
    let operands: Vec<&str> = operands.split(',').collect();
    let of_weights = |letter: char| {
        let stands = |term: usize| operands.get(term).is_some_and(|term| term.contains(letter));
        stands(weights) && !stands(1 - weights)
    };
    let (adding, add) = wiring.only_taker(product.output()).filter(|(_, node)| node.kind == "Add")?;
    let bias = add.given_inputs().find(|input| *input != product.output())?;
    let shape = wiring.known(bias)?.1.shape();
    let varies: Vec<usize> = (0..shape.len()).filter(|&axis| shape[axis] != 1).collect();
    let letters = || output.chars().rev().zip((0..shape.len()).rev());
    let is_of_weights =
        varies.iter().all(|axis| letters().any(|(letter, at)| at == *axis && letter != '.' && of_weights(letter)));
    // Relevance knows biases that are repeated along the last axes, and along the first.
    let is_together = varies.windows(2).all(|pair| pair[1] == pair[0] + 1);
    if varies.is_empty() || !is_of_weights || !is_together {
        return None;
    }
    let mut inputs: Vec<&str> = product.inputs.iter().map(String::as_str).collect();
    inputs.push(bias);
    let mut layer = Node::new(&product.name, "Einsum", &inputs, add.output());
    layer.attributes.clone_from(&product.attributes);
    let replacement = Replacement { operations: vec![layer], constants: Vec::new() };
    Some(Pattern { nodes: BTreeSet::from([position, adding]), replacement })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::Arc;

    use ndarray::{ArrayD, IxDyn};
    use neural_lrp::operation::{Attribute, Constant};

    use super::super::recognize;
    use crate::graph::{Graph, Node};

    /// The nodes that are left of an Einsum of `equation` with weights on either side, and an Add.
    fn recognized(equation: &str, product: [&str; 2], weights: &[usize], bias: &[usize]) -> Vec<String> {
        let constant = |shape: &[usize]| Constant::Real(Arc::new(ArrayD::from_elem(IxDyn(shape), 0.5)));
        let product = Node::new("p", "Einsum", &product, "p");
        let mut graph: Graph<f64> = Graph {
            inputs: Vec::new(),
            outputs: vec!["y".to_owned()],
            nodes: vec![
                product.with("equation", Attribute::Text(equation.to_owned())),
                Node::new("y", "Add", &["b", "p"], "y"),
            ],
            constants: BTreeMap::from([("w".to_owned(), constant(weights)), ("b".to_owned(), constant(bias))]),
        };
        recognize(&mut graph, &BTreeSet::new());
        graph.nodes.iter().map(|node| format!("{}({}) {}", node.kind, node.inputs.join(", "), node.output())).collect()
    }

    #[test]
    fn weights_and_bias_are_one_layer() {
        assert_eq!(recognized("btc,dc->btd", ["x", "w"], &[4, 3], &[4]), ["Einsum(x, w, b) y"]);
        assert_eq!(recognized("dc,btc->btd", ["w", "x"], &[4, 3], &[1, 4]), ["Einsum(w, x, b) y"]);
        assert_eq!(recognized("abc, cde -> abde", ["x", "w"], &[3, 4, 2], &[4, 2]), ["Einsum(x, w, b) y"]);
        assert_eq!(recognized("bchw,dc->bdhw", ["x", "w"], &[4, 3], &[4, 1, 1]), ["Einsum(x, w, b) y"]);
    }

    #[test]
    fn constants_that_vary_over_positions_stay_operands() {
        assert_eq!(recognized("btc,dc->btd", ["x", "w"], &[4, 3], &[5, 4]).len(), 2);
        assert_eq!(recognized("btc,dc->bdt", ["x", "w"], &[4, 3], &[5]).len(), 2);
        assert_eq!(recognized("...c,dc->...d", ["x", "w"], &[4, 3], &[5, 4]).len(), 2);
        assert_eq!(recognized("abc,cde->adbe", ["x", "w"], &[3, 4, 2], &[4, 1, 2]).len(), 2);
    }
}
