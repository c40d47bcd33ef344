//! Back the way the numbers came.

use ndarray::ArrayViewD;
use relevance::Sink;

use crate::Real;
use crate::operation::{Family, Operation, Redistribution, Step};
use crate::rules::{Redistribute, parse_nothing};

/// Relevance goes back the way the numbers came: reshaped, cut apart, put together; copies add up.
///
/// What lies on padding belongs to no input, and is booked as [`Sink::Padding`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rearrange;

impl Redistribute for Rearrange {
    fn parse(arguments: &[&str]) -> Result<Self, String> {
        parse_nothing(Self, arguments)
    }

    fn arguments(&self) -> Vec<String> {
        Vec::new()
    }

    fn redistribute<F: Real>(
        &self,
        operation: &dyn Operation<F>,
        step: &Step<'_, F>,
        upper: ArrayViewD<'_, F>,
    ) -> Result<Redistribution<F>, String> {
        if operation.family() != Family::Arrangement {
            return Err("it is for operations that only move numbers".into());
        }
        let outside = operation.outside(step, upper.view());
        Ok(Redistribution::with_sinks(operation.gradient(step, upper), [(Sink::Padding, outside)]))
    }
}
