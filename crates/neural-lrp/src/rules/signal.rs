//! Products of two tensors.

use ndarray::ArrayViewD;

use crate::Real;
use crate::operation::{Operation, Redistribution, Step};
use crate::operations;
use crate::rules::Redistribute;

/// The relevance of a product goes to the factor that carries the signal, or half to each.
///
/// A factor that only weighs (a gate: what comes through a sigmoid or softmax, or a constant) gets nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Signal(pub operations::Signal);

impl Redistribute for Signal {
    fn parse(arguments: &[&str]) -> Result<Self, String> {
        match arguments {
            ["first"] => Ok(Self(operations::Signal::First)),
            ["second"] => Ok(Self(operations::Signal::Second)),
            ["both"] => Ok(Self(operations::Signal::Both)),
            _ => Err("it takes the operand that carries the signal: first, second or both".into()),
        }
    }

    fn arguments(&self) -> Vec<String> {
        let operand = match self.0 {
            operations::Signal::First => "first",
            operations::Signal::Second => "second",
            operations::Signal::Both => "both",
        };
        vec![operand.to_owned()]
    }

    fn redistribute<F: Real>(
        &self,
        operation: &dyn Operation<F>,
        step: &Step<'_, F>,
        upper: ArrayViewD<'_, F>,
    ) -> Result<Redistribution<F>, String> {
        let product = operation.product().ok_or("it is for products and quotients of two tensors")?;
        Ok(product.redistribute(step, upper, self.0))
    }
}
