//! The shapes that tensors may have.

use crate::operation::Operation;
use crate::{Error, Real};

/// How many numbers a tensor may have: 8 GiB of `f32`. More is a mistake in a file, and must not take the memory.
pub const LARGEST_TENSOR: usize = 1 << 31;

/// The shape of an operation's output, if it works on operands of these shapes and no tensor is larger than can be.
///
/// # Errors
/// [`Error::Shape`] for operands that do not fit, [`Error::TooLarge`] for a tensor that can not be.
pub fn output_shape<F: Real>(operation: &dyn Operation<F>, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
    let empty = operands.iter().any(|shape| shape.contains(&0)) && !operation.takes_empty_operands();
    match empty {
        true => Err(Error::shape(operands, "each axis should have a length")),
        false => operation.output_shape(operands).and_then(bounded),
    }
}

/// The shape, if a tensor of it can be.
///
/// # Errors
/// [`Error::TooLarge`].
pub fn bounded(shape: Vec<usize>) -> Result<Vec<usize>, Error> {
    // An axis of no length must not hide the others'.
    let size = shape.iter().try_fold(1usize, |size, &length| size.checked_mul(length.max(1)));
    match size {
        Some(size) if size <= LARGEST_TENSOR => Ok(shape),
        _ => Err(Error::TooLarge { shape, limit: LARGEST_TENSOR }),
    }
}
