//! A gate times a number, in a product that is divided by that number again.

use std::collections::BTreeSet;

use neural_lrp::Real;

use super::formula::is_close;
use super::wiring::Wiring;
use super::{Pattern, Replacement};
use crate::graph::Node;

/// `(c g) y / c`, in any order, where HardSigmoid gives g and any node y: it is `g y`.
pub(super) fn find<F: Real>(wiring: &Wiring<'_, F>, position: usize) -> Option<Pattern<F>> {
    let node = wiring.node(position);
    let whole = Scaled::of(wiring, node.output(), |_| true);
    let multiplying = wiring.giver(whole.tensor)?;
    let is_own = whole.nodes.is_empty() || wiring.only_taker(whole.tensor).is_some();
    let product = wiring.of_kind(multiplying, "Mul").filter(|_| is_own)?;
    let only_here = |tensor: &str| wiring.only_taker(tensor).is_some();
    let [first, second] = [0, 1].map(|at| product.input(at).map(|input| Scaled::of(wiring, input, only_here)));
    let (first, second) = (first?, second?);
    let is_gate = |tensor: &str| wiring.giver(tensor).is_some_and(|giver| wiring.node(giver).kind == "HardSigmoid");
    let mut nodes: BTreeSet<usize> =
        [&whole.nodes, &first.nodes, &second.nodes].into_iter().flatten().copied().collect();
    let is_scaled = !nodes.is_empty() && is_close(whole.scale * first.scale * second.scale, 1.0);
    if !is_scaled || !(is_gate(first.tensor) || is_gate(second.tensor)) {
        return None;
    }
    nodes.insert(multiplying);
    let operation = Node::new(&node.name, "Mul", &[first.tensor, second.tensor], node.output());
    Some(Pattern { nodes, replacement: Replacement { operations: vec![operation], constants: Vec::new() } })
}

/// A tensor times a number.
struct Scaled<'a> {
    scale: f64,
    tensor: &'a str,
    /// The nodes that multiply, or divide, by numbers.
    nodes: BTreeSet<usize>,
}

impl<'a> Scaled<'a> {
    /// What a tensor is a multiple of. `may_replace` tells the tensors that nothing else is computed of.
    fn of<F: Real>(wiring: &Wiring<'a, F>, tensor: &'a str, may_replace: impl Fn(&str) -> bool) -> Self {
        let mut scaled = Self { scale: 1.0, tensor, nodes: BTreeSet::new() };
        while let Some((position, inner, factor)) = scaling(wiring, scaled.tensor) {
            let is_own =
                if scaled.nodes.is_empty() { may_replace(tensor) } else { wiring.only_taker(scaled.tensor).is_some() };
            if !is_own {
                break;
            }
            scaled.scale *= factor;
            scaled.tensor = inner;
            scaled.nodes.insert(position);
        }
        scaled
    }
}

/// The node that multiplies a tensor by a number, that tensor, and the number.
fn scaling<'a, F: Real>(wiring: &Wiring<'a, F>, output: &str) -> Option<(usize, &'a str, f64)> {
    let position = wiring.giver(output)?;
    let node = wiring.node(position);
    let (first, second) = (node.input(0)?, node.input(1)?);
    match (node.kind.as_str(), wiring.number(first), wiring.number(second)) {
        ("Mul", None, Some(factor)) => Some((position, first, factor)),
        ("Mul", Some(factor), None) => Some((position, second, factor)),
        ("Div", None, Some(divisor)) => Some((position, first, divisor.recip())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Sketch, recognized};

    const NUMBERS: &[(&str, f64)] =
        &[("zero", 0.0), ("three", 3.0), ("six", 6.0), ("a sixth", 1.0 / 6.0), ("a third", 1.0 / 3.0), ("half", 0.5)];

    fn of(end: &[Sketch<'_>]) -> Vec<String> {
        let gate: &[Sketch<'_>] =
            &[("Conv", &["x", "w"], "z"), ("Add", &["z", "three"], "s"), ("Clip", &["s", "zero", "six"], "c")];
        recognized(&[gate, end].concat(), NUMBERS, &[("w", &[2, 2])])
    }

    #[test]
    fn the_scale_of_a_gate_is_taken_out_wherever_it_is_divided_by_again() {
        let orders: [&[Sketch<'_>]; 4] = [
            &[("Mul", &["c", "x"], "p"), ("Div", &["p", "six"], "y")],
            &[("Div", &["x", "six"], "p"), ("Mul", &["p", "c"], "y")],
            &[("Mul", &["x", "a sixth"], "p"), ("Mul", &["c", "p"], "y")],
            &[("Mul", &["x", "a third"], "p"), ("Mul", &["c", "p"], "q"), ("Mul", &["q", "half"], "y")],
        ];
        for end in orders {
            let found = of(end);
            assert_eq!(found[..2], ["Conv(x, w) z", "HardSigmoid(z) c.gate"], "{found:?}");
            assert!(found[2] == "Mul(c.gate, x) y" || found[2] == "Mul(x, c.gate) y", "{found:?}");
            assert_eq!(found.len(), 3);
        }
    }

    #[test]
    fn what_is_gated_may_be_a_product() {
        let found = of(&[("Mul", &["x", "x"], "q"), ("Mul", &["c", "q"], "p"), ("Div", &["p", "six"], "y")]);
        assert_eq!(found[2..], ["Mul(x, x) q", "Mul(c.gate, q) y"]);
    }

    #[test]
    fn other_scales_stay() {
        assert_eq!(of(&[("Mul", &["c", "x"], "p"), ("Mul", &["p", "a third"], "y")]).len(), 5);
        assert_eq!(of(&[("Mul", &["c", "x"], "p"), ("Div", &["p", "six"], "q"), ("Add", &["p", "q"], "y")]).len(), 6);
    }
}
