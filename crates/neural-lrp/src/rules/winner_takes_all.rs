//! Maxima: the winner takes all.

use crate::Real;
use crate::operation::{Accepts, Operation, Sharing};
use crate::rules::{Backward, Redistribute, maximum, without_settings};

/// The largest number of each window, or along each axis, takes all of its relevance; of several, the first in row-major
/// order. This is the gradient of a maximum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WinnerTakesAll;

impl Redistribute for WinnerTakesAll {
    const NAME: &'static str = "winner";
    const ACCEPTS: Accepts = Accepts::MovedAxes;

    fn parse(arguments: &[&str]) -> Result<Self, String> {
        without_settings(Self, arguments)
    }

    fn at<'a, F: Real>(&self, operation: &'a dyn Operation<F>) -> Result<Backward<'a, F>, String> {
        let maxima = maximum(operation)?;
        Ok(Box::new(move |step, upper| Ok(maxima.redistribute(step, upper, Sharing::First))))
    }
}
