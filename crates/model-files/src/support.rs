//! What can be read.

use std::ops::RangeInclusive;

use crate::UnsupportedNode;

/// The versions of ONNX's operators that are known. Of older ones, those that meant the same are.
pub(crate) const OPSETS: RangeInclusive<i64> = 7..=21;

/// The message that lists all nodes that there is no operation for.
pub(crate) fn unsupported_message(nodes: &[UnsupportedNode]) -> String {
    let list: Vec<String> = nodes.iter().map(UnsupportedNode::to_string).collect();
    format!(
        "{} of the network's nodes are of operators that are not supported: {}; supported are {}",
        nodes.len(),
        list.join(", "),
        neural_lrp::operations::KINDS.join(", ")
    )
}
