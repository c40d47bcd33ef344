//! Learners of what the mappings need: codebooks by k-means, Gaussian mixtures by expectation-maximization, and the
//! dictionary of Eq. 37 by alternating minimization.
//!
//! All three are used in the same way: parameters are collected, checked once, and then learn from descriptors, one per
//! row, either from a plain array ([`Learner::learn`]) or, as linfa's estimators do, from a dataset (`fit`). Each
//! returns its model with the objective that it reached ([`Learned`]).
//!
//! What is learned depends on the descriptors, the parameters and the seed alone: partial results of parallel work are
//! put together in a fixed order, so that any number of threads gives the same bytes.
//!
//! The codebook of the paper's synthetic experiment, 127 words learned from descriptors that are not zero and one word
//! for flat patches, is in small:
//!
//! ```
//! use bow_mapping::learning::{KMeansParams, Learner, non_zero_rows, sample_rows};
//! use ndarray::{Array1, Axis, array};
//!
//! let descriptors = array![[0.0, 0.0], [1.0, 0.0], [0.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]];
//! let edges = non_zero_rows(descriptors.view());
//! let drawn = sample_rows(edges.len(), 20_000, 1); // at most 20,000 of them, by seed 1
//! let rows: Vec<usize> = drawn.into_iter().map(|position| edges[position]).collect();
//!
//! let learned = KMeansParams::new(2).seed(1).learn(descriptors.select(Axis(0), &rows).view())?;
//! let codebook = learned.model.with_word(Array1::zeros(2).view())?;
//! assert_eq!(codebook.words().nrows(), 3);
//! assert!((learned.objective - 0.02).abs() < 1e-12); // two words, each between two descriptors
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod checks;
mod dictionary;
mod distance;
mod error;
mod gaussian_mixture;
mod k_means;
mod learner;
mod sampling;
#[cfg(test)]
mod test_data;

pub use dictionary::{DictionaryParams, DictionaryValidParams, Penalty};
pub use error::LearningError;
pub use gaussian_mixture::{GaussianMixtureParams, GaussianMixtureValidParams};
pub use k_means::{Batches, KMeansParams, KMeansValidParams};
pub use learner::{Learned, Learner, Observer, Step};
pub use sampling::{non_zero_rows, sample_rows};
