//! Is a heatmap right? Measures that tell, for every classifier that can be explained.
//!
//! * a [`Measure`] judges the explanation of one sample, an [`Evaluation`] those of many, by several measures, with
//!   confidence intervals and mean curves; the list of [`measures`] says which there are and what each answers;
//! * [`flip_curve`]: changes the regions that an explanation calls important and watches the score; an explanation is
//!   as good as the score falls fast (the paper's pixel flipping, Figs 18–24, and its flipping of blocks for images);
//! * [`separation`], [`share_of_positive`], [`mean_at`], [`strongest_pixel`]: where data comes with the truth about
//!   what is where, whether the relevance lies there; [`distance_to`] and [`nearer`] say what "there" is;
//! * [`ObjectShare`], [`MeanObjectShare`]: how much of the relevance is on objects, and how much on their context;
//! * [`area_under_roc`], [`PrecisionRecallCurve`]: how well scores tell one class from another; [`clearest`]: which
//!   samples a classifier is most surely right or wrong about;
//! * [`Difference`]: whether two computations of the same thing agree.
//!
//! Flipping is done over the trait [`relevance::ExplainableClassifier`] alone: it hands a classifier changed inputs
//! and reads scores, so that explanations of different classifiers, or different explanations of one, are judged by
//! the same code. The price is that each measure pays for whole forward passes; they are asked for as one batch.
//!
//! ```
//! use evaluation::{FlipOptions, FlipOrder, Replacement, flip_curve};
//! use ndarray::{Array2, ArrayViewD, Axis, array};
//! use relevance::{ExplainError, ExplainableClassifier, Explanation, Ledger};
//!
//! /// f(x) = Σ w x
//! struct Linear([f64; 4]);
//! impl ExplainableClassifier for Linear {
//!     fn targets(&self) -> usize { 1 }
//!     fn channel_axis(&self) -> Option<Axis> { None }
//!     fn scores(&self, inputs: &[ArrayViewD<f64>]) -> Result<Array2<f64>, ExplainError> {
//!         let score = |input: &ArrayViewD<f64>| self.0.iter().zip(input).map(|(w, x)| w * x).sum();
//!         Ok(inputs.iter().map(score).map(|score: f64| [score]).collect::<Vec<_>>().into())
//!     }
//!     fn explain(&self, input: ArrayViewD<f64>, _: usize) -> Result<Explanation, ExplainError> {
//!         let relevance = array![self.0[0], self.0[1], self.0[2], self.0[3]].into_dyn() * &input;
//!         Ok(Explanation { score: relevance.sum(), relevance, ledger: Ledger::default() })
//!     }
//! }
//!
//! let classifier = Linear([1.0, 4.0, -2.0, 0.5]);
//! let input = array![1.0, 1.0, 1.0, 1.0].into_dyn();
//! let relevance = classifier.explain(input.view(), 0)?.relevance;
//! let options = FlipOptions {
//!     region_side: 1,
//!     order: FlipOrder::HighestFirst,
//!     replacement: Replacement::Inversion,
//!     fractions: vec![0.25, 0.5],
//! };
//! let curve = flip_curve(&classifier, input.view(), relevance.view(), 0, &options)?;
//! assert_eq!(curve.scores, [3.5, -4.5, -6.5]); // nothing; the second pixel; then the first
//! assert_eq!(curve.drop_at(0.25), Some(8.0));
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```

pub mod measures;

mod average_precision;
mod case;
mod context;
mod difference;
mod distance;
mod error;
mod evaluation;
mod flipping;
mod masks;
mod measure;
mod noise;
mod order;
mod pixels;
mod regions;
mod replacement;
mod roc;
mod settings;
mod similarity;
mod steps;
mod summary;
mod verdict;
mod walk;

pub use average_precision::{PrecisionAndRecall, PrecisionRecallCurve};
pub use case::{Case, PixelSubset, Sample};
pub use context::{MeanObjectShare, ObjectShare};
pub use difference::Difference;
pub use distance::{distance_to, nearer};
pub use error::Error;
pub use evaluation::{CurveTarget, Evaluation, MeanCurve, Score};
pub use flipping::{FlipCurve, FlipOptions, flip_curve, flipped_inputs};
pub use masks::{mean_at, separation, share_of_positive, strongest_pixel};
pub use measure::{Curve, CurveAxis, Direction, LayerOrder, Measure, Outcome, Randomization, Randomized};
pub use order::FlipOrder;
pub use regions::Regions;
pub use replacement::Replacement;
pub use roc::area_under_roc;
pub use settings::{NonNegative, Setting, Settings, StepSize};
pub use similarity::{rank_correlation, structural_similarity};
pub use steps::{Extent, Passes, Steps};
pub use summary::Estimate;
pub use verdict::{Verdict, clearest};
pub use walk::Output;
