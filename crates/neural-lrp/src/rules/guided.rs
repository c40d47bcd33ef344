//! Guided backpropagation.

use ndarray::ArrayViewD;

use crate::Real;
use crate::operation::{Operation, Redistribution, Step};
use crate::rules::{RECTIFIER, Redistribute, parse_nothing};

/// Guided backpropagation: at rectifiers only positive gradients of active units go back; elsewhere the gradient.
///
/// ```text
/// R_in = R_out · [x > 0] · [R_out > 0]
/// ```
/// Springenberg et al. 2015. Only plain rectifiers are guided, other activations take their gradient, as in zennit 1.0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guided;

impl Redistribute for Guided {
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
        if operation.kind() == RECTIFIER {
            let positive = upper.mapv(|upper| upper.max(F::zero()));
            return Ok(Redistribution::gradient(operation.gradient(step, positive.view())));
        }
        Ok(Redistribution::gradient(operation.gradient(step, upper)))
    }
}
