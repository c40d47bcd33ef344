//! Products of two tensors.

use ndarray::ArrayViewD;
use relevance::Stabilizer;
use serde::{Deserialize, Serialize};

use crate::Real;
use crate::operation::{Redistribution, Step};

/// A product or quotient of two tensors, or their matrix product.
pub trait Product<F: Real> {
    /// Hands relevance down to the factors. The stabilizer is for products that are sums of several terms; one product
    /// alone is its own contribution.
    fn redistribute(
        &self,
        step: &Step<'_, F>,
        upper: ArrayViewD<'_, F>,
        signal: Signal,
        stabilizer: Stabilizer,
    ) -> Redistribution<F>;
}

/// Which factor of a product carries the signal; the other only weighs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Signal {
    /// The first operand.
    First,
    /// The second operand.
    Second,
    /// Both, half of the relevance each.
    Both,
}
