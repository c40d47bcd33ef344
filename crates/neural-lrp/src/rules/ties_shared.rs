//! Maxima: equal maxima share.

use crate::Real;
use crate::operation::{Accepts, Operation, Sharing};
use crate::rules::{Backward, Redistribute, maximum, without_settings};

/// The largest numbers of each window, or along each axis, share its relevance evenly: the limit p → ∞ of the p-mean (Eq. 63).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TiesShared;

impl Redistribute for TiesShared {
    const NAME: &'static str = "ties-shared";
    const ACCEPTS: Accepts = Accepts::MovedAxes;

    fn parse(arguments: &[&str]) -> Result<Self, String> {
        without_settings(Self, arguments)
    }

    fn at<'a, F: Real>(&self, operation: &'a dyn Operation<F>) -> Result<Backward<'a, F>, String> {
        let maxima = maximum(operation)?;
        Ok(Box::new(move |step, upper| Ok(maxima.redistribute(step, upper, Sharing::Ties))))
    }
}
