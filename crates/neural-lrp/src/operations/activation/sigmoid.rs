//! Functions that saturate at both ends: Sigmoid, HardSigmoid, Tanh, Softsign; and Softplus, whose slope does.

use crate::operation::OperatorSpec;
use crate::operation::ParsedOperation;
use crate::operations::activation::elementwise::{Elementwise, activation};
use crate::{Error, Real};

/// `σ(x) = 1 / (1 + exp(−x))`, exact to the last digits at both ends.
pub(super) fn logistic<F: Real>(x: F) -> F {
    let decay = (-x.abs()).exp();
    let small = decay / (F::one() + decay);
    if x < F::zero() { small } else { F::one() / (F::one() + decay) }
}

/// `σ'(x) = σ(x) σ(−x)`, which does not cancel as `y (1 − y)` does.
fn logistic_slope<F: Real>(x: F) -> F {
    let decay = (-x.abs()).exp();
    let denominator = F::one() + decay;
    decay / (denominator * denominator)
}

/// `y = 1 / (1 + exp(−x))`
#[derive(Clone, Copy, Debug)]
pub struct Sigmoid;

impl<F: Real> Elementwise<F> for Sigmoid {
    const KIND: &'static str = "Sigmoid";
    const IS_SQUASHING: bool = true;

    fn value(&self, x: F) -> F {
        logistic(x)
    }

    fn kernel(&self) -> Option<impl Fn(&[f32], &mut [f32])> {
        Some(channel_kernels::logistic)
    }

    fn derivative(&self, x: F, _: F) -> F {
        logistic_slope(x)
    }

    fn is_gate(&self) -> bool {
        true
    }
}

activation!(Sigmoid);

/// Reads [`Sigmoid`] from its specification.
pub(crate) fn read_sigmoid<F: Real>(_: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(Sigmoid, vec![0]))
}

/// `y = min(max(α x + β, 0), 1)`; its derivative at both bends is 0.
#[derive(Clone, Copy, Debug)]
pub struct HardSigmoid {
    /// The slope α.
    pub alpha: f64,
    /// The value β at 0.
    pub beta: f64,
}

impl Default for HardSigmoid {
    /// ONNX's constants: α = 0.2, β = 0.5.
    fn default() -> Self {
        Self { alpha: 0.2, beta: 0.5 }
    }
}

impl<F: Real> Elementwise<F> for HardSigmoid {
    const KIND: &'static str = "HardSigmoid";

    fn value(&self, x: F) -> F {
        let line = F::of(self.alpha) * x + F::of(self.beta);
        if line < F::zero() {
            F::zero()
        } else if line > F::one() {
            F::one()
        } else {
            line
        }
    }

    fn derivative(&self, _: F, y: F) -> F {
        if y > F::zero() && y < F::one() { F::of(self.alpha) } else { F::zero() }
    }

    /// Without an offset it is a rectifier that is cut off, as ReLU6 is.
    fn is_gate(&self) -> bool {
        self.beta != 0.0
    }

    fn attributes(&self) -> OperatorSpec<F> {
        OperatorSpec::new("HardSigmoid", 1).with_real("alpha", self.alpha).with_real("beta", self.beta)
    }
}

activation!(HardSigmoid);

/// Reads [`HardSigmoid`] from its specification.
pub(crate) fn read_hard_sigmoid<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let HardSigmoid { alpha, beta } = HardSigmoid::default();
    let operation = HardSigmoid { alpha: spec.real("alpha", alpha)?, beta: spec.real("beta", beta)? };
    Ok(ParsedOperation::new(operation, vec![0]))
}

/// `y = tanh(x)`
#[derive(Clone, Copy, Debug)]
pub struct Tanh;

impl<F: Real> Elementwise<F> for Tanh {
    const KIND: &'static str = "Tanh";
    const IS_CENTERED_GATE: bool = true;

    fn value(&self, x: F) -> F {
        x.tanh()
    }

    /// `1 − tanh²(x) = 4 σ'(2x)`, without the cancellation.
    fn derivative(&self, x: F, _: F) -> F {
        F::of(4.0) * logistic_slope(x + x)
    }
}

