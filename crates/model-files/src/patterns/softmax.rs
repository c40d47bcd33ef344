//! Softmax and LogSoftmax.

use neural_lrp::Real;
use neural_lrp::operation::Attribute;

use super::Replacement;
use super::region::Region;

/// `exp(x − m) / Σ exp(x − m)` along an axis, and its logarithm; m is the maximum, or 0.
pub(super) fn find<F: Real>(region: &Region<'_, '_, F>) -> Option<Replacement<F>> {
    let x = region.x();
    let axes = region.formula.axes()?;
    let &[axis] = &axes[..] else { return None };
    for shifted in [x.clone() - x.clone().maximum(&axes), x] {
        let sum = region.total(&shifted.clone().exp(), &axes);
        let kind = if region.is(&(shifted.clone().exp() * sum.power(-1.0)?)) {
            "Softmax"
        } else if region.is(&(shifted - sum.log())) {
            "LogSoftmax"
        } else {
            continue;
        };
        let mut replacement = region.replaced_by(kind);
        replacement.set("axis", Attribute::Integer(axis));
        return Some(replacement);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Sketch, recognized};

    const SHIFTED: &[Sketch<'_>] = &[("ReduceMax", &["x", "axes"], "m"), ("Sub", &["x", "m"], "d")];
    const SUM: &[Sketch<'_>] = &[("Exp", &["d"], "e"), ("ReduceSum", &["e", "axes"], "s")];

    #[test]
    fn quotient_and_logarithm_are_recognized() {
        let quotient = [SHIFTED, SUM, &[("Div", &["e", "s"], "y")]].concat();
        assert_eq!(recognized(&quotient, &[], &[]), ["Softmax(x) y"]);
        let logarithm = [SHIFTED, SUM, &[("Log", &["s"], "l"), ("Sub", &["d", "l"], "y")]].concat();
        assert_eq!(recognized(&logarithm, &[], &[]), ["LogSoftmax(x) y"]);
        let reduced: &[Sketch<'_>] = &[("ReduceLogSumExp", &["x", "axes"], "l"), ("Sub", &["x", "l"], "y")];
        assert_eq!(recognized(reduced, &[], &[]), ["LogSoftmax(x) y"]);
    }

    #[test]
    fn other_quotients_stay() {
        let of_sums = [SHIFTED, SUM, &[("Div", &["d", "s"], "y")]].concat();
        assert_eq!(recognized(&of_sums, &[], &[]).len(), of_sums.len());
        let means: &[Sketch<'_>] = &[("Exp", &["d"], "e"), ("ReduceMean", &["e", "axes"], "s")];
        let of_means = [SHIFTED, means, &[("Div", &["e", "s"], "y")]].concat();
        assert_eq!(recognized(&of_means, &[], &[]).len(), of_means.len());
    }
}
