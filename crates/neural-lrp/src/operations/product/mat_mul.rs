//! The matrix product of two computed tensors, as attention has it.

use std::sync::Arc;

use ndarray::{ArrayD, ArrayViewD, Axis, Ix2};
use relevance::Stabilizer;

use crate::arrays::batches::product;
use crate::arrays::broadcast::{broadcast_shape, sum_to_shape};
use crate::operation::{Constant, Input, OperatorSpec};
use crate::operation::{Family, Operation, ParsedOperation, Redistribution, Step};
use crate::operation::{Product, Signal};
use crate::operations::Dense;
use crate::operations::product::bilinear::{Factor, to_factors};
use crate::operations::product::einsum;
use crate::{Error, Real};

/// `O = A B` over the last two axes; the axes before them broadcast, and a vector counts as a row or a column.
///
/// Relevance goes half to each factor, or all to the one that carries the signal (Achtibat et al. 2024):
///
/// ```text
/// R_A = A ⊙ ( R / stabilize(2 O) ) Bᵀ,     R_B = B ⊙ Aᵀ ( R / stabilize(2 O) )
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatMul;

impl MatMul {
    /// The derivative of a factor: `U Bᵀ` or `Aᵀ U`.
    fn transposed<F: Real>(self, step: &Step<'_, F>, upper: &ArrayViewD<'_, F>, factor: Factor) -> ArrayD<F> {
        let (a, b) = matrices(&step.operands);
        let mut upper = upper.view();
        if step.operands[1].ndim() == 1 {
            upper = upper.insert_axis(Axis(step.output.ndim()));
        }
        if step.operands[0].ndim() == 1 {
            let axis = upper.ndim() - 1;
            upper = upper.insert_axis(Axis(axis));
        }
        let (lower, operand) = match factor {
            Factor::First => (sum_to_shape(product(&upper, &swapped(b.view())), a.shape()), &step.operands[0]),
            Factor::Second => (sum_to_shape(product(&swapped(a.view()), &upper), b.shape()), &step.operands[1]),
        };
        let lower = lower.into_shape_with_order(operand.raw_dim());
        lower.unwrap_or_else(|_| unreachable!("a vector has as many numbers as its row or column"))
    }
}

/// Both operands with at least two axes.
fn matrices<'a, F: Real>(operands: &[ArrayViewD<'a, F>]) -> (ArrayViewD<'a, F>, ArrayViewD<'a, F>) {
    let (a, b) = (operands[0].clone(), operands[1].clone());
    (if a.ndim() == 1 { a.insert_axis(Axis(0)) } else { a }, if b.ndim() == 1 { b.insert_axis(Axis(1)) } else { b })
}

