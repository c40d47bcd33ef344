//! The operations, one file each: the forward pass beside what the reverse needs.
//!
//! A new operation is a file here and a line in the list at the end of this one.

use ndarray::{ArrayD, ArrayViewD};
use relevance::Stabilizer;
use serde::{Deserialize, Serialize};

use crate::definition::{Constant, Definition, Input};
use crate::operation::{Reading, Redistribution, Step};
use crate::{Error, Real};

mod arrangement;
mod average_pool;
mod axes;
mod batch_normalization;
mod broadcast;
mod clip;
mod concat;
mod conv;
mod conv_transpose;
mod convolution;
mod dense;
mod elementwise;
mod exponential;
mod functions;
mod gather;
mod gelu;
mod identity;
mod layer_normalization;
mod local_response_normalization;
mod lp_pool;
mod mat_mul;
mod max_pool;
mod pad;
mod placement;
mod planes;
mod pooled;
mod product;
mod rectifiers;
mod reduce;
mod relu;
mod resampling;
mod reshape;
mod resize;
mod selection;
mod shares;
mod sigmoid;
mod slice;
mod softmax;
mod sum;
mod sum_pool;
mod swish;
#[cfg(test)]
pub(crate) mod testing;
mod transpose;
mod windows;

pub use average_pool::AveragePool;
pub use batch_normalization::{BatchNormalization, Statistics};
pub use clip::Clip;
pub use concat::Concat;
pub use conv::Conv;
pub use conv_transpose::{ConvTranspose, OutputSize};
pub use convolution::Sliding;
pub use dense::Dense;
pub use elementwise::Elementwise;
pub use exponential::{Celu, Elu, Selu};
pub use functions::{Abs, Exp, Log, Neg, Pow, Reciprocal, Sqrt};
pub use gather::{Expand, Gather};
pub use gelu::{Erf, Gelu};
pub use identity::Identity;
pub use layer_normalization::LayerNormalization;
pub use local_response_normalization::LocalResponseNormalization;
pub use lp_pool::LpPool;
pub use mat_mul::MatMul;
pub use max_pool::MaxPool;
pub use pad::Pad;
pub use product::Multiplication;
pub use rectifiers::{LeakyRelu, PRelu, ThresholdedRelu};
pub use reduce::{Axes, Rank, Reduce, Statistic};
pub use relu::Relu;
pub use reshape::{Flatten, Reshape, Squeeze, Unsqueeze};
pub use resize::Resize;
pub use sigmoid::{HardSigmoid, Sigmoid, Softplus, Softsign, Tanh};
pub use slice::{Range, Slice};
pub use softmax::{LogSoftmax, Softmax};
pub use sum::Sum;
pub use sum_pool::SumPool;
pub use swish::{HardSwish, Mish, Silu};
pub use transpose::{DepthToSpace, SpaceToDepth, Transpose};
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
            F::read_operation(definition)
        }

        /// [`read`], for any kind of numbers.
        pub(crate) fn instantiate<F: Real>(definition: &Definition<F>) -> Result<Reading<F>, Error> {
            let reading = match definition.kind.as_str() {
                $($kind => $read(definition),)+
                _ => Err(Error::UnknownOperation { kind: definition.kind.clone() }),
            }?;
            match reading.operands.iter().all(|&position| definition.has_input(position)) {
                true => Ok(reading),
                false => Err(Error::MissingInput { kind: definition.kind.clone(), input: "operand" }),
            }
        }
    };
}

