//! Machines that people already have, as kernel expansions: from linfa-svm, and from LIBSVM's model files.
//!
//! Both keep less than a classifier needs to be explained, and one does not say so. A LIBSVM file does not know how many
//! dimensions its vectors have (zeros are left out), nor, with `-t 4`, which kernel its Gram matrix came from: both are
//! asked for. linfa-svm keeps its kernel and support vectors private; its serialized form has them, and is what
//! [`expansion_from_linfa`] reads. The price: a linfa-svm of another layout is refused when it is converted, not when
//! this crate is compiled.
//!
//! What comes out is a [`KernelExpansion`](kernels::KernelExpansion): with the encoders that made the vectors it is a
//! [`BowModel`](crate::BowModel), and explained like any other.
//!
//! ```
//! use bow_classifier::convert::expansion_from_linfa;
//! use bow_classifier::{BowClassifier, BowModel, Encoder, ThirdLayer};
//! use bow_mapping::learning::{KMeansParams, Learner};
//! use bow_mapping::{Normalization, Pooling, Rank, RankOptions};
//! use linfa::dataset::Dataset;
//! use linfa::traits::Fit;
//! use linfa_svm::Svm;
//! use local_features::{DenseSift, FeatureExtractor, LocalFeatures, Rotation};
//! use ndarray::{Array1, Array2, Array3};
//!
//! // Twelve pictures of stripes, steep ones and flat ones by turns, in [0, 1].
//! let picture = |index: usize| {
//!     let angle = if index % 2 == 0 { 0.2_f64 } else { 1.3 };
//!     Array3::from_shape_fn((48, 48, 1), |(row, column, _)| {
//!         let along = row as f64 * angle.cos() + column as f64 * angle.sin();
//!         0.5 + 0.4 * (0.5 * along + index as f64).sin()
//!     })
//! };
//!
//! // Their vectors, by eight words of two of them.
//! let sift = DenseSift { rotation: Rotation::Fixed { angle: 0.0 }, ..DenseSift::default() };
//! let describe = |index: usize| -> Result<(Array2<f64>, _), local_features::Error> {
//!     let LocalFeatures { descriptors, areas } = sift.extract(picture(index).view())?;
//!     Ok((descriptors.mapv(f64::from), areas))
//! };
//! let sample = ndarray::concatenate![ndarray::Axis(0), describe(0)?.0, describe(1)?.0];
//! let codebook = KMeansParams::new(8).seed(1).learn(sample.view())?.model;
//! let encoder = Encoder {
//!     mapping: Rank::new(codebook, RankOptions::default())?.into(),
//!     pooling: Pooling::MEAN,
//!     normalization: Normalization::L1,
//! };
//! let mut vectors = Array2::zeros((12, 8));
//! for (index, mut vector) in vectors.outer_iter_mut().enumerate() {
//!     let (descriptors, areas) = describe(index)?;
//!     vector.assign(&encoder.encode(descriptors.view(), areas)?.vector);
//! }
//!
//! // A machine of linfa-svm over them.
//! let is_steep = Array1::from_shape_fn(12, |index| index % 2 == 0);
//! let params = Svm::<f64, bool>::params().pos_neg_weights(100.0, 100.0).linear_kernel();
//! let svm = params.fit(&Dataset::new(vectors, is_steep))?;
//!
//! // The same machine, explained on a picture that it has not seen.
//! let model = BowModel::new(vec![encoder], expansion_from_linfa(&svm)?, ThirdLayer::SumDecomposition)?;
//! let classifier = BowClassifier::new(vec![sift.clone().into()], model)?;
//! let unseen = picture(20);
//! let found = classifier.decompose(unseen.view(), 0)?;
//! let vector = classifier.bag(unseen.view())?.vector;
//! assert!(found.score > 0.0);
//! assert!((found.score - (svm.weighted_sum(&vector) - svm.rho)).abs() < 1e-12);
//! assert!((found.pixels.sum() - found.score).abs() < 1e-12); // Σ R¹ = f
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod libsvm;
mod linfa;

pub use error::ConvertError;
pub use libsvm::{LibsvmDecision, LibsvmVectors, decisions_from_libsvm, expansion_from_libsvm};
pub use linfa::expansion_from_linfa;
