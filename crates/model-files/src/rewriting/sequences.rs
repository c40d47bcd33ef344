//! Lists of tensors of which single ones are taken: SplitToSequence and SequenceConstruct, taken from by SequenceAt.

use std::collections::{BTreeMap, BTreeSet};

use ndarray::arr1;
use neural_lrp::Real;
use neural_lrp::operation::Constant;

use crate::graph::{Graph, Node};

/// Replaces what takes a tensor from a list, at a known position, by what cuts it off or hands it on. Lists of which somebody
/// takes more stay.
pub(crate) fn take_apart<F: Real>(graph: &mut Graph<F>) {
    let nodes = std::mem::take(&mut graph.nodes);
    let lists: BTreeMap<&str, &Node> =
        nodes.iter().filter(|node| node.kind.contains("Sequence")).map(|node| (node.output(), node)).collect();
    let mut rewritten = Vec::with_capacity(nodes.len());
    for node in &nodes {
        let list = node.input(0).and_then(|list| lists.get(list));
        let parts = list.filter(|_| node.kind == "SequenceAt").and_then(|list| element(graph, list, node));
        rewritten.extend(parts.unwrap_or_else(|| vec![node.clone()]));
    }
    let taken = rewritten.iter().flat_map(Node::given_inputs).chain(graph.outputs.iter().map(String::as_str));
    let taken: BTreeSet<String> = taken.map(str::to_owned).collect();
    let is_list = |node: &Node| matches!(node.kind.as_str(), "SplitToSequence" | "SequenceConstruct");
    rewritten.retain(|node| !is_list(node) || taken.contains(node.output()));
    graph.nodes = rewritten;
}

/// The nodes that give the tensor which a SequenceAt takes from a list, if that is known.
fn element<F: Real>(graph: &mut Graph<F>, list: &Node, node: &Node) -> Option<Vec<Node>> {
    let position = single(graph, node.input(1)?)?;
    match list.kind.as_str() {
        "SequenceConstruct" => {
            let source = &list.inputs[position_among(position, list.inputs.len())?];
            Some(vec![Node::new(&node.name, "Identity", &[source], node.output())])
        }
        "SplitToSequence" => piece(graph, list, node, position),
        _ => None,
    }
}

fn piece<F: Real>(graph: &mut Graph<F>, list: &Node, node: &Node, position: i64) -> Option<Vec<Node>> {
    let axis = list.integer("axis", 0).ok()?;
    let (start, end) = match list.input(1) {
        None => ends(position, 1)?,
        Some(split) => match graph.constants.get(split)? {
            Constant::Integer(lengths) if lengths.ndim() == 0 => ends(position, *lengths.first()?)?,
            Constant::Integer(lengths) => {
                let lengths: Vec<i64> = lengths.iter().copied().collect();
                let position = position_among(position, lengths.len())?;
                let start = lengths[..position].iter().try_fold(0i64, |sum, &length| sum.checked_add(length))?;
                (start, start.checked_add(lengths[position])?)
            }
            Constant::Real(_) => return None,
        },
    };
    let squeezes = list.input(1).is_none() && list.integer("keepdims", 1).ok()? == 0;
    let mut constant = |value: i64, meaning: &str| {
        let name = graph.fresh_name(&format!("{}.{meaning}", node.output()));
        graph.constants.insert(name.clone(), Constant::Integer(arr1(&[value]).into_dyn()));
        name
    };
    let names = [(start, "start"), (end, "end"), (axis, "axis")].map(|(value, meaning)| constant(value, meaning));
    let [start, end, axis] = names.each_ref().map(String::as_str);
    let source = list.input(0)?;
    if !squeezes {
        return Some(vec![Node::new(&node.name, "Slice", &[source, start, end, axis], node.output())]);
    }
    let cut = graph.fresh_name(&format!("{}.cut", node.output()));
    let slice = Node::new(format!("{}.cut", node.name), "Slice", &[source, start, end, axis], &cut);
    Some(vec![slice, Node::new(&node.name, "Squeeze", &[&cut, axis], node.output())])
}

/// Where a piece of so many begins and ends, of pieces of one length. From behind only those of length 1 are known.
fn ends(position: i64, length: i64) -> Option<(i64, i64)> {
    match (position, length) {
        (-1, 1) => Some((-1, i64::MAX)),
        (..=-2, 1) => Some((position, position + 1)),
        (0.., 1..) => Some((position.checked_mul(length)?, position.checked_add(1)?.checked_mul(length)?)),
        _ => None,
    }
}

/// The position among so many, counted from behind where it is negative.
fn position_among(position: i64, count: usize) -> Option<usize> {
    let counted = if position < 0 { position.checked_add_unsigned(count as u64)? } else { position };
    usize::try_from(counted).ok().filter(|&counted| counted < count)
}

fn single<F: Real>(graph: &Graph<F>, name: &str) -> Option<i64> {
    match graph.constants.get(name)? {
        Constant::Integer(values) if values.len() == 1 => values.first().copied(),
        _ => None,
    }
}
