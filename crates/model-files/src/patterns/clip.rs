//! ReLU, and functions that are cut off at fixed bounds, by Min and Max.

use std::sync::Arc;

use ndarray::arr0;
use neural_lrp::Real;
use neural_lrp::operation::Constant;

use super::Replacement;
use super::region::Region;

/// `max(x, 0)`: Relu; `min(max(x, low), high)`: Clip.
pub(super) fn find<F: Real>(region: &Region<'_, '_, F>) -> Option<Replacement<F>> {
    let (_, low, high) = region.formula.as_clip().filter(|(inner, ..)| inner.is(&region.x()))?;
    if low == 0.0 && high == f64::INFINITY {
        return Some(region.replaced_by("Relu"));
    }
    let mut replacement = region.replaced_by("Clip");
    for (bound, meaning) in [(low, "min"), (high, "max")] {
        let name = if bound.is_finite() { region.fresh_name(meaning) } else { String::new() };
        if bound.is_finite() {
            replacement.constants.push((name.clone(), Constant::Real(Arc::new(arr0(F::of(bound)).into_dyn()))));
        }
        replacement.operations[0].inputs.push(name);
    }
    Some(replacement)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Sketch, recognized};

    const NUMBERS: &[(&str, f64)] = &[("zero", 0.0), ("six", 6.0)];

    #[test]
    fn bounds_by_minimum_and_maximum_are_those_of_clip() {
        let of = |nodes: &[Sketch<'_>]| recognized(nodes, NUMBERS, &[]);
        assert_eq!(of(&[("Max", &["zero", "x"], "y")]), ["Relu(x) y"]);
        assert_eq!(of(&[("Clip", &["x", "zero"], "y")]), ["Relu(x) y"]);
        assert_eq!(of(&[("Relu", &["x"], "r"), ("Min", &["r", "six"], "y")]), ["Clip(x, y.min, y.max) y"]);
        assert_eq!(of(&[("Min", &["x", "six"], "y")]), ["Clip(x, , y.max) y"]);
        assert_eq!(of(&[("Max", &["x", "z"], "y")]), ["Max(x, z) y"]);
    }
}
