//! SiLU, also known as Swish; with the slope 1.702, QuickGELU.

use neural_lrp::Real;
use neural_lrp::operation::Attribute;

use super::Replacement;
use super::formula::{Function, is_close};
use super::region::Region;

/// `x σ(α x)`
pub(super) fn find<F: Real>(region: &Region<'_, '_, F>) -> Option<Replacement<F>> {
    let x = region.x();
    let functions = region.formula.functions();
    // σ(αx) is ½ + ½ tanh(αx/2).
    let (_, half, _) = functions.first().filter(|(function, ..)| **function == Function::Tanh)?;
    let (slope, _) = half.as_line(&x)?;
    let alpha = 2.0 * slope;
    if !region.is(&(x.clone() * (x * alpha).sigmoid())) {
        return None;
    }
    let mut replacement = region.replaced_by("Silu");
    let is_silu = is_close(alpha, 1.0);
    replacement.set("alpha", Attribute::Real(if is_silu { 1.0 } else { alpha }));
    Some(replacement)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::recognize;
    use super::super::testing::{Sketch, graph, recognized};
    use super::*;

    #[test]
    fn the_slope_is_its_attribute() {
        let nodes: &[Sketch<'_>] =
            &[("Mul", &["x", "slope"], "l"), ("Sigmoid", &["l"], "g"), ("Mul", &["g", "x"], "y")];
        for (slope, alpha) in [(1.702, 1.702), (1.0004, 1.0)] {
            let mut graph = graph(nodes, &[("slope", slope)], &[]);
            recognize(&mut graph, &BTreeSet::new());
            assert_eq!((graph.nodes.len(), graph.nodes[0].kind.as_str()), (1, "Silu"));
            let Attribute::Real(found) = graph.nodes[0].attributes["alpha"] else { panic!("{graph:?}") };
            assert!((found - alpha).abs() < 1e-12);
        }
        assert_eq!(recognized(nodes, &[("slope", -1.0)], &[]).len(), 3);
    }

    #[test]
    fn a_gate_of_another_tensor_stays_one() {
        let nodes: &[Sketch<'_>] = &[("Neg", &["x"], "s"), ("Sigmoid", &["s"], "g"), ("Mul", &["x", "g"], "y")];
        assert_eq!(recognized(nodes, &[], &[]), ["Neg(x) s", "Sigmoid(s) g", "Mul(x, g) y"]);
        let nodes: &[Sketch<'_>] = &[("Conv", &["x"], "s"), ("Sigmoid", &["s"], "g"), ("Mul", &["x", "g"], "y")];
        assert_eq!(recognized(nodes, &[], &[]).len(), 3);
    }
}
