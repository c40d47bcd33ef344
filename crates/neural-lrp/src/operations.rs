//! The operations: the forward pass beside what the reverse needs, one file each, one folder for each family.
//!
//! The folder answers what becomes of relevance in an operation where a composite says nothing:
//!
//! | folder | what becomes of relevance |
//! | --- | --- |
//! | `linear` | what the rules say: layers with weights |
//! | `activation` | it passes (Eq. 63) |
//! | `arrangement` | it goes back the way the numbers came |
//! | `pooling` | in shares over the window, or to its maximum |
//! | `sum` | in shares, by contributions |
//! | `normalization` | it passes |
//! | `product` | to the factor that carries the signal, or half to each |
//! | `softmax` | by first-order Taylor decomposition |
//! | `decision` | it ends: truth values and positions |
//! | `resize` | back the way the numbers came, or in shares |
//!
//! Convolutions and poolings have a `window` in common.
//!
//! A new operation is a file here and a line in the list at the end of this one.

use std::any::Any;

use crate::operation::{OperatorSpec, ParsedOperation};
use crate::{Error, Real};

mod activation;
mod arrangement;
mod decision;
mod linear;
mod normalization;
mod operators;
mod pooling;
mod product;
mod reduction;
mod resize;
mod softmax;
mod sum;
#[cfg(test)]
pub(crate) mod testing;
mod window;

pub use activation::*;
pub use arrangement::*;
pub use decision::*;
pub use linear::*;
pub use normalization::*;
pub use operators::Operators;
pub use pooling::*;
pub use product::*;
pub use reduction::{Axes, Rank, Reduction};
pub use resize::Resize;
pub use resize::grid_sample::{GridBeyond, GridEnds, GridMode, GridSample};
pub use softmax::{FullyMasked, LogSoftmax, Softmax};
pub use sum::*;
pub use window::{Padding, PaddingCounts, Rounding, Window};

/// The operation of a specification.
///
/// # Errors
/// [`Error::UnknownOperation`] when there is none of this kind; else what the operation says of its attributes.
pub fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let spec: &dyn Any = spec;
    let parsed: Box<dyn Any> = match (spec.downcast_ref(), spec.downcast_ref()) {
        (Some(spec), _) => Box::new(read_single(spec)),
        (_, Some(spec)) => Box::new(read_double(spec)),
        (None, None) => unreachable!("numbers are f32 or f64"),
    };
    *parsed.downcast().unwrap_or_else(|_| unreachable!("an operation has the numbers of its specification"))
}

// Without a parameter of type these two, and all operations with them, are compiled in this crate; a generic function is
// compiled again in every program and every test that reads a network, which takes minutes.

fn read_single(spec: &OperatorSpec<f32>) -> Result<ParsedOperation<f32>, Error> {
    instantiate(spec)
}

fn read_double(spec: &OperatorSpec<f64>) -> Result<ParsedOperation<f64>, Error> {
    instantiate(spec)
}

/// Makes operations known by the kinds that their specifications have.
macro_rules! operations {
    ($($kind:literal => $read:path,)+) => {
        /// The kinds of operations that there are.
        pub const KINDS: &[&str] = &[$($kind),+];

        /// [`read`], for any kind of numbers.
        fn instantiate<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
            let parsed = match spec.kind.as_str() {
                $($kind => $read(spec),)+
                _ => Err(Error::UnknownOperation { kind: spec.kind.clone() }),
            }?;
            with_operands(spec, parsed)
        }
    };
}

/// The operation, if all its operands are given.
fn with_operands<F: Real>(spec: &OperatorSpec<F>, parsed: ParsedOperation<F>) -> Result<ParsedOperation<F>, Error> {
    match parsed.operands.iter().all(|&position| spec.has_input(position)) {
        true => Ok(parsed),
        false => Err(Error::MissingInput { kind: spec.kind.clone(), input: "operand" }),
    }
}

