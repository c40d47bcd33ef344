//! The end of relevance.

use ndarray::ArrayD;
use relevance::Sink;

use crate::Real;
use crate::operation::amount::amount;
use crate::operation::{Family, Operation, Redistribution};
use crate::rules::{Backward, Redistribute, without_settings};

/// Relevance ends, and is booked as [`Sink::Decision`].
///
/// For operations that tell what holds of numbers, or where one stands: comparisons, logic, the position of a maximum. No
/// small change of an operand changes what they tell, and a truth value has no shares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stop;

impl Redistribute for Stop {
    const NAME: &'static str = "stop";
    const OUTPUT_BY_OUTPUT: bool = true;

    fn parse(arguments: &[&str]) -> Result<Self, String> {
        without_settings(Self, arguments)
    }

    fn at<'a, F: Real>(&self, operation: &'a dyn Operation<F>) -> Result<Backward<'a, F>, String> {
        if operation.family() != Family::Decision {
            return Err("it is for operations that give truth values or positions, as Greater does, and ArgMax".into());
        }
        Ok(Box::new(|step, upper| {
            let nothing = step.operands.iter().map(|operand| ArrayD::zeros(operand.raw_dim())).collect();
            Ok(Redistribution::with_sinks(nothing, [(Sink::Decision, amount(&upper))]))
        }))
    }
}
