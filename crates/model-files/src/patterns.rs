//! Operations that exporters write as several nodes, brought back together.
//!
//! Relevance passes through GELU as one operation; through its Div, Erf, Add and Mul it would be split and lost. A new
//! pattern is a file here and a line in [`recognize`].

use std::collections::{BTreeMap, BTreeSet};

use neural_lrp::Real;
use neural_lrp::operation::Constant;

use crate::graph::{Graph, Node};

pub(crate) use layer_normalization::AXES;

mod einsum;
mod gelu;
mod hard_swish;
mod layer_normalization;
mod linear;
mod mish;
mod silu;

/// Nodes that are one operation together.
struct Pattern {
    /// The nodes' positions.
    nodes: Vec<usize>,
    /// The operation, which gives the last node's tensor.
    operation: Node,
}

/// A pattern that begins at the node of this position, if one does.
type Matcher<F> = fn(&Wiring<'_, F>, usize) -> Option<Pattern>;

/// Replaces all patterns by their operations.
pub(crate) fn recognize<F: Real>(graph: &mut Graph<F>) {
    let matchers: [Matcher<F>; 7] =
        [layer_normalization::find, gelu::find, hard_swish::find, mish::find, silu::find, linear::find, einsum::find];
    for matcher in matchers {
        replace_all(graph, matcher);
    }
}

fn replace_all<F: Real>(graph: &mut Graph<F>, matcher: Matcher<F>) {
    let wiring = Wiring::new(graph);
    let mut taken = BTreeSet::new();
    let mut operations = BTreeMap::new();
    for position in 0..graph.nodes.len() {
        let Some(pattern) = matcher(&wiring, position) else { continue };
        if wiring.encloses(&pattern) && pattern.nodes.iter().all(|node| !taken.contains(node)) {
            let first = pattern.nodes.iter().copied().min().unwrap_or(position);
            taken.extend(pattern.nodes);
            operations.insert(first, pattern.operation);
        }
    }
    // An operation takes nothing but what the first of its nodes could: it stands there in the file's order.
    let nodes = std::mem::take(&mut graph.nodes);
    for (position, node) in nodes.into_iter().enumerate() {
        match operations.remove(&position) {
            Some(operation) => graph.nodes.push(operation),
            None if taken.contains(&position) => {}
            None => graph.nodes.push(node),
        }
    }
}

/// Who gives and who takes each tensor.
struct Wiring<'a, F> {
    graph: &'a Graph<F>,
    givers: BTreeMap<&'a str, usize>,
    takers: BTreeMap<&'a str, Vec<usize>>,
}

impl<'a, F: Real> Wiring<'a, F> {
    fn new(graph: &'a Graph<F>) -> Self {
        let (mut givers, mut takers): (_, BTreeMap<&str, Vec<usize>>) = (BTreeMap::new(), BTreeMap::new());
        for (position, node) in graph.nodes.iter().enumerate() {
            givers.extend(node.given_outputs().map(|output| (output, position)));
            for input in node.given_inputs() {
                takers.entry(input).or_default().push(position);
            }
        }
        Self { graph, givers, takers }
    }

