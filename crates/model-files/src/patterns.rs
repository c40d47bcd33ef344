//! Operations that exporters write as several nodes, brought back together.
//!
//! Relevance passes through GELU as one operation; through its Div, Erf, Add and Mul it would be split and lost. However a
//! file spells a function, it is the same operation here: a [`Region`] of nodes that compute one tensor of another is read
//! as a [`Formula`](formula::Formula), which does not depend on the spelling, and compared with the function's own.
//!
//! A new pattern is a file here and a line in [`recognize`].

use std::collections::{BTreeMap, BTreeSet};

use neural_lrp::Real;
use neural_lrp::operation::{Attribute, Constant};

use crate::graph::{Graph, Node};
use region::{Region, regions};
use wiring::Wiring;

/// The attribute in which the axes of a normalization stand that was recognized.
pub(crate) const AXES: &str = "axes";

mod choice;
mod clip;
mod einsum;
mod formula;
mod gelu;
mod group_normalization;
mod hadamard;
mod hard_sigmoid;
mod hard_swish;
mod identities;
mod layer_normalization;
mod leaky_relu;
mod linear;
mod log_softmax;
mod masked_softmax;
mod mish;
mod normalization;
mod reciprocal;
mod region;
mod rms_normalization;
mod rounded_product;
mod scaled_gate;
mod sigmoid;
mod silu;
mod softmax;
mod softplus;
#[cfg(test)]
mod spelling;
mod wiring;

/// The operation that a region is, if it is one.
type Function<F> = fn(&Region<'_, '_, F>) -> Option<Replacement<F>>;

/// Replaces all patterns by their operations. `in_advance` are the tensors that are known once the shapes of the inputs
/// are.
pub(crate) fn recognize<F: Real>(graph: &mut Graph<F>, in_advance: &BTreeSet<String>) {
    let functions: [Function<F>; 13] = [
        layer_normalization::find,
        rms_normalization::find,
        softmax::find,
        gelu::find,
        hard_swish::find,
        mish::find,
        silu::find,
        sigmoid::find,
        softplus::find,
        hard_sigmoid::find,
        leaky_relu::find,
        clip::find,
        reciprocal::find,
    ];
    identities::take_out(graph, in_advance);
    replace_all(graph, in_advance, hadamard::find);
    replace_all(graph, in_advance, choice::find);
    replace_all(graph, in_advance, |wiring, position| {
        let pattern = |region: &Region<'_, '_, F>| functions.iter().find_map(|find| region.pattern(find(region)?));
        regions(wiring, position).iter().find_map(pattern)
    });
    let of_operations = [
        group_normalization::find,
        scaled_gate::find,
        log_softmax::find,
        masked_softmax::find,
        linear::find,
        rounded_product::find,
        einsum::find,
    ];
    for find in of_operations {
        replace_all(graph, in_advance, find);
    }
}

/// Nodes that are one operation together.
struct Pattern<F> {
    /// The nodes' positions.
    nodes: BTreeSet<usize>,
    replacement: Replacement<F>,
}

/// What stands for the nodes of a pattern.
struct Replacement<F> {
    /// Operations, the last of which gives the last node's tensor.
    operations: Vec<Node>,
    /// What they take that was not there before.
    constants: Vec<(String, Constant<F>)>,
}

impl<F> Replacement<F> {
    /// Sets an attribute of the first operation.
    fn set(&mut self, name: &str, value: Attribute) {
        self.operations[0].attributes.insert(name.to_owned(), value);
    }
}

/// Replaces what `find` gives for each position. Of patterns that overlap, the one that ends last is replaced.
fn replace_all<F: Real>(
    graph: &mut Graph<F>,
    in_advance: &BTreeSet<String>,
    find: impl Fn(&Wiring<'_, F>, usize) -> Option<Pattern<F>>,
) {
    let mut taken = BTreeSet::new();
    let mut replacements = BTreeMap::new();
    let wiring = Wiring::new(graph, in_advance);
    for position in (0..graph.nodes.len()).rev() {
        let pattern = Some(position).filter(|position| !taken.contains(position));
        let pattern = pattern.and_then(|position| find(&wiring, position));
        if let Some(Pattern { nodes, replacement }) = pattern.filter(|pattern| pattern.nodes.is_disjoint(&taken)) {
            // What the operations take is there by the last of the nodes, and nobody takes what they give before.
            replacements.extend(nodes.last().map(|&last| (last, replacement)));
            taken.extend(nodes);
        }
    }
    for (position, node) in std::mem::take(&mut graph.nodes).into_iter().enumerate() {
        if let Some(replacement) = replacements.remove(&position) {
            graph.nodes.extend(replacement.operations);
            graph.constants.extend(replacement.constants);
        } else if !taken.contains(&position) {
            graph.nodes.push(node);
        }
    }
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
        recognize(&mut graph, &BTreeSet::new());
        text(&graph)
    }

    /// The nodes as `kind(inputs) output`.
    pub(super) fn text<F>(graph: &Graph<F>) -> Vec<String> {
        let text = |node: &Node| format!("{}({}) {}", node.kind, node.inputs.join(", "), node.output());
        graph.nodes.iter().map(text).collect()
    }
}
