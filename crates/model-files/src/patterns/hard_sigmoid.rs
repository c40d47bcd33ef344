//! HardSigmoid.

use std::sync::Arc;

use ndarray::arr0;
use neural_lrp::Real;
use neural_lrp::operation::{Attribute, Constant};

use super::Replacement;
use super::formula::{Function, is_close};
use super::region::Region;
use crate::graph::Node;

/// `c min(max(α x + β, 0), 1)`, which also is `min(max(c α x + c β, 0), c)`: HardSigmoid, then Mul where c is not 1.
///
/// Without a shift β it is no gate, but an activation that is bounded, as ReLU6. Of another height than 1 it is one only
/// where it weighs another tensor: behind a layer with weights, `min(max(z + 3, 0), 6)` may as well be ReLU6 of a layer with
/// another bias, whose map it has to have.
pub(super) fn find<F: Real>(region: &Region<'_, '_, F>) -> Option<Replacement<F>> {
    let [term] = &region.formula.terms[..] else { return None };
    let scale = term.coefficient;
    let functions = region.formula.functions();
    let (_, line, _) = functions.first().filter(|(function, ..)| **function == Function::Ramp)?;
    let (alpha, beta) = line.as_line(&region.x())?;
    let is_gate = beta != 0.0
        && (is_close(scale, 1.0) || region.weighs_another())
        && region.is(&((region.x() * alpha + beta).ramp() * scale));
    let mut replacement = is_gate.then(|| region.replaced_by("HardSigmoid"))?;
    replacement.set("alpha", Attribute::Real(alpha));
    replacement.set("beta", Attribute::Real(beta));
    if !is_close(scale, 1.0) {
        let (gate, factor) = (region.fresh_name("gate"), region.fresh_name("scale"));
        let scaling = Node { inputs: vec![gate.clone(), factor.clone()], ..region.operation("Mul") };
        replacement.operations[0].outputs = vec![gate.clone()];
        replacement.operations[0].name = gate;
        replacement.operations.push(scaling);
        replacement.constants.push((factor, Constant::Real(Arc::new(arr0(F::of(scale)).into_dyn()))));
    }
    Some(replacement)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::recognize;
    use super::super::testing::{Sketch, graph, recognized};
    use super::*;

    const NUMBERS: &[(&str, f64)] =
        &[("zero", 0.0), ("one", 1.0), ("three", 3.0), ("six", 6.0), ("a sixth", 1.0 / 6.0), ("half", 0.5)];

    #[test]
    fn one_function_is_one_operation() {
        let spellings: [&[Sketch<'_>]; 3] = [
            &[("Add", &["x", "three"], "s"), ("Clip", &["s", "zero", "six"], "c"), ("Div", &["c", "six"], "y")],
            &[("Mul", &["a sixth", "x"], "s"), ("Add", &["s", "half"], "c"), ("Clip", &["c", "zero", "one"], "y")],
            &[
                ("Add", &["x", "three"], "s"),
                ("Relu", &["s"], "r"),
                ("Min", &["six", "r"], "c"),
                ("Mul", &["c", "a sixth"], "y"),
            ],
        ];
        for nodes in spellings {
            let mut graph = graph(nodes, NUMBERS, &[]);
            recognize(&mut graph, &BTreeSet::new());
            let [node] = &graph.nodes[..] else { panic!("{graph:?}") };
            let real = |name: &str| match node.attributes[name] {
                Attribute::Real(value) => value,
                _ => panic!("{node:?}"),
            };
            assert_eq!(node.kind, "HardSigmoid");
            assert!((real("alpha") - 1.0 / 6.0).abs() < 1e-12 && (real("beta") - 0.5).abs() < 1e-12);
        }
    }

    #[test]
    fn another_height_is_a_product_behind_it() {
        let gate = [("Add", &["x", "three"][..], "s"), ("Clip", &["s", "zero", "six"], "g")];
        let ends: [&[Sketch<'_>]; 2] =
            [&[("Mul", &["g", "w"], "y")], &[("Transpose", &["g"], "t"), ("Mul", &["w", "t"], "y")]];
        for end in ends {
            let found = recognized(&[&gate, end].concat(), NUMBERS, &[]);
            assert_eq!(found[..2], ["HardSigmoid(x) g.gate", "Mul(g.gate, g.scale) g"]);
        }
    }

    #[test]
    fn of_another_height_it_is_an_activation_where_it_weighs_nothing() {
        let shifted = [("Add", &["x", "three"][..], "s"), ("Clip", &["s", "zero", "six"], "g")];
        let whole = ["Add(x, three) s", "Clip(s, zero, six) g"];
        let ends: [&[Sketch<'_>]; 3] = [
            &[("Conv", &["g", "b"], "y")],
            &[("Mul", &["g", "three"], "t"), ("Conv", &["t", "b"], "y")],
            &[("Add", &["g", "w"], "y")],
        ];
        for end in ends {
            let found = recognized(&[&shifted, end].concat(), NUMBERS, &[("b", &[3])]);
            assert_eq!(found[..2], whole);
        }
    }

    #[test]
    fn what_is_no_gate_stays() {
        let bounded: &[Sketch<'_>] = &[("Clip", &["x", "zero", "six"], "y")];
        assert_eq!(recognized(bounded, NUMBERS, &[]), ["Clip(x, zero, six) y"]);
        let shifted: &[Sketch<'_>] = &[("Add", &["x", "three"], "s"), ("Clip", &["s", "one", "six"], "y")];
        assert_eq!(recognized(shifted, NUMBERS, &[]).len(), 2);
        let of_channels: &[Sketch<'_>] = &[("Add", &["x", "b"], "s"), ("Clip", &["s", "zero", "six"], "y")];
        assert_eq!(recognized(of_channels, NUMBERS, &[("b", &[3])]).len(), 2);
        let leaking: &[Sketch<'_>] =
            &[("Add", &["x", "three"], "s"), ("Clip", &["s", "zero", "six"], "c"), ("Mul", &["s", "c"], "y")];
        assert_eq!(recognized(leaking, NUMBERS, &[]).len(), 3);
    }
}
