//! Bag-of-Words classifiers: learned, saved, and explained to the pixel.
//!
//! Joins the three stages `local-features`, `bow-mapping` and `kernels` into one classifier, and walks them backward
//! (Algorithm 1):
//!
//! * a [`Configuration`] says what is learned: [`Configuration::voc2009`] is the paper's of its PASCAL VOC experiment, others
//!   are TOML files;
//! * a [`Vocabulary`] is learned once from [`Images`], arrays or files, and makes a bag of visual words of any image;
//!   [`Vocabulary::vectors`] describes many, one after the other, with a [`Cache`] on the disk;
//! * [`BowClassifier::train`] learns any number of classes over the same vectors and Gram matrices;
//!   [`BowClassifier::from_expansions`] takes the machines that people already have over such vectors, [`convert`] reads
//!   them; [`training`] is the crate of support vector machines and multiple kernel
//!   learning, for any Gram matrix;
//! * a [`BowModel`] is everything above the local features; [`pixel_wise_decomposition`] is Algorithm 1 as one function,
//!   [`decompose_tiles`] explains larger images tile by tile, as the paper's Fig. 6 does;
//! * [`BowClassifier::save`] and [`BowClassifier::load`] keep a classifier in one file.
//!
//! Everything is seeded, and the same bytes for any number of threads. Of a run that was stopped, the cache keeps each
//! image and each codebook that was finished: started again, it goes on from there and ends with the same classifier.
//!
//! Equation numbers are those of Bach et al. 2015, "On Pixel-Wise Explanations for Non-Linear Classifier Decisions by
//! Layer-Wise Relevance Propagation", PLoS ONE 10(7): e0130140.
//!
//! # From pictures to pixels
//!
//! ```
//! use bow_classifier::{
//!     BowClassifier, ChannelSettings, Configuration, MappingSettings, Tiling, decompose_tiles, pixel_wise_decomposition,
//! };
//! use kernels::KernelKind;
//! use local_features::{DenseSift, Rotation};
//! use ndarray::Array3;
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
//! let steep = ("steep".to_owned(), (0..12).map(|index| (index % 2 == 0).into()).collect());
//!
//! // Upright dense SIFT, eight words, the rank mapping of Eq. 64, a χ² kernel.
//! let sift = DenseSift { rotation: Rotation::Fixed { angle: 0.0 }, ..DenseSift::default() };
//! let channel = ChannelSettings {
//!     words: 8,
//!     mapping: MappingSettings::Rank(Default::default()),
//!     kernel: KernelKind::ChiSquared,
//!     ..ChannelSettings::of(sift)
//! };
//! let configuration = Configuration { sample: 1_000, ..Configuration::of(vec![channel]) };
//! let classifier = BowClassifier::learn(&configuration, &pictures[..], &[steep], &())?;
//!
//! // A picture that it has not seen: the score, and the same score decomposed over the pixels.
//! let unseen = picture(20);
//! assert!(classifier.scores_of_image(unseen.view())?[0] > 0.0);
//! let bag = classifier.bag(unseen.view())?;
//! let found = pixel_wise_decomposition(classifier.model(0)?, &bag)?; // or classifier.decompose(unseen.view(), 0)
//! assert_eq!(found.pixels.dim(), (48, 48));
//! found.ledger.check(1e-10)?;
//! println!("{}", found.ledger);
//!
//! // Larger pictures are explained tile by tile.
//! let tiled = decompose_tiles(&classifier, unseen.view(), 0, Tiling { side: 36, step: 12 })?;
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
mod cache;
mod classifier;
mod configuration;
pub mod convert;
mod description;
mod error;
mod file;
mod model;
mod randomization;
mod source;
mod tiles;
mod trainer;
mod vocabulary;

pub use algorithm::{PixelDecomposition, dimension_relevance, pixel_wise_decomposition};
pub use cache::Cache;
pub use classifier::{BowClassifier, ExplainedClass, ExplainedImage};
pub use configuration::{
    ChannelSettings, Configuration, FisherOptions, KernelWeighting, MappingSettings, NAMED, NamedConfiguration,
    Sampling,
};
pub use description::describe;
pub use error::{Error, Problem};
pub use kernel_machines as training;
pub use model::{Bag, BowModel, EncodedFeatures, Encoder, TaylorThirdLayer, ThirdLayer};
pub use source::{Image, Images};
pub use tiles::{Tile, TiledDecomposition, Tiling, average_tiles, decompose_tiles};
pub use trainer::{Observer, Stage, Truth, compare_costs};
pub use vocabulary::{Damage, Pyramid, Vectors, Vocabulary};
