//! The logarithm of a Softmax.

use std::collections::BTreeSet;

use neural_lrp::Real;

use super::wiring::Wiring;
use super::{Pattern, Replacement};
use crate::graph::Node;

/// `Log(Softmax(x))` is LogSoftmax; Softmax stands at the position.
pub(super) fn find<F: Real>(wiring: &Wiring<'_, F>, position: usize) -> Option<Pattern<F>> {
    let softmax = wiring.of_kind(position, "Softmax")?;
    let (taking, logarithm) = wiring.only_taker(softmax.output()).filter(|(_, node)| node.kind == "Log")?;
    let mut operation = Node::new(&logarithm.name, "LogSoftmax", &[softmax.input(0)?], logarithm.output());
    operation.attributes.clone_from(&softmax.attributes);
    let replacement = Replacement { operations: vec![operation], constants: Vec::new() };
    Some(Pattern { nodes: BTreeSet::from([position, taking]), replacement })
}

#[cfg(test)]
mod tests {
    use neural_lrp::operation::Attribute;

    use super::super::recognize;
    use super::super::testing::{Sketch, graph, recognized, text};
    use super::*;

    #[test]
    fn the_axis_stays() {
        let mut graph = graph(&[("Softmax", &["x"], "s"), ("Log", &["s"], "y")], &[], &[]);
        graph.nodes[0].attributes.insert("axis".to_owned(), Attribute::Integer(1));
        recognize(&mut graph, &BTreeSet::new());
        assert_eq!(text(&graph), ["LogSoftmax(x) y"]);
        assert_eq!(graph.nodes[0].attributes["axis"], Attribute::Integer(1));
    }

    #[test]
    fn a_softmax_that_others_take_stays() {
        let nodes: &[Sketch<'_>] = &[("Softmax", &["x"], "s"), ("Log", &["s"], "l"), ("Mul", &["s", "l"], "y")];
        assert_eq!(recognized(nodes, &[], &[]).len(), 3);
    }
}
