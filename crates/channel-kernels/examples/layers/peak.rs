//! The peak of the machine: multiply-adds that wait for nothing.
use channel_kernels::Instructions;

/// Floating-point operations of a call of [`multiply_adds`].
pub const OPERATIONS: f64 = 20_000.0 * 24.0 * 16.0 * 2.0;

/// Does so many multiply-adds in registers.
pub fn multiply_adds(instructions: Instructions) -> f32 {
    channel_kernels::multiply_adds(instructions, 20_000)
}
