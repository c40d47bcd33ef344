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
    let product = Product::of_node(wiring, position)?;
    let &[first, second] = &product.factors[..] else { return None };
    let is_gate = |tensor: &str| wiring.giver(tensor).is_some_and(|giver| wiring.node(giver).kind == "HardSigmoid");
    let is_scaled = product.nodes.len() > 1 && is_close(product.scale, 1.0);
    if !is_scaled || !(is_gate(first) || is_gate(second)) {
        return None;
    }
    let operation = Node::new(&node.name, "Mul", &[first, second], node.output());
    let replacement = Replacement { operations: vec![operation], constants: Vec::new() };
    Some(Pattern { nodes: product.nodes, replacement })
}

/// A product of computed tensors and a number.
struct Product<'a> {
    scale: f64,
    factors: Vec<&'a str>,
    /// The nodes that multiply.
    nodes: BTreeSet<usize>,
}

impl<'a> Product<'a> {
    /// What the node of this position multiplies, if it does.
    fn of_node<F: Real>(wiring: &Wiring<'a, F>, position: usize) -> Option<Self> {
        let node = wiring.node(position);
        wiring.giver(node.output())?;
        let mut product = match node.kind.as_str() {
            "Mul" => Self::of_tensor(wiring, node.input(0)?).times(Self::of_tensor(wiring, node.input(1)?)),
            "Div" => {
                let divisor = wiring.number(node.input(1)?)?;
                let mut dividend = Self::of_tensor(wiring, node.input(0)?);
                dividend.scale /= divisor;
                dividend
            }
            _ => return None,
        };
        product.nodes.insert(position);
        Some(product)
    }

    /// What a tensor is a product of: itself, if others take it too.
    fn of_tensor<F: Real>(wiring: &Wiring<'a, F>, tensor: &'a str) -> Self {
        if let Some(scale) = wiring.number(tensor) {
            return Self { scale, factors: Vec::new(), nodes: BTreeSet::new() };
        }
        let inner = wiring.only_taker(tensor).and_then(|_| Self::of_node(wiring, wiring.giver(tensor)?));
        // Products of several tensors are left whole but for the one at hand.
        inner.unwrap_or_else(|| Self { scale: 1.0, factors: vec![tensor], nodes: BTreeSet::new() })
    }

    fn times(mut self, other: Self) -> Self {
        self.scale *= other.scale;
        self.factors.extend(other.factors);
        self.nodes.extend(other.nodes);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Sketch, recognized};

    const NUMBERS: &[(&str, f64)] =
        &[("zero", 0.0), ("three", 3.0), ("six", 6.0), ("a sixth", 1.0 / 6.0), ("a third", 1.0 / 3.0)];

    fn of(end: &[Sketch<'_>]) -> Vec<String> {
        let gate: &[Sketch<'_>] =
            &[("Conv", &["x", "w"], "z"), ("Add", &["z", "three"], "s"), ("Clip", &["s", "zero", "six"], "c")];
        recognized(&[gate, end].concat(), NUMBERS, &[("w", &[2, 2])])
    }

    #[test]
    fn the_scale_of_a_gate_is_taken_out_wherever_it_is_divided_by_again() {
        let orders: [&[Sketch<'_>]; 3] = [
            &[("Mul", &["c", "x"], "p"), ("Div", &["p", "six"], "y")],
            &[("Div", &["x", "six"], "p"), ("Mul", &["p", "c"], "y")],
            &[("Mul", &["x", "a sixth"], "p"), ("Mul", &["c", "p"], "y")],
        ];
        for end in orders {
            let found = of(end);
            assert_eq!(found[..2], ["Conv(x, w) z", "HardSigmoid(z) c.gate"], "{found:?}");
            assert!(found[2] == "Mul(c.gate, x) y" || found[2] == "Mul(x, c.gate) y", "{found:?}");
            assert_eq!(found.len(), 3);
        }
    }

    #[test]
    fn other_scales_stay() {
        assert_eq!(of(&[("Mul", &["c", "x"], "p"), ("Mul", &["p", "a third"], "y")]).len(), 5);
        assert_eq!(of(&[("Mul", &["c", "x"], "p"), ("Div", &["p", "six"], "q"), ("Add", &["p", "q"], "y")]).len(), 6);
    }
}
