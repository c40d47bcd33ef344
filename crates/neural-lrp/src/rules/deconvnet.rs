//! Deconvolution.

use ndarray::ArrayViewD;

use crate::Real;
use crate::operation::{Operation, Redistribution, Step};
use crate::rules::{RECTIFIER, Redistribute, parse_nothing};

/// Deconvolution: at rectifiers the positive part of what comes goes back, whether the unit was active or not; elsewhere
/// the gradient.
///
/// ```text
/// R_in = max(R_out, 0)
/// ```
/// Zeiler and Fergus 2014. Only plain rectifiers are treated so, as in zennit 1.0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Deconvnet;

impl Redistribute for Deconvnet {
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
            return Ok(Redistribution::gradient(vec![upper.mapv(|upper| upper.max(F::zero()))]));
        }
        Ok(Redistribution::gradient(operation.gradient(step, upper)))
    }
}
