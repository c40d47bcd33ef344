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

mod algorithm;
mod classifier;
pub mod convert;
mod error;
mod file;
mod model;
mod tiles;
mod trainer;
pub mod training;

pub use algorithm::{PixelDecomposition, dimension_relevance, pixel_wise_decomposition};
pub use classifier::BowClassifier;
pub use error::Error;
pub use model::{Bag, BowModel, EncodedFeatures, Encoder, TaylorThirdLayer, ThirdLayer};
pub use tiles::{Tile, TiledDecomposition, Tiling, average_tiles, decompose_tiles};
pub use trainer::{ChannelPlan, LearnMapping, Observer, Stage, Trained, Trainer};
