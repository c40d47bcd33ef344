//! Attention without a matrix of weights: keys and values are multiplied first, and queries come last.

use std::collections::{BTreeMap, BTreeSet};

use crate::Real;
use crate::network::attention::{Part, Producers};
use crate::network::{Node, TensorId};
use crate::operation::{Family, Signal};

/// The parts that products have in factorized attention, `y = φ(Q) (φ(K)ᵀ V)`, by their outputs, and how often it is there.
///
/// The weights of attention are A = φ(Q) φ(K)ᵀ here, although no tensor holds them. So queries and keys weigh, and the
/// values carry the signal through both products, as they do where A is a tensor of its own. There are two kinds:
///
/// * factorized attention (Shen et al. 2021, Xu et al. 2021): keys come from a softmax; that product is one of values already
/// * linear attention (Katharopoulos et al. 2020, Cai et al. 2023): keys and queries come from a function that is nowhere
///   negative, the values do not
///
/// Where queries weigh other forms of the values as well, as codes of relative positions do that are laid over them
/// (Bello 2021, Xu et al. 2021), they weigh there too.
pub(super) fn parts<F: Real>(
    graph: &Producers<'_, F>,
    known: &BTreeMap<TensorId, Part>,
) -> (BTreeMap<TensorId, Part>, usize) {
    let products: Vec<&Node<F>> = graph.network.nodes().iter().filter(|node| graph.is_product(node)).collect();
    let (mut found, mut queries, mut count) = (BTreeMap::new(), BTreeSet::new(), 0);
    for last in products.iter().filter(|node| !known.contains_key(&node.output)) {
        for (place, values) in [(0, Signal::First), (1, Signal::Second)] {
            let (context, weights) = (graph.origin(last.operands[place]), last.operands[1 - place]);
            let Some(&first) = products.iter().find(|product| product.output == context) else { continue };
            let is_weighed = matches!(known.get(&context), Some(Part::Value(_)));
            match linear(graph, first, weights) {
                _ if is_weighed => {}
                Some(of_first) => {
                    found.insert(context, Part::Value(of_first));
                }
                None => continue,
            }
            found.insert(last.output, Part::Value(values));
            queries.insert(graph.origin(weights));
            count += 1;
            break;
        }
    }
    let of_two = graph.network.nodes().iter().filter(|node| graph.computed(node).len() == 2);
    let is_product = |node: &&Node<F>| {
        matches!(node.operation.family(), Family::Bilinear | Family::Product) && !node.operation.is_quotient()
    };
    for node in of_two.filter(is_product).filter(|node| !known.contains_key(&node.output)) {
        let weighs = |place: usize| queries.contains(&graph.origin(node.operands[place]));
        let values = match (weighs(0), weighs(1)) {
            (true, false) => Signal::Second,
            (false, true) => Signal::First,
            _ => continue,
        };
        found.entry(node.output).or_insert(Part::Value(values));
    }
    (found, count)
}

/// The values of the first of two products in linear attention, if it is one with these queries behind it.
fn linear<F: Real>(graph: &Producers<'_, F>, first: &Node<F>, queries: TensorId) -> Option<Signal> {
    let weighs = |tensor: TensorId| {
        let producer = graph.producers.get(&graph.origin(tensor));
        producer.is_some_and(|node| is_nowhere_negative(node))
    };
    match (weighs(queries), weighs(first.operands[0]), weighs(first.operands[1])) {
        (true, true, false) => Some(Signal::Second),
        (true, false, true) => Some(Signal::First),
        _ => None,
    }
}

/// Whether a node gives no negative number, by its function alone.
fn is_nowhere_negative<F: Real>(node: &Node<F>) -> bool {
    let operation = &node.operation;
    let is_clipped = operation.clips_to().is_some_and(|[low, _]| low >= F::zero());
    is_clipped || operation.is_gate() || matches!(operation.kind(), "Exp" | "Softplus")
}

