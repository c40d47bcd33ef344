//! Softmax with 0 where all scores are masked, as exporters write attention with a mask.

use std::collections::BTreeSet;

use neural_lrp::Real;
use neural_lrp::operation::Attribute;
use neural_lrp::operations::Softmax;

use super::wiring::Wiring;
use super::{Pattern, Replacement};

/// `Where(IsNaN(s), 0, s)` for a softmax s that nobody else takes: it gives 0 itself where it would be 0 / 0.
pub(super) fn find<F: Real>(wiring: &Wiring<'_, F>, position: usize) -> Option<Pattern<F>> {
    let node = wiring.of_kind(position, "Where")?;
    let (condition, zero, weights) = (node.input(0)?, node.input(1)?, node.input(2)?);
    let is_nan = wiring.giver(condition).filter(|&giver| wiring.of_kind(giver, "IsNaN").is_some())?;
    let softmax = wiring.giver(weights)?;
    let mut operation = wiring.of_kind(softmax, "Softmax")?.clone();
    let nodes = BTreeSet::from([softmax, is_nan, position]);
    let is_guarded = wiring.node(is_nan).input(0) == Some(weights) && wiring.number(zero) == Some(0.0);
    if !is_guarded || !wiring.encloses(&nodes, node.output()) {
        return None;
    }
    operation.outputs = vec![node.output().to_owned()];
    operation.attributes.insert(Softmax::ZERO_WHERE_FULLY_MASKED.to_owned(), Attribute::Integer(1));
    Some(Pattern { nodes, replacement: Replacement { operations: vec![operation], constants: Vec::new() } })
}

#[cfg(test)]
mod tests {
    use super::super::recognize;
    use super::super::testing::{Sketch, graph, recognized, text};
    use super::*;

    const GUARDED: [Sketch<'_>; 4] = [
        ("Conv", &["x", "w"], "z"),
        ("Softmax", &["z"], "s"),
        ("IsNaN", &["s"], "n"),
        ("Where", &["n", "zero", "s"], "y"),
    ];

    #[test]
    fn a_guarded_softmax_is_one_operation() {
        let mut graph = graph(&GUARDED, &[("zero", 0.0)], &[("w", &[2, 2])]);
        graph.nodes[1].attributes.insert("axis".to_owned(), Attribute::Integer(-1));
        recognize(&mut graph, &BTreeSet::new());
        assert_eq!(text(&graph), ["Conv(x, w) z", "Softmax(z) y"]);
        assert_eq!(graph.nodes[1].attributes[Softmax::ZERO_WHERE_FULLY_MASKED], Attribute::Integer(1));
        assert_eq!(graph.nodes[1].attributes["axis"], Attribute::Integer(-1));
    }

    #[test]
    fn other_guards_stay() {
        let of = |last: Sketch<'_>| {
            let nodes = [&GUARDED[..3], &[("Relu", &["z"], "r"), last]].concat();
            recognized(&nodes, &[("zero", 0.0), ("one", 1.0)], &[("w", &[2, 2])]).len()
        };
        assert_eq!(of(("Where", &["n", "one", "s"], "y")), 5);
        assert_eq!(of(("Where", &["n", "s", "zero"], "y")), 5);
        assert_eq!(of(("Where", &["n", "zero", "r"], "y")), 5);
        // The plain softmax is wanted elsewhere.
        let taken = [&GUARDED[..3], &[("Where", &["n", "zero", "s"], "g"), ("Add", &["g", "s"], "y")]].concat();
        assert_eq!(recognized(&taken, &[("zero", 0.0)], &[("w", &[2, 2])]).len(), 5);
    }
}
