//! How much relevance there is.

use ndarray::ArrayViewD;
use relevance::Amount;

use crate::Real;
use crate::arrays::contiguous::elements;

/// The amount of all relevance in an array.
pub(crate) fn amount<F: Real>(array: &ArrayViewD<'_, F>) -> Amount {
    let elements = elements(array);
    Amount::over(elements.len(), |position| elements[position].as_())
}