operations! {
    "Abs" => activation::functions::read_abs,
    "Acos" => activation::trigonometry::read_acos,
    "Acosh" => activation::trigonometry::read_acosh,
    "Add" => sum::addition::read_add,
    "Affine" => normalization::affine::read,
    "And" => decision::comparison::read,
    "ArgMax" => decision::position::read_max,
    "ArgMin" => decision::position::read_min,
    "Asin" => activation::trigonometry::read_asin,
    "Asinh" => activation::trigonometry::read_asinh,
    "Atan" => activation::trigonometry::read_atan,
    "Atanh" => activation::trigonometry::read_atanh,
    "AveragePool" => pooling::average_pool::read,
    "BatchNormalization" => normalization::batch_normalization::read,
    "Cast" => activation::rounding::read_cast,
    "Ceil" => activation::rounding::read_ceil,
    "Celu" => activation::exponential::read_celu,
    "Clip" => activation::clip::read,
    "Col2Im" => sum::blocks::read,
    "Concat" => arrangement::concat::read,
    "Conv" => linear::conv::read,
    "ConvTranspose" => linear::conv_transpose::read,
    "Cos" => activation::trigonometry::read_cos,
    "Cosh" => activation::trigonometry::read_cosh,
    "CumSum" => sum::cumulative::read,
    "DepthToSpace" => arrangement::transpose::read_depth_to_space,
    "DequantizeLinear" => activation::quantization::read_back,
    "Div" => product::multiplication::read_div,
    "Dropout" => arrangement::identity::read,
    "Einsum" => product::einsum::read,
    "Elu" => activation::exponential::read_elu,
    "Equal" => decision::comparison::read,
    "Erf" => activation::gelu::read_erf,
    "Exp" => activation::functions::read_exp,
    "Expand" => arrangement::gather::read_expand,
    "FakeQuantize" => sum::fake_quantization::read,
    "Flatten" => arrangement::reshape::read_flatten,
    "Floor" => activation::rounding::read_floor,
    "Gather" => arrangement::lookup::read_axis,
    "GatherElements" => arrangement::lookup::read_rows,
    "GatherND" => arrangement::lookup::read_lists,
    "Gelu" => activation::gelu::read_gelu,
    "Gemm" => linear::dense::read,
    "GlobalAveragePool" => pooling::average_pool::read_global,
    "GlobalLpPool" => pooling::lp_pool::read_global,
    "GlobalMaxPool" => pooling::max_pool::read_global,
    "Greater" => decision::comparison::read,
    "GreaterOrEqual" => decision::comparison::read,
    "GridSample" => resize::grid_sample::read,
    "GroupNormalization" => normalization::group_normalization::read,
    "HardSigmoid" => activation::sigmoid::read_hard_sigmoid,
    "HardSwish" => activation::swish::read_hard_swish,
    "Hardmax" => decision::hardmax::read,
    "Identity" => arrangement::identity::read,
    "InstanceNormalization" => normalization::instance_normalization::read,
    "IsInf" => decision::test::read_is_infinite,
    "IsNaN" => decision::test::read_is_nan,
    "LRN" => normalization::local_response_normalization::read,
    "LayerNormalization" => normalization::layer_normalization::read,
    "LeakyRelu" => activation::rectifiers::read_leaky,
    "Less" => decision::comparison::read,
    "LessOrEqual" => decision::comparison::read,
    "Log" => activation::functions::read_log,
    "LogSoftmax" => softmax::read_logarithm,
    "LpNormalization" => normalization::lp_normalization::read,
    "LpPool" => pooling::lp_pool::read,
    "MatMul" => product::mat_mul::read,
    "Max" => pooling::extremum_of_tensors::read_max,
    "MaxPool" => pooling::max_pool::read,
    "MaxUnpool" => pooling::unpool::read,
    "Min" => pooling::extremum_of_tensors::read_min,
    "Mish" => activation::swish::read_mish,
    "Mul" => product::multiplication::read_mul,
    "Neg" => activation::functions::read_neg,
    "Not" => decision::test::read_not,
    "Or" => decision::comparison::read,
    "PRelu" => activation::rectifiers::read_parametric,
    "Pad" => arrangement::pad::read,
    "Pow" => activation::functions::read_pow,
    "QuantizeLinear" => activation::quantization::read_onto,
    "RMSNormalization" => normalization::rms_normalization::read,
    "Reciprocal" => activation::functions::read_reciprocal,
    "ReduceL1" => sum::reduce::read_l1,
    "ReduceL2" => sum::reduce::read_l2,
    "ReduceLogSum" => sum::reduce::read_log_sum,
    "ReduceLogSumExp" => sum::reduce::read_log_sum_exp,
    "ReduceMax" => pooling::extremum::read_max,
    "ReduceMean" => sum::reduce::read_mean,
    "ReduceMin" => pooling::extremum::read_min,
    "ReduceProd" => sum::reduce::read_product,
    "ReduceSum" => sum::reduce::read_sum,
    "ReduceSumSquare" => sum::reduce::read_sum_square,
    "Relu" => activation::relu::read,
    "Reshape" => arrangement::reshape::read_reshape,
    "Resize" => resize::read,
    "Round" => activation::rounding::read_round,
    "ScatterElements" => arrangement::scatter::read_elements,
    "ScatterND" => arrangement::scatter::read_nd,
    "Selu" => activation::exponential::read_selu,
    "Shrink" => activation::rectifiers::read_shrink,
    "Sigmoid" => activation::sigmoid::read_sigmoid,
    "Sign" => activation::rounding::read_sign,
    "Silu" => activation::swish::read_silu,
    "Sin" => activation::trigonometry::read_sin,
    "Sinh" => activation::trigonometry::read_sinh,
    "Slice" => arrangement::slice::read,
    "Softmax" => softmax::read,
    "Softplus" => activation::sigmoid::read_softplus,
    "Softsign" => activation::sigmoid::read_softsign,
    "SpaceToDepth" => arrangement::transpose::read_space_to_depth,
    "Sqrt" => activation::functions::read_sqrt,
    "Squeeze" => arrangement::reshape::read_squeeze,
    "Sub" => sum::addition::read_sub,
    "Sum" => sum::addition::read_sum,
    "SumPool" => pooling::sum_pool::read,
    "Tan" => activation::trigonometry::read_tan,
    "Tanh" => activation::sigmoid::read_tanh,
    "ThresholdedRelu" => activation::rectifiers::read_thresholded,
    "Tile" => arrangement::tile::read_tile,
    "TopK" => pooling::top::read,
    "Transpose" => arrangement::transpose::read_transpose,
    "Trilu" => arrangement::tile::read_trilu,
    "Unsqueeze" => arrangement::reshape::read_unsqueeze,
    "Where" => arrangement::choice::read,
    "Xor" => decision::comparison::read,
}
