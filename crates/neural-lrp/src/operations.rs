//! The operations, one file each: the forward pass beside what the reverse needs.
//!
//! A new operation is a file here and a line in the list at the end of this one.

use ndarray::{ArrayD, ArrayViewD};
use relevance::Stabilizer;
use serde::{Deserialize, Serialize};

use crate::definition::Definition;
use crate::operation::{Reading, Redistribution, Step};
use crate::{Error, Real};

mod average_pool;
mod axes;
mod batch_normalization;
mod conv;
mod conv_transpose;
mod convolution;
mod dense;
mod elementwise;
mod layer_normalization;
mod local_response_normalization;
mod lp_pool;
mod mat_mul;
mod max_pool;
mod placement;
mod planes;
mod pooled;
mod reduce;
mod relu;
mod shares;
mod softmax;
mod sum_pool;
#[cfg(test)]
pub(crate) mod testing;
mod windows;

pub use average_pool::AveragePool;
pub use batch_normalization::{BatchNormalization, Statistics};
pub use conv::Conv;
pub use conv_transpose::{ConvTranspose, OutputSize};
pub use convolution::Sliding;
pub use dense::Dense;
pub use elementwise::Elementwise;
pub use layer_normalization::LayerNormalization;
pub use local_response_normalization::LocalResponseNormalization;
pub use lp_pool::LpPool;
pub use mat_mul::MatMul;
pub use max_pool::MaxPool;
pub use reduce::{Axes, Rank, Reduce, Statistic};
pub use relu::Relu;
pub use softmax::{LogSoftmax, Softmax};
pub use sum_pool::SumPool;
pub use windows::{Padding, PaddingCounts, Rounding, Windows};

/// The largest of each window.
pub trait MaxPooling<F: Real> {
    /// Hands relevance down to the numbers of each window.
    fn redistribute(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>, sharing: Sharing) -> Redistribution<F>;
}

/// Who gets the relevance of a window's maximum.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Sharing {
    /// The first of the largest, in row-major order.
    First,
    /// All of the largest, in equal shares: the limit p → ∞ of the p-mean.
    Ties,
    /// Each of the window, in proportion to its value.
    Proportional(Stabilizer),
}

/// A product or quotient of two tensors, or their matrix product.
pub trait Product<F: Real> {
    /// Hands relevance down to the factors.
    fn redistribute(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>, signal: Signal) -> Redistribution<F>;
}

/// Which factor of a product carries the signal; the other only weighs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Signal {
    /// The first operand.
    First,
    /// The second operand.
    Second,
    /// Both, half of the relevance each.
    Both,
}

/// Makes operations known by the kinds that their definitions have.
macro_rules! operations {
    ($($kind:literal => $read:path,)+) => {
        /// The kinds of operations that there are.
        pub const KINDS: &[&str] = &[$($kind),+];

        /// The operation of a definition.
        ///
        /// # Errors
        /// [`Error::UnknownOperation`] when there is none of this kind; else what the operation says of its attributes.
        pub fn read<F: Real>(definition: &Definition<F>) -> Result<Reading<F>, Error> {
            match definition.kind.as_str() {
                $($kind => $read(definition),)+
                _ => Err(Error::UnknownOperation { kind: definition.kind.clone() }),
            }
        }
    };
}

operations! {
    "AveragePool" => average_pool::read,
    "BatchNormalization" => batch_normalization::read,
    "Conv" => conv::read,
    "ConvTranspose" => conv_transpose::read,
    "Gemm" => dense::read,
    "GlobalAveragePool" => average_pool::read_global,
    "GlobalLpPool" => lp_pool::read_global,
    "GlobalMaxPool" => max_pool::read_global,
    "LRN" => local_response_normalization::read,
    "LayerNormalization" => layer_normalization::read,
    "LogSoftmax" => softmax::read_logarithm,
    "LpPool" => lp_pool::read,
    "MatMul" => mat_mul::read,
    "MaxPool" => max_pool::read,
    "ReduceMean" => reduce::read_mean,
    "ReduceSum" => reduce::read_sum,
    "Relu" => relu::read,
    "Softmax" => softmax::read,
    "SumPool" => sum_pool::read,
}

/// The shape that all operands broadcast to, as numpy has it.
pub(crate) fn broadcast_shape(operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
    let rank = operands.iter().map(|shape| shape.len()).max().unwrap_or(0);
    let mut result = vec![1; rank];
    for shape in operands {
        for (axis, &length) in (rank - shape.len()..).zip(shape.iter()) {
            if result[axis] == 1 {
                result[axis] = length;
            } else if length != 1 && length != result[axis] {
                return Err(Error::shape(operands, format!("axis {axis} has lengths {} and {length}", result[axis])));
            }
        }
    }
    Ok(result)
}

/// Sums an array over the axes along which an operand of `shape` was broadcast to it.
pub(crate) fn sum_to_shape<F: Real>(array: ArrayD<F>, shape: &[usize]) -> ArrayD<F> {
    let mut array = array;
    while array.ndim() > shape.len() {
        array = array.sum_axis(ndarray::Axis(0));
    }
    for (axis, &length) in shape.iter().enumerate() {
        if length == 1 && array.len_of(ndarray::Axis(axis)) != 1 {
            array = array.sum_axis(ndarray::Axis(axis)).insert_axis(ndarray::Axis(axis));
        }
    }
    array
}
