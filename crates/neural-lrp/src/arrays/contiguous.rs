//! The numbers of an array as a slice, for loops that the compiler makes vectors of.

use std::borrow::Cow;

use ndarray::{ArrayD, ArrayViewD, CowArray, IxDyn};
use relevance::Amount;

use crate::Real;

/// The numbers of an array in the standard layout. Operations give arrays so; one of another layout is copied.
pub(crate) fn numbers<'a, F: Real>(array: &'a ArrayViewD<'_, F>) -> Cow<'a, [F]> {
    match array.as_slice() {
        Some(numbers) => Cow::Borrowed(numbers),
        None => Cow::Owned(array.iter().copied().collect()),
    }
}

/// The amount of all numbers of an array.
pub(crate) fn amount<F: Real>(array: &ArrayViewD<'_, F>) -> Amount {
    let numbers = numbers(array);
    Amount::over(numbers.len(), |place| numbers[place].as_())
}

/// A view that is held like an array.
pub(crate) fn borrowed<'a, F: Real>(array: &ArrayViewD<'a, F>) -> CowArray<'a, F, IxDyn> {
    CowArray::from(array.clone())
}

/// The array in the standard layout, which operations rely on; copied only if it has another.
pub(crate) fn in_standard_layout<F: Real>(array: ArrayD<F>) -> ArrayD<F> {
    if array.is_standard_layout() { array } else { array.as_standard_layout().into_owned() }
}
