//! Sums and differences of tensors.

use ndarray::{ArrayD, ArrayViewD};

use crate::arrays::broadcast::combine;
use crate::arrays::broadcast::{broadcast_shape, sum_to_shape};
use crate::arrays::map::clip;
use crate::arrays::order::Order;
use crate::operation::OperatorSpec;
use crate::operation::affine::number;
use crate::operation::{Accepts, AffineMap, Family, Operation, ParsedOperation, Step};
use crate::{Error, Real};

/// `y = Σ_i ± x_i`, where operands broadcast as in numpy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sum {
    /// `x_1 + x_2`
    Add,
    /// `x_1 − x_2`
    Sub,
    /// `x_1 + x_2 + …`
    Sum {
        /// How many there are.
        operands: usize,
    },
}

impl Sum {
    fn operands(self) -> usize {
        match self {
            Self::Add | Self::Sub => 2,
            Self::Sum { operands } => operands,
        }
    }
}

impl<F: Real> Operation<F> for Sum {
    fn to_spec(&self) -> OperatorSpec<F> {
        OperatorSpec::new(Operation::<F>::kind(self), self.operands())
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Add => "Add",
            Self::Sub => "Sub",
            Self::Sum { .. } => "Sum",
        }
    }

    fn family(&self) -> Family {
        Family::Sum
    }

    fn keeps_samples_apart(&self, _: &[&[usize]]) -> bool {
        true
    }

    fn takes_empty_operands(&self) -> bool {
        true
    }

    fn accepts(&self) -> Accepts {
        Accepts::MovedAxes
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        match operands.len() == self.operands() {
            true => broadcast_shape(operands),
            false => Err(Error::shape(operands, format!("it takes {}", self.operands()))),
        }
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        match (self, operands) {
            (Self::Sub, [first, second]) => combine(first, second, |a, b| a - b),
            (_, [first, second, others @ ..]) => {
                let sum = combine(first, second, |a, b| a + b);
                others.iter().fold(sum, |sum, operand| combine(&sum.view(), operand, |a, b| a + b))
            }
            _ => operands[0].to_owned(),
        }
    }

    fn forward_clipped(&self, operands: &[ArrayViewD<'_, F>], bounds: [F; 2]) -> Option<ArrayD<F>> {
        match (self, operands) {
            (Self::Add, [first, second]) if first.shape() == second.shape() => {
                let order = Order::common(operands);
                let [first, second] = [first, second].map(|operand| order.arrange(operand));
                let sum = combine(&order.axes(first.view()), &order.axes(second.view()), |a, b| clip(a + b, bounds));
                Some(order.axes_back(sum))
            }
            _ => None,
        }
    }

    /// A sum of one tensor and constants; `c − x` turns it over.
    fn affine(&self, constants: &[Option<ArrayViewD<'_, F>>], _: usize) -> Option<AffineMap<F>> {
        match (self, constants) {
            (Self::Sub, [None, Some(less)]) => Some(AffineMap::shifting(less.mapv(|less| -less))),
            (Self::Sub, [Some(from), None]) => Some(AffineMap::new(number(-F::one()), from.to_owned())),
            (Self::Sub, _) => None,
            _ if constants.iter().filter(|constant| constant.is_none()).count() != 1 => None,
            _ => constants
                .iter()
                .flatten()
                .try_fold(number(F::zero()), |sum, constant| {
                    broadcast_shape(&[sum.shape(), constant.shape()]).ok()?;
                    Some(combine(&sum.view(), constant, |a, b| a + b))
                })
                .map(AffineMap::shifting),
        }
    }

    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        let mut lower: Vec<ArrayD<F>> =
            step.operands.iter().map(|operand| sum_to_shape(upper.to_owned(), operand.shape())).collect();
        if let (Self::Sub, [_, second]) = (self, lower.as_mut_slice()) {
            second.mapv_inplace(|upper| -upper);
        }
        lower
    }
}

/// Reads [`Sum::Add`] from its specification.
pub(crate) fn read_add<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    spec.constants_are_numbers(2..=2)?;
    Ok(ParsedOperation::new(Sum::Add, vec![0, 1]))
}

/// Reads [`Sum::Sub`] from its specification.
pub(crate) fn read_sub<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    spec.constants_are_numbers(2..=2)?;
    Ok(ParsedOperation::new(Sum::Sub, vec![0, 1]))
}

/// Reads [`Sum::Sum`] from its specification.
pub(crate) fn read_sum<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    spec.constants_are_numbers(1..=usize::MAX)?;
    let operands = spec.inputs.len();
    Ok(ParsedOperation::new(Sum::Sum { operands }, (0..operands).collect()))
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
        let c = array![2.0].into_dyn();
        check_gradient(&Sum::Add, &[a.clone(), a.clone()]);
        check_gradient(&Sum::Add, &[b.clone(), a.clone()]);
        check_gradient(&Sum::Sub, &[a.clone(), b.clone()]);
        check_gradient(&Sum::Sub, &[b.clone(), a.clone()]);
        check_gradient(&Sum::Sum { operands: 3 }, &[c, a.clone(), b]);
        check_gradient(&Sum::Sum { operands: 1 }, &[a]);
    }

    #[test]
    fn operands_must_broadcast_and_be_as_many_as_announced() {
        let shape = |operation: &dyn Operation<f64>, operands: &[&[usize]]| operation.output_shape(operands);
        assert_eq!(shape(&Sum::Add, &[&[2, 1], &[3]]).unwrap(), [2, 3]);
        assert!(shape(&Sum::Add, &[&[2], &[3]]).is_err());
        assert!(shape(&Sum::Sub, &[&[2]]).unwrap_err().to_string().contains("takes 2"));
    }

    #[test]
    fn inputs_left_out_are_refused() {
        let spec = OperatorSpec::<f64>::new("Add", 1);
        assert!(matches!(read_add(&spec), Err(Error::MissingInput { .. })));
        assert!(matches!(read_add(&spec.with_absent()), Err(Error::MissingInput { .. })));
        let integers = OperatorSpec::<f64>::new("Add", 1).with_constant_integers([1]);
        assert!(matches!(read_add(&integers), Err(Error::Attribute { .. })));
    }
}
