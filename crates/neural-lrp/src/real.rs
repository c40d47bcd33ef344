//! The numbers a network computes in.

use std::fmt;
use std::iter::Sum;

use ndarray::{LinalgScalar, ScalarOperand};
use num_traits::{AsPrimitive, Float, FromPrimitive, NumAssign};

use crate::definition::Definition;
use crate::operation::Reading;
use crate::{Error, operations};

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

    /// As [`operations::read`](crate::operations::read), which calls it.
    ///
    /// As a method of each type it is compiled here, once, with all operations; a generic function alone would be
    /// compiled again by every program and every test that reads a network.
    ///
    /// # Errors
    /// Those of [`operations::read`](crate::operations::read).
    fn read_operation(definition: &Definition<Self>) -> Result<Reading<Self>, Error>;
}

macro_rules! real {
    ($($number:ident),+) => {
        $(impl Real for $number {
            const NAME: &'static str = stringify!($number);

            fn of(value: f64) -> Self {
                value as $number
            }

            fn read_operation(definition: &Definition<Self>) -> Result<Reading<Self>, Error> {
                operations::instantiate(definition)
            }
        })+
    };
}
real!(f32, f64);
