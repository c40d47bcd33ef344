//! Sigmoid.

use neural_lrp::Real;

use super::Replacement;
use super::region::Region;

/// `1 / (1 + exp(−x))`, `exp(x) / (1 + exp(x))` or `½ tanh(x/2) + ½`.
pub(super) fn find<F: Real>(region: &Region<'_, '_, F>) -> Option<Replacement<F>> {
    let x = region.x();
    let quotient = x.clone().exp() * (x.clone().exp() + 1.0).power(-1.0)?;
    (region.is(&x.sigmoid()) || region.is(&quotient)).then(|| region.replaced_by("Sigmoid"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Sketch, recognized};

    #[test]
    fn a_share_of_an_exponential_is_a_sigmoid() {
        let numbers = [("one", 1.0), ("two", 2.0)];
        for (number, count) in [("one", 1), ("two", 3)] {
            let sum = ["e", number];
            let nodes: &[Sketch<'_>] = &[("Exp", &["x"], "e"), ("Add", &sum, "s"), ("Div", &["e", "s"], "y")];
            assert_eq!(recognized(nodes, &numbers, &[]).len(), count);
        }
    }
}
