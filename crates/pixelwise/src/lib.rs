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
//! | [`bow_classifier`] | training, one classifier of the three | Algorithm 1 |
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
//! use pixelwise::bow_classifier::training::{KernelWeights, SvmParams};
//! use pixelwise::bow_classifier::{ChannelPlan, Trainer};
//! use pixelwise::bow_mapping::learning::{KMeansParams, Learner};
//! use pixelwise::bow_mapping::{Normalization, Pooling, Rank, RankOptions};
//! use pixelwise::datasets::polygons::{Label, tile};
//! use pixelwise::images::to_unit_range;
//! use pixelwise::kernels::KernelKind;
//! use pixelwise::local_features::DenseSift;
//! use pixelwise::relevance::RootSearch;
//!
//! // Twenty pictures, half of them with a polygon.
//! let scenes: Vec<_> = (0..20).map(|index| tile(1, index)).collect();
//! let pictures: Vec<_> = scenes.iter().map(|scene| to_unit_range(scene.image.view())).collect();
//! let positive: Vec<bool> = scenes.iter().map(|scene| scene.label == Label::Positive).collect();
//!
//! // Dense SIFT, 16 visual words, the rank mapping (Eq. 64), histogram intersection.
//! let channel = ChannelPlan {
//!     extractor: DenseSift::default().into(),
//!     mapping: Box::new(|descriptors, seed| {
//!         let codebook = KMeansParams::new(16).seed(seed).learn(descriptors)?.model;
//!         Ok(Rank::new(codebook, RankOptions::default())?.into())
//!     }),
//!     pooling: Pooling::MEAN,
//!     normalization: Normalization::L1,
//!     kernel: KernelKind::HistogramIntersection,
//! };
//! let trainer = Trainer {
//!     channels: vec![channel],
//!     svm: SvmParams::default(),
//!     weights: KernelWeights::Given(vec![1.0]),
//!     search: RootSearch::default(),
//!     sample: 5_000,
//!     seed: 1,
//! };
//! let classifier = trainer.fit(&pictures, &positive, &())?.classifier;
//!
//! // A picture it has not seen, and its explanation: the pixels add up to the score.
//! let picture = to_unit_range(tile(2, 0).image.view());
//! let explanation = classifier.decompose(picture.view())?;
//! assert!((explanation.pixels.sum() - explanation.score).abs() < 1e-10);
//! println!("{}", explanation.ledger);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bag_of_words;
mod description;
mod error;
mod layout;
mod model;
mod networks;

pub use bag_of_words::{BagOfWords, ExplainedClass};
pub use description::{Description, NodeDescription, TensorDescription};
pub use error::Error;
pub use layout::Layout;
pub use model::{Attribution, ExplainedInputs, Kind, Model, Target};
pub use networks::{BatchExplanation, Beginning, Networks, NodeRule, Request, Watch};
pub use {
    bow_classifier, bow_mapping, bow_photos, datasets, evaluation, heatmap, images, kernels, local_features,
    model_files, neural_lrp, relevance, report,
};
