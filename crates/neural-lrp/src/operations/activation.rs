//! Functions of one number: relevance passes through them (Eq. 63).

pub(super) mod clip;
pub(super) mod elementwise;
pub(super) mod exponential;
pub(super) mod functions;
pub(super) mod gelu;
pub(super) mod quantization;
pub(super) mod rectifiers;
pub(super) mod relu;
pub(super) mod rounding;
pub(super) mod sigmoid;
pub(super) mod swish;
pub(super) mod trigonometry;

pub use clip::Clip;
pub use elementwise::Elementwise;
pub use exponential::{Celu, Elu, Selu};
pub use functions::{Abs, Exp, Log, Neg, Pow, Reciprocal, Sqrt};
pub use gelu::{Erf, Gelu};
pub use quantization::Quantization;
pub use rectifiers::{LeakyRelu, PRelu, Shrink, ThresholdedRelu};
pub use relu::Relu;
pub use rounding::{Ceil, Floor, Round, Sign, ToInteger};
pub use sigmoid::{HardSigmoid, Sigmoid, Softplus, Softsign, Tanh};
pub use swish::{HardSwish, Mish, Silu};
pub use trigonometry::{Acos, Acosh, Asin, Asinh, Atan, Atanh, Cos, Cosh, Sin, Sinh, Tan};
