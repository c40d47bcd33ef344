//! The memory of arrays that nobody needs any longer.

use std::borrow::Cow;

use ndarray::ArrayD;

use crate::Real;

/// Zeros, in memory that was recycled where some of that size is there.
pub(crate) fn zeros<F: Real>(shape: &[usize]) -> ArrayD<F> {
    let array = ArrayD::from_shape_vec(shape, F::zeros(shape.iter().product()));
    array.unwrap_or_else(|_| unreachable!("as many numbers as places"))
}

/// Keeps the memory of an array for the next one of its size.
pub(crate) fn recycle<F: Real>(array: ArrayD<F>) {
    F::recycle(array.into_raw_vec_and_offset().0);
}

/// As [`recycle`], for numbers that may be somebody else's.
pub(crate) fn recycle_owned<F: Real>(numbers: Cow<'_, [F]>) {
    if let Cow::Owned(numbers) = numbers {
        F::recycle(numbers);
    }
}
