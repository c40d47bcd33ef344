//! Mish.

use neural_lrp::Real;

use super::Replacement;
use super::region::Region;

/// `x tanh(ln(1 + exp(x)))`
pub(super) fn find<F: Real>(region: &Region<'_, '_, F>) -> Option<Replacement<F>> {
    let x = region.x();
    region.is(&(x.clone() * x.softplus().tanh())).then(|| region.replaced_by("Mish"))
}
