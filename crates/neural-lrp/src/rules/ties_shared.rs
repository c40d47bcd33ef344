//! Maximum pooling: equal maxima share.

use ndarray::ArrayViewD;

use crate::Real;
use crate::operation::Sharing;
use crate::operation::{Operation, Redistribution, Step};
use crate::rules::{Redistribute, parse_nothing};

/// The largest numbers of each window share its relevance evenly: the limit p → ∞ of the p-mean (Eq. 63).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TiesShared;

impl Redistribute for TiesShared {
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
        Ok(pooling.redistribute(step, upper, Sharing::Ties))
    }
}
