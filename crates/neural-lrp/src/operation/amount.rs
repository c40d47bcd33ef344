//! How much relevance there is.

use ndarray::ArrayViewD;
use relevance::Amount;

use crate::Real;
use crate::arrays::order::Order;

/// The amount of all relevance in an array.
pub(crate) fn amount<F: Real>(array: &ArrayViewD<'_, F>) -> Amount {
    let order = Order::of(array).unwrap_or(Order::Standard);
    let elements = order.numbers(array);
    Amount::over(elements.len(), |position| elements[position].as_())
}
