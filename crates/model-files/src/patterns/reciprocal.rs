//! The reciprocal.

use neural_lrp::Real;

use super::Replacement;
use super::region::Region;

/// `1 / x`, by Div or by Pow.
pub(super) fn find<F: Real>(region: &Region<'_, '_, F>) -> Option<Replacement<F>> {
    region.is(&region.x().power(-1.0)?).then(|| region.replaced_by("Reciprocal"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::recognized;

    #[test]
    fn a_quotient_of_one_is_a_reciprocal() {
        let numbers = [("one", 1.0), ("two", 2.0), ("minus one", -1.0)];
        assert_eq!(recognized(&[("Div", &["one", "x"], "y")], &numbers, &[]), ["Reciprocal(x) y"]);
        assert_eq!(recognized(&[("Pow", &["x", "minus one"], "y")], &numbers, &[]), ["Reciprocal(x) y"]);
        assert_eq!(recognized(&[("Div", &["two", "x"], "y")], &numbers, &[]), ["Div(two, x) y"]);
        assert_eq!(recognized(&[("Div", &["x", "two"], "y")], &numbers, &[]), ["Div(x, two) y"]);
    }
}
