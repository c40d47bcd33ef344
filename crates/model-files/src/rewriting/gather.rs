//! Gather of one position or of neighboring ones: a slice.

use ndarray::arr1;
use neural_lrp::Real;
use neural_lrp::definition::Constant;

use crate::graph::{Graph, Node};

pub(super) fn rewrite<F: Real>(graph: &mut Graph<F>, node: Node) -> Vec<Node> {
    let positions = match node.input(1).and_then(|positions| graph.constants.get(positions)) {
        Some(Constant::Integer(positions)) if positions.ndim() <= 1 => positions.clone(),
        _ => return vec![node],
    };
    let (Some(&first), Ok(axis), Some(source)) = (positions.first(), node.integer("axis", 0), node.input(0)) else {
        return vec![node];
    };
    let are_neighbors = positions.iter().zip(first..).all(|(&position, expected)| position == expected);
    let end = first.saturating_add(positions.len() as i64);
    if !are_neighbors || (first < 0 && end > 0) {
        return vec![node];
    }
    // Counted from the end, the end itself is no number: the slice goes on to the last.
    let end = if first < 0 && end == 0 { i64::MAX } else { end };
    let mut constant = |meaning: &str, value: i64| {
        let name = graph.fresh_name(&format!("{}.{meaning}", node.output()));
        graph.constants.insert(name.clone(), Constant::Integer(arr1(&[value]).into_dyn()));
        name
    };
    let (starts, ends, axes) = (constant("start", first), constant("end", end), constant("axis", axis));
    if positions.ndim() == 1 {
        return vec![Node::new(&node.name, "Slice", &[source, &starts, &ends, &axes], node.output())];
    }
    let slice = graph.fresh_name(&format!("{}.slice", node.output()));
    vec![
        Node::new(&node.name, "Slice", &[source, &starts, &ends, &axes], &slice),
        Node::new(format!("{}.squeezed", node.name), "Squeeze", &[&slice, &axes], node.output()),
    ]
}
