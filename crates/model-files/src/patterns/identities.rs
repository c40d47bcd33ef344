//! Nodes that hand a tensor on as it is: Identity, Dropout (which only acts in training), Cast to another floating-point
//! type (all are one here).

use std::collections::{BTreeMap, BTreeSet};

use neural_lrp::Real;
use neural_lrp::operation::{Attribute, Constant};

use crate::graph::{Graph, Node};

/// Takes out nodes that hand on what the network computes. The outputs of the graph keep their names.
pub(super) fn take_out<F: Real>(graph: &mut Graph<F>, in_advance: &BTreeSet<String>) {
    let mut origins: BTreeMap<String, String> = BTreeMap::new();
    let mut nodes = std::mem::take(&mut graph.nodes);
    for node in &mut nodes {
        for input in &mut node.inputs {
            if let Some(origin) = origins.get(input) {
                input.clone_from(origin);
            }
        }
        if let Some(source) = node.input(0).filter(|input| hands_on(graph, node) && !in_advance.contains(*input)) {
            origins.insert(node.output().to_owned(), source.to_owned());
        }
    }
    let taken: BTreeSet<String> = nodes
        .iter()
        .flat_map(Node::given_inputs)
        .chain(graph.outputs.iter().map(String::as_str))
        .map(str::to_owned)
        .collect();
    nodes.retain(|node| !origins.contains_key(node.output()) || taken.contains(node.output()));
    graph.nodes = nodes;
}

fn hands_on<F: Real>(graph: &Graph<F>, node: &Node) -> bool {
    let is_false = |name: &str| match graph.constants.get(name) {
        Some(Constant::Integer(values)) => values.iter().all(|&value| value == 0),
        _ => false,
    };
    let gives_one = node.given_outputs().count() == 1;
    match node.kind.as_str() {
        "Identity" => true,
        "Dropout" => gives_one && node.input(2).is_none_or(is_false),
        "Cast" => matches!(node.attributes.get("to"), Some(Attribute::Integer(1 | 10 | 11 | 16))),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::recognize;
    use super::super::testing::{Sketch, graph, text};
    use super::*;

    #[test]
    fn nodes_that_hand_on_are_taken_out_but_for_outputs() {
        let nodes: &[Sketch<'_>] = &[
            ("Identity", &["x"], "i"),
            ("Dropout", &["i"], "d"),
            ("Cast", &["d"], "c"),
            ("Conv", &["c", "w"], "z"),
            ("Cast", &["d"], "integers"),
            ("Gather", &["z", "integers"], "g"),
            ("Identity", &["g"], "y"),
        ];
        let mut graph = graph(nodes, &[], &[("w", &[2, 2])]);
        graph.nodes[2].attributes.insert("to".to_owned(), Attribute::Integer(1));
        graph.nodes[4].attributes.insert("to".to_owned(), Attribute::Integer(7));
        recognize(&mut graph, &BTreeSet::new());
        assert_eq!(text(&graph), ["Conv(x, w) z", "Cast(x) integers", "Gather(z, integers) g", "Identity(g) y"]);
    }

    #[test]
    fn what_is_known_in_advance_and_dropout_in_training_stay() {
        let nodes: &[Sketch<'_>] = &[
            ("Shape", &["x"], "s"),
            ("Cast", &["s"], "c"),
            ("Dropout", &["x", "", "training"], "d"),
            ("Mul", &["d", "c"], "y"),
        ];
        let mut graph = graph(nodes, &[], &[]);
        graph.nodes[1].attributes.insert("to".to_owned(), Attribute::Integer(1));
        graph.constants.insert("training".to_owned(), Constant::Integer(ndarray::arr0(1).into_dyn()));
        let known = ["s", "c"].map(str::to_owned).into();
        recognize(&mut graph, &known);
        assert_eq!(text(&graph), ["Shape(x) s", "Cast(s) c", "Dropout(x, , training) d", "Mul(d, c) y"]);
    }
}
