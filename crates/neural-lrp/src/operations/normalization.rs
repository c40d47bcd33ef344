//! Division by a statistic: relevance passes unless a rule says otherwise.

pub(super) mod affine;
pub(super) mod batch_normalization;
pub(super) mod group_normalization;
pub(super) mod instance_normalization;
pub(super) mod layer_normalization;
pub(super) mod local_response_normalization;
pub(super) mod lp_normalization;
pub(super) mod rms_normalization;
mod standardization;

pub use affine::Affine;
pub use batch_normalization::{BatchNormalization, Statistics};
pub use group_normalization::GroupNormalization;
pub use instance_normalization::InstanceNormalization;
pub use layer_normalization::LayerNormalization;
pub use local_response_normalization::LocalResponseNormalization;
pub use lp_normalization::{LpNormalization, Power};
pub use rms_normalization::RmsNormalization;
pub use standardization::{Centering, Layout, NormalizedAxes, Standardization, Standardizer};
