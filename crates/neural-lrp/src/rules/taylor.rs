//! First-order Taylor decomposition of one operation.

use ndarray::{Array1, ArrayD, ArrayViewD};
use relevance::{Amount, Sink, Stabilizer};

use crate::Real;
use crate::arrays::contiguous::elements;
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
    let (y, upper_numbers) = (elements(&step.output), elements(&upper));
    let no_quotient = |place: usize| stabilizer.stabilize(y[place]) == F::zero();
    let quotients = (0..y.len()).map(|place| {
        if no_quotient(place) { F::zero() } else { upper_numbers[place] / stabilizer.stabilize(y[place]) }
    });
    let quotients = Array1::from_iter(quotients);
    let message = quotients.view().into_shape_with_order(step.output.raw_dim());
    let message = message.unwrap_or_else(|_| unreachable!("as many quotients as outputs"));
    let gradients = operation.gradient(step, message);
    let lower: Vec<ArrayD<F>> =
        gradients.into_iter().zip(&step.operands).map(|(gradient, operand)| gradient * operand).collect();
    let along = operation.along_operands(step);
    let along = along.view();
    let along = elements(&along);
    let absorbed = |part: &dyn Fn(usize) -> f64| Amount::over(y.len(), |place| quotients[place].as_() * part(place));
    let zero = |place: usize| if no_quotient(place) { upper_numbers[place].as_() } else { 0.0 };
    Redistribution::with_sinks(
        lower,
        [
            (Sink::Stabilizer, absorbed(&|place| stabilizer.addition(y[place]).as_())),
            (Sink::TaylorResidual, absorbed(&|place| y[place].as_() - along[place].as_())),
            (Sink::ZeroDenominator, Amount::over(y.len(), zero)),
        ],
    )
}
