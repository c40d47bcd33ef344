//! What a measure is.

use std::fmt;
use std::str::FromStr;

use ndarray::Array2;
use relevance::RandomizableClassifier;
use serde::{Deserialize, Serialize};

use crate::settings::{Settings, choice};
use crate::{Case, Error, Extent, Passes, Steps};

/// A way to tell whether an explanation is right, of one sample at a time.
///
/// Texts name a measure and its settings, `pixel-flipping=order:lowest,replacement:inversion`; what is not said is as
/// the measure's own page has it.
///
/// ```
/// use evaluation::{Direction, Measure};
/// let measure: Box<dyn Measure> = "region-perturbation=order:lowest".parse()?;
/// assert_eq!(measure.to_string(), "region-perturbation=order:lowest");
/// assert_eq!(measure.better(), Direction::Lower);
/// assert!("region-perturbation=patches:3".parse::<Box<dyn Measure>>().is_err());
/// # Ok::<(), evaluation::Error>(())
/// ```
pub trait Measure: Settings + fmt::Debug + Send + Sync {
    /// What it answers, in one sentence.
    fn question(&self) -> &'static str;

    /// Which values speak for an explanation.
    fn better(&self) -> Direction;

    /// Whether each sample has to come with a mask.
    fn needs_mask(&self) -> bool {
        false
    }

    /// The classifiers with other parameters that it compares with. They are made once, for all samples.
    fn randomization(&self) -> Option<Randomization> {
        None
    }

    /// How many passes of the classifier it takes for a sample, at most, beside the explanation that it judges.
    fn passes(&self, _: Extent) -> Passes {
        Passes::default()
    }

    /// The value for one sample, and the curve behind it, if there is one.
    ///
    /// # Errors
    /// What of the case does not fit the measure, or what the classifier reports.
    fn evaluate(&self, case: &Case<'_>) -> Result<Outcome, Error> {
        self.judge(case, &mut Steps::unwatched())
    }

    /// The same, step by step.
    ///
    /// # Errors
    /// As for [`evaluate`](Self::evaluate), and when whoever watches ends it.
    fn judge(&self, case: &Case<'_>, steps: &mut Steps<'_>) -> Result<Outcome, Error>;
}

impl fmt::Display for dyn Measure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = self.settings().into_iter().filter(|setting| !setting.is_default);
        let settings: Vec<String> = settings.map(|setting| format!("{}:{}", setting.key, setting.value)).collect();
        let separator = if settings.is_empty() { "" } else { "=" };
        formatter.pad(&format!("{}{separator}{}", self.name(), settings.join(",")))
    }
}

impl FromStr for Box<dyn Measure> {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (name, settings) = text.split_once('=').unwrap_or((text, ""));
        crate::measures::parse(name.trim(), settings)
            .map_err(|reason| Error::Measure { given: text.to_owned(), reason })
    }
}

choice! {
    /// Which values of a measure speak for an explanation.
    pub enum Direction {
        /// High ones.
        Higher = "higher",
        /// Low ones.
        Lower = "lower",
    }
}

/// What a measure says of one sample.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The value; `None` where it is not defined, as the share of nothing.
    pub value: Option<f64>,
    /// The curve that it sums up.
    pub curve: Option<Curve>,
}

impl From<Option<f64>> for Outcome {
    fn from(value: Option<f64>) -> Self {
        Self { value, curve: None }
    }
}

/// A curve of values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// What the curve goes along.
    pub along: CurveAxis,
    /// The values: a row for each step, a column for each target of the classifier, or a single one.
    pub values: Array2<f64>,
}

/// What a curve goes along.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CurveAxis {
    /// The share of pixels that are changed.
    Share(Vec<f64>),
    /// The layers whose parameters are drawn anew.
    Layers(Vec<String>),
}

choice! {
    /// Which layers have other parameters.
    pub enum LayerOrder {
        /// The last one, then the last two, up to all of them.
        TopDown = "top-down",
        /// The first one, then the first two, up to all of them.
        BottomUp = "bottom-up",
        /// One at a time, all others as they are.
        Independent = "independent",
    }
}

/// Which classifiers with other parameters a measure compares with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Randomization {
    /// Which layers, step by step.
    pub order: LayerOrder,
    /// From which all parameters are drawn.
    pub seed: u64,
}

/// A classifier, some of whose parameters were drawn anew.
pub struct Randomized {
    /// The layer that was the last to be replaced.
    pub layer: String,
    /// The classifier.
    pub classifier: Box<dyn RandomizableClassifier>,
}

impl Randomization {
    /// The classifiers, one for each layer.
    ///
    /// # Errors
    /// [`Error::Classifier`] when parameters can't be replaced.
    pub fn of(&self, classifier: &dyn RandomizableClassifier) -> Result<Vec<Randomized>, Error> {
        let mut layers: Vec<(usize, String)> = classifier.layers().into_iter().enumerate().collect();
        if self.order == LayerOrder::TopDown {
            layers.reverse();
        }
        let mut randomized: Vec<Randomized> = Vec::with_capacity(layers.len());
        for (position, layer) in layers {
            let before: &dyn RandomizableClassifier = match (self.order, randomized.last()) {
                (LayerOrder::TopDown | LayerOrder::BottomUp, Some(before)) => before.classifier.as_ref(),
                _ => classifier,
            };
            let classifier = before.randomized(position, self.seed).map_err(Error::Classifier)?;
            randomized.push(Randomized { layer, classifier });
        }
        Ok(randomized)
    }
}