activation!(Tanh);

/// Reads [`Tanh`] from its specification.
pub(crate) fn read_tanh<F: Real>(_: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(Tanh, vec![0]))
}

/// `y = x / (1 + |x|)`
#[derive(Clone, Copy, Debug)]
pub struct Softsign;

impl<F: Real> Elementwise<F> for Softsign {
    const KIND: &'static str = "Softsign";
    const IS_CENTERED_GATE: bool = true;

    fn value(&self, x: F) -> F {
        x / (F::one() + x.abs())
    }

    fn derivative(&self, x: F, _: F) -> F {
        let denominator = F::one() + x.abs();
        (denominator * denominator).recip()
    }
}

activation!(Softsign);

/// Reads [`Softsign`] from its specification.
pub(crate) fn read_softsign<F: Real>(_: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(Softsign, vec![0]))
}

/// `y = ln(1 + exp(x))`, as `max(x, 0) + ln(1 + exp(−|x|))`: nothing overflows.
#[derive(Clone, Copy, Debug)]
pub struct Softplus;

impl<F: Real> Elementwise<F> for Softplus {
    const KIND: &'static str = "Softplus";

    fn value(&self, x: F) -> F {
        x.max(F::zero()) + (-x.abs()).exp().ln_1p()
    }

    fn derivative(&self, x: F, _: F) -> F {
        logistic(x)
    }
}

activation!(Softplus);

/// Reads [`Softplus`] from its specification.
pub(crate) fn read_softplus<F: Real>(_: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(Softplus, vec![0]))
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use ndarray::array;

    use super::*;
    use crate::Operation;
    use crate::operations::testing::check_gradient;

    #[test]
    fn slopes_are_those_of_finite_differences() {
        let x = array![-7.0, -2.0, -0.1, 0.1, 0.75, 3.0].into_dyn();
        let operations: [&dyn Operation<f64>; 5] = [&Sigmoid, &HardSigmoid::default(), &Tanh, &Softsign, &Softplus];
        for operation in operations {
            check_gradient(operation, from_ref(&x));
        }
    }

    /// exp(−800) underflows, exp(800) overflows; neither end may notice. exp(−40) = 4.248 354 255 291 589e−18
    #[test]
    fn far_out_values_are_exact() {
        let tail = 4.248_354_255_291_589e-18;
        let close = |value: f64, expected: f64| assert!((value / expected - 1.0).abs() < 4e-16, "{value} {expected}");
        close(Sigmoid.value(-40.0), tail);
        close(Sigmoid.derivative(40.0, 1.0), tail);
        close(Sigmoid.derivative(-40.0, tail), tail);
        close(Softplus.value(-40.0), tail);
        close(Tanh.derivative(20.0, 1.0), 4.0 * tail);
        for (x, sigmoid, softplus) in [(800.0, 1.0, 800.0), (-800.0, 0.0, 0.0)] {
            assert_eq!(Elementwise::<f64>::value(&Sigmoid, x), sigmoid);
            assert_eq!(Elementwise::<f64>::value(&Softplus, x), softplus);
            assert_eq!(Elementwise::<f32>::derivative(&Tanh, x as f32, 0.0), 0.0);
        }
    }

    #[test]
    fn what_is_no_number_stays_so() {
        let operations: [&dyn Operation<f32>; 5] = [&Sigmoid, &HardSigmoid::default(), &Tanh, &Softsign, &Softplus];
        for operation in operations {
            assert!(operation.forward(&[array![f32::NAN].into_dyn().view()])[0].is_nan(), "{operation:?}");
        }
    }

    #[test]
    fn the_hard_sigmoid_is_flat_outside() {
        let hard = HardSigmoid { alpha: 0.5, beta: 0.25 };
        let x = [-1.0, -0.5, 0.0, 1.0, 1.5, 2.0];
        assert_eq!(x.map(|x| Elementwise::<f64>::value(&hard, x)), [0.0, 0.0, 0.25, 0.75, 1.0, 1.0]);
    }
}