operations! {
    "Abs" => functions::read_abs,
    "Add" => sum::read_add,
    "AveragePool" => average_pool::read,
    "BatchNormalization" => batch_normalization::read,
    "Celu" => exponential::read_celu,
    "Clip" => clip::read,
    "Concat" => concat::read,
    "Conv" => conv::read,
    "ConvTranspose" => conv_transpose::read,
    "DepthToSpace" => transpose::read_depth_to_space,
    "Div" => product::read_div,
    "Dropout" => identity::read,
    "Elu" => exponential::read_elu,
    "Erf" => gelu::read_erf,
    "Exp" => functions::read_exp,
    "Expand" => gather::read_expand,
    "Flatten" => reshape::read_flatten,
    "Gather" => gather::read_gather,
    "Gelu" => gelu::read_gelu,
    "Gemm" => dense::read,
    "GlobalAveragePool" => average_pool::read_global,
    "GlobalLpPool" => lp_pool::read_global,
    "GlobalMaxPool" => max_pool::read_global,
    "HardSigmoid" => sigmoid::read_hard_sigmoid,
    "HardSwish" => swish::read_hard_swish,
    "Identity" => identity::read,
    "LRN" => local_response_normalization::read,
    "LayerNormalization" => layer_normalization::read,
    "LeakyRelu" => rectifiers::read_leaky,
    "Log" => functions::read_log,
    "LogSoftmax" => softmax::read_logarithm,
    "LpPool" => lp_pool::read,
    "MatMul" => mat_mul::read,
    "MaxPool" => max_pool::read,
    "Mish" => swish::read_mish,
    "Mul" => product::read_mul,
    "Neg" => functions::read_neg,
    "PRelu" => rectifiers::read_parametric,
    "Pad" => pad::read,
    "Pow" => functions::read_pow,
    "Reciprocal" => functions::read_reciprocal,
    "ReduceMean" => reduce::read_mean,
    "ReduceSum" => reduce::read_sum,
    "Relu" => relu::read,
    "Reshape" => reshape::read_reshape,
    "Resize" => resize::read,
    "Selu" => exponential::read_selu,
    "Sigmoid" => sigmoid::read_sigmoid,
    "Silu" => swish::read_silu,
    "Slice" => slice::read,
    "Softmax" => softmax::read,
    "Softplus" => sigmoid::read_softplus,
    "Softsign" => sigmoid::read_softsign,
    "SpaceToDepth" => transpose::read_space_to_depth,
    "Sqrt" => functions::read_sqrt,
    "Squeeze" => reshape::read_squeeze,
    "Sub" => sum::read_sub,
    "Sum" => sum::read_sum,
    "SumPool" => sum_pool::read,
    "Tanh" => sigmoid::read_tanh,
    "ThresholdedRelu" => rectifiers::read_thresholded,
    "Transpose" => transpose::read_transpose,
    "Unsqueeze" => reshape::read_unsqueeze,
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

/// The one number of a constant input; `None` where the input is left out.
pub(crate) fn single_number<F: Real>(
    definition: &Definition<F>,
    position: usize,
    meaning: &'static str,
) -> Result<Option<f64>, Error> {
    let Some(values) = definition.constant(position, meaning)? else { return Ok(None) };
    match values.first() {
        Some(&value) if values.len() == 1 => Ok(Some(value.as_())),
        _ => Err(definition.refuse(meaning, format!("{} numbers", values.len()), "one number")),
    }
}

/// Checks that all inputs are given, as many as the operation takes, and that the constant ones hold no integers.
pub(crate) fn constants_are_numbers<F: Real>(
    definition: &Definition<F>,
    count: std::ops::RangeInclusive<usize>,
) -> Result<(), Error> {
    let missing = || Error::MissingInput { kind: definition.kind.clone(), input: "operand" };
    if definition.inputs.len() < *count.start() {
        return Err(missing());
    }
    if definition.inputs.len() > *count.end() {
        let given = format!("{} inputs", definition.inputs.len());
        return Err(definition.refuse("list", given, format!("{} at most", count.end())));
    }
    definition.inputs.iter().try_for_each(|input| match input {
        Input::Absent => Err(missing()),
        Input::Constant(Constant::Integer(_)) => {
            Err(definition.refuse("operand", "integers", "floating-point numbers"))
        }
        Input::Tensor | Input::Constant(Constant::Real(_)) => Ok(()),
    })
}