impl<F: Real> Producers<'_, F> {
    /// The tensor that another is a moved, scaled, shifted or quantized form of.
    fn origin(&self, mut tensor: TensorId) -> TensorId {
        while let Some(node) = self.producers.get(&tensor) {
            let moves = match node.operation.family() {
                Family::Arrangement | Family::Normalization => true,
                Family::Product | Family::Sum => node.operands.len() > 1 && !node.operation.is_quotient(),
                Family::Activation => node.operation.is_quantization(),
                _ => false,
            };
            let passes = node.operation.normalization().is_none() || node.normalizes_by_constants();
            match self.computed(node)[..] {
                [only] if moves && passes => tensor = only,
                _ => break,
            }
        }
        tensor
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::network::Attention;
    use crate::network::attention::testing;
    use crate::operation::OperatorSpec;

    /// The values of each product that is one of attention, and the number of attentions, of nodes: see
    /// [`testing::network`].
    fn values(nodes: &[(&str, &[&str], &str)]) -> (Vec<(String, Signal)>, usize) {
        let network = testing::network(nodes, |kind, _, spec| match kind {
            "Linear" => OperatorSpec::new("MatMul", 1).with_constant(Arc::new(ndarray::ArrayD::ones(vec![4, 4]))),
            _ => spec,
        });
        let attention = Attention::of(&network);
        let value = |node: &Node<f64>| match attention.part(node) {
            Some(Part::Value(values)) => Some((node.name.clone(), values)),
            _ => None,
        };
        (network.nodes().iter().filter_map(value).collect(), attention.factorized())
    }

    fn expected(values: &[(&str, Signal)]) -> Vec<(String, Signal)> {
        values.iter().map(|&(name, signal)| (name.to_owned(), signal)).collect()
    }

    #[test]
    fn values_go_through_both_products() {
        let nodes = [
            ("Softmax", &["k"][..], "p"),
            ("Transpose", &["p"], "t"),
            ("MatMul", &["t", "v"], "context"),
            ("Mul", &["context", "c"], "scaled"),
            ("MatMul", &["q", "scaled"], "y"),
        ];
        assert_eq!(values(&nodes), (expected(&[("context", Signal::Second), ("y", Signal::Second)]), 1));
    }

    #[test]
    fn queries_weigh_whatever_they_are_multiplied_with() {
        let nodes = [
            ("Softmax", &["k"][..], "p"),
            ("MatMul", &["p", "v"], "context"),
            ("MatMul", &["q", "context"], "attended"),
            ("Linear", &["v"], "positions"),
            ("Transpose", &["q"], "turned"),
            ("Mul", &["positions", "turned"], "relative"),
            ("Add", &["attended", "relative"], "y"),
        ];
        let of_both = [("context", Signal::Second), ("attended", Signal::Second), ("relative", Signal::First)];
        assert_eq!(values(&nodes), (expected(&of_both), 1));
    }

    #[test]
    fn linear_attention_has_keys_and_queries_that_are_nowhere_negative() {
        let with = |function: &'static str, of_values: &'static str| {
            values(&[
                (function, &["q"][..], "a"),
                ("Relu", &["k"], "b"),
                (of_values, &["v"], "w"),
                ("MatMul", &["w", "b"], "context"),
                ("MatMul", &["context", "a"], "y"),
            ])
        };
        let found = (expected(&[("context", Signal::First), ("y", Signal::First)]), 1);
        for function in ["Relu", "Exp", "Softplus", "Sigmoid"] {
            assert_eq!(with(function, "Linear"), found, "{function}");
        }
        // Three products of numbers that are not negative, or a query that may be, are no attention.
        assert_eq!(with("Relu", "Relu"), (vec![], 0));
        assert_eq!(with("Tanh", "Linear"), (vec![], 0));
    }

    #[test]
    fn attention_behind_attention_is_not_factorized() {
        let nodes = [
            ("MatMul", &["q", "k"][..], "s"),
            ("Softmax", &["s"], "p"),
            ("MatMul", &["p", "v"], "o"),
            ("Linear", &["o"], "z"),
            ("MatMul", &["q", "z"], "y"),
        ];
        assert_eq!(values(&nodes), (expected(&[("o", Signal::Second)]), 0));
    }
}
