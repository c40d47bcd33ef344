//! Convolutions and matrix products in single precision, forward and transposed, on arrays whose channels come last.
//!
//! Activations lie as (samples, height, width, channels), in plain slices. A kernel broadcasts one number of the input
//! to vectors of output channels, so that nothing is rearranged before a product. What a kernel needs beside the
//! product (bias, clipping, the quotient before it, a factor and sums after it) happens while the numbers are in
//! registers. Convolutions keep their weights packed ([`Packed`]); fully connected layers ([`Dense`]), which read each
//! weight once, take them as they lie. What acts on each number by itself has functions ([`logistic`],
//! [`silu`], [`gelu`], and [`shares`], the quotients of relevance).
//!
//! ```
//! use channel_kernels::{Convolution, Epilogue, Lower, Quotient, QuotientStream, Shape, Stream, Take, Zero};
//!
//! // One output channel from two input channels, at two pixels side by side.
//! let convolution = Convolution::new(Shape::plain(2, 1, [1, 1]))?;
//! let weights = convolution.pack(&[1.0, -2.0]);
//! let a = [3.0, 1.0, 1.0, 3.0];
//! let mut z = [0.0; 2];
//! let stream = Stream { values: &a, take: Take::All, part: None };
//! let epilogue = Epilogue { bias: Some(&[1.0]), ..Epilogue::default() };
//! let layer = convolution.over(&weights, 1, [1, 2]);
//! layer.forward(&[stream], epilogue, &mut z);
//! assert_eq!(z, [2.0, -4.0]);
//!
//! // The way back by R_i = a_i Σ_j w_ij R_j / z_j, with what the bias keeps of the relevance.
//! let quotient = Quotient {
//!     relevance: &[4.0, 4.0],
//!     denominator: &z,
//!     without: None,
//!     bias: Some(&[1.0]),
//!     factor: 1.0,
//!     epsilon: 0.0,
//!     zero: Zero::Stabilized,
//! };
//! let times = Lower { times: Some((&a, Take::All)), onto: false };
//! let mut lower = [0.0; 4];
//! let stream = QuotientStream { quotient, part: None };
//! let sums = layer.quotient_transposed(&[stream], times, &mut lower);
//! assert_eq!(lower, [6.0, -4.0, -1.0, 6.0]);
//! assert_eq!([sums[0].lower.total, sums[0].booked[0].bias.total], [7.0, 1.0]);
//! # Ok::<(), channel_kernels::ShapeError>(())
//! ```
//!
//! # Instruction sets
//! AVX-512, AVX2 with FMA, or what the compiler makes of plain Rust. The best that the machine has is chosen once. The
//! environment variable `PIXELWISE_INSTRUCTIONS` (`avx512`, `avx2`, `plain`) forces a lesser one; it is read once. A
//! name that is unknown, or that the machine doesn't have, leaves the best. Results differ between sets by roundings.
//!
//! # Numbers
//! Results are the same bytes for any number of threads: work is cut by shapes alone, and sums are added in the order
//! of the pieces. Subnormal numbers count as zero inside of kernels, in operands and results, on every thread: a
//! processor takes some sixty times as long over them.
//!
//! # Why there is unsafe code, and how it is kept safe
//! Nearly all of the workspace's is here. Three things need it: instructions that a machine may lack,
//! pointers in the innermost loops (bounds checks there cost more than the arithmetic), and outputs that several
//! threads fill at once, in places that interleave. It is kept safe by four habits:
//! - The values of [`Instructions`] exist only where the machine has the instructions: whoever holds one may run them.
//!   Arithmetic on vectors is therefore safe; only loads and stores are not.
//! - Every public function is safe, and checks the length of every slice at the door, before the first pointer is
//!   made. Behind the door, shapes are not checked again.
//! - Offsets are made in safe code and tested against plain loops, at sizes that don't fit the vectors.
//! - The mode for subnormal numbers is set and restored by a guard. The compiler may move arithmetic across it or do it
//!   beforehand; a subnormal number then counts as itself. Nothing but such numbers depends on it.
#![allow(unsafe_code, reason = "instruction sets, pointers in inner loops; see the head of the crate")]
#![warn(clippy::undocumented_unsafe_blocks)]
#![allow(clippy::needless_range_loop, reason = "indices of registers, which iterators hide from the compiler")]

mod aligned;
mod allocator;
mod amounts;
mod arena;
mod convolution;
mod dense;
mod depthwise;
mod elementwise;
mod few_inputs;
mod instructions;
mod job;
mod matrix;
mod maxima;
mod packed;
mod pages;
mod peak;
mod plan;
mod prefetch;
mod product;
mod rows;
mod run;
mod scratch;
mod shape;
mod shared_sum;
mod shares;
mod simd;
mod subnormal;
mod sums;
mod tasks;
mod tile;
mod transposition;
#[cfg(test)]
mod twin;
mod weights;
mod winograd;

pub use allocator::CacheLines;
pub use amounts::amount;
pub use arena::{recycle, zeros};
pub use convolution::{
    Convolution, ConvolutionOver, Epilogue, Lower, LowerProduct, Method, QuotientStream, StepSums, Stream,
};
pub use dense::{Dense, Order};
pub use elementwise::{gelu, logistic, silu};
pub use instructions::{Instructions, UnknownInstructions};
pub use maxima::{Maxima, MaximaError};
pub use packed::Packed;
pub use pages::prefer_large_pages;
pub use peak::multiply_adds;
pub use product::{Matrices, MatricesMut, Onto, Product};
pub use rows::{Booked, Quotient, Zero};
pub use shape::{Shape, ShapeError};
pub use shared_sum::{SharedSum, shares_of_sum};
pub use shares::shares;
pub use sums::Amount;
pub use tile::Take;
pub use transposition::transpose;
pub use weights::WeightPart;
