//! What can be wrong with what a caller hands in.

use ndarray::ArrayView2;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An array without any entry, where at least one is needed.
    #[error("{what}: there are none, and at least one is needed")]
    Empty {
        /// What there is none of.
        what: &'static str,
    },
    /// A value that is infinite or NaN.
    #[error("{what} {row} holds {value} at position {column}: all values have to be finite")]
    NonFinite {
        /// What the rows are.
        what: &'static str,
        /// The first row with such a value.
        row: usize,
        /// Where in that row.
        column: usize,
        /// The value.
        value: f64,
    },
    /// A value that is infinite or NaN, or so large that its square may overflow.
    #[error("{what} {row} holds {value} at position {column}: values have to be finite, and at most 1e140")]
    OutOfRange {
        /// What the rows are.
        what: &'static str,
        /// The first row with such a value.
        row: usize,
        /// Where in that row.
        column: usize,
        /// The value.
        value: f64,
    },
    /// Two things that belong together have different sizes.
    #[error("{what} has {found} dimensions where {expected} are needed")]
    Dimensions {
        /// What does not fit.
        what: &'static str,
        /// Dimensions that it has.
        found: usize,
        /// Dimensions that it should have.
        expected: usize,
    },
    /// A parameter out of its range.
    #[error("{parameter} = {value}: it has to be {requirement}")]
    Parameter {
        /// The parameter.
        parameter: &'static str,
        /// The value that was given.
        value: f64,
        /// What would be right.
        requirement: &'static str,
    },
    /// More of something was asked for than the data have.
    #[error("{wanted} {what} were asked for, but there are only {available}")]
    TooFew {
        /// What was asked for.
        what: &'static str,
        /// How many were asked for.
        wanted: usize,
        /// How many there are.
        available: usize,
    },
    /// A mixture component that no feature could ever belong to.
    #[error("component {component} of the Gaussian mixture has a weight of zero: Eq. 41 divides by it; leave it out")]
    WeightlessComponent {
        /// Which component.
        component: usize,
    },
    /// A negative value under a power that is not natural.
    #[error(
        "m_({word}) of local feature {feature} is {value}: p-means with p = {p} need values of at least 0; \
         take a natural p, or p = ∞"
    )]
    NegativeValue {
        /// The local feature.
        feature: usize,
        /// The visual word.
        word: usize,
        /// The value.
        value: f64,
        /// The power.
        p: f64,
    },
    /// Compressed rows that contradict themselves.
    #[error("sparse assignment: {problem}")]
    Malformed {
        /// What is wrong.
        problem: String,
    },
    /// A linear system that has no unique solution up to rounding.
    #[error("{system} is singular up to rounding: {remedy}")]
    Singular {
        /// Which system.
        system: &'static str,
        /// What would help.
        remedy: &'static str,
    },
    /// An iteration that did not come to its end.
    #[error("{what} {index} did not converge within {iterations} {unit}: the last change was {change:e}")]
    NotConverged {
        /// What was iterated for.
        what: &'static str,
        /// Which of them.
        index: usize,
        /// How many iterations were allowed.
        iterations: usize,
        /// What an iteration is called.
        unit: &'static str,
        /// The largest change in the last one.
        change: f64,
    },
    /// A backward step that failed in the shared vocabulary.
    #[error(transparent)]
    Relevance(#[from] relevance::Error),
}

/// Squares of larger values, summed over dimensions, may overflow.
const LARGEST_VALUE: f64 = 1e140;

/// Whether a value is finite, and its square too.
pub(crate) fn is_in_range(value: f64) -> bool {
    value.abs() <= LARGEST_VALUE
}

/// Fails when a row holds a value that is not finite, or whose square may not be.
pub(crate) fn check_range(what: &'static str, values: ArrayView2<'_, f64>) -> Result<(), Error> {
    match values.indexed_iter().find(|&(_, &value)| !is_in_range(value)) {
        Some(((row, column), &value)) => Err(Error::OutOfRange { what, row, column, value }),
        None => Ok(()),
    }
}

/// Fails when two sizes differ.
pub(crate) fn check_dimensions(what: &'static str, found: usize, expected: usize) -> Result<(), Error> {
    if found == expected { Ok(()) } else { Err(Error::Dimensions { what, found, expected }) }
}

/// Fails when there are no local features, when they have not the dimensions of what they are compared with, or when
/// one of them holds an infinity or NaN.
pub(crate) fn check_descriptors(descriptors: ArrayView2<'_, f64>, dimensions: usize) -> Result<(), Error> {
    check_descriptor_shape(descriptors, dimensions)?;
    check_range("local feature", descriptors)
}

/// As [`check_descriptors`], without a look at the values.
pub(crate) fn check_descriptor_shape(descriptors: ArrayView2<'_, f64>, dimensions: usize) -> Result<(), Error> {
    if descriptors.nrows() == 0 {
        return Err(Error::Empty { what: "local features" });
    }
    check_dimensions("local feature 0 (as all others)", descriptors.ncols(), dimensions)
}

/// Fails when a parameter is not a finite number above `bound`.
pub(crate) fn check_above(
    parameter: &'static str,
    value: f64,
    bound: f64,
    requirement: &'static str,
) -> Result<(), Error> {
    if value.is_finite() && value > bound { Ok(()) } else { Err(Error::Parameter { parameter, value, requirement }) }
}
