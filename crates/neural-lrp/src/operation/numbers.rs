//! What ONNX takes numbers for.

/// What ONNX takes the numbers of a tensor for; in a network all are floating-point numbers.
///
/// Truth values are 1 and 0 there. Integers are exact up to [`Real::EXACT_INTEGERS`](crate::Real::EXACT_INTEGERS), 2²⁴ in
/// single precision: what would number more places, or hold a larger constant, is refused when the network is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// Floating-point numbers.
    Real,
    /// Whole numbers: positions, counts.
    Integer,
    /// Truth values.
    Boolean,
}
