//! First-order Taylor decomposition of one operation.

use ndarray::{ArrayD, ArrayViewD};
use relevance::{Amount, Sink, Stabilizer};

use crate::Real;
use crate::arrays::broadcast::combine;
use crate::arrays::memory::recycle;
use crate::arrays::order::Order;
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
    let lower = gradients.map(|(gradient, operand)| times(gradient, operand)).collect();
    let residual = {
        let along = operation.along_operands(step);
        let arrays = [shares.view(), step.output.view(), along.view()];
        let order = Order::common(&arrays);
        let [s, y, along] = arrays.each_ref().map(|array| order.numbers(array));
        Amount::over(y.len(), |place| contribution(y[place].as_() - along[place].as_(), s[place].as_()))
    };
    recycle(shares);
    Redistribution::with_sinks(lower, [absorbed, (Sink::TaylorResidual, residual), zero]).in_proportion()
}

/// `gradient ⊙ operand`, in the place of the gradient where both lie in one order.
fn times<F: Real>(mut gradient: ArrayD<F>, operand: &ArrayViewD<'_, F>) -> ArrayD<F> {
    if gradient.shape() == operand.shape() && gradient.strides() == operand.strides() {
        gradient.zip_mut_with(operand, |gradient, &x| *gradient = contribution(x, *gradient));
        return gradient;
    }
    let product = combine(&gradient.view(), operand, |gradient, x| contribution(x, gradient));
    recycle(gradient);
    product
}
