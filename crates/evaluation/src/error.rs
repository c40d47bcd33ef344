//! What can be wrong with what a caller hands in.

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An array whose shape does not belong to the others'.
    #[error("{what} has the shape {found:?} where {expected:?} is needed")]
    Shape {
        /// Which array.
        what: &'static str,
        /// The shape that it has.
        found: Vec<usize>,
        /// The shape that it should have.
        expected: Vec<usize>,
    },
    /// Relevance that is not this input's.
    #[error(
        "the relevance has the shape {found:?} for an input of the shape {input:?}: it needs the same shape, or that \
         without the axis of channels"
    )]
    RelevanceShape {
        /// The shape of the relevance.
        found: Vec<usize>,
        /// The shape of the input.
        input: Vec<usize>,
    },
    /// An input whose pixels do not form a line or a map.
    #[error(
        "an input of the shape {shape:?} with the axis of channels {channel_axis:?}: apart from its channels it has to \
         have one axis or two, and at least one pixel"
    )]
    Pixels {
        /// The shape of the input.
        shape: Vec<usize>,
        /// CurveAxis which axis a pixel's channels are said to lie.
        channel_axis: Option<usize>,
    },
    /// A value that is infinite or NaN.
    #[error("{what}: {value} at position {position}; all values have to be finite")]
    NonFinite {
        /// Which array.
        what: &'static str,
        /// Where in it, counted in row-major order.
        position: usize,
        /// The value.
        value: f64,
    },
    /// Fractions that do not make a curve.
    #[error("the fractions {fractions:?}: they have to ascend, and lie between 0 and 1")]
    Fractions {
        /// The fractions that were given.
        fractions: Vec<f64>,
    },
    /// Regions without pixels.
    #[error("regions with a side of 0 pixels: it has to be at least 1")]
    RegionSide,
    /// A color of other channels than the input's.
    #[error("a color of {found} channels for an input of {expected}")]
    Color {
        /// Channels of the color.
        found: usize,
        /// Channels of the input.
        expected: usize,
    },
    /// A score that the classifier does not give.
    #[error("target {target}: the classifier has {targets} targets, counted from 0")]
    Target {
        /// The target that was asked for.
        target: usize,
        /// How many there are.
        targets: usize,
    },
    /// A distance that can't be one.
    #[error("distance {distance}: it has to be 0 or larger")]
    Distance {
        /// The distance that was given.
        distance: f64,
    },
    /// The classifier could not score or explain an input, or could not be given other parameters.
    #[error("the classifier could not do what a measure asks of it")]
    Classifier(#[source] relevance::ExplainError),
    /// A text that names no measure, or sets one wrongly.
    #[error("measure {given:?}: {reason}")]
    Measure {
        /// The text.
        given: String,
        /// What would be right.
        reason: String,
    },
    /// A text that names no replacement.
    #[error("replacement {given:?}: {reason}")]
    Replacement {
        /// The text.
        given: String,
        /// What would be right.
        reason: String,
    },
    /// A measure that needs the truth about what is where, and a sample without it.
    #[error("{measure} needs a mask of each sample, and sample {sample} has none")]
    NoMask {
        /// The measure's name.
        measure: &'static str,
        /// The sample's number, counted from 0.
        sample: usize,
    },
    /// A measure that needs other parameters, and a classifier that can't be given any.
    #[error("{measure} compares with classifiers of random parameters, which this classifier can't be given")]
    NotRandomizable {
        /// The measure's name.
        measure: &'static str,
    },
    /// A setting that does not go with the input.
    #[error("{measure}: {reason}")]
    Unfit {
        /// The measure's name.
        measure: &'static str,
        /// What does not go, and what would.
        reason: String,
    },
    /// An evaluation that was begun as another one.
    #[error("an evaluation of {found} can't be continued as one of {expected}")]
    OtherEvaluation {
        /// What was begun.
        found: String,
        /// What is asked for.
        expected: String,
    },
    /// A run that whoever watches it has ended.
    #[error("the run was ended")]
    Ended,
    /// A sample that could not be had or judged.
    #[error("sample {sample}")]
    Sample {
        /// Its number, counted from 0.
        sample: usize,
        /// What is wrong with it.
        #[source]
        source: relevance::ExplainError,
    },
}

/// Fails when an array holds a value that is not finite.
pub(crate) fn check_finite<'a>(what: &'static str, values: impl IntoIterator<Item = &'a f64>) -> Result<(), Error> {
    match values.into_iter().enumerate().find(|(_, value)| !value.is_finite()) {
        Some((position, &value)) => Err(Error::NonFinite { what, position, value }),
        None => Ok(()),
    }
}

/// Fails when an array does not have the shape that belongs to it.
pub(crate) fn check_shape(what: &'static str, found: &[usize], expected: &[usize]) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    Err(Error::Shape { what, found: found.to_vec(), expected: expected.to_vec() })
}
