//! Who gives and who takes each tensor.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ndarray::{ArrayD, Axis};
use neural_lrp::Real;
use neural_lrp::operation::Constant;

use crate::graph::{Graph, Node};

/// What hands a tensor on moved, scaled, or shifted, if all else that it takes is known.
const HANDING_ON: &[&str] = &[
    "Add",
    "Div",
    "Expand",
    "Flatten",
    "Gather",
    "Mul",
    "Neg",
    "Pad",
    "Reshape",
    "Resize",
    "Slice",
    "Squeeze",
    "Sub",
    "Tile",
    "Transpose",
    "Unsqueeze",
];

/// Who gives and who takes each tensor of a graph.
pub(super) struct Wiring<'a, F> {
    pub(super) graph: &'a Graph<F>,
    /// The tensors that are known once the shapes of the inputs are: they are no numbers of the network.
    in_advance: &'a BTreeSet<String>,
    givers: BTreeMap<&'a str, usize>,
    takers: BTreeMap<&'a str, Vec<usize>>,
}

impl<'a, F: Real> Wiring<'a, F> {
    pub(super) fn new(graph: &'a Graph<F>, in_advance: &'a BTreeSet<String>) -> Self {
        let (mut givers, mut takers): (_, BTreeMap<&str, Vec<usize>>) = (BTreeMap::new(), BTreeMap::new());
        for (position, node) in graph.nodes.iter().enumerate() {
            givers.extend(node.given_outputs().map(|output| (output, position)));
            for input in node.given_inputs() {
                takers.entry(input).or_default().push(position);
            }
        }
        Self { graph, in_advance, givers, takers }
    }

    pub(super) fn node(&self, position: usize) -> &'a Node {
        &self.graph.nodes[position]
    }

    /// The position of the node that computes a tensor for each image.
    pub(super) fn giver(&self, tensor: &str) -> Option<usize> {
        self.givers.get(tensor).copied().filter(|_| !self.in_advance.contains(tensor))
    }

    /// The tensor whose whole shape a tensor is.
    pub(super) fn shape_of(&self, tensor: &str) -> Option<&'a str> {
        let node = self.of_kind(*self.givers.get(tensor)?, "Shape")?;
        node.input(0).filter(|_| node.attributes.is_empty())
    }

    /// The node of this position, if it is of this kind.
    pub(super) fn of_kind(&self, position: usize, kind: &str) -> Option<&'a Node> {
        Some(self.node(position)).filter(|node| node.kind == kind)
    }

    /// The only node that takes a tensor, which is no output of the graph.
    pub(super) fn only_taker(&self, tensor: &str) -> Option<(usize, &'a Node)> {
        match self.takers.get(tensor)?.as_slice() {
            [position] if self.graph.outputs.iter().all(|output| output != tensor) => {
                Some((*position, self.node(*position)))
            }
            _ => None,
        }
    }

    /// Whether a tensor is a factor in a product of two computed tensors, itself or moved, scaled, shifted by known numbers.
    pub(super) fn weighs_another(&self, tensor: &str) -> bool {
        let is_known = |input: &&str| self.graph.constants.contains_key(*input) || self.in_advance.contains(*input);
        let (mut pending, mut seen) = (vec![tensor], BTreeSet::from([tensor]));
        while let Some(tensor) = pending.pop() {
            for &taker in self.takers.get(tensor).into_iter().flatten() {
                let node = self.node(taker);
                let is_alone = node.given_inputs().filter(|input| !is_known(input)).count() == 1;
                match is_alone {
                    false if node.kind == "Mul" => return true,
                    true if HANDING_ON.contains(&node.kind.as_str()) && seen.insert(node.output()) => {
                        pending.push(node.output());
                    }
                    _ => {}
                }
            }
        }
        false
    }

    /// The value of a tensor that is a single known number.
    pub(super) fn number(&self, tensor: &str) -> Option<f64> {
        match self.graph.constants.get(tensor)? {
            Constant::Real(values) if values.len() == 1 => values.first().map(|&value| value.as_()),
            Constant::Integer(values) if values.len() == 1 => values.first().map(|&value| value as f64),
            _ => None,
        }
    }

    /// A tensor of known numbers, by its name in the graph.
    pub(super) fn known(&self, tensor: &str) -> Option<(&'a str, &'a Arc<ArrayD<F>>)> {
        match self.graph.constants.get_key_value(tensor)? {
            (name, Constant::Real(values)) => Some((name, values)),
            (_, Constant::Integer(_)) => None,
        }
    }

    /// Known numbers times a factor, without leading axes of length 1: their name, which is as wished for if they are new,
    /// with the constant.
    pub(super) fn scaled(&self, tensor: &str, factor: f64, wish: &str) -> Option<(String, Option<Constant<F>>)> {
        let (name, values) = self.known(tensor)?;
        if factor == 1.0 && (values.ndim() == 1 || values.shape()[0] > 1) {
            return Some((name.to_owned(), None));
        }
        let scaled = without_leading_axes(values).mapv(|value| value * F::of(factor));
        Some((self.graph.fresh_name(wish), Some(Constant::Real(Arc::new(scaled)))))
    }

    /// Known integers, as a list.
    pub(super) fn integers(&self, tensor: &str) -> Option<Vec<i64>> {
        match self.graph.constants.get(tensor)? {
            Constant::Integer(values) => Some(values.iter().copied().collect()),
            Constant::Real(_) => None,
        }
    }

    /// Whether nobody outside takes what is inside, other than `output`.
    pub(super) fn encloses(&self, nodes: &BTreeSet<usize>, output: &str) -> bool {
        let inner = nodes.iter().flat_map(|&position| self.node(position).given_outputs());
        inner.filter(|tensor| *tensor != output).all(|tensor| {
            let takers = self.takers.get(tensor).map(Vec::as_slice).unwrap_or_default();
            takers.iter().all(|taker| nodes.contains(taker)) && self.graph.outputs.iter().all(|output| output != tensor)
        })
    }
}

/// Known numbers without leading axes of length 1, which broadcast to the same.
fn without_leading_axes<F: Real>(values: &ArrayD<F>) -> ArrayD<F> {
    let mut short = values.clone();
    while short.ndim() > 1 && short.shape()[0] == 1 {
        short = short.index_axis_move(Axis(0), 0);
    }
    short
}