/// The last two axes swapped.
fn swapped<F: Real>(mut array: ArrayViewD<'_, F>) -> ArrayViewD<'_, F> {
    let rank = array.ndim();
    array.swap_axes(rank - 2, rank - 1);
    array
}

impl<F: Real> Product<F> for MatMul {
    fn redistribute(
        &self,
        step: &Step<'_, F>,
        upper: ArrayViewD<'_, F>,
        signal: Signal,
        stabilizer: Stabilizer,
    ) -> Redistribution<F> {
        to_factors(step, upper, signal, stabilizer, |shares, factor| self.transposed(step, shares, factor))
    }
}

impl<F: Real> Operation<F> for MatMul {
    fn to_spec(&self) -> OperatorSpec<F> {
        OperatorSpec::new("MatMul", 2)
    }

    fn kind(&self) -> &'static str {
        "MatMul"
    }

    fn family(&self) -> Family {
        Family::Bilinear
    }

    fn keeps_samples_apart(&self, _: &[&[usize]]) -> bool {
        true
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        let [[batch_a @ .., row], [batch_b @ .., last]] = operands else {
            return Err(Error::shape(operands, "it takes two, of at least one axis each"));
        };
        let (rows, batch_a) = batch_a.split_last().map_or((None, batch_a), |(&rows, batch)| (Some(rows), batch));
        // Of a matrix, the last axis holds the columns and the one before it the inner length; a vector has that alone.
        let (column, columns, batch_b) =
            batch_b.split_last().map_or((last, None, batch_b), |(column, batch)| (column, Some(*last), batch));
        if row != column {
            let reason = format!("each row of the first has {row} numbers, each column of the second {column}");
            return Err(Error::shape(operands, reason));
        }
        let mut shape = broadcast_shape(&[batch_a, batch_b])
            .map_err(|_| Error::shape(operands, "the axes before the last two should be the same, or 1"))?;
        shape.extend(rows.into_iter().chain(columns));
        Ok(shape)
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        let (a, b) = matrices(operands);
        let mut output = product(&a, &b);
        if operands[0].ndim() == 1 {
            let axis = output.ndim() - 2;
            output = output.index_axis_move(Axis(axis), 0);
        }
        if operands[1].ndim() == 1 {
            let axis = output.ndim() - 1;
            output = output.index_axis_move(Axis(axis), 0);
        }
        output
    }

    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        [Factor::First, Factor::Second].map(|factor| self.transposed(step, &upper, factor)).into()
    }

    /// `2 O`: once along each factor.
    fn along_operands(&self, step: &Step<'_, F>) -> ArrayD<F> {
        step.output.mapv(|output| output + output)
    }

    /// `A x` and `x B` for matrices, or batches of them, that are known.
    fn with_weights(&self, constants: &[Option<Arc<ArrayD<F>>>], ranks: &[usize]) -> Option<Arc<dyn Operation<F>>> {
        let matrices = ranks.iter().all(|&rank| rank >= 2);
        let input = |constant: &Option<Arc<ArrayD<F>>>| match constant {
            Some(weights) => Input::Constant(Constant::Real(Arc::clone(weights))),
            None => Input::Tensor,
        };
        let spec = OperatorSpec {
            inputs: constants.iter().map(input).collect(),
            ..OperatorSpec::new("Einsum", 0).with_text("equation", "...mk,...kn->...mn")
        };
        let layer = matrices.then(|| einsum::read(&spec)).and_then(Result::ok)?;
        Some(layer.operation).filter(|operation| operation.linear().is_some())
    }

    fn product(&self) -> Option<&dyn Product<F>> {
        Some(self)
    }
}

