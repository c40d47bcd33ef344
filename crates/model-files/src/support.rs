//! The versions of ONNX that can be read, and the message about what can not.

use std::ops::RangeInclusive;

use crate::UnsupportedNode;

/// The versions of ONNX's operators that are known. Of older ones, those that meant the same are.
///
/// From 22 to 25 no operator that is read here has another meaning: they take more types, and what is new is an attribute
/// for numbers of 8 or 4 bits (`round_mode` of Cast, `precision` of QuantizeLinear) or an operator of its own.
pub(crate) const OPSETS: RangeInclusive<i64> = 7..=25;

/// The most kinds of operators that one message names.
const MOST_NAMED: usize = 8;

/// The message about nodes that there is no operation for: one line for each kind.
pub(crate) fn unsupported_message(nodes: &[UnsupportedNode]) -> String {
    let mut kinds: Vec<(&str, &str, usize)> = Vec::new();
    for node in nodes {
        match kinds.iter_mut().find(|(kind, ..)| *kind == node.kind) {
            Some((_, _, count)) => *count += 1,
            None => kinds.push((&node.kind, &node.node, 1)),
        }
    }
    let line = |(kind, first, count): &(&str, &str, usize)| match count {
        1 => format!("\n  {}: node {:?}", wording::shortened(kind), wording::shortened(first)),
        _ => format!(
            "\n  {}: {count} nodes, the first of them {:?}",
            wording::shortened(kind),
            wording::shortened(first)
        ),
    };
    let more = match kinds.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!("\n  and {more} more"),
    };
    format!(
        "these operators are not supported:{}{more}\nWhich are stands in docs/operators.md; a program of one's own may \
         bring further ones (model_files::read_with)",
        kinds.iter().take(MOST_NAMED).map(line).collect::<String>()
    )
}
