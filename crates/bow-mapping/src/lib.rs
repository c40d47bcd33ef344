//! Codebooks, mappings of local features onto visual words, p-means pooling, and the relevance of local features.
//!
//! The middle of a Bag-of-Words classifier. Forward, a [`Mapping`] says how much each local feature `l` belongs to each
//! visual word `d`: `m_(d)(l)`, an [`Assignment`]; [`Pooling`] makes one vector `x` of all features' assignments, and a
//! [`Normalization`] scales it. Backward, [`local_feature_relevance`] hands the relevance R³ of the words down to the
//! local features, R². That needs nothing but `m`: the relevance of all mappings is one function.
//!
//! | mapping | `m_(d)(l)` | Bach et al. 2015 |
//! |---|---|---|
//! | [`Hard`] | 1 for the nearest word | |
//! | [`Rank`] | powers of the ranks of the n nearest words | Eq. 64 |
//! | [`Soft`] | softmax of the distances | Eq. 36 |
//! | [`Lasso`], [`Ridge`] | coefficients of a regularized reconstruction | Eqs 37, 38 |
//! | [`Fisher`] | gradient of a Gaussian mixture's log likelihood | Eqs 39–41 |
//!
//! A codebook, a mixture or a dictionary is learned from descriptors by [`learning`]; below Fisher vectors, descriptors
//! are projected onto their [`PrincipalComponents`].
//!
//! ```
//! use bow_mapping::{Codebook, Map, Normalization, Pooling, Rank, RankOptions, local_feature_relevance};
//! use ndarray::array;
//!
//! // Three local features of an image, and four visual words.
//! let descriptors = array![[0.1, 0.0], [0.9, 1.0], [1.0, 0.8]];
//! let codebook = Codebook::new(array![[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [5.0, 5.0]])?;
//! let mapping = Rank::new(codebook, RankOptions { base: 2.0, neighbors: 2 })?;
//!
//! let assignment = mapping.assign(descriptors.view())?; // sparse: two words for each feature
//! let x = Normalization::L1.apply(Pooling::MEAN.pool(&assignment)?);
//! assert!((x - array![2.0, 4.0, 3.0, 0.0] / 9.0).iter().all(|difference| difference.abs() < 1e-15));
//!
//! // A classifier found evidence for word 1, some against word 0, and gave a share to a word that nothing reaches.
//! let relevance = array![-1.0, 3.0, 0.0, 0.3];
//! let (of_features, entry) = local_feature_relevance(relevance.view(), &assignment, Pooling::MEAN)?;
//! assert!((of_features - array![-0.9, 1.6, 1.6]).iter().all(|difference| difference.abs() < 1e-15));
//! assert!(entry.relative_error() < 1e-15); // Eq. 28: nothing is lost
//! # Ok::<(), bow_mapping::Error>(())
//! ```
//!
//! # Speed without rounding
//!
//! The one questionable decision is that ranks are found by a matrix product in *single* precision. It can't be wrong,
//! because its error is bounded rigorously, and words that it can't tell apart are compared by their plain distances
//! ([`nearest_words`]); and it halves the time of the costliest step. Hard and rank mapping stay sparse from there to
//! R²; mappings that use all distances ([`Soft`]) compute them plainly.
//!
//! Results are the same for any number of threads. With the feature `blas`, a system's OpenBLAS takes the place of the
//! pure Rust matrix products and solvers; the last digits of [`Lasso`] and [`Ridge`] are then its own.

pub mod learning;

mod assignment;
mod codebook;
mod distance;
mod error;
mod estimators;
mod fisher_assignment;
mod gaussian_mixture;
mod lanes;
mod linear_algebra;
mod mapping;
mod maximum;
mod nearest;
mod normalization;
mod pooling;
mod power;
mod principal_components;
mod quantized;
mod relevance;
mod softmax;
#[cfg(test)]
mod test_data;

// Linked, not named: the BLAS that ndarray and ndarray-linalg call.
#[cfg(feature = "blas")]
use openblas_src as _;

pub use crate::assignment::{Assignment, SparseAssignment};
pub use crate::codebook::Codebook;
pub use crate::distance::ranks;
pub use crate::error::Error;
pub use crate::fisher_assignment::FisherAssignment;
pub use crate::gaussian_mixture::GaussianMixture;
pub use crate::mapping::{
    Distance, Fisher, Hard, Lasso, LassoOptions, Map, Mapping, Rank, RankOptions, Ridge, RidgeOptions, Soft,
    SoftOptions,
};
pub use crate::nearest::nearest_words;
pub use crate::normalization::Normalization;
pub use crate::pooling::Pooling;
pub use crate::principal_components::PrincipalComponents;
pub use crate::relevance::{local_feature_relevance, zero_set};
