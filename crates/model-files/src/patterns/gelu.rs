//! GELU, by the error function or by the hyperbolic tangent.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_PI};

use neural_lrp::Real;
use neural_lrp::operation::Attribute;

use super::Replacement;
use super::region::Region;

/// `½ x (1 + erf(x/√2))`, or `½ x (1 + tanh(√(2/π) (x + 0.044715 x³)))`.
pub(super) fn find<F: Real>(region: &Region<'_, '_, F>) -> Option<Replacement<F>> {
    let x = region.x();
    let exact = x.clone() * 0.5 * ((x.clone() * FRAC_1_SQRT_2).erf() + 1.0);
    let cubic = (x.power(3.0)? * 0.044715 + x.clone()) * FRAC_2_PI.sqrt();
    let approximate = x * 0.5 * (cubic.tanh() + 1.0);
    let name = if region.is(&exact) {
        "none"
    } else if region.is(&approximate) {
        "tanh"
    } else {
        return None;
    };
    let mut replacement = region.replaced_by("Gelu");
    replacement.set("approximate", Attribute::Text(name.to_owned()));
    Some(replacement)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::recognize;
    use super::super::testing::{Sketch, graph, recognized};
    use super::*;

    const NUMBERS: &[(&str, f64)] = &[
        ("root", 1.4140625),
        ("1.4", 1.4),
        ("one", 1.0),
        ("half", 0.5),
        ("three", 3.0),
        ("a", 0.0447),
        ("another a", 0.045),
        ("root 2/pi", 0.79785156),
    ];

    fn with_root(root: &str, end: &[Sketch<'_>]) -> usize {
        let divided = ["x", root];
        let begin: [Sketch<'_>; 3] = [("Div", &divided, "s"), ("Erf", &["s"], "e"), ("Add", &["e", "one"], "e1")];
        let begin = [&begin[..], &[("Mul", &["x", "e1"], "p"), ("Mul", &["p", "half"], "g")], end].concat();
        recognized(&begin, NUMBERS, &[]).len()
    }

    /// √2 in half precision is a hundredth of a percent off, 1.4 is one percent.
    #[test]
    fn numbers_may_be_of_half_precision_and_no_worse() {
        let end: &[Sketch<'_>] = &[("Relu", &["g"], "y")];
        assert_eq!(with_root("root", end), 2);
        assert_eq!(with_root("1.4", end), 6);
        assert_eq!(with_root("root", &[("Add", &["g", "e"], "y")]), 6, "the error function is taken outside");
    }

    #[test]
    fn the_approximation_is_known_by_its_attribute() {
        for (cubic, kind) in [("a", "Gelu"), ("another a", "Mul")] {
            let cubic = ["c", cubic];
            let nodes: &[Sketch<'_>] = &[
                ("Pow", &["x", "three"], "c"),
                ("Mul", &cubic, "ac"),
                ("Add", &["x", "ac"], "s"),
                ("Mul", &["root 2/pi", "s"], "t"),
                ("Tanh", &["t"], "h"),
                ("Add", &["one", "h"], "h1"),
                ("Mul", &["half", "x"], "p"),
                ("Mul", &["p", "h1"], "y"),
            ];
            let mut graph = graph(nodes, NUMBERS, &[]);
            recognize(&mut graph, &BTreeSet::new());
            let last = graph.nodes.last().unwrap();
            assert_eq!(last.kind, kind);
            let approximate = (kind == "Gelu").then(|| Attribute::Text("tanh".to_owned()));
            assert_eq!(last.attributes.get("approximate"), approximate.as_ref());
        }
    }
}
