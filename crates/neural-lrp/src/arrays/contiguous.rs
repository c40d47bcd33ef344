//! The elements of an array as a slice, for loops that the compiler makes vectors of.

use std::borrow::Cow;

use ndarray::{ArrayD, ArrayViewD, CowArray, IxDyn};

use crate::Real;

/// The elements of an array in row-major order. Operations give arrays in that layout; one of another is copied.
pub(crate) fn elements<'a, F: Real>(array: &'a ArrayViewD<'_, F>) -> Cow<'a, [F]> {
    match array.as_slice() {
        Some(elements) => Cow::Borrowed(elements),
        None => Cow::Owned(array.iter().copied().collect()),
    }
}

/// The elements of an array that has just been made, in row-major order, to be changed.
pub(crate) fn elements_mut<F: Real>(array: &mut ArrayD<F>) -> &mut [F] {
    array.as_slice_mut().unwrap_or_else(|| unreachable!("new arrays are in the standard layout"))
}

/// A view that is held like an array.
pub(crate) fn borrowed<'a, F: Real>(array: &ArrayViewD<'a, F>) -> CowArray<'a, F, IxDyn> {
    CowArray::from(array.clone())
}
