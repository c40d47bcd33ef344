//! Codebooks, mappings, pooling and the relevance of local features.

pub mod learning;

mod assignment;
mod codebook;
mod distance;
mod error;
mod gaussian_mixture;
mod linear_algebra;
mod mapping;
mod nearest;
mod normalization;
mod pooling;
mod power;
mod relevance;

pub use crate::assignment::{Assignment, SparseAssignment};
pub use crate::codebook::Codebook;
pub use crate::distance::ranks;
pub use crate::error::Error;
pub use crate::gaussian_mixture::GaussianMixture;
pub use crate::mapping::{
    Distance, Fisher, Hard, Lasso, LassoOptions, Map, Mapping, Rank, RankOptions, Ridge, RidgeOptions, Soft,
    SoftOptions,
};
pub use crate::nearest::nearest_words;
pub use crate::normalization::Normalization;
pub use crate::pooling::Pooling;
pub use crate::relevance::{local_feature_relevance, zero_set};
