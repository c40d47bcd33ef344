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
        /// Along which axis a pixel's channels are said to lie.
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
    /// The classifier could not score the flipped inputs.
    #[error("the classifier could not score the input with flipped regions")]
    Classifier(#[source] relevance::ExplainError),
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
