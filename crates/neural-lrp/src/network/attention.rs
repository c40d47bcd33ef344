//! Attention: a softmax between two products of computed tensors, however it is written.

use std::collections::{BTreeMap, BTreeSet};

use crate::Real;
use crate::network::{Network, Node, TensorId};
use crate::operation::{Family, Signal};

mod factorized;

/// The parts that nodes of a network have in attention.
///
/// A node is known by what it computes. From the softmax to the product with the values, weights may be rearranged, scaled
/// and shifted by constants, mixed by layers with weights (talking heads), added to other weights, and divided by their
/// sum. The scores that softmax takes may also be sums, of a product and a bias, and go through a function, as a soft cap.
#[derive(Debug, Default)]
pub(crate) struct Attention {
    /// By the output of a node.
    parts: BTreeMap<TensorId, Part>,
    /// How often it is factorized.
    factorized: usize,
}

/// The part of a node in attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The product of queries and keys, before the softmax.
    QueryKey,
    /// The softmax.
    Score,
    /// The product of weights and values, behind the softmax or in factorized attention; the values are this operand.
    Value(Signal),
}

impl Attention {
    pub(crate) fn of<F: Real>(network: &Network<F>) -> Self {
        let producers = network.nodes().iter().map(|node| (node.output, node)).collect();
        let graph = Producers { network, producers };
        let mut parts = BTreeMap::new();
        for node in network.nodes().iter().filter(|node| graph.is_product(node)) {
            let [first, second] = [0, 1].map(|operand| graph.weights_behind(node.operands[operand]));
            let (values, scores) = match (first, second) {
                (Some(scores), None) => (Signal::Second, scores),
                (None, Some(scores)) => (Signal::First, scores),
                _ => continue,
            };
            parts.insert(node.output, Part::Value(values));
            parts.extend(scores.into_iter().map(|score| (score, Part::Score)));
        }
        let (more, factorized) = factorized::parts(&graph, &parts);
        parts.extend(more);
        let scores: Vec<TensorId> =
            parts.iter().filter(|(_, part)| **part == Part::Score).map(|(&tensor, _)| tensor).collect();
        for product in scores.into_iter().flat_map(|score| graph.products_before(score)) {
            parts.entry(product).or_insert(Part::QueryKey);
        }
        Self { parts, factorized }
    }

    /// The part that a node has.
    pub(crate) fn part<F: Real>(&self, node: &Node<F>) -> Option<Part> {
        self.parts.get(&node.output).copied()
    }

    /// How many softmax stand between two products of computed tensors.
    pub(crate) fn count(&self) -> usize {
        self.parts.values().filter(|part| **part == Part::QueryKey).count()
    }

    /// How often keys and values are multiplied first, and queries come last.
    pub(crate) fn factorized(&self) -> usize {
        self.factorized
    }
}

/// Who computes each tensor.
struct Producers<'a, F: Real> {
    network: &'a Network<F>,
    producers: BTreeMap<TensorId, &'a Node<F>>,
}

impl<F: Real> Producers<'_, F> {
    fn computed(&self, node: &Node<F>) -> Vec<TensorId> {
        let computed = |operand: &TensorId| self.network.tensor(*operand).constant.is_none();
        node.operands.iter().copied().filter(computed).collect()
    }

    /// Whether a node is a product, summed over an axis, of two computed tensors.
    fn is_product(&self, node: &Node<F>) -> bool {
        node.operation.family() == Family::Bilinear && node.operands.len() == 2 && self.computed(node).len() == 2
    }

    /// The outputs of softmax that a tensor comes from, if it comes from nothing else.
    fn weights_behind(&self, tensor: TensorId) -> Option<BTreeSet<TensorId>> {
        let mut scores = BTreeSet::new();
        let mut seen = BTreeSet::from([tensor]);
        let mut pending = vec![tensor];
        while let Some(tensor) = pending.pop() {
            let node = self.producers.get(&tensor)?;
            match node.operation.family() {
                Family::Softmax if node.operation.is_gate() => {
                    scores.insert(tensor);
                }
                _ => pending.extend(self.handed_on(node)?.into_iter().filter(|&operand| seen.insert(operand))),
            }
        }
        Some(scores)
    }

    /// The tensors that a node hands on as weights: moved, scaled, shifted, mixed, summed, or divided; `None` where it gives
    /// something else.
    fn handed_on(&self, node: &Node<F>) -> Option<Vec<TensorId>> {
        let computed = self.computed(node);
        let takes_several = node.operands.len() > 1;
        let hands_on = match node.operation.family() {
            _ if node.operation.is_quantization() => true,
            Family::Product if node.operation.is_quotient() && computed.len() == 2 => return Some(vec![computed[0]]),
            Family::Arrangement => !computed.is_empty(),
            Family::Linear => true,
            Family::Product => takes_several && computed.len() == 1,
            Family::Sum => takes_several,
            Family::Normalization => node.normalizes_by_constants(),
            _ => false,
        };
        hands_on.then_some(computed)
    }

    /// The products that the scores of a softmax are made of.
    fn products_before(&self, softmax: TensorId) -> Vec<TensorId> {
        let mut products = Vec::new();
        let mut pending = self.producers.get(&softmax).map(|node| self.computed(node)).unwrap_or_default();
        let mut seen: BTreeSet<TensorId> = pending.iter().copied().collect();
        while let Some(tensor) = pending.pop() {
            let Some(node) = self.producers.get(&tensor) else { continue };
            if self.is_product(node) {
                products.push(tensor);
                continue;
            }
            let is_activation = node.operation.family() == Family::Activation;
            let handed_on = if is_activation { Some(self.computed(node)) } else { self.handed_on(node) };
            pending.extend(handed_on.into_iter().flatten().filter(|&operand| seen.insert(operand)));
        }
        products
    }
}

