//! Operators that others express: each file brings one family to the operations that there are.
//!
//! What is known when the file is read is rewritten here; what takes the shapes of the inputs, in
//! [`lowering`](crate::lowering).

use std::collections::BTreeSet;

use neural_lrp::Real;
use neural_lrp::operation::{Attribute, Constant};
use rten_onnx::onnx::DataType;

use crate::graph::{Graph, Node};

mod expansion;
mod gemm;
mod mean_variance;
mod outputs;
mod selection;
mod sequences;

pub(crate) use expansion::{expand, zero_point_of_output};
pub(crate) use selection::leave_out;
pub(crate) use sequences::take_apart;

/// Rewrites the nodes that the network computes for each image, which are those that `flows` says.
pub(crate) fn rewrite<F: Real>(graph: &mut Graph<F>, flows: impl Fn(&Node) -> bool) {
    let nodes = std::mem::take(&mut graph.nodes);
    let taken = nodes.iter().flat_map(Node::given_inputs).chain(graph.outputs.iter().map(String::as_str));
    let wanted: BTreeSet<String> = taken.map(str::to_owned).collect();
    for node in nodes.into_iter().flat_map(|node| outputs::apart(node, &wanted)) {
        let rewritten = if flows(&node) { rewritten(graph, node) } else { vec![node] };
        graph.nodes.extend(rewritten);
    }
}

/// The nodes that a node stands for.
pub(crate) fn rewritten<F: Real>(graph: &mut Graph<F>, node: Node) -> Vec<Node> {
    match node.kind.as_str() {
        "Cast" => vec![cast(node)],
        "Dropout" => vec![dropout(node)],
        "Gemm" => gemm::rewrite(graph, node),
        "MeanVarianceNormalization" => vec![mean_variance::rewrite(node)],
        "Resize" => vec![resize(graph, node)],
        _ => vec![node],
    }
}

/// All floating-point numbers are of one type here; integers and truth values are among them.
fn cast(mut node: Node) -> Node {
    match node.attributes.get("to") {
        Some(Attribute::Integer(1 | 10 | 11 | 16)) => {
            node.attributes.clear();
            node.kind = "Identity".to_owned();
        }
        Some(Attribute::Integer(2..=7 | 9 | 12 | 13 | 21 | 22)) => {}
        Some(Attribute::Integer(to)) => {
            let to = DataType(i32::try_from(*to).unwrap_or_default());
            node.kind = format!("Cast to {}", to.name().unwrap_or("an unknown type"));
        }
        _ => {}
    }
    node
}

/// CastLike: a Cast to the type of its second input, which is that of all computed tensors unless it is known.
pub(crate) fn cast_like<F: Real>(graph: &Graph<F>, node: Node) -> Node {
    let integers = node.input(1).is_some_and(|like| matches!(graph.constants.get(like), Some(Constant::Integer(_))));
    let to = if integers { DataType::INT64 } else { DataType::FLOAT };
    let inputs = node.inputs.first().cloned().into_iter().collect();
    Node { kind: "Cast".to_owned(), inputs, ..node }.with("to", Attribute::Integer(i64::from(to.0)))
}

/// Dropout drops nothing where a network is used, and its ratio and flag are no operands.
fn dropout(mut node: Node) -> Node {
    node.inputs.truncate(1);
    node
}

/// Regions and scales without numbers are left out.
fn resize<F: Real>(graph: &Graph<F>, mut node: Node) -> Node {
    for input in node.inputs.iter_mut().skip(1) {
        let is_empty = match graph.constants.get(input.as_str()) {
            Some(Constant::Real(values)) => values.is_empty(),
            Some(Constant::Integer(values)) => values.is_empty(),
            None => false,
        };
        if is_empty {
            input.clear();
        }
    }
    node
}
