//! Linear maps with weights: the rules are about these.

pub(super) mod conv;
pub(super) mod conv_transpose;
mod convolution;
pub(super) mod dense;
mod kernels;

pub use conv::Conv;
pub use conv_transpose::{ConvTranspose, OutputSize};
pub use dense::Dense;
