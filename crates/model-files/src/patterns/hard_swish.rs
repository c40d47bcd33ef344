//! HardSwish.

use neural_lrp::Real;

use super::Replacement;
use super::region::Region;

/// `x min(max(x/6 + ½, 0), 1)`
pub(super) fn find<F: Real>(region: &Region<'_, '_, F>) -> Option<Replacement<F>> {
    let x = region.x();
    let gate = (x.clone() * (1.0 / 6.0) + 0.5).ramp();
    region.is(&(x * gate)).then(|| region.replaced_by("HardSwish"))
}
