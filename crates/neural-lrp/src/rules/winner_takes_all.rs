//! Maximum pooling: the winner takes all.

use ndarray::ArrayViewD;

use crate::Real;
use crate::operation::Sharing;
use crate::operation::{Operation, Redistribution, Step};
use crate::rules::{Redistribute, parse_nothing};

/// The largest number of each window takes all of its relevance; of several, the first in row-major order. This is the
/// gradient of maximum pooling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WinnerTakesAll;

impl Redistribute for WinnerTakesAll {
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
        let pooling = operation.max_selection().ok_or("it is for maximum pooling")?;
        Ok(pooling.redistribute(step, upper, Sharing::First))
    }
}
