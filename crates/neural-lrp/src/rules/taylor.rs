//! First-order Taylor decomposition of one operation.

use ndarray::{ArrayD, ArrayViewD, Zip};
use relevance::{Amount, Sink, Stabilizer};

use crate::Real;
use crate::operation::{Operation, Redistribution, Step};
use crate::rules::{Redistribute, parse_stabilizer, stabilizer_arguments};

/// First-order Taylor decomposition of one operation, for whatever no sum of contributions stands for (Eq. 63).
///
/// ```text
/// R_i = x_i Σ_j ∂y_j/∂x_i · R_j / stabilize(y_j)            Bach et al. 2015, Eqs (17), (53), one operation alone
/// ```
///
/// The expansion is at the operands, towards the origin; what it leaves out, `y_j − Σ_i x_i ∂y_j/∂x_i`, is booked as
/// [`Sink::TaylorResidual`]. Local response normalization has its own expansion point, see
/// [`LocalResponseNormalization`](crate::operations::LocalResponseNormalization); softmax needs no quotient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Taylor {
    /// The ε that is added with the sign of the denominator.
    pub stabilizer: Stabilizer,
}

impl Redistribute for Taylor {
    fn parse(arguments: &[&str]) -> Result<Self, String> {
        Ok(Self { stabilizer: parse_stabilizer(arguments)? })
    }

    fn arguments(&self) -> Vec<String> {
        stabilizer_arguments(self.stabilizer)
    }

    fn redistribute<F: Real>(
        &self,
        operation: &dyn Operation<F>,
        step: &Step<'_, F>,
        upper: ArrayViewD<'_, F>,
    ) -> Result<Redistribution<F>, String> {
        let own = operation.taylor(step, upper.view(), self.stabilizer);
        Ok(own.unwrap_or_else(|| first_order(operation, step, upper, self.stabilizer)))
    }
}

/// The expansion at the operands themselves.
pub(super) fn first_order<F: Real>(
    operation: &dyn Operation<F>,
    step: &Step<'_, F>,
    upper: ArrayViewD<'_, F>,
    stabilizer: Stabilizer,
) -> Redistribution<F> {
    let mut zero = Amount::default();
    let quotient = Zip::from(&step.output).and(&upper).map_collect(|&y, &upper| {
        let denominator = stabilizer.stabilize(y);
        if denominator == F::zero() {
            zero += Amount::of(upper.as_());
            return F::zero();
        }
        upper / denominator
    });
    let gradients = operation.gradient(step, quotient.view());
    let lower: Vec<ArrayD<F>> =
        gradients.into_iter().zip(&step.operands).map(|(gradient, operand)| gradient * operand).collect();
    let along = operation.along_operands(step);
    let absorbed = |part: &dyn Fn(F, F) -> f64| -> Amount {
        quotient.iter().zip(step.output.iter().zip(&along)).map(|(s, (&y, &along))| s.as_() * part(y, along)).collect()
    };
    Redistribution::with_sinks(
        lower,
        [
            (Sink::Stabilizer, absorbed(&|y, _| stabilizer.addition(y).as_())),
            (Sink::TaylorResidual, absorbed(&|y, along| y.as_() - along.as_())),
            (Sink::ZeroDenominator, zero),
        ],
    )
}
