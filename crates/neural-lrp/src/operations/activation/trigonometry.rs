//! Functions of angles, and their relatives of the hyperbola.

use crate::operation::{OperatorSpec, ParsedOperation};
use crate::operations::activation::elementwise::{Elementwise, activation};
use crate::operations::activation::functions::function;
use crate::{Error, Real};

function!(
    /// `y = arccos(x)`
    Acos,
    read_acos,
    |x| x.acos(),
    |x, _| -(F::one() - x * x).sqrt().recip()
);

function!(
    /// `y = arcosh(x)`
    Acosh,
    read_acosh,
    |x| x.acosh(),
    |x, _| (x * x - F::one()).sqrt().recip()
);

function!(
    /// `y = arcsin(x)`
    Asin,
    read_asin,
    |x| x.asin(),
    |x, _| (F::one() - x * x).sqrt().recip()
);

function!(
    /// `y = arsinh(x)`
    Asinh,
    read_asinh,
    |x| x.asinh(),
    |x, _| (x * x + F::one()).sqrt().recip()
);

function!(
    /// `y = arctan(x)`
    Atan,
    read_atan,
    |x| x.atan(),
    |x, _| (x * x + F::one()).recip()
);

function!(
    /// `y = artanh(x)`
    Atanh,
    read_atanh,
    |x| x.atanh(),
    |x, _| (F::one() - x * x).recip()
);

function!(
    /// `y = cos(x)`
    Cos,
    read_cos,
    |x| x.cos(),
    |x, _| -x.sin()
);

function!(
    /// `y = cosh(x)`
    Cosh,
    read_cosh,
    |x| x.cosh(),
    |x, _| x.sinh()
);

function!(
    /// `y = sin(x)`
    Sin,
    read_sin,
    |x| x.sin(),
    |x, _| x.cos()
);

function!(
    /// `y = sinh(x)`
    Sinh,
    read_sinh,
    |x| x.sinh(),
    |x, _| x.cosh()
);

function!(
    /// `y = tan(x)`
    Tan,
    read_tan,
    |x| x.tan(),
    |_, y| F::one() + y * y
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Operation;
    use crate::operations::testing::{assert_close, check_gradient, forward, numbers};

    #[test]
    fn derivatives_are_those_of_finite_differences() {
        let small = [numbers(&[2, 3], 1) * 0.9];
        let operations: [&dyn Operation<f64>; 10] =
            [&Acos, &Asin, &Asinh, &Atan, &Atanh, &Cos, &Cosh, &Sin, &Sinh, &Tan];
        for operation in operations {
            check_gradient(operation, &small);
        }
        check_gradient(&Acosh, &[numbers(&[2, 3], 2) + 2.5]);
    }

    #[test]
    fn each_is_the_inverse_of_another() {
        let pairs: [(&dyn Operation<f64>, &dyn Operation<f64>, f64); 6] = [
            (&Sin, &Asin, 0.0),
            (&Cos, &Acos, 1.5),
            (&Tan, &Atan, 0.0),
            (&Sinh, &Asinh, 0.0),
            (&Cosh, &Acosh, 1.5),
            (&Atanh, &crate::operations::Tanh, 0.0),
        ];
        for (function, inverse, shift) in pairs {
            let x = numbers(&[7], 3) * 0.9 + shift;
            let back = forward(inverse, &[forward(function, std::slice::from_ref(&x))]);
            assert_close(back.view(), x.view(), function.kind());
        }
    }
}
