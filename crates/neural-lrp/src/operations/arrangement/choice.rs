//! One of two tensors at each place.

use ndarray::{ArrayD, ArrayViewD, IxDyn, Zip};

use crate::arrays::broadcast::{broadcast_shape, combine, sum_to_shape};
use crate::operation::{Family, Numbers, Operation, OperatorSpec, ParsedOperation, Step};
use crate::operations::decision::is_true;
use crate::{Error, Real};

/// `y = a` where a condition is true, else `b`; operands broadcast as in numpy.
///
/// Relevance goes to the one that was taken. The condition says which, and gets nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Where;

impl<F: Real> Operation<F> for Where {
    fn to_spec(&self) -> OperatorSpec<F> {
        OperatorSpec::new("Where", 3)
    }

    fn kind(&self) -> &'static str {
        "Where"
    }

    fn family(&self) -> Family {
        Family::Arrangement
    }

    fn takes(&self, operand: usize) -> Numbers {
        if operand == 0 { Numbers::Boolean } else { Numbers::Real }
    }

    fn keeps_samples_apart(&self, _: &[&[usize]]) -> bool {
        true
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        match operands.len() {
            3 => broadcast_shape(operands),
            _ => Err(Error::shape(operands, "it takes 3")),
        }
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        let shapes: Vec<&[usize]> = operands.iter().map(ArrayViewD::shape).collect();
        let shape = broadcast_shape(&shapes).unwrap_or_else(|_| unreachable!("output_shape agreed"));
        let whole = |operand: usize| {
            let whole = operands[operand].broadcast(IxDyn(&shape));
            whole.unwrap_or_else(|| unreachable!("output_shape agreed"))
        };
        let mut output = ArrayD::zeros(shape.as_slice());
        Zip::from(&mut output).and(whole(0)).and(whole(1)).and(whole(2)).for_each(|output, &condition, &a, &b| {
            *output = if is_true(condition) { a } else { b };
        });
        output
    }

    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        let condition = &step.operands[0];
        let part = |operand: usize, taken: bool| {
            let part = combine(
                &upper,
                condition,
                |upper, condition| {
                    if is_true(condition) == taken { upper } else { F::zero() }
                },
            );
            sum_to_shape(part, step.operands[operand].shape())
        };
        vec![ArrayD::zeros(condition.raw_dim()), part(1, true), part(2, false)]
    }
}

/// Reads the operation from its specification.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    spec.constants_are_exact(3..=3)?;
    Ok(ParsedOperation::new(Where, vec![0, 1, 2]))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::operations::testing::{check_gradient_of, forward, numbers};

    #[test]
    fn each_place_has_the_number_that_its_condition_says() {
        let condition = array![[1.0, 0.0, f64::NAN], [0.0, -2.0, 0.0]].into_dyn();
        let (a, b) = (array![[1.0], [2.0]].into_dyn(), array![[[10.0, 20.0, 30.0]], [[40.0, 50.0, 60.0]]].into_dyn());
        let y = forward(&Where, &[condition, a, b]);
        let expected = array![[[1.0, 20.0, 1.0], [10.0, 2.0, 30.0]], [[1.0, 50.0, 1.0], [40.0, 2.0, 60.0]]];
        assert_eq!(y, expected.into_dyn());
    }

    #[test]
    fn relevance_goes_to_the_one_that_was_taken() {
        let condition = array![[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]].into_dyn();
        for shapes in [[&[2, 3][..], &[2, 3]], [&[3], &[2, 1]], [&[4, 1, 3], &[]]] {
            let [a, b] = shapes.map(|shape| numbers(shape, shape.len() as u64));
            check_gradient_of(&Where, &[condition.clone(), a, b], &[1, 2]);
        }
        let operands = [condition, numbers(&[2, 3], 1), numbers(&[2, 3], 2)];
        let output = forward(&Where, &operands);
        let step = crate::operations::testing::step(&operands, &output);
        let lower = Where.gradient(&step, array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]].into_dyn().view());
        assert_eq!(lower[0], ArrayD::<f64>::zeros(vec![2, 3]));
        assert_eq!(lower[1], array![[1.0, 0.0, 3.0], [0.0, 5.0, 0.0]].into_dyn());
        assert_eq!(lower[2], array![[0.0, 2.0, 0.0], [4.0, 0.0, 6.0]].into_dyn());
    }
}
