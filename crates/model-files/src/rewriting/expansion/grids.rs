//! The way onto a grid of few bits and the way back from it, brought together: numbers are rounded.

use std::collections::{BTreeMap, BTreeSet};

use neural_lrp::Real;
use neural_lrp::operation::Constant;

use crate::graph::{Graph, Node};

/// Operators that only move numbers, or take the largest: they are the same before a grid as on it.
const MOVING: &[&str] =
    &["Flatten", "Gather", "Identity", "MaxPool", "Reshape", "Slice", "Squeeze", "Transpose", "Unsqueeze"];

/// Replaces what comes back from a grid by what was brought onto it, rounded; what moves numbers on the grid moves those.
///
/// Of several ways back from one tensor, all have the same numbers: it is rounded once.
pub(super) fn join<F: Real>(graph: &Graph<F>, nodes: Vec<Node>, outputs: &BTreeSet<String>) -> Vec<Node> {
    let givers: BTreeMap<String, Node> =
        nodes.iter().flat_map(|node| node.given_outputs().map(|output| (output.to_owned(), node.clone()))).collect();
    let mut joining = Joining { graph, givers, rounded: BTreeMap::new(), names: BTreeMap::new(), nodes: Vec::new() };
    for mut node in nodes {
        node.inputs.iter_mut().for_each(|input| joining.rename(input));
        let rounded = match (node.kind.as_str(), node.input(0), node.input(1)) {
            ("DequantizeLinear", Some(tensor), Some(scale)) => {
                joining.rounded(tensor, [scale, node.input(2).unwrap_or("")])
            }
            _ => None,
        };
        match rounded {
            None => joining.nodes.push(node),
            Some(rounded) if outputs.contains(node.output()) => {
                let output = node.output().to_owned();
                joining.nodes.push(Node::new(node.name, "Identity", &[&rounded], output));
            }
            Some(rounded) => {
                joining.names.insert(node.output().to_owned(), rounded);
            }
        }
    }
    joining.nodes
}

struct Joining<'a, F> {
    graph: &'a Graph<F>,
    givers: BTreeMap<String, Node>,
    /// The real numbers that tensors of integers stand for, with scale and zero point.
    rounded: BTreeMap<[String; 3], String>,
    /// The tensors that came back from a grid, and what they are now.
    names: BTreeMap<String, String>,
    nodes: Vec<Node>,
}

impl<F: Real> Joining<'_, F> {
    fn rename(&self, name: &mut String) {
        if let Some(new) = self.names.get(name) {
            name.clone_from(new);
        }
    }

    /// The real numbers that a tensor of integers stands for.
    fn rounded(&mut self, tensor: &str, [scale, zero]: [&str; 2]) -> Option<String> {
        let key = [tensor, scale, zero].map(str::to_owned);
        if let Some(rounded) = self.rounded.get(&key) {
            return Some(rounded.clone());
        }
        // Along an axis, scales go by where numbers lie.
        let mut node = self.givers.get(tensor).filter(|_| self.is_single(scale))?.clone();
        let wish = match node.kind.as_str() {
            "QuantizeLinear" => {
                if !self.is_same(node.input(1)?, scale) || !self.is_same(node.input(2).unwrap_or_default(), zero) {
                    return None;
                }
                node.kind = "FakeQuantize".to_owned();
                let mut source = node.inputs[0].clone();
                self.rename(&mut source);
                node.inputs[0] = source;
                format!("{tensor}.rounded")
            }
            kind if MOVING.contains(&kind) && node.outputs.len() == 1 => {
                node.inputs[0] = self.rounded(&node.inputs[0].clone(), [scale, zero])?;
                format!("{tensor}.real")
            }
            _ => return None,
        };
        let output = self.graph.fresh_name(&wish);
        node.outputs = vec![output.clone()];
        self.nodes.push(node);
        self.rounded.insert(key, output.clone());
        Some(output)
    }

    /// Whether two constants are the same.
    fn is_same(&self, first: &str, second: &str) -> bool {
        let constants = &self.graph.constants;
        first == second
            || match (constants.get(first), constants.get(second)) {
                (Some(Constant::Real(first)), Some(Constant::Real(second))) => first.iter().eq(second.iter()),
                (Some(Constant::Integer(first)), Some(Constant::Integer(second))) => first.iter().eq(second.iter()),
                _ => false,
            }
    }

    fn is_single(&self, name: &str) -> bool {
        matches!(self.graph.constants.get(name), Some(Constant::Real(values)) if values.len() == 1)
    }
}