#[cfg(test)]
mod testing {
    use crate::network::{Network, NetworkBuilder};
    use crate::operation::OperatorSpec;
    use crate::operations::read;

    /// A network of nodes `(kind, operands, output)` on inputs q, k, v of shape (2, 4, 4), with the constant `c`; `complete`
    /// adds to a node's specification what its kind takes beside operands.
    pub fn network(
        nodes: &[(&str, &[&str], &str)],
        complete: impl Fn(&str, usize, OperatorSpec<f64>) -> OperatorSpec<f64>,
    ) -> Network<f64> {
        let mut builder = NetworkBuilder::<f64>::new();
        for input in ["q", "k", "v"] {
            builder.input(input, [Some(2), Some(4), Some(4)]);
        }
        builder.constant("c", ndarray::ArrayD::from_elem(vec![], 0.5));
        for (kind, operands, output) in nodes {
            let spec = complete(kind, operands.len(), OperatorSpec::new(*kind, operands.len()));
            builder.node(*output, read(&spec).unwrap().operation, operands.to_vec(), *output);
        }
        builder.output(nodes.last().unwrap().2);
        builder.build().unwrap()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// The parts of nodes: see [`testing::network`].
    fn parts(nodes: &[(&str, &[&str], &str)]) -> Vec<(String, Part)> {
        let network = testing::network(nodes, |kind, operands, spec| match kind {
            "Einsum" if operands == 1 => {
                let weights = Arc::new(ndarray::ArrayD::ones(vec![2, 2]));
                spec.with_text("equation", "hij,gh->gij").with_constant(weights)
            }
            "Einsum" => spec.with_text("equation", "hij,hjk->hik"),
            "Concat" => spec.with_integer("axis", 0),
            "ReduceMean" => spec.with_constant_integers([1]),
            _ => spec,
        });
        let attention = Attention::of(&network);
        let named = |node: &Node<f64>| Some((node.name.clone(), attention.part(node)?));
        network.nodes().iter().filter_map(named).collect()
    }

    fn part(name: &str, part: Part) -> (String, Part) {
        (name.to_owned(), part)
    }

    #[test]
    fn softmax_stands_between_two_products() {
        let plain = [("MatMul", &["q", "k"][..], "s"), ("Softmax", &["s"], "p"), ("MatMul", &["p", "v"], "y")];
        let expected = [part("s", Part::QueryKey), part("p", Part::Score), part("y", Part::Value(Signal::Second))];
        assert_eq!(parts(&plain), expected);
        let turned = [("MatMul", &["q", "k"][..], "s"), ("Softmax", &["s"], "p"), ("Einsum", &["v", "p"], "y")];
        assert_eq!(parts(&turned)[2], part("y", Part::Value(Signal::First)));
    }

    #[test]
    fn weights_and_scores_may_be_scaled_shifted_and_mixed() {
        let nodes: &[(&str, &[&str], &str)] = &[
            ("MatMul", &["q", "k"], "s"),
            ("Mul", &["s", "c"], "scaled"),
            ("Tanh", &["scaled"], "capped"),
            ("Add", &["capped", "q"], "biased"),
            ("Einsum", &["biased"], "mixed"),
            ("Softmax", &["mixed"], "p"),
            ("Einsum", &["p"], "talking"),
            ("Mul", &["talking", "c"], "dropped"),
            ("Transpose", &["dropped"], "turned"),
            ("MatMul", &["turned", "v"], "y"),
        ];
        let expected = [part("s", Part::QueryKey), part("p", Part::Score), part("y", Part::Value(Signal::Second))];
        assert_eq!(parts(nodes), expected);
    }

    #[test]
    fn weights_may_be_added_and_made_to_sum_to_one() {
        let gated: &[(&str, &[&str], &str)] = &[
            ("MatMul", &["q", "k"], "s"),
            ("Softmax", &["s"], "p"),
            ("Softmax", &["q"], "r"),
            ("Add", &["p", "r"], "both"),
            ("ReduceMean", &["both"], "mean"),
            ("Div", &["both", "mean"], "normalized"),
            ("MatMul", &["normalized", "v"], "y"),
        ];
        let expected = [
            part("s", Part::QueryKey),
            part("p", Part::Score),
            part("r", Part::Score),
            part("y", Part::Value(Signal::Second)),
        ];
        assert_eq!(parts(gated), expected);
        let with_another = [("Softmax", &["q"][..], "p"), ("Add", &["p", "k"], "r"), ("MatMul", &["r", "v"], "y")];
        assert_eq!(parts(&with_another), []);
    }

    #[test]
    fn what_comes_from_elsewhere_is_no_weight() {
        let activated = [("Softmax", &["q"][..], "p"), ("Relu", &["p"], "r"), ("MatMul", &["r", "v"], "y")];
        assert_eq!(parts(&activated), []);
        let joined = [("Softmax", &["q"][..], "p"), ("Concat", &["p", "v"], "r"), ("MatMul", &["r", "r"], "y")];
        assert_eq!(parts(&joined), []);
        // Softmax of each operand: none of them is the value.
        let both = [("Softmax", &["q"][..], "p"), ("Softmax", &["k"], "r"), ("MatMul", &["p", "r"], "y")];
        assert_eq!(parts(&both), []);
        // Weights without queries are weights of values all the same.
        let alone = [("Softmax", &["q"][..], "p"), ("MatMul", &["p", "v"], "y")];
        assert_eq!(parts(&alone), [part("p", Part::Score), part("y", Part::Value(Signal::Second))]);
    }
}
