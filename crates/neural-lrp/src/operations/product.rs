//! Products of two tensors: relevance goes to the factor that carries the signal, or half to each.

mod bilinear;
pub(super) mod einsum;
pub(super) mod mat_mul;
pub(super) mod multiplication;

pub use einsum::{Einsum, EinsumLayer, EinsumSum};
pub use mat_mul::MatMul;
pub use multiplication::Multiplication;
