//! Softplus.

use neural_lrp::Real;

use super::Replacement;
use super::region::Region;

/// `ln(1 + exp(x))`, or `max(x, 0) + ln(1 + exp(−|x|))`, which does not overflow.
pub(super) fn find<F: Real>(region: &Region<'_, '_, F>) -> Option<Replacement<F>> {
    let x = region.x();
    let stable = x.clone().relu() + (x.clone().abs() * -1.0).softplus();
    (region.is(&x.softplus()) || region.is(&stable)).then(|| region.replaced_by("Softplus"))
}
