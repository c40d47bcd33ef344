//! Products and quotients of tensors, number by number.

use ndarray::{ArrayD, ArrayViewD};
use relevance::Stabilizer;

use crate::arrays::broadcast::combine;
use crate::arrays::broadcast::{broadcast_shape, sum_to_shape};
use crate::operation::OperatorSpec;
use crate::operation::{Accepts, AffineMap, Product, Signal};
use crate::operation::{Family, Operation, ParsedOperation, Redistribution, Step};
use crate::{Error, Real};

/// A product or a quotient at each place, where operands broadcast as in numpy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Multiplication {
    /// `y = x_1 x_2`
    Mul,
    /// `y = x_1 / x_2`
    Div,
}

impl<F: Real> Operation<F> for Multiplication {
    fn to_spec(&self) -> OperatorSpec<F> {
        OperatorSpec::new(Operation::<F>::kind(self), 2)
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Mul => "Mul",
            Self::Div => "Div",
        }
    }

    fn family(&self) -> Family {
        Family::Product
    }

    fn keeps_samples_apart(&self, _: &[&[usize]]) -> bool {
        true
    }

    fn accepts(&self) -> Accepts {
        Accepts::MovedAxes
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        match operands {
            [_, _] => broadcast_shape(operands),
            _ => Err(Error::shape(operands, "it takes 2")),
        }
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        match self {
            Self::Mul => combine(&operands[0], &operands[1], |a, b| a * b),
            Self::Div => combine(&operands[0], &operands[1], |a, b| a / b),
        }
    }

    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        let (first, second) = (&step.operands[0], &step.operands[1]);
        let (to_first, to_second) = match self {
            Self::Mul => (combine(&upper, second, |u, b| u * b), combine(&upper, first, |u, a| u * a)),
            Self::Div => {
                let to_first = combine(&upper, second, |u, b| u / b);
                let to_second = combine(&to_first.view(), &step.output, |u, y| -u * y);
                (to_first, to_second)
            }
        };
        vec![sum_to_shape(to_first, first.shape()), sum_to_shape(to_second, second.shape())]
    }

    /// `2 y` for a product, which is homogeneous of degree two; 0 for a quotient, of degree zero.
    fn along_operands(&self, step: &Step<'_, F>) -> ArrayD<F> {
        match self {
            Self::Mul => step.output.mapv(|y| y + y),
            Self::Div => ArrayD::zeros(step.output.shape()),
        }
    }

    /// `c x` and `x / c`; `c / x` is none.
    fn affine(&self, constants: &[Option<ArrayViewD<'_, F>>], _: usize) -> Option<AffineMap<F>> {
        match (self, constants) {
            (Self::Mul, [Some(factor), None] | [None, Some(factor)]) => Some(AffineMap::scaling(factor.to_owned())),
            (Self::Div, [None, Some(divisor)]) => Some(AffineMap::scaling(divisor.mapv(F::recip))),
            _ => None,
        }
    }

    fn is_quotient(&self) -> bool {
        *self == Self::Div
    }

    fn product(&self) -> Option<&dyn Product<F>> {
        Some(self)
    }
}

impl<F: Real> Product<F> for Multiplication {
    fn redistribute(
        &self,
        step: &Step<'_, F>,
        upper: ArrayViewD<'_, F>,
        signal: Signal,
        _: Stabilizer,
    ) -> Redistribution<F> {
        let shares = match signal {
            Signal::First => [F::one(), F::zero()],
            Signal::Second => [F::zero(), F::one()],
            Signal::Both => [F::of(0.5), F::of(0.5)],
        };
        let lower = step.operands.iter().zip(shares).map(|(operand, share)| match share == F::zero() {
            true => ArrayD::zeros(operand.shape()),
            false => sum_to_shape(upper.mapv(|upper| share * upper), operand.shape()),
        });
        Redistribution::lossless(lower.collect())
    }
}

/// Reads [`Multiplication::Mul`] from its specification.
pub(crate) fn read_mul<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    spec.constants_are_numbers(2..=2)?;
    Ok(ParsedOperation::new(Multiplication::Mul, vec![0, 1]))
}

/// Reads [`Multiplication::Div`] from its specification.
pub(crate) fn read_div<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    spec.constants_are_numbers(2..=2)?;
    Ok(ParsedOperation::new(Multiplication::Div, vec![0, 1]))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::operations::testing::check_gradient;

    #[test]
    fn gradients_are_those_of_finite_differences() {
        let a = array![[1.0, -2.0, 0.5], [0.25, 3.0, -1.0]].into_dyn();
        let b = array![[0.5], [-1.5]].into_dyn();
        for operation in [Multiplication::Mul, Multiplication::Div] {
            check_gradient(&operation, &[a.clone(), a.mapv(|a| a + 4.0)]);
            check_gradient(&operation, &[a.clone(), b.clone()]);
            check_gradient(&operation, &[b.clone(), a.clone()]);
        }
    }

    #[test]
    fn relevance_goes_to_the_signal() {
        let (a, b) = (array![[1.0, 2.0], [3.0, 4.0]].into_dyn(), array![[5.0], [6.0]].into_dyn());
        let output = Multiplication::Mul.forward(&[a.view(), b.view()]);
        let step = Step { operands: vec![a.view(), b.view()], output: output.view() };
        let upper = array![[1.0, -3.0], [0.5, 0.25]].into_dyn();
        let lower = |signal| Multiplication::Mul.redistribute(&step, upper.view(), signal, Stabilizer::NONE).lower;
        let (nothing, summed) = (array![[0.0], [0.0]].into_dyn(), array![[-2.0], [0.75]].into_dyn());
        assert_eq!(lower(Signal::First), [upper.clone(), nothing]);
        assert_eq!(lower(Signal::Second), [ArrayD::zeros(upper.shape()), summed.clone()]);
        assert_eq!(lower(Signal::Both), [&upper * 0.5, summed * 0.5]);
    }
}