    fn node(&self, position: usize) -> &'a Node {
        &self.graph.nodes[position]
    }

    /// The node of this position, if it is of this kind.
    fn of_kind(&self, position: usize, kind: &str) -> Option<&'a Node> {
        Some(self.node(position)).filter(|node| node.kind == kind)
    }

    /// The node that gives a tensor, if it is of this kind.
    fn giver(&self, tensor: &str, kind: &str) -> Option<(usize, &'a Node)> {
        let position = *self.givers.get(tensor)?;
        Some((position, self.of_kind(position, kind)?))
    }

    /// The nodes of this kind that take a tensor.
    fn takers(&self, tensor: &str, kind: &str) -> impl Iterator<Item = (usize, &'a Node)> {
        let takers = self.takers.get(tensor).map(Vec::as_slice).unwrap_or_default();
        takers.iter().filter_map(move |&position| Some((position, self.of_kind(position, kind)?)))
    }

    /// The only node that takes a tensor.
    fn only_taker(&self, tensor: &str) -> Option<(usize, &'a Node)> {
        match self.takers.get(tensor)?.as_slice() {
            [position] => Some((*position, self.node(*position))),
            _ => None,
        }
    }

    /// The value of a tensor that is a single known number.
    fn number(&self, tensor: &str) -> Option<f64> {
        match self.graph.constants.get(tensor)? {
            Constant::Real(values) if values.len() == 1 => values.first().map(|&value| value.as_()),
            Constant::Integer(values) if values.len() == 1 => values.first().map(|&value| value as f64),
            _ => None,
        }
    }

    /// The shape of a tensor of known numbers.
    fn constant_shape(&self, tensor: &str) -> Option<&'a [usize]> {
        match self.graph.constants.get(tensor)? {
            Constant::Real(values) => Some(values.shape()),
            Constant::Integer(_) => None,
        }
    }

    /// The tensor and the number that an Add or Mul joins, in either order.
    fn tensor_and_number(&self, node: &'a Node) -> Option<(&'a str, f64)> {
        let (first, second) = (node.input(0)?, node.input(1)?);
        match (self.number(first), self.number(second)) {
            (None, Some(number)) => Some((first, number)),
            (Some(number), None) => Some((second, number)),
            _ => None,
        }
    }

    /// The tensor that a node scales by a number, through Mul or Div.
    fn scaled(&self, node: &'a Node) -> Option<(&'a str, f64)> {
        match node.kind.as_str() {
            "Mul" => self.tensor_and_number(node),
            "Div" => Some((node.input(0)?, 1.0 / self.number(node.input(1)?)?)),
            _ => None,
        }
    }

    /// The tensor that is `source · gate · scale`, whatever the order of the products, with the nodes that make it.
    fn gated(&self, source: &str, gate: &str, scale: f64) -> Option<(&'a str, Vec<usize>)> {
        let mut tensor = gate;
        for _ in 0..3 {
            let (_, node) = self.only_taker(tensor)?;
            tensor = node.output();
            let product = self.product(tensor, &[source, gate], 4)?;
            let is_gated = matches!(product.factors[..], [a, b] if a != b);
            if is_gated && is_close(product.scale, scale) {
                return Some((node.output(), product.nodes));
            }
        }
        None
    }

    /// A tensor as a product of tensors, each of `leaves` or not a product itself, and a number.
    fn product(&self, tensor: &'a str, leaves: &[&str], depth: usize) -> Option<Product<'a>> {
        if let Some(scale) = self.number(tensor) {
            return Some(Product { scale, factors: Vec::new(), nodes: Vec::new() });
        }
        if leaves.contains(&tensor) {
            return Some(Product { scale: 1.0, factors: vec![tensor], nodes: Vec::new() });
        }
        let depth = depth.checked_sub(1)?;
        if let Some((position, node)) = self.giver(tensor, "Mul") {
            let first = self.product(node.input(0)?, leaves, depth)?;
            return Some(first.times(self.product(node.input(1)?, leaves, depth)?, position));
        }
        let (position, node) = self.giver(tensor, "Div")?;
        let divisor = Product { scale: 1.0 / self.number(node.input(1)?)?, factors: Vec::new(), nodes: Vec::new() };
        Some(self.product(node.input(0)?, leaves, depth)?.times(divisor, position))
    }

    /// Whether nobody outside takes what is inside, other than the operation's output.
    fn encloses(&self, pattern: &Pattern) -> bool {
        let inner = pattern.nodes.iter().flat_map(|&position| self.node(position).given_outputs());
        inner.filter(|tensor| *tensor != pattern.operation.output()).all(|tensor| {
            let takers = self.takers.get(tensor).map(Vec::as_slice).unwrap_or_default();
            takers.iter().all(|taker| pattern.nodes.contains(taker))
                && self.graph.outputs.iter().all(|output| output != tensor)
        })
    }

    /// The pattern of these nodes: an operation on `source`, named as the node that gives `output`.
    fn pattern(&self, kind: &str, source: &str, output: &str, nodes: Vec<usize>) -> Option<Pattern> {
        let name = &self.node(*self.givers.get(output)?).name;
        Some(Pattern { nodes, operation: Node::new(name, kind, &[source], output) })
    }
}

/// A product of tensors and a number.
struct Product<'a> {
    scale: f64,
    factors: Vec<&'a str>,
    /// The nodes that multiply.
    nodes: Vec<usize>,
}

impl Product<'_> {
    /// The product of both, which the node of this position makes.
    fn times(mut self, other: Self, position: usize) -> Self {
        self.scale *= other.scale;
        self.factors.extend(other.factors);
        self.nodes.extend(other.nodes);
        self.nodes.push(position);
        self
    }
}

/// Whether two numbers are the same in single precision, or as exporters write them with a few digits.
fn is_close(value: f64, expected: f64) -> bool {
    (value - expected).abs() <= 1e-4 * expected.abs()
}

#[cfg(test)]
mod testing {
    use std::sync::Arc;

    use ndarray::{ArrayD, IxDyn};

    use super::*;

    /// A node as `(kind, inputs, output)`; it is named as its output.
    pub(super) type Sketch<'a> = (&'a str, &'a [&'a str], &'a str);

    /// A graph to `y`, with numbers and vectors that are known; `axes` are −1.
    pub(super) fn graph(nodes: &[Sketch<'_>], numbers: &[(&str, f64)], vectors: &[(&str, &[usize])]) -> Graph<f64> {
        let nodes = nodes.iter().map(|(kind, inputs, output)| Node::new(*output, kind, inputs, *output)).collect();
        let number = |(name, value): &(&str, f64)| ((*name).to_owned(), array(&[], *value));
        let vector = |(name, shape): &(&str, &[usize])| ((*name).to_owned(), array(shape, 0.5));
        let mut constants: BTreeMap<String, Constant<f64>> = numbers.iter().map(number).collect();
        constants.extend(vectors.iter().map(vector));
        constants.insert("axes".to_owned(), Constant::Integer(ndarray::arr1(&[-1]).into_dyn()));
        Graph { inputs: Vec::new(), outputs: vec!["y".to_owned()], nodes, constants }
    }

    fn array(shape: &[usize], value: f64) -> Constant<f64> {
        Constant::Real(Arc::new(ArrayD::from_elem(IxDyn(shape), value)))
    }

    /// The nodes after all patterns are recognized, as `kind(inputs) output`.
    pub(super) fn recognized(
        nodes: &[Sketch<'_>],
        numbers: &[(&str, f64)],
        vectors: &[(&str, &[usize])],
    ) -> Vec<String> {
        let mut graph = graph(nodes, numbers, vectors);
        recognize(&mut graph);
        let text = |node: &Node| format!("{}({}) {}", node.kind, node.inputs.join(", "), node.output());
        graph.nodes.iter().map(text).collect()
    }
}
