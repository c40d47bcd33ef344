//! The trait of a classifier that can be explained.

use ndarray::{Array2, ArrayD, ArrayViewD, Axis};

use crate::Ledger;

/// What an explainable classifier reports when it can't score or explain an input.
pub type ExplainError = Box<dyn std::error::Error + Send + Sync>;

/// A classifier whose scores can be decomposed over its input.
///
/// Everything that compares or judges explanations works on this trait alone, whatever the classifier is made of. Its
/// inputs are arrays, so that a measure may change them: an image H×W×C or C×H×W in whatever range the classifier
/// takes, or a plain vector.
///
/// ```
/// use ndarray::{Array1, Array2, ArrayViewD, Axis, Ix1, array};
/// use relevance::{Amount, Entry, ExplainError, ExplainableClassifier, Explanation, Ledger};
///
/// struct Linear(Array1<f64>); // f(x) = w·x, for vectors x
/// impl ExplainableClassifier for Linear {
///     fn targets(&self) -> usize { 1 }
///     fn channel_axis(&self) -> Option<Axis> { None }
///     fn scores(&self, inputs: &[ArrayViewD<f64>]) -> Result<Array2<f64>, ExplainError> {
///         let scores = inputs.iter().map(|input| Ok(self.explain(input.view(), 0)?.score));
///         let scores = scores.collect::<Result<Array1<f64>, ExplainError>>()?;
///         Ok(scores.insert_axis(Axis(1)))
///     }
///     fn explain(&self, input: ArrayViewD<f64>, target: usize) -> Result<Explanation, ExplainError> {
///         let x = input.into_dimensionality::<Ix1>()?;
///         if target != 0 || x.len() != self.0.len() {
///             return Err("a vector of as many numbers as weights, and target 0".into());
///         }
///         let (score, relevance) = (self.0.dot(&x), &self.0 * &x); // R_d = w_d x_d
///         let entry = Entry::new("R¹ input (Eq. 5)", Amount::of(score), relevance.iter().collect());
///         Ok(Explanation { score, relevance: relevance.into_dyn(), ledger: Ledger::chain(vec![entry]) })
///     }
/// }
/// let classifier = Linear(array![1.0, -2.0]);
/// let x = array![3.0, 0.5].into_dyn();
/// let explanation = classifier.explain(x.view(), 0)?;
/// assert_eq!(explanation.relevance, array![3.0, -1.0].into_dyn());
/// assert_eq!(classifier.scores(&[x.view()])?, array![[explanation.score]]);
/// explanation.ledger.check(1e-12)?;
/// # Ok::<(), ExplainError>(())
/// ```
pub trait ExplainableClassifier: Sync {
    /// How many scores the classifier gives: one for each class, or a single one for "is it there?".
    fn targets(&self) -> usize;

    /// The axis of an input along which one pixel's channels lie; `None` where each number is a pixel of its own.
    fn channel_axis(&self) -> Option<Axis>;

    /// The scores of a batch of inputs, shape (inputs, [`targets`](Self::targets)).
    ///
    /// # Errors
    /// An input that the classifier can't take: its shape, or values that are not finite.
    fn scores(&self, inputs: &[ArrayViewD<'_, f64>]) -> Result<Array2<f64>, ExplainError>;

    /// How many inputs it scores together at best: whoever has many hands over multiples of it.
    fn batch(&self) -> usize {
        1
    }

    /// Decomposes the score of `target` over the pixels of `input` (Eq. 1).
    ///
    /// # Errors
    /// As for [`scores`](Self::scores), a target that does not exist, or an explanation that can't be made.
    fn explain(&self, input: ArrayViewD<'_, f64>, target: usize) -> Result<Explanation, ExplainError>;
}

/// A classifier of layers whose parameters can be drawn anew, to see whether its explanations depend on them.
pub trait RandomizableClassifier: ExplainableClassifier {
    /// The names of the layers that have parameters, from the input to the scores.
    fn layers(&self) -> Vec<String>;

    /// This classifier with other parameters in one layer, a position in [`layers`](Self::layers). What is drawn depends
    /// on the seed and the layer alone; all other layers are as they are here, so that layer after layer can be replaced.
    ///
    /// # Errors
    /// A layer that does not exist.
    fn randomized(&self, layer: usize, seed: u64) -> Result<Box<dyn RandomizableClassifier>, ExplainError>;
}

/// A score, decomposed.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// `f(x)`, the score that is explained.
    pub score: f64,
    /// `R^(1)`: the shape of the input, or that shape without the axis of channels.
    pub relevance: ArrayD<f64>,
    /// Where the score's relevance went, layer by layer.
    pub ledger: Ledger,
}
