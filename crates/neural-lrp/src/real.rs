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
    + 'static
{
    /// How such a number is named in settings and files: `"f32"` or `"f64"`.
    const NAME: &'static str;

    /// The number nearest to `value`.
    fn of(value: f64) -> Self;
}

macro_rules! real {
    ($($number:ident),+) => {
        $(impl Real for $number {
            const NAME: &'static str = stringify!($number);

            #[inline]
            fn of(value: f64) -> Self {
                value as $number
            }
        })+
    };
}
real!(f32, f64);
