//! RMSNorm along any axes.

use neural_lrp::Real;

use super::Replacement;
use super::formula::is_close;
use super::normalization::Parts;
use super::region::Region;

/// `x / √(mean x² + ε) · γ`; also `x / ‖x‖ · γ √n` of n numbers, where √n may be in γ.
pub(super) fn find<F: Real>(region: &Region<'_, '_, F>) -> Option<Replacement<F>> {
    let parts = Parts::of(region).filter(|parts| parts.shift.is_none())?;
    let x = region.x();
    let square = x.power(2.0)?.mean(&parts.axes);
    let normalized = x * (square + parts.epsilon).power(-0.5)? * parts.scale();
    let [term] = &parts.normalized.terms[..] else { return None };
    let factor = term.coefficient;
    let is_norm = region.summed().is_some_and(|count| is_close(factor, count.sqrt().recip())) && parts.scale.is_some();
    let factor = if is_close(factor, 1.0) { 1.0 } else { Some(factor).filter(|_| is_norm)? };
    parts.normalized.is(&(normalized * factor)).then(|| parts.replaced(region, "RMSNormalization", factor)).flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use neural_lrp::operation::Constant;

    use super::super::AXES;
    use super::super::recognize;
    use super::super::testing::{Sketch, graph, recognized};

    const NUMBERS: &[(&str, f64)] = &[("two", 2.0), ("epsilon", 1e-5), ("power", -0.5), ("quarter", 0.5)];
    const VECTORS: &[(&str, &[usize])] = &[("scale", &[4])];
    const MEAN: &[Sketch<'_>] = &[("Pow", &["x", "two"], "q"), ("ReduceMean", &["q", "axes"], "v")];
    const ROOT: &[Sketch<'_>] = &[("Add", &["epsilon", "v"], "e"), ("Pow", &["e", "power"], "r")];

    #[test]
    fn the_scale_belongs_to_it() {
        let last: &[Sketch<'_>] = &[("Mul", &["x", "r"], "n"), ("Mul", &["scale", "n"], "y")];
        let first: &[Sketch<'_>] = &[("Mul", &["x", "scale"], "n"), ("Mul", &["r", "n"], "y")];
        for end in [last, first] {
            let nodes = [MEAN, ROOT, end].concat();
            assert_eq!(recognized(&nodes, NUMBERS, VECTORS), ["RMSNormalization(x, scale) y"]);
        }
    }

    #[test]
    fn a_norm_times_as_many_scales_as_it_has_numbers_is_one() {
        let quotient: &[Sketch<'_>] = &[("ReduceL2", &["x", "axes"], "r"), ("Div", &["x", "r"], "n")];
        let scaled = [quotient, &[("Mul", &["n", "scale"], "y")]].concat();
        assert_eq!(recognized(&scaled, NUMBERS, VECTORS), ["RMSNormalization(x, y.scale) y"]);
        let bare = [quotient, &[("Relu", &["n"], "y")]].concat();
        assert_eq!(recognized(&bare, NUMBERS, VECTORS).len(), 3);
    }

    #[test]
    fn it_is_recognized_along_any_axes() {
        let nodes = [MEAN, ROOT, &[("Mul", &["x", "r"], "y")]].concat();
        for axis in [-1, -3, 1] {
            let mut graph = graph(&nodes, NUMBERS, &[]);
            graph.constants.insert("axes".to_owned(), Constant::Integer(ndarray::arr1(&[axis]).into_dyn()));
            recognize(&mut graph, &BTreeSet::new());
            let [node] = &graph.nodes[..] else { panic!("{:?}", graph.nodes) };
            assert_eq!(node.kind, "RMSNormalization");
            let axes = node.integers(AXES).unwrap().map(<[i64]>::to_vec);
            assert_eq!(axes, Some(vec![axis]).filter(|_| axis != -1));
        }
    }

    #[test]
    fn other_functions_stay_what_they_are() {
        let outside: &[Sketch<'_>] =
            &[("Sqrt", &["v"], "s"), ("Add", &["s", "epsilon"], "r"), ("Div", &["x", "r"], "y")];
        let of_other: &[Sketch<'_>] = &[("Mul", &["z", "r"], "y")];
        let leaking: &[Sketch<'_>] = &[("Mul", &["x", "r"], "n"), ("Add", &["n", "r"], "y")];
        for parts in [[MEAN, outside, &[]], [MEAN, ROOT, of_other], [MEAN, ROOT, leaking]] {
            let nodes = parts.concat();
            assert_eq!(recognized(&nodes, NUMBERS, VECTORS).len(), nodes.len(), "{nodes:?}");
        }
        // A scale of attention behind it is no part of it.
        let scaled: &[Sketch<'_>] =
            &[("Mul", &["x", "r"], "n"), ("Mul", &["scale", "n"], "s"), ("Mul", &["s", "quarter"], "y")];
        let found = recognized(&[MEAN, ROOT, scaled].concat(), NUMBERS, VECTORS);
        assert_eq!(found, ["RMSNormalization(x, scale) s", "Mul(s, quarter) y"]);
    }
}
