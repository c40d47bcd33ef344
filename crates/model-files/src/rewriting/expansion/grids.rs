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
            ("FakeQuantize", Some(source), None) => joining.rounded_before(source, node.output()),
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

    /// The numbers of a tensor on the grid that they span, if they were rounded before; else `output` is these.
    fn rounded_before(&mut self, source: &str, output: &str) -> Option<String> {
        let key = [source, "", ""].map(str::to_owned);
        let before = self.rounded.get(&key).cloned();
        if before.is_none() {
            self.rounded.insert(key, output.to_owned());
        }
        before
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ndarray::{ArrayD, arr0};

    use super::*;

    /// The nodes `(kind, inputs, output)` after they are joined, as `kind(inputs) output`; `s` and `t` are scales.
    fn joined(nodes: &[(&str, &[&str], &str)], outputs: &[&str]) -> Vec<String> {
        let nodes = nodes.iter().map(|(kind, inputs, output)| Node::new(*output, kind, inputs, *output)).collect();
        let scale = |value: f64| Constant::Real(Arc::new(arr0(value).into_dyn()));
        let rows = Constant::Real(Arc::new(ArrayD::ones(vec![2])));
        let constants = [("s", scale(0.5)), ("same", scale(0.5)), ("t", scale(0.25)), ("rows", rows)];
        let constants = constants.map(|(name, value)| (name.to_owned(), value)).into();
        let graph = Graph { inputs: Vec::new(), outputs: Vec::new(), nodes: Vec::new(), constants };
        let outputs = outputs.iter().map(|&output| output.to_owned()).collect();
        let text = |node: &Node| format!("{}({}) {}", node.kind, node.inputs.join(", "), node.output());
        super::super::needed(join(&graph, nodes, &outputs), &outputs).iter().map(text).collect()
    }

    #[test]
    fn what_comes_back_is_rounded_once() {
        let nodes: &[(&str, &[&str], &str)] = &[
            ("QuantizeLinear", &["x", "s"], "q"),
            ("DequantizeLinear", &["q", "s"], "a"),
            ("DequantizeLinear", &["q", "s"], "b"),
            ("Add", &["a", "b"], "y"),
        ];
        assert_eq!(joined(nodes, &["y"]), ["FakeQuantize(x, s) q.rounded", "Add(q.rounded, q.rounded) y"]);
        let output = joined(&nodes[..2], &["a"]);
        assert_eq!(output, ["FakeQuantize(x, s) q.rounded", "Identity(q.rounded) a"]);
        let spanned: &[(&str, &[&str], &str)] =
            &[("FakeQuantize", &["x"], "a"), ("FakeQuantize", &["x"], "b"), ("Add", &["a", "b"], "y")];
        assert_eq!(joined(spanned, &["y"]), ["FakeQuantize(x) a", "Add(a, a) y"]);
    }

    #[test]
    fn what_moves_numbers_moves_rounded_ones() {
        let nodes: &[(&str, &[&str], &str)] = &[
            ("QuantizeLinear", &["x", "s"], "q"),
            ("MaxPool", &["q"], "p"),
            ("DequantizeLinear", &["p", "same"], "y"),
        ];
        let expected = ["FakeQuantize(x, s) q.rounded", "MaxPool(q.rounded) p.real", "Identity(p.real) y"];
        assert_eq!(joined(nodes, &["y"]), expected);
    }

    #[test]
    fn other_grids_stay_apart() {
        for scales in [["s", "t"], ["rows", "rows"]] {
            let nodes: &[(&str, &[&str], &str)] =
                &[("QuantizeLinear", &["x", scales[0]], "q"), ("DequantizeLinear", &["q", scales[1]], "y")];
            assert_eq!(joined(nodes, &["y"]).len(), 2);
            assert!(joined(nodes, &["y"])[0].starts_with("QuantizeLinear"));
        }
    }
}
