//! The gradient.

use ndarray::ArrayViewD;

use crate::Real;
use crate::operation::{Operation, Redistribution, Step};
use crate::rules::{Redistribute, parse_nothing};

/// The gradient goes back instead of relevance.
///
/// ```text
/// ∂f/∂x_i = Σ_j ∂f/∂x_j w_ij g'(z_j)                        Bach et al. 2015, Eq. (54)
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gradient;

impl Redistribute for Gradient {
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
        Ok(Redistribution::gradient(operation.gradient(step, upper)))
    }
}
