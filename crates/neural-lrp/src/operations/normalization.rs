//! Division by a statistic: relevance passes unless a rule says otherwise.

pub(super) mod affine;
pub(super) mod batch_normalization;
pub(super) mod layer_normalization;
pub(super) mod local_response_normalization;

pub use affine::Affine;
pub use batch_normalization::{BatchNormalization, Statistics};
pub use layer_normalization::LayerNormalization;
pub use local_response_normalization::LocalResponseNormalization;
