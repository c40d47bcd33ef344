//! Operators that others express: each file brings one family to the operations that there are.
//!
//! What is known when the file is read is rewritten here; what takes the shapes of the inputs, in
//! [`lowering`](crate::lowering).

use neural_lrp::Real;
use neural_lrp::operation::{Attribute, Constant};
use rten_onnx::onnx::DataType;

use crate::graph::{Graph, Node};

mod gemm;
mod scikit_learn;

/// Rewrites the nodes that the network computes for each image, which are those that `flows` says.
pub(crate) fn rewrite<F: Real>(graph: &mut Graph<F>, flows: impl Fn(&Node) -> bool) {
    for node in std::mem::take(&mut graph.nodes) {
        let rewritten = if flows(&node) { rewritten(graph, node) } else { vec![node] };
        graph.nodes.extend(rewritten);
    }
}

fn rewritten<F: Real>(graph: &mut Graph<F>, node: Node) -> Vec<Node> {
    match node.kind.as_str() {
        "Cast" => vec![cast(node)],
        "Gemm" => gemm::rewrite(graph, node),
        "Resize" => vec![resize(graph, node)],
        "ai.onnx.ml:Scaler" => scikit_learn::scaler(graph, node),
        "ai.onnx.ml:ZipMap" => vec![scikit_learn::zip_map(node)],
        _ => vec![node],
    }
}

/// All floating-point numbers are of one type here.
fn cast(mut node: Node) -> Node {
    match node.attributes.get("to") {
        Some(Attribute::Integer(1 | 10 | 11 | 16)) => {
            node.attributes.clear();
            node.kind = "Identity".to_owned();
        }
        Some(Attribute::Integer(to)) => {
            let to = DataType(i32::try_from(*to).unwrap_or_default());
            node.kind = format!("Cast to {}", to.name().unwrap_or("an unknown type"));
        }
        _ => {}
    }
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
