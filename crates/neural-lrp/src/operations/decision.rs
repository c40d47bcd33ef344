//! What holds of numbers, or where one stands: truth values and positions, in which relevance ends.
//!
//! A truth value is 1 or 0, a position a whole number. A function of one number that only rounds it is no decision but an
//! activation: what is left of the number is still the number.

use ndarray::{ArrayD, ArrayViewD};

use crate::operation::{Numbers, OperatorSpec, Step};
use crate::{Error, Real};

pub(super) mod comparison;
pub(super) mod hardmax;
pub(super) mod position;
pub(super) mod test;

pub use comparison::Comparison;
pub use hardmax::Hardmax;
pub use position::{Among, Position};
pub use test::Test;

/// An operation that decides: its output is the same for all operands nearby.
///
/// `decision!` makes an [`Operation`](crate::Operation) of whatever implements it.
pub(crate) trait Decide<F: Real> {
    /// The operator's name.
    fn name(&self) -> &'static str;

    /// The attributes and constant inputs, as ONNX names them.
    fn words(&self) -> OperatorSpec<F>;

    /// What the output is.
    fn decides(&self) -> Numbers;

    /// What an operand is.
    fn of(&self, operand: usize) -> Numbers {
        let _ = operand;
        Numbers::Real
    }

    /// Whether the output weighs another tensor when it is multiplied with that.
    fn is_gate(&self) -> bool {
        self.decides() == Numbers::Boolean
    }

    /// Whether it makes of linear scores what probabilities are at their extreme.
    fn is_squashing(&self) -> bool {
        false
    }

    /// See [`Operation::keeps_samples_apart`](crate::Operation::keeps_samples_apart).
    fn keeps_samples_apart(&self, operands: &[&[usize]]) -> bool {
        let _ = operands;
        true
    }

    /// The shape of the output.
    fn shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error>;

    /// The output.
    fn decide(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F>;

    /// What a person should know beside the kind.
    fn summary(&self) -> String {
        String::new()
    }
}

/// Makes an operation of what decides.
macro_rules! decision {
    ($name:ty) => {
        impl<F: $crate::Real> $crate::operation::Operation<F> for $name {
            fn to_spec(&self) -> $crate::operation::OperatorSpec<F> {
                $crate::operations::decision::Decide::<F>::words(self)
            }

            fn kind(&self) -> &'static str {
                $crate::operations::decision::Decide::<F>::name(self)
            }

            fn family(&self) -> $crate::operation::Family {
                $crate::operation::Family::Decision
            }

            fn gives(&self) -> $crate::operation::Numbers {
                $crate::operations::decision::Decide::<F>::decides(self)
            }

            fn takes(&self, operand: usize) -> $crate::operation::Numbers {
                $crate::operations::decision::Decide::<F>::of(self, operand)
            }

            fn is_gate(&self) -> bool {
                $crate::operations::decision::Decide::<F>::is_gate(self)
            }

            fn is_squashing(&self) -> bool {
                $crate::operations::decision::Decide::<F>::is_squashing(self)
            }

            fn keeps_samples_apart(&self, operands: &[&[usize]]) -> bool {
                $crate::operations::decision::Decide::<F>::keeps_samples_apart(self, operands)
            }

            fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, $crate::Error> {
                $crate::operations::decision::Decide::<F>::shape(self, operands)
            }

            fn forward(&self, operands: &[ndarray::ArrayViewD<'_, F>]) -> ndarray::ArrayD<F> {
                $crate::operations::decision::Decide::<F>::decide(self, operands)
            }

            fn gradient(
                &self,
                step: &$crate::operation::Step<'_, F>,
                _: ndarray::ArrayViewD<'_, F>,
            ) -> Vec<ndarray::ArrayD<F>> {
                $crate::operations::decision::no_slopes(step)
            }

            fn along_operands(&self, step: &$crate::operation::Step<'_, F>) -> ndarray::ArrayD<F> {
                ndarray::ArrayD::zeros(step.output.raw_dim())
            }

            fn description(&self) -> String {
                $crate::operations::decision::Decide::<F>::summary(self)
            }
        }
    };
}
pub(crate) use decision;

/// The gradient of what is the same for all operands nearby.
pub(crate) fn no_slopes<F: Real>(step: &Step<'_, F>) -> Vec<ArrayD<F>> {
    step.operands.iter().map(|operand| ArrayD::zeros(operand.raw_dim())).collect()
}

/// A truth value as a number.
pub(crate) fn truth<F: Real>(holds: bool) -> F {
    if holds { F::one() } else { F::zero() }
}

/// What a number is as a truth value.
pub(crate) fn is_true<F: Real>(number: F) -> bool {
    number != F::zero()
}
