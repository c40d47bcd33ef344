//! Bag-of-Words classifiers: trained, saved, and explained to the pixel.
//!
//! Joins the three stages `local-features`, `bow-mapping` and `kernels` into one classifier, and walks them backward
//! (Algorithm 1):
//!
//! * a [`BowModel`] is everything above the local features, a [`BowClassifier`] takes images; both are plain data;
//! * [`pixel_wise_decomposition`] is Algorithm 1 as one function; [`decompose_tiles`] explains larger images tile by
//!   tile, as the paper's Fig. 6 does;
//! * a [`Trainer`] learns a classifier from labelled images; [`training`] has its support vector machines and multiple
//!   kernel learning, for any Gram matrix;
//! * [`BowClassifier::save`] and [`BowClassifier::load`] keep a classifier in one file; [`convert`] takes the machines
//!   that people already have.
//!
//! Equation numbers are those of Bach et al. 2015, "On Pixel-Wise Explanations for Non-Linear Classifier Decisions by
//! Layer-Wise Relevance Propagation", PLoS ONE 10(7): e0130140.
//!
//! # From pictures to pixels
//!
//! ```
//! use bow_classifier::training::{KernelWeights, SvmParams};
//! use bow_classifier::{BowClassifier, ChannelPlan, Tiling, Trainer, decompose_tiles, pixel_wise_decomposition};
//! use bow_mapping::learning::{KMeansParams, Learner};
//! use bow_mapping::{Normalization, Pooling, Rank, RankOptions};
//! use kernels::KernelKind;
//! use local_features::{DenseSift, Rotation};
//! use ndarray::Array3;
//! use relevance::RootSearch;
//!
//! // Twelve pictures of stripes, steep ones and flat ones by turns, in [0, 1].
//! let picture = |index: usize| {
//!     let angle = if index % 2 == 0 { 0.2_f64 } else { 1.3 };
//!     Array3::from_shape_fn((48, 48, 1), |(row, column, _)| {
//!         let along = row as f64 * angle.cos() + column as f64 * angle.sin();
//!         0.5 + 0.4 * (0.5 * along + index as f64).sin()
//!     })
//! };
//! let pictures: Vec<_> = (0..12).map(picture).collect();
//! let is_steep: Vec<bool> = (0..12).map(|index| index % 2 == 0).collect();
//!
//! // Upright dense SIFT, eight words, the rank mapping of Eq. 64, a χ² kernel.
//! let channel = ChannelPlan {
//!     extractor: DenseSift { rotation: Rotation::Fixed { angle: 0.0 }, ..DenseSift::default() }.into(),
//!     mapping: Box::new(|descriptors, seed| {
//!         let codebook = KMeansParams::new(8).seed(seed).learn(descriptors)?.model;
//!         Ok(Rank::new(codebook, RankOptions::default())?.into())
//!     }),
//!     pooling: Pooling::MEAN,
//!     normalization: Normalization::L1,
//!     kernel: KernelKind::ChiSquared,
//! };
//! let trainer = Trainer {
//!     channels: vec![channel],
//!     svm: SvmParams::default(),
//!     weights: KernelWeights::Given(vec![1.0]),
//!     search: RootSearch::default(),
//!     sample: 1_000,
//!     seed: 1,
//! };
//! let classifier = trainer.fit(&pictures, &is_steep, &())?.classifier;
//!
//! // A picture that it has not seen: the score, and the same score decomposed over the pixels.
//! let unseen = picture(20);
//! assert!(classifier.score(unseen.view())? > 0.0);
//! let bag = classifier.bag(unseen.view())?;
//! let found = pixel_wise_decomposition(classifier.model(), &bag)?; // or classifier.decompose(unseen.view())
//! assert_eq!(found.pixels.dim(), (48, 48));
//! found.ledger.check(1e-10)?;
//! println!("{}", found.ledger);
//!
//! // Larger pictures are explained tile by tile.
//! let tiled = decompose_tiles(&classifier, unseen.view(), Tiling { side: 36, step: 12 })?;
//! assert_eq!(tiled.scores.len(), 4);
//!
//! // One file keeps it all.
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("stripes.model");
//! classifier.save(&path)?;
//! assert_eq!(BowClassifier::load(&path)?, classifier);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod algorithm;
mod classifier;
pub mod convert;
mod description;
mod error;
mod file;
mod model;
mod randomization;
mod tiles;
mod trainer;
pub mod training;

pub use algorithm::{PixelDecomposition, dimension_relevance, pixel_wise_decomposition};
pub use classifier::BowClassifier;
pub use description::describe;
pub use error::Error;
pub use model::{Bag, BowModel, EncodedFeatures, Encoder, TaylorThirdLayer, ThirdLayer};
pub use tiles::{Tile, TiledDecomposition, Tiling, average_tiles, decompose_tiles};
pub use trainer::{ChannelPlan, LearnMapping, Observer, Stage, Trained, Trainer};
