//! Functions that weigh a number by a gate of itself: Silu, HardSwish, Mish.

use crate::operation::OperatorSpec;
use crate::operation::ParsedOperation;
use crate::operations::activation::elementwise::{Elementwise, activation};
use crate::operations::activation::sigmoid::logistic;
use crate::{Error, Real};

/// `y = x σ(α x)`, which ONNX words as Sigmoid and Mul; with α = 1.702 it is known as QuickGELU.
#[derive(Clone, Copy, Debug)]
pub struct Silu {
    /// The slope α.
    pub alpha: f64,
}

impl Default for Silu {
    /// α = 1.
    fn default() -> Self {
        Self { alpha: 1.0 }
    }
}

impl<F: Real> Elementwise<F> for Silu {
    const KIND: &'static str = "Silu";

    fn value(&self, x: F) -> F {
        x * logistic(F::of(self.alpha) * x)
    }

    fn kernel(&self) -> Option<impl Fn(&[f32], &mut [f32])> {
        let alpha = self.alpha as f32;
        Some(move |x: &[f32], y: &mut [f32]| channel_kernels::silu(alpha, x, y))
    }

    fn derivative(&self, x: F, _: F) -> F {
        let u = F::of(self.alpha) * x;
        logistic(u) * (F::one() + u * logistic(-u))
    }

    fn attributes(&self) -> OperatorSpec<F> {
        OperatorSpec::new("Silu", 1).with_real("alpha", self.alpha)
    }
}

activation!(Silu);

/// Reads [`Silu`] from its specification.
pub(crate) fn read_silu<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let alpha = spec.real("alpha", Silu::default().alpha)?;
    Ok(ParsedOperation::new(Silu { alpha }, vec![0]))
}

/// `y = x · min(max(x/6 + 1/2, 0), 1)`; its derivative is 0 up to −3 and 1 from 3 on.
#[derive(Clone, Copy, Debug)]
pub struct HardSwish;

impl<F: Real> Elementwise<F> for HardSwish {
    const KIND: &'static str = "HardSwish";

    fn value(&self, x: F) -> F {
        let three = F::of(3.0);
        if x <= -three {
            F::zero()
        } else if x >= three {
            x
        } else {
            x * (x + three) / F::of(6.0)
        }
    }

    fn derivative(&self, x: F, _: F) -> F {
        let three = F::of(3.0);
        if x <= -three {
            F::zero()
        } else if x >= three {
            F::one()
        } else {
            x / three + F::of(0.5)
        }
    }
}

activation!(HardSwish);

/// Reads [`HardSwish`] from its specification.
pub(crate) fn read_hard_swish<F: Real>(_: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(HardSwish, vec![0]))
}

/// `y = x tanh(ln(1 + exp(x)))`
///
/// With `e = exp(x)` the hyperbolic tangent is `n / (n + 2)`, `n = e (e + 2)`, and its slope `4 e (1 + e) / (n + 2)²`;
/// for positive x both are written in `exp(−x)`, so that nothing overflows or cancels.
#[derive(Clone, Copy, Debug)]
pub struct Mish;

impl Mish {
    /// The gate `tanh(ln(1 + exp(x)))` and its slope.
    fn gate<F: Real>(x: F) -> (F, F) {
        let (one, two, four) = (F::one(), F::of(2.0), F::of(4.0));
        let e = (-x.abs()).exp();
        if x > F::zero() {
            let denominator = one + two * e + two * e * e;
            ((one + two * e) / denominator, four * e * e * (one + e) / (denominator * denominator))
        } else {
            let n = e * (e + two);
            (n / (n + two), four * e * (one + e) / ((n + two) * (n + two)))
        }
    }
}

impl<F: Real> Elementwise<F> for Mish {
    const KIND: &'static str = "Mish";

    fn value(&self, x: F) -> F {
        x * Self::gate(x).0
    }

    fn derivative(&self, x: F, _: F) -> F {
        let (gate, slope) = Self::gate(x);
        gate + x * slope
    }
}

activation!(Mish);

/// Reads [`Mish`] from its specification.
pub(crate) fn read_mish<F: Real>(_: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(Mish, vec![0]))
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
        let x = array![-8.0, -2.5, -0.1, 0.0, 0.1, 0.75, 2.5, 9.0].into_dyn();
        let quick_gelu = Silu { alpha: 1.702 };
        let operations: [&dyn Operation<f64>; 4] = [&Silu::default(), &quick_gelu, &HardSwish, &Mish];
        for operation in operations {
            check_gradient(operation, from_ref(&x));
        }
    }

    #[test]
    fn the_gate_is_the_textbook_s() {
        for x in [-30.0, -5.0, -1.0, 0.0, 0.5, 4.0, 17.0f64] {
            let textbook = x * x.exp().ln_1p().tanh();
            let value = Mish.value(x);
            assert!((value - textbook).abs() <= 1e-15 * textbook.abs(), "{x}: {value} {textbook}");
        }
    }

    #[test]
    fn far_out_values_are_finite() {
        let operations: [&dyn Operation<f32>; 3] = [&Silu::default(), &HardSwish, &Mish];
        for operation in operations {
            let y = operation.forward(&[array![1e30f32, -1e30].into_dyn().view()]);
            assert_eq!((y[0], y[1]), (1e30, 0.0), "{operation:?}");
            assert!(operation.forward(&[array![f32::NAN].into_dyn().view()])[0].is_nan(), "{operation:?}");
        }
    }
}
