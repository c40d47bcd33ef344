//! Back the way the numbers came.

use relevance::Sink;

use crate::Real;
use crate::operation::{Accepts, Family, Operation, Redistribution};
use crate::rules::{Backward, Redistribute, without_settings};

/// Relevance goes back the way the numbers came: reshaped, cut apart, put together; copies add up.
///
/// What lies on padding belongs to no input, and is booked as [`Sink::Padding`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rearrange;

impl Redistribute for Rearrange {
    const NAME: &'static str = "arrange";
    const ACCEPTS: Accepts = Accepts::MovedAxes;

    fn parse(arguments: &[&str]) -> Result<Self, String> {
        without_settings(Self, arguments)
    }

    fn at<'a, F: Real>(&self, operation: &'a dyn Operation<F>) -> Result<Backward<'a, F>, String> {
        if operation.family() != Family::Arrangement {
            return Err("it is for operations that only move numbers".into());
        }
        Ok(Box::new(move |step, upper| {
            let outside = operation.outside(step, upper.view());
            Ok(Redistribution::with_sinks(operation.gradient(step, upper), [(Sink::Padding, outside)]))
        }))
    }
}
