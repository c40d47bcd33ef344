//! Maximum pooling: in proportion to the numbers.

use ndarray::ArrayViewD;
use relevance::Stabilizer;

use crate::Real;
use crate::operation::Sharing;
use crate::operation::{Operation, Redistribution, Step};
use crate::rules::{Redistribute, parse_stabilizer, stabilizer_arguments};

/// Each number of a window shares its relevance in proportion to its value, as if the maximum were a sum (Eq. 63 with
/// `h_ij(x_i) = x_i`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Proportional {
    /// The ε that is added with the sign of the window's sum.
    pub stabilizer: Stabilizer,
}

impl Redistribute for Proportional {
    fn parse(arguments: &[&str]) -> Result<Self, String> {
        Ok(Self { stabilizer: parse_stabilizer(arguments)? })
    }

    fn arguments(&self) -> Vec<String> {
        stabilizer_arguments(self.stabilizer)
    }

    fn redistribute<F: Real>(
        &self,
        operation: &dyn Operation<F>,
        step: &Step<'_, F>,
        upper: ArrayViewD<'_, F>,
    ) -> Result<Redistribution<F>, String> {
        let pooling = operation.max_selection().ok_or("it is for maximum pooling")?;
        Ok(pooling.redistribute(step, upper, Sharing::Proportional(self.stabilizer)))
    }
}
