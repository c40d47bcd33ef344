//! Which points a kernel takes, and the checks at the crate's public boundary. Inner loops don't check again.

use ndarray::{ArrayView1, ArrayView2, Axis};

use crate::{Error, KernelKind};

/// The values that a kernel is defined for.
///
/// ```
/// use kernels::{Domain, KernelKind};
/// assert_eq!(KernelKind::Rbf.domain(), Domain::Real);
/// assert_eq!(KernelKind::ChiSquared.domain(), Domain::NonNegative);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// Any real number.
    Real,
    /// Numbers of 0 or larger: histograms.
    NonNegative,
}

/// Larger values are refused: products of a few of them would overflow.
const LARGEST: f64 = 1e100;

/// Fails when a row holds a value that is not of the kernel's domain.
pub(crate) fn check_points(what: &'static str, kernel: KernelKind, points: ArrayView2<'_, f64>) -> Result<(), Error> {
    check_values(what, points)?;
    if kernel.domain() == Domain::Real {
        return Ok(());
    }
    for (row, point) in points.rows().into_iter().enumerate() {
        if let Some((column, &value)) = point.iter().enumerate().find(|(_, value)| **value < 0.0) {
            return Err(Error::Negative { what, kernel: kernel.name(), row, column, value });
        }
    }
    Ok(())
}

/// [`check_points`] for a single point.
pub(crate) fn check_point(what: &'static str, kernel: KernelKind, point: ArrayView1<'_, f64>) -> Result<(), Error> {
    check_points(what, kernel, point.insert_axis(Axis(0)))
}

/// Fails when a value is NaN, infinite or too large.
pub(crate) fn check_values(what: &'static str, values: ArrayView2<'_, f64>) -> Result<(), Error> {
    for (row, point) in values.rows().into_iter().enumerate() {
        // NaN is in no range.
        if let Some((column, &value)) =
            point.iter().enumerate().find(|(_, value)| !(-LARGEST..=LARGEST).contains(*value))
        {
            return Err(Error::NotFinite { what, row, column, value });
        }
    }
    Ok(())
}

/// Fails when two numbers of dimensions differ.
pub(crate) fn check_dimensions(what: impl Into<String>, found: usize, expected: usize) -> Result<(), Error> {
    if found == expected { Ok(()) } else { Err(Error::Dimensions { what: what.into(), found, expected }) }
}
