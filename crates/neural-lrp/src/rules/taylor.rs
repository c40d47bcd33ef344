//! First-order Taylor decomposition of one operation.

use ndarray::ArrayViewD;
use relevance::{Amount, Sink, Stabilizer};

use crate::Real;
use crate::arrays::broadcast::combine;
use crate::arrays::contiguous::elements;
use crate::operation::shares::{contribution, shares};
use crate::operation::{Accepts, Operation, Redistribution, Step};
use crate::rules::{Backward, Redistribute, parse_stabilizer, stabilizer_arguments};

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
    const NAME: &'static str = "taylor";
    const ACCEPTS: Accepts = Accepts::MovedAxes;
    const OUTPUT_BY_OUTPUT: bool = true;

    fn parse(arguments: &[&str]) -> Result<Self, String> {
        Ok(Self { stabilizer: parse_stabilizer(arguments)? })
    }

    fn arguments(&self) -> Vec<String> {
        stabilizer_arguments(self.stabilizer)
    }

    fn at<'a, F: Real>(&self, operation: &'a dyn Operation<F>) -> Result<Backward<'a, F>, String> {
        let stabilizer = self.stabilizer;
        Ok(Box::new(move |step, upper| {
            let own = operation.taylor(step, upper.view(), stabilizer);
            Ok(own.unwrap_or_else(|| first_order(operation, step, upper, stabilizer)))
        }))
    }
}

/// The expansion at the operands themselves.
pub(super) fn first_order<F: Real>(
    operation: &dyn Operation<F>,
    step: &Step<'_, F>,
    upper: ArrayViewD<'_, F>,
    stabilizer: Stabilizer,
) -> Redistribution<F> {
    let (shares, [absorbed, zero]) = shares(upper, &step.output, stabilizer);
    let gradients = operation.gradient(step, shares.view()).into_iter().zip(&step.operands);
    let lower = gradients
        .map(|(gradient, operand)| combine(&gradient.view(), operand, |gradient, x| contribution(x, gradient)));
    let (lower, along, shares) = (lower.collect(), operation.along_operands(step), shares.view());
    let along = along.view();
    let (s, y, along) = (elements(&shares), elements(&step.output), elements(&along));
    let residual = Amount::over(y.len(), |place| contribution(y[place].as_() - along[place].as_(), s[place].as_()));
    Redistribution::with_sinks(lower, [absorbed, (Sink::TaylorResidual, residual), zero])
}
