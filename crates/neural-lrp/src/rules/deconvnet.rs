//! Deconvolution.

use crate::Real;
use crate::operation::{Accepts, Operation, Redistribution};
use crate::rules::{Backward, Gradient, Redistribute, without_settings};

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
    const NAME: &'static str = "deconvnet";
    const ACCEPTS: Accepts = Accepts::MovedAxes;
    const OUTPUT_BY_OUTPUT: bool = true;

    fn parse(arguments: &[&str]) -> Result<Self, String> {
        without_settings(Self, arguments)
    }

    fn at<'a, F: Real>(&self, operation: &'a dyn Operation<F>) -> Result<Backward<'a, F>, String> {
        if !operation.is_rectifier() {
            return Gradient.at(operation);
        }
        Ok(Box::new(|_, upper| Ok(Redistribution::gradient(vec![upper.mapv(|upper| upper.max(F::zero()))]))))
    }
}
