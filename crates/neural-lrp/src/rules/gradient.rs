//! The gradient.

use crate::Real;
use crate::operation::{Accepts, Operation, Redistribution};
use crate::rules::{Backward, Redistribute, without_settings};

/// The gradient goes back instead of relevance.
///
/// ```text
/// ∂f/∂x_i = Σ_j ∂f/∂x_j w_ij g'(z_j)                        Bach et al. 2015, Eq. (54)
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gradient;

impl Redistribute for Gradient {
    const NAME: &'static str = "gradient";
    const ACCEPTS: Accepts = Accepts::MovedAxes;
    const OUTPUT_BY_OUTPUT: bool = true;

    fn parse(arguments: &[&str]) -> Result<Self, String> {
        without_settings(Self, arguments)
    }

    fn at<'a, F: Real>(&self, operation: &'a dyn Operation<F>) -> Result<Backward<'a, F>, String> {
        Ok(Box::new(move |step, upper| Ok(Redistribution::gradient(operation.gradient(step, upper)))))
    }
}
