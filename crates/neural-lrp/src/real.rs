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

    /// The integers from minus this to this are such numbers, each of them.
    const EXACT_INTEGERS: i64;

    /// The number nearest to `value`.
    fn of(value: f64) -> Self;

    /// The numbers, where they are those that [`channel_kernels`] is for.
    fn single(numbers: &[Self]) -> Option<&[f32]>;

    /// As [`single`](Self::single), to be written to.
    fn single_mut(numbers: &mut [Self]) -> Option<&mut [f32]>;

    /// Zeros, in memory that was given to [`recycle`](Self::recycle) where some of that size is there.
    fn zeros(length: usize) -> Vec<Self> {
        vec![Self::zero(); length]
    }

    /// Keeps the memory of numbers that nobody needs any longer for the next ones.
    fn recycle(numbers: Vec<Self>) {
        drop(numbers);
    }
}

impl Real for f32 {
    const NAME: &'static str = "f32";
    const EXACT_INTEGERS: i64 = 1 << f32::MANTISSA_DIGITS;

    #[inline]
    fn of(value: f64) -> Self {
        value as Self
    }

    #[inline]
    fn single(numbers: &[Self]) -> Option<&[f32]> {
        Some(numbers)
    }

    #[inline]
    fn single_mut(numbers: &mut [Self]) -> Option<&mut [f32]> {
        Some(numbers)
    }

    fn zeros(length: usize) -> Vec<Self> {
        channel_kernels::zeros(length)
    }

    fn recycle(numbers: Vec<Self>) {
        channel_kernels::recycle(numbers);
    }
}

impl Real for f64 {
    const NAME: &'static str = "f64";
    const EXACT_INTEGERS: i64 = 1 << f64::MANTISSA_DIGITS;

    #[inline]
    fn of(value: f64) -> Self {
        value
    }

    #[inline]
    fn single(_: &[Self]) -> Option<&[f32]> {
        None
    }

    #[inline]
    fn single_mut(_: &mut [Self]) -> Option<&mut [f32]> {
        None
    }
}
