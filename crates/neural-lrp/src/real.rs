//! The numbers a network computes in.

use std::fmt;
use std::iter::Sum;

use ndarray::{LinalgScalar, ScalarOperand};
use num_traits::{AsPrimitive, Float, FromPrimitive, NumAssign};

/// The numbers of a network: `f32`, as networks are trained, or `f64`, where an explanation must be exact.
pub trait Real:
    Float
    + FromPrimitive
    + AsPrimitive<f64>
    + NumAssign
    + LinalgScalar
    + ScalarOperand
    + Sum
    + Default
    + fmt::Debug
    + fmt::Display
    + Send
    + Sync
{
    /// How such a number is named in settings and files: `"f32"` or `"f64"`.
    const NAME: &'static str;

    /// The number nearest to `value`.
    fn of(value: f64) -> Self;
}

impl Real for f32 {
    const NAME: &'static str = "f32";

    fn of(value: f64) -> Self {
        value as f32
    }
}

impl Real for f64 {
    const NAME: &'static str = "f64";

    fn of(value: f64) -> Self {
        value
    }
}
