//! What the learners ask of parameters and descriptors.

use ndarray::ArrayView2;

use crate::Error;
use crate::error::check_descriptors;

/// Fails when `descriptors` holds nothing that one could learn from.
pub(super) fn check_learnable(descriptors: ArrayView2<'_, f64>) -> Result<(), Error> {
    check_descriptors(descriptors, descriptors.ncols())?;
    if descriptors.ncols() == 0 {
        return Err(Error::Empty { what: "dimensions of local features" });
    }
    Ok(())
}

/// Fails when a count that has to be positive is 0.
pub(super) fn check_positive(parameter: &'static str, value: usize) -> Result<(), Error> {
    if value == 0 { Err(Error::Parameter { parameter, value: 0.0, requirement: "at least 1" }) } else { Ok(()) }
}

/// Fails when a value is negative or not finite.
pub(super) fn check_not_negative(parameter: &'static str, value: f64) -> Result<(), Error> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    Err(Error::Parameter { parameter, value, requirement: "a finite number, 0 or larger" })
}

/// The error of fewer different descriptors than words.
pub(super) fn too_few_descriptors(wanted: usize, available: usize) -> Error {
    Error::TooFew { what: "different descriptors, one for each visual word,", wanted, available }
}
