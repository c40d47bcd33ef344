//! Sigmoid.

use neural_lrp::Real;

use super::Replacement;
use super::region::Region;

/// `1 / (1 + exp(−x))`, or `½ tanh(x/2) + ½`.
pub(super) fn find<F: Real>(region: &Region<'_, '_, F>) -> Option<Replacement<F>> {
    region.is(&region.x().sigmoid()).then(|| region.replaced_by("Sigmoid"))
}
