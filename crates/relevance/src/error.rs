//! What can be wrong with what a caller hands in.

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A stabilizer that is negative or not finite.
    #[error("stabilizer ε = {epsilon}: it has to be a finite number, 0 or larger")]
    Stabilizer {
        /// The value that was given.
        epsilon: f64,
    },
    /// Two arrays that belong together do not fit.
    #[error("{what} has {found} entries where {expected} are needed")]
    Length {
        /// Which array.
        what: &'static str,
        /// Entries that it has.
        found: usize,
        /// Entries that it should have.
        expected: usize,
    },
    /// A value that is infinite or NaN.
    #[error("{what} holds {value} at position {position}: all values have to be finite")]
    NonFinite {
        /// Which array.
        what: &'static str,
        /// Where in it.
        position: usize,
        /// The value.
        value: f64,
    },
    /// A layer whose relevance is neither below nor in a sink.
    #[error("{stage}: relevance is not conserved, relative error {error:.3e} exceeds {tolerance:.1e}")]
    Imbalance {
        /// The step.
        stage: String,
        /// Its relative error.
        error: f64,
        /// What was allowed.
        tolerance: f64,
    },
    /// No candidate on the other side of the decision boundary.
    #[error(
        "no root point: f(x) = {value}, and none of the {candidates} candidates has a value of the opposite sign; \
         give candidates of the other class"
    )]
    NoCandidate {
        /// The value at the point to explain.
        value: f64,
        /// How many candidates there were.
        candidates: usize,
    },
    /// Roots were found, but all of them too far away.
    #[error("no root point within radius {radius}: the nearest of {roots} roots is {nearest} away")]
    NoneWithinRadius {
        /// The radius asked for.
        radius: f64,
        /// How many roots were found.
        roots: usize,
        /// Distance of the nearest.
        nearest: f64,
    },
    /// An average over no decomposition, or no candidate asked for.
    #[error("{what} = 0: it has to be at least 1")]
    Zero {
        /// The parameter.
        what: &'static str,
    },
}

/// Fails when an array holds a value that is not finite.
pub(crate) fn check_finite<'a>(what: &'static str, values: impl IntoIterator<Item = &'a f64>) -> Result<(), Error> {
    match values.into_iter().enumerate().find(|(_, value)| !value.is_finite()) {
        Some((position, &value)) => Err(Error::NonFinite { what, position, value }),
        None => Ok(()),
    }
}

/// Fails when an array does not have the length that belongs to it.
pub(crate) fn check_length(what: &'static str, found: usize, expected: usize) -> Result<(), Error> {
    if found == expected { Ok(()) } else { Err(Error::Length { what, found, expected }) }
}
