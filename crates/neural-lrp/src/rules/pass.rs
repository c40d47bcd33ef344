//! Everything passes.

use ndarray::ArrayViewD;

use crate::Real;
use crate::operation::{Operation, Redistribution, Step};
use crate::rules::{Redistribute, parse_nothing};

/// Relevance passes unchanged: `R_in = R_out`.
///
/// For activations (Eq. 63: given `R_j`, what an input gets does not depend on the activation `g_j`), and for
/// normalizations that no linear layer takes in. A unit that is off passes relevance on as well. Of a product of two
/// tensors nothing can pass unchanged to both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pass;

impl Redistribute for Pass {
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
        let lower = upper.to_owned();
        match step.operands.as_slice() {
            [operand] if operand.shape() == upper.shape() => Ok(Redistribution::lossless(vec![lower])),
            _ => Err(format!(
                "it is for operations of one operand whose output has the operand's shape, unlike those of this {}",
                operation.kind()
            )),
        }
    }
}