/// Reads the operation from its specification: a product with a constant matrix is a [`Dense`] layer.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    if let Some(Input::Constant(Constant::Real(weights))) = spec.inputs.get(1)
        && let Ok(weights) = weights.view().into_dimensionality::<Ix2>()
    {
        return Ok(ParsedOperation::new(Dense::of_columns(weights, None)?, vec![0]));
    }
    Ok(ParsedOperation::new(MatMul, vec![0, 1]))
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use proptest::prelude::*;
    use std::sync::Arc;

    use super::*;
    use crate::operations::testing::{assert_close, booked, check_gradient, forward, numbers, step};

    const SHAPES: [[&[usize]; 2]; 9] = [
        [&[3, 4], &[4, 2]],
        [&[4], &[4]],
        [&[4], &[4, 3]],
        [&[3, 4], &[4]],
        [&[2, 3, 4], &[4]],
        [&[4], &[2, 4, 3]],
        [&[2, 3, 4], &[2, 4, 5]],
        [&[2, 1, 3, 4], &[3, 4, 2]],
        [&[1, 2, 1, 1], &[3, 1, 1, 2]],
    ];

    /// The spec, number by number, over operands of which neither is a vector.
    fn slow_product(a: &ArrayD<f64>, b: &ArrayD<f64>, shape: &[usize]) -> ArrayD<f64> {
        ArrayD::from_shape_fn(shape, |place| {
            let at = |array: &ArrayD<f64>, row: usize, column: usize| {
                let batch = array.ndim() - 2;
                let skipped = shape.len() - array.ndim();
                let mut position: Vec<usize> =
                    (0..batch).map(|axis| place[axis + skipped].min(array.shape()[axis] - 1)).collect();
                position.extend([row, column]);
                array[position.as_slice()]
            };
            let (row, column) = (place[shape.len() - 2], place[shape.len() - 1]);
            (0..a.shape()[a.ndim() - 1]).map(|inner| at(a, row, inner) * at(b, inner, column)).sum()
        })
    }

    #[test]
    fn products_are_those_of_the_definition() {
        for [a, b] in SHAPES.into_iter().filter(|[a, b]| a.len() > 1 && b.len() > 1) {
            let (a, b) = (numbers(a, 51), numbers(b, 52));
            let output = forward(&MatMul, &[a.clone(), b.clone()]);
            assert_close(output.view(), slow_product(&a, &b, output.shape()).view(), "product");
        }
    }

    #[test]
    fn vectors_are_rows_and_columns() {
        let (row, matrix) = (array![1.0, 2.0].into_dyn(), array![[1.0, 0.0, 2.0], [0.0, 1.0, 1.0]].into_dyn());
        assert_eq!(forward(&MatMul, &[row.clone(), matrix.clone()]), array![1.0, 2.0, 4.0].into_dyn());
        let column = array![1.0, 2.0, 3.0].into_dyn();
        assert_eq!(forward(&MatMul, &[matrix, column]), array![7.0, 5.0].into_dyn());
        assert_eq!(forward(&MatMul, &[row.clone(), row]), ndarray::arr0(5.0).into_dyn());
    }

    #[test]
    fn the_gradient_is_right_with_and_without_broadcasting() {
        for [a, b] in SHAPES {
            check_gradient(&MatMul, &[numbers(a, 53), numbers(b, 54)]);
        }
    }

    #[test]
    fn operands_that_do_not_fit_are_refused() {
        let wrong: [&[&[usize]]; 5] =
            [&[&[2, 3], &[2, 3]], &[&[], &[3]], &[&[3]], &[&[2, 3, 4], &[3, 4, 5]], &[&[3], &[4]]];
        for operands in wrong {
            assert!(Operation::<f64>::output_shape(&MatMul, operands).is_err(), "{operands:?}");
        }
    }

    #[test]
    fn each_factor_gets_half() {
        let operands = [array![[3.0]].into_dyn(), array![[-2.0]].into_dyn()];
        let output = forward(&MatMul, &operands);
        let both = MatMul.redistribute(
            &step(&operands, &output),
            array![[12.000_001]].into_dyn().view(),
            Signal::Both,
            Stabilizer::new(1e-6).unwrap(),
        );
        let expected = array![[6.0]].into_dyn(); // stabilize(2 · −6) = −12.000001
        both.lower.iter().for_each(|lower| assert_close(lower.view(), expected.view(), "half"));
    }

    #[test]
    fn a_constant_matrix_makes_a_layer() {
        let weights = Arc::new(numbers(&[3, 2], 55));
        let parsed = read(&OperatorSpec::new("MatMul", 1).with_constant(Arc::clone(&weights))).unwrap();
        assert_eq!((parsed.operation.kind(), parsed.operands), ("Gemm", vec![0]));
        let x = numbers(&[4, 3], 56);
        let expected = forward(&MatMul, &[x.clone(), (*weights).clone()]);
        assert_close(forward(&*parsed.operation, &[x]).view(), expected.view(), "layer");
        let batched = OperatorSpec::new("MatMul", 1).with_constant(Arc::new(numbers(&[2, 3, 2], 55)));
        assert_eq!(read(&batched).unwrap().operands, [0, 1]);
    }

    proptest! {
        #[test]
        fn what_the_factors_do_not_get_is_booked(
            seed in 0u64..1000,
            shapes in prop::sample::select(SHAPES.to_vec()),
            signal in prop::sample::select(vec![Signal::First, Signal::Second, Signal::Both]),
        ) {
            let operands = shapes.map(|shape| numbers(shape, seed + shape.len() as u64));
            let output = forward(&MatMul, &operands);
            let upper = numbers(output.shape(), seed + 7);
            let shared = MatMul.redistribute(&step(&operands, &output), upper.view(), signal, Stabilizer::new(1e-6).unwrap());
            let entry = booked(&upper, shared);
            prop_assert!(entry.relative_error() < 1e-10, "{}", entry.relative_error());
        }
    }
}
