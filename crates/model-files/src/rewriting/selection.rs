//! What ends a detector: the selection of boxes that overlap least.

use std::collections::BTreeSet;

use neural_lrp::Real;

use crate::Error;
use crate::graph::{Graph, Node, arrange};

/// Which boxes are left by others with larger scores: a list whose length depends on the numbers.
const SELECTION: &str = "NonMaxSuppression";

/// Leaves out NonMaxSuppression and all that comes behind it, so that the scores and boxes before it are the first outputs
/// of the network; the names of the nodes that are left out, none where there is no such node.
///
/// What it gives are positions, to which no relevance comes, in a list of unknown length: what decides is the scores.
pub(crate) fn leave_out<F: Real>(graph: &mut Graph<F>) -> Result<Vec<String>, Error> {
    let selections: Vec<Node> = graph.nodes.iter().filter(|node| node.kind == SELECTION).cloned().collect();
    if selections.is_empty() {
        return Ok(Vec::new());
    }
    let mut behind: BTreeSet<String> = BTreeSet::new();
    let (mut kept, mut left_out) = (Vec::new(), Vec::new());
    for node in std::mem::take(&mut graph.nodes) {
        if node.kind == SELECTION || node.given_inputs().any(|input| behind.contains(input)) {
            behind.extend(node.given_outputs().map(str::to_owned));
            left_out.push(node.name);
        } else {
            kept.push(node);
        }
    }
    let mut outputs: Vec<String> = Vec::new();
    // Boxes are its first operand, scores its second.
    let before = [1, 0].into_iter().flat_map(|operand| selections.iter().filter_map(move |node| node.input(operand)));
    for output in before.map(str::to_owned).chain(std::mem::take(&mut graph.outputs)) {
        if !behind.contains(&output) && !outputs.contains(&output) {
            outputs.push(output);
        }
    }
    let is_known =
        |name: &str| graph.constants.contains_key(name) || graph.inputs.iter().any(|input| input.name == name);
    graph.nodes = arrange(kept, &outputs, is_known)?;
    graph.outputs = outputs;
    Ok(left_out)
}
