//! Weights that are no numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use ndarray::Dimension;
use neural_lrp::Real;
use neural_lrp::operation::Constant;

use crate::graph::{Graph, Node};

/// A tensor of a file that no network computes well with: it has NaN, or infinities among weights.
///
/// Infinities that are added to scores, as masks of attention are, are none of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NonFinite {
    /// Its name.
    pub tensor: String,
    /// The nodes that take it.
    pub nodes: Vec<String>,
    /// How many of its numbers are not finite, …
    pub count: usize,
    /// … of how many.
    pub of: usize,
    /// The position of the first of them.
    pub first: Vec<usize>,
}

impl fmt::Display for NonFinite {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tensor, nodes, count, of, first } = self;
        let tensor = wording::shortened(tensor);
        write!(formatter, "in tensor {tensor:?}, {count} of {of} numbers NaN or infinite, the first at {first:?}")?;
        match nodes.first() {
            Some(node) => write!(formatter, ", which node {:?} takes", wording::shortened(node)),
            None => Ok(()),
        }
    }
}

/// All of a graph, in the order of their names.
pub(crate) fn non_finite<F: Real>(graph: &Graph<F>) -> Vec<NonFinite> {
    let weights: BTreeSet<&str> =
        graph.nodes.iter().filter(|node| is_of_weights(node)).flat_map(Node::given_inputs).collect();
    let mut takers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in &graph.nodes {
        node.given_inputs().for_each(|input| takers.entry(input).or_default().push(&node.name));
    }
    let found = |(name, constant): (&String, &Constant<F>)| {
        let Constant::Real(values) = constant else { return None };
        let is_wrong = |value: &F| value.is_nan() || value.is_infinite() && weights.contains(name.as_str());
        let count = values.iter().filter(|value| is_wrong(value)).count();
        let (first, _) = values.indexed_iter().find(|(_, value)| is_wrong(value))?;
        let nodes = takers.get(name.as_str()).into_iter().flatten().map(|&node| node.to_owned()).collect();
        let first = first.slice().to_vec();
        Some(NonFinite { tensor: name.clone(), nodes, count, of: values.len(), first })
    };
    graph.constants.iter().filter_map(found).collect()
}

/// Whether an infinity among a node's constants makes all that comes out of it useless.
fn is_of_weights(node: &Node) -> bool {
    matches!(
        node.kind.as_str(),
        "BatchNormalization"
            | "Conv"
            | "ConvTranspose"
            | "DequantizeLinear"
            | "GRU"
            | "Gemm"
            | "GroupNormalization"
            | "InstanceNormalization"
            | "LSTM"
            | "LayerNormalization"
            | "MatMul"
            | "PRelu"
            | "RNN"
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ndarray::arr2;

    use super::*;

    fn graph(kind: &str, values: [[f64; 2]; 2]) -> Graph<f64> {
        let constants = [("w".to_owned(), Constant::Real(Arc::new(arr2(&values).into_dyn())))];
        let nodes = vec![Node::new("node", kind, &["x", "w"], "y")];
        Graph { inputs: Vec::new(), outputs: vec!["y".to_owned()], nodes, constants: constants.into() }
    }

    #[test]
    fn broken_weights_are_named_with_their_first_place() {
        let found = non_finite(&graph("MatMul", [[1.0, 2.0], [f64::NEG_INFINITY, f64::NAN]]));
        assert_eq!(
            found[0].to_string(),
            "in tensor \"w\", 2 of 4 numbers NaN or infinite, the first at [1, 0], which node \"node\" takes"
        );
        assert!(non_finite(&graph("MatMul", [[1.0, 2.0], [3.0, 4.0]])).is_empty());
    }

    #[test]
    fn a_mask_may_be_infinite_and_not_nan() {
        assert!(non_finite(&graph("Add", [[0.0, f64::NEG_INFINITY], [0.0, 0.0]])).is_empty());
        assert_eq!(non_finite(&graph("Add", [[0.0, f64::NEG_INFINITY], [0.0, f64::NAN]]))[0].count, 1);
    }
}
