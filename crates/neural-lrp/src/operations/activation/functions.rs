//! Functions from the textbook: Abs, Exp, Log, Neg, Pow, Reciprocal, Sqrt.

use std::sync::Arc;

use ndarray::ArrayD;

use crate::operation::ParsedOperation;
use crate::operation::{Constant, Input, OperatorSpec};
use crate::operations::activation::elementwise::{Elementwise, activation};
use crate::{Error, Real};

/// Defines an operation without attributes by its value and derivative, both in x and y.
macro_rules! function {
    ($(#[$doc:meta])* $name:ident, $read:ident, $value:expr, $derivative:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl<F: Real> Elementwise<F> for $name {
            const KIND: &'static str = stringify!($name);

            fn value(&self, x: F) -> F {
                let value: fn(F) -> F = $value;
                value(x)
            }

            fn derivative(&self, x: F, y: F) -> F {
                let derivative: fn(F, F) -> F = $derivative;
                derivative(x, y)
            }
        }

        activation!($name);

        /// Reads the operation from its specification.
        pub(crate) fn $read<F: Real>(_: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
            Ok(ParsedOperation::new($name, vec![0]))
        }
    };
}

pub(super) use function;

function!(
    /// `y = |x|`; its derivative at 0 is 0.
    Abs,
    read_abs,
    |x| x.abs(),
    |x, _| if x == F::zero() { F::zero() } else { x.signum() }
);

function!(
    /// `y = exp(x)`
    Exp,
    read_exp,
    |x| x.exp(),
    |_, y| y
);

function!(
    /// `y = ln(x)`
    Log,
    read_log,
    |x| x.ln(),
    |x, _| x.recip()
);

/// `y = −x`
#[derive(Clone, Copy, Debug)]
pub struct Neg;

impl<F: Real> Elementwise<F> for Neg {
    const KIND: &'static str = "Neg";

    fn value(&self, x: F) -> F {
        -x
    }

    fn derivative(&self, _: F, _: F) -> F {
        -F::one()
    }

    fn factor(&self) -> Option<F> {
        Some(-F::one())
    }
}

activation!(Neg);

/// Reads [`Neg`] from its specification.
pub(crate) fn read_neg<F: Real>(_: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(Neg, vec![0]))
}

function!(
    /// `y = 1 / x`
    Reciprocal,
    read_reciprocal,
    |x| x.recip(),
    |_, y| -y * y
);

function!(
    /// `y = √x`
    Sqrt,
    read_sqrt,
    |x| x.sqrt(),
    |_, y| F::of(0.5) / y
);

/// `y = x^exponent`, with one exponent for all numbers.
#[derive(Clone, Copy, Debug)]
pub struct Pow {
    /// The exponent.
    pub exponent: f64,
}

impl Pow {
    fn power<F: Real>(x: F, exponent: f64) -> F {
        match exponent {
            0.0 => F::one(),
            1.0 => x,
            2.0 => x * x,
            exponent => x.powf(F::of(exponent)),
        }
    }
}

impl<F: Real> Elementwise<F> for Pow {
    const KIND: &'static str = "Pow";

    fn value(&self, x: F) -> F {
        Self::power(x, self.exponent)
    }

    fn derivative(&self, x: F, _: F) -> F {
        match self.exponent {
            0.0 => F::zero(),
            exponent => F::of(exponent) * Self::power(x, exponent - 1.0),
        }
    }

    fn attributes(&self) -> OperatorSpec<F> {
        let exponent = ArrayD::from_elem(vec![], F::of(self.exponent));
        OperatorSpec::new("Pow", 1).with_constant(Arc::new(exponent))
    }
}

activation!(Pow);

/// Reads [`Pow`] from its specification.
pub(crate) fn read_pow<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let exponent = match spec.inputs.get(1) {
        Some(Input::Constant(Constant::Integer(values))) if values.len() == 1 => {
            values.iter().map(|&e| e as f64).next()
        }
        _ => spec.single_number(1, "exponent")?,
    };
    match exponent {
        Some(exponent) => Ok(ParsedOperation::new(Pow { exponent }, vec![0])),
        None => Err(Error::MissingInput { kind: "Pow".into(), input: "exponent" }),
    }
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
        let positive = array![0.25, 0.5, 1.0, 3.0].into_dyn();
        let operations: [&dyn Operation<f64>; 9] = [
            &Abs,
            &Exp,
            &Log,
            &Neg,
            &Reciprocal,
            &Sqrt,
            &Pow { exponent: 0.5 },
            &Pow { exponent: 3.0 },
            &Pow { exponent: 0.0 },
        ];
        for operation in operations {
            check_gradient(operation, from_ref(&positive));
        }
        let negative = array![-0.25, -2.0].into_dyn();
        let operations: [&dyn Operation<f64>; 4] = [&Abs, &Neg, &Reciprocal, &Pow { exponent: 2.0 }];
        for operation in operations {
            check_gradient(operation, from_ref(&negative));
        }
    }

    #[test]
    fn slopes_at_zero() {
        assert_eq!(Elementwise::<f64>::derivative(&Abs, -0.0, 0.0), 0.0);
        assert_eq!(Elementwise::<f64>::derivative(&Pow { exponent: 1.0 }, 0.0, 0.0), 1.0);
        assert_eq!(Elementwise::<f64>::derivative(&Pow { exponent: 0.0 }, 0.0, 1.0), 0.0);
    }

    #[test]
    fn an_exponent_may_be_an_integer() {
        let mut spec = OperatorSpec::<f32>::new("Pow", 1).with_constant_integers([3]);
        let cube = read_pow(&spec).unwrap().operation;
        assert_eq!(cube.forward(&[array![-2.0f32].into_dyn().view()])[0], -8.0);
        spec.inputs.pop();
        assert!(read_pow(&spec).unwrap_err().to_string().contains("exponent"));
    }
}
