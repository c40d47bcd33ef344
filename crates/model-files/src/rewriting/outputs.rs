//! Operators with several outputs: one operation for each that somebody takes.

use std::collections::BTreeSet;

use neural_lrp::operation::Attribute;

use crate::graph::Node;

/// The attribute that says which output an operation gives, where that is not the first.
const OUTPUT: &str = "output";

/// A node for each output that is wanted; the node as it is where it has one output only.
pub(super) fn apart(node: Node, wanted: &BTreeSet<String>) -> Vec<Node> {
    let is_apart = matches!(node.kind.as_str(), "MaxPool" | "TopK") && node.outputs.len() > 1;
    if !is_apart {
        return vec![node];
    }
    let outputs = node.outputs.iter().enumerate().filter(|(_, output)| wanted.contains(*output));
    let single = |(position, output): (usize, &String)| {
        let single = Node { outputs: vec![output.clone()], ..node.clone() };
        match position {
            0 => single,
            _ => Node { name: format!("{}.{position}", node.name), ..single }
                .with(OUTPUT, Attribute::Integer(position as i64)),
        }
    };
    outputs.map(single).collect()
}
