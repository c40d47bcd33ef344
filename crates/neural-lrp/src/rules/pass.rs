//! Everything passes.

use crate::Real;
use crate::operation::{Accepts, Family, Operation, Redistribution};
use crate::rules::{Backward, Redistribute, without_settings};

/// Relevance passes unchanged: `R_in = R_out`.
///
/// For activations (Eq. 63: given `R_j`, what an input gets does not depend on the activation `g_j`), and for
/// normalizations that no linear layer takes in. A unit that is off passes relevance on as well. Of a product of two
/// tensors nothing can pass unchanged to both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pass;

impl Redistribute for Pass {
    const NAME: &'static str = "pass";
    const ACCEPTS: Accepts = Accepts::MovedAxes;
    const OUTPUT_BY_OUTPUT: bool = true;

    fn parse(arguments: &[&str]) -> Result<Self, String> {
        without_settings(Self, arguments)
    }

    fn at<'a, F: Real>(&self, operation: &'a dyn Operation<F>) -> Result<Backward<'a, F>, String> {
        let refused = || {
            let kind = operation.kind();
            format!(
                "it is for operations of one operand whose output has the operand's shape, unlike those of this {kind}"
            )
        };
        if matches!(operation.family(), Family::Product | Family::Bilinear) {
            return Err(refused());
        }
        Ok(Box::new(move |step, upper| match step.operands.as_slice() {
            [operand] if operand.shape() == upper.shape() => Ok(Redistribution::lossless(vec![upper.to_owned()])),
            _ => Err(refused()),
        }))
    }
}
