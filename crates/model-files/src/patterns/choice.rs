//! The larger or the smaller of two tensors, spelled as a choice by their comparison.

use std::collections::BTreeSet;

use neural_lrp::Real;

use super::wiring::Wiring;
use super::{Pattern, Replacement};
use crate::graph::Node;

/// `Where(a < b, a, b)`: Min; `Where(a < b, b, a)`: Max, in any order and by any of the four comparisons. Where stands at the
/// position.
///
/// With a bound that is known, it is how a Clip or a Relu is written out. Of what is no number, Min and Max are none either.
pub(super) fn find<F: Real>(wiring: &Wiring<'_, F>, position: usize) -> Option<Pattern<F>> {
    let node = wiring.of_kind(position, "Where")?;
    let [condition, taken, other] = node.inputs.as_slice() else { return None };
    let comparison = wiring.giver(condition).filter(|_| wiring.only_taker(condition).is_some())?;
    let [first, second] = wiring.node(comparison).inputs.as_slice() else { return None };
    let (small, large) = match wiring.node(comparison).kind.as_str() {
        "Less" | "LessOrEqual" => (first, second),
        "Greater" | "GreaterOrEqual" => (second, first),
        _ => return None,
    };
    let kind = match (taken, other) {
        _ if (taken, other) == (small, large) => "Min",
        _ if (taken, other) == (large, small) => "Max",
        _ => return None,
    };
    let operation = Node::new(&node.name, kind, &[taken, other], node.output());
    let replacement = Replacement { operations: vec![operation], constants: Vec::new() };
    Some(Pattern { nodes: BTreeSet::from([comparison, position]), replacement })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Sketch, recognized};

    #[test]
    fn choices_by_comparison_are_maxima_and_minima() {
        let of = |nodes: &[Sketch<'_>]| recognized(nodes, &[("zero", 0.0), ("six", 6.0)], &[]);
        let choice = |kind, compared, chosen| of(&[(kind, compared, "c"), ("Where", chosen, "y")]);
        assert_eq!(choice("Less", &["x", "z"], &["c", "x", "z"]), ["Min(x, z) y"]);
        assert_eq!(choice("GreaterOrEqual", &["x", "z"], &["c", "z", "x"]), ["Min(z, x) y"]);
        assert_eq!(choice("Greater", &["x", "zero"], &["c", "x", "zero"]), ["Relu(x) y"]);
        let clip = of(&[
            ("Less", &["x", "zero"], "below"),
            ("Where", &["below", "zero", "x"], "raised"),
            ("Less", &["six", "raised"], "above"),
            ("Where", &["above", "six", "raised"], "y"),
        ]);
        assert_eq!(clip, ["Clip(x, y.min, y.max) y"]);
    }

    #[test]
    fn other_choices_stay_what_they_are() {
        let of = |nodes: &[Sketch<'_>]| recognized(nodes, &[("zero", 0.0), ("six", 6.0)], &[]).len();
        assert_eq!(of(&[("Less", &["x", "zero"], "c"), ("Where", &["c", "six", "x"], "y")]), 2);
        assert_eq!(of(&[("Equal", &["x", "zero"], "c"), ("Where", &["c", "x", "zero"], "y")]), 2);
        // Somebody else asks for the comparison.
        let shared: &[Sketch<'_>] =
            &[("Less", &["x", "z"], "c"), ("Where", &["c", "x", "z"], "w"), ("Where", &["c", "z", "w"], "y")];
        assert_eq!(of(shared), 3);
    }
}
