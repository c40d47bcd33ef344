//! Guided backpropagation.

use crate::Real;
use crate::operation::{Accepts, Operation, Redistribution};
use crate::rules::{Backward, Gradient, Redistribute, without_settings};

/// Guided backpropagation: at rectifiers only positive gradients of active units go back; elsewhere the gradient.
///
/// ```text
/// R_in = R_out · [x > 0] · [R_out > 0]
/// ```
/// Springenberg et al. 2015. Only plain rectifiers are guided, other activations take their gradient, as in zennit 1.0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guided;

impl Redistribute for Guided {
    const NAME: &'static str = "guided";
    const ACCEPTS: Accepts = Accepts::MovedAxes;
    const OUTPUT_BY_OUTPUT: bool = true;

    fn parse(arguments: &[&str]) -> Result<Self, String> {
        without_settings(Self, arguments)
    }

    fn at<'a, F: Real>(&self, operation: &'a dyn Operation<F>) -> Result<Backward<'a, F>, String> {
        if !operation.is_rectifier() {
            return Gradient.at(operation);
        }
        Ok(Box::new(move |step, upper| {
            let positive = upper.mapv(|upper| upper.max(F::zero()));
            Ok(Redistribution::gradient(operation.gradient(step, positive.view())))
        }))
    }
}
