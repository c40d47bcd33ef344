//! What holds of one number: Not, IsNaN, IsInf, and Cast to a truth value.

use ndarray::{ArrayD, ArrayViewD};

use crate::arrays::map::map;
use crate::operation::{Numbers, OperatorSpec, ParsedOperation};
use crate::operations::activation::elementwise::same_shape;
use crate::operations::decision::{Decide, decision, is_true, truth};
use crate::{Error, Real};

/// ONNX's number for its type of truth values.
pub(crate) const BOOL: i64 = 9;

/// Whether something holds of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Test {
    /// It is not true.
    Not,
    /// It is true: anything but 0.
    Truth,
    /// It is no number.
    IsNan,
    /// It is infinite, with one of these signs.
    IsInfinite {
        /// `+∞` counts.
        positive: bool,
        /// `−∞` counts.
        negative: bool,
    },
}

impl Test {
    fn holds<F: Real>(self, x: F) -> bool {
        match self {
            Self::Not => !is_true(x),
            Self::Truth => is_true(x),
            Self::IsNan => x.is_nan(),
            Self::IsInfinite { positive, negative } => {
                (positive && x == F::infinity()) || (negative && x == F::neg_infinity())
            }
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Not => "Not",
            Self::Truth => "Cast",
            Self::IsNan => "IsNaN",
            Self::IsInfinite { .. } => "IsInf",
        }
    }
}

impl<F: Real> Decide<F> for Test {
    fn name(&self) -> &'static str {
        self.kind()
    }

    fn words(&self) -> OperatorSpec<F> {
        let spec = OperatorSpec::new(self.kind(), 1);
        match *self {
            Self::Not | Self::IsNan => spec,
            Self::Truth => spec.with_integer("to", BOOL),
            Self::IsInfinite { positive, negative } => spec
                .with_integer("detect_positive", i64::from(positive))
                .with_integer("detect_negative", i64::from(negative)),
        }
    }

    fn decides(&self) -> Numbers {
        Numbers::Boolean
    }

    fn of(&self, _: usize) -> Numbers {
        if *self == Self::Not { Numbers::Boolean } else { Numbers::Real }
    }

    fn shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        same_shape(operands)
    }

    fn decide(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        map(&operands[0], |x| truth(self.holds(x)))
    }
}

decision!(Test);

/// Reads [`Test::Not`] from its specification.
pub(crate) fn read_not<F: Real>(_: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(Test::Not, vec![0]))
}

/// Reads [`Test::IsNan`] from its specification.
pub(crate) fn read_is_nan<F: Real>(_: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(Test::IsNan, vec![0]))
}

/// Reads [`Test::IsInfinite`] from its specification.
pub(crate) fn read_is_infinite<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let positive = spec.integer("detect_positive", 1)? != 0;
    let negative = spec.integer("detect_negative", 1)? != 0;
    Ok(ParsedOperation::new(Test::IsInfinite { positive, negative }, vec![0]))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::operations::read;
    use crate::operations::testing::{check_gradient, forward, numbers};

    const INFINITE: Test = Test::IsInfinite { positive: true, negative: true };

    #[test]
    fn tests_are_those_of_their_names() {
        let x = [array![0.0, -0.0, 2.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY].into_dyn()];
        let of = |test: Test| forward(&test, &x).into_raw_vec_and_offset().0;
        assert_eq!(of(Test::Not), [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(of(Test::Truth), [0.0, 0.0, 1.0, 1.0, 1.0, 1.0]);
        assert_eq!(of(Test::IsNan), [0.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
        assert_eq!(of(INFINITE), [0.0, 0.0, 0.0, 0.0, 1.0, 1.0]);
        assert_eq!(of(Test::IsInfinite { positive: false, negative: true }), [0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(of(Test::IsInfinite { positive: true, negative: false }), [0.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn they_are_read_as_they_are_worded() {
        for test in
            [Test::Not, Test::Truth, Test::IsNan, INFINITE, Test::IsInfinite { positive: false, negative: true }]
        {
            let spec = Decide::<f64>::words(&test);
            assert_eq!(read(&spec).unwrap().operation.to_spec(), spec);
            check_gradient(&test, &[numbers(&[2, 3], 1)]);
        }
    }
}
