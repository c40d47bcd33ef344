//! Explains image classifiers pixel by pixel: which pixels speak for the decision, and which against it?
//!
//! pixelwise implements Bach et al. 2015, "On Pixel-Wise Explanations for Non-Linear Classifier Decisions by Layer-Wise
//! Relevance Propagation" (PLoS ONE 10(7): e0130140). A classifier is a chain of stages; an explanation is the same
//! chain walked backward, and a [ledger](relevance::Ledger) books where the score went, stage by stage.
//!
//! This crate joins the workspace's libraries under one name; each of them can be used alone.
//!
//! | stage | forward | backward |
//! | --- | --- | --- |
//! | [`local_features`] | dense SIFT, `area(l)` | R¹, the relevance of pixels (Eqs 33, 34) |
//! | [`bow_mapping`] | codebooks, mappings, p-means pooling | R², the relevance of local features (Eqs 26–32) |
//! | [`kernels`] | kernels and expansions `f(x)` | R³, the relevance of dimensions (Eqs 23–25) |
//! | [`bow_classifier`] | one classifier of the three, learned from images or files | Algorithm 1 |
//! | [`neural_lrp`] | neural networks: a graph of operations | Algorithm 2, every rule (Eqs 50–63) |
//! | [`model_files`] | networks from ONNX files | and into them |
//!
//! Around them: [`relevance`] (what all stages share), [`evaluation`] (is a heatmap right?), [`images`], [`heatmap`] and
//! [`report`] (pictures in and out), [`datasets`].
//!
//! [`Model`] is any of those classifiers, from its file to an explanation.
//!
//! # An example
//!
//! ```
//! use pixelwise::bow_classifier::{BowClassifier, ChannelSettings, Configuration};
//! use pixelwise::datasets::polygons::{Label, tile};
//! use pixelwise::images::to_unit_range;
//! use pixelwise::local_features::DenseSift;
//!
//! // Twenty pictures, half of them with a polygon.
//! let scenes: Vec<_> = (0..20).map(|index| tile(1, index)).collect();
//! let pictures: Vec<_> = scenes.iter().map(|scene| to_unit_range(scene.image.view())).collect();
//! let polygon = ("polygon".to_owned(), scenes.iter().map(|scene| (scene.label == Label::Positive).into()).collect());
//!
//! // Dense SIFT, 16 visual words, the rank mapping (Eq. 64), histogram intersection.
//! let channel = ChannelSettings { words: 16, ..ChannelSettings::of(DenseSift::default()) };
//! let configuration = Configuration { sample: 5_000, ..Configuration::of(vec![channel]) };
//! let classifier = BowClassifier::learn(&configuration, &pictures[..], &[polygon], &())?;
//!
//! // A picture it has not seen, and its explanation: the pixels add up to the score.
//! let picture = to_unit_range(tile(2, 0).image.view());
//! let explanation = classifier.decompose(picture.view(), 0)?;
//! assert!((explanation.pixels.sum() - explanation.score).abs() < 1e-10);
//! println!("{}", explanation.ledger);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod description;
mod error;
mod layout;
mod model;
mod networks;

pub use description::{Description, NodeDescription, TensorDescription};
pub use error::Error;
pub use layout::Layout;
pub use model::{Attribution, ExplainedInputs, Kind, Model, Target};
/// The arrays that all of it takes and gives, in the version that it was built with.
pub use ndarray;
pub use networks::{BatchExplanation, Beginning, Networks, NodeRule, Request, Watch};
pub use {
    bow_classifier, bow_mapping, datasets, evaluation, heatmap, images, kernels, local_features, model_files,
    neural_lrp, relevance, report,
};
