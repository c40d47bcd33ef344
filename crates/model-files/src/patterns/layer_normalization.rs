//! Layer normalization along any axes.

use neural_lrp::Real;

use super::Replacement;
use super::normalization::Parts;
use super::region::Region;

/// `(x − mean x) / √(mean (x − mean x)² + ε) · γ + β`
pub(super) fn find<F: Real>(region: &Region<'_, '_, F>) -> Option<Replacement<F>> {
    let parts = Parts::of(region)?;
    let x = region.x();
    let mean = x.mean(&parts.axes);
    let centered = x - mean;
    let variance = centered.power(2.0)?.mean(&parts.axes);
    let normalized = centered * (variance + parts.epsilon).power(-0.5)? * parts.scale();
    parts.normalized.is(&normalized).then(|| parts.replaced(region, "LayerNormalization", 1.0)).flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use neural_lrp::operation::Attribute;

    use super::super::recognize;
    use super::super::testing::{Sketch, graph, recognized};

    const NUMBERS: &[(&str, f64)] = &[("two", 2.0), ("three", 3.0), ("epsilon", 1e-5)];
    const VECTORS: &[(&str, &[usize])] = &[("scale", &[4]), ("shift", &[1, 1, 4]), ("positions", &[3, 4])];

    const CENTERED: &[Sketch<'_>] = &[("ReduceMean", &["x", "axes"], "m"), ("Sub", &["x", "m"], "d")];
    const VARIANCE: &[Sketch<'_>] = &[("Pow", &["d", "two"], "q"), ("ReduceMean", &["q", "axes"], "v")];
    const NORMALIZED: &[Sketch<'_>] =
        &[("Add", &["v", "epsilon"], "e"), ("Sqrt", &["e"], "r"), ("Div", &["d", "r"], "n")];

    #[test]
    fn scale_and_shift_belong_to_it_if_they_vary_along_the_axes() {
        let of = |end: &[Sketch<'_>]| recognized(&[CENTERED, VARIANCE, NORMALIZED, end].concat(), NUMBERS, VECTORS);
        let affine: &[Sketch<'_>] = &[("Mul", &["n", "scale"], "s"), ("Add", &["shift", "s"], "y")];
        assert_eq!(of(affine), ["LayerNormalization(x, scale, y.shift) y"]);
        assert_eq!(of(&[("Sub", &["n", "shift"], "y")]), ["LayerNormalization(x, y.scale, y.shift) y"]);
        assert_eq!(of(&[("Relu", &["n"], "y")]), ["LayerNormalization(x, n.scale) n", "Relu(n) y"]);
        let outside = ["LayerNormalization(x, n.scale) n", "Add(n, positions) y"];
        assert_eq!(of(&[("Add", &["n", "positions"], "y")]), outside);
        let twice: &[Sketch<'_>] = &[("Mul", &["n", "scale"], "s"), ("Add", &["n", "s"], "y")];
        assert_eq!(of(twice), ["LayerNormalization(x, n.scale) n", "Mul(n, scale) s", "Add(n, s) y"]);
    }

    #[test]
    fn its_attributes_are_those_of_the_operator_where_the_axes_are_the_last() {
        let nodes = [CENTERED, VARIANCE, NORMALIZED, &[("Relu", &["n"], "y")]].concat();
        let mut whole = graph(&nodes, NUMBERS, VECTORS);
        let mut of_channels = whole.clone();
        let channels = neural_lrp::operation::Constant::Integer(ndarray::arr1(&[1]).into_dyn());
        of_channels.constants.insert("axes".to_owned(), channels);
        recognize(&mut whole, &BTreeSet::new());
        recognize(&mut of_channels, &BTreeSet::new());
        let epsilon = ("epsilon".to_owned(), Attribute::Real(1e-5));
        let last = [("axis".to_owned(), Attribute::Integer(-1)), epsilon.clone()];
        assert_eq!(whole.nodes[0].attributes, last.into());
        let first = [(super::super::AXES.to_owned(), Attribute::Integers(vec![1])), epsilon];
        assert_eq!(of_channels.nodes[0].attributes, first.into());
    }

    #[test]
    fn other_statistics_stay_what_they_are() {
        let end: &[Sketch<'_>] = &[("Relu", &["n"], "y")];
        let cube: &[Sketch<'_>] = &[("Pow", &["d", "three"], "q"), ("ReduceMean", &["q", "axes"], "v")];
        let of_other: &[Sketch<'_>] = &[("Pow", &["z", "two"], "q"), ("ReduceMean", &["q", "axes"], "v")];
        let of_sums: &[Sketch<'_>] = &[("Pow", &["d", "two"], "q"), ("ReduceSum", &["q", "axes"], "v")];
        let outside: &[Sketch<'_>] =
            &[("Sqrt", &["v"], "r"), ("Add", &["r", "epsilon"], "e"), ("Div", &["d", "e"], "n")];
        let leaking: &[Sketch<'_>] = &[("Add", &["n", "v"], "y")];
        for parts in [
            [CENTERED, cube, NORMALIZED, end],
            [CENTERED, of_other, NORMALIZED, end],
            [CENTERED, of_sums, NORMALIZED, end],
            [CENTERED, VARIANCE, outside, end],
            [CENTERED, VARIANCE, NORMALIZED, leaking],
        ] {
            let nodes = parts.concat();
            assert_eq!(recognized(&nodes, NUMBERS, VECTORS).len(), nodes.len(), "{nodes:?}");
        }
    }
}
