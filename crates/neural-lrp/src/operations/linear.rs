//! Linear maps with weights: the rules are about these.

pub(super) mod conv;
pub(super) mod conv_transpose;
mod convolution;
pub(super) mod dense;

pub use conv::Conv;
pub use conv_transpose::{ConvTranspose, OutputSize};
pub use convolution::Kernels;
pub use dense::Dense;
