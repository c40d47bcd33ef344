//! Tensors side by side.

use ndarray::{ArrayD, ArrayViewD};
use rayon::prelude::*;

use crate::arrays::axes::position;
use crate::arrays::map::WORTH_THREADS;
use crate::arrays::order::Order;
use crate::operation::OperatorSpec;
use crate::operation::{Accepts, Family, Operation, ParsedOperation, Step};
use crate::{Error, Real};

/// The operands one after the other along an axis.
#[derive(Clone, Copy, Debug)]
pub struct Concat {
    /// The axis; counted from behind where negative.
    pub axis: i64,
    /// How many operands there are.
    pub operands: usize,
}

impl Concat {
    /// The numbers of one operand for each position along the axes that memory has before the one of concatenation.
    fn row(&self, order: Order, shape: &[usize]) -> usize {
        let axis = position(self.axis, shape.len()).unwrap_or_else(|| unreachable!("output_shape found the axis"));
        order.axes_from(axis, shape.len()).map(|axis| shape[axis]).product()
    }
}

impl<F: Real> Operation<F> for Concat {
    fn to_spec(&self) -> OperatorSpec<F> {
        OperatorSpec::new("Concat", self.operands).with_integer("axis", self.axis)
    }

    fn kind(&self) -> &'static str {
        "Concat"
    }

    fn family(&self) -> Family {
        Family::Arrangement
    }

    fn keeps_samples_apart(&self, _: &[&[usize]]) -> bool {
        true
    }

    fn accepts(&self) -> Accepts {
        Accepts::AnyOrder
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        let wrong = |reason: String| Error::shape(operands, reason);
        let (first, others) = match operands {
            [first, others @ ..] if operands.len() == self.operands => (first, others),
            _ => return Err(wrong(format!("it takes {}", self.operands))),
        };
        let axis = position(self.axis, first.len())
            .ok_or_else(|| wrong(format!("axis {} is none of the {} axes", self.axis, first.len())))?;
        let mut output = first.to_vec();
        for shape in others {
            let fits = shape.len() == first.len() && (0..first.len()).all(|k| k == axis || shape[k] == first[k]);
            let length = if fits { output[axis].checked_add(shape[axis]) } else { None };
            output[axis] = length.ok_or_else(|| wrong(format!("all but the lengths of axis {axis} must agree")))?;
        }
        Ok(output)
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        let shapes: Vec<&[usize]> = operands.iter().map(ArrayViewD::shape).collect();
        let shape = Operation::<F>::output_shape(self, &shapes).unwrap_or_else(|_| unreachable!("it has agreed"));
        let order = Order::common(operands);
        let part = |operand| (order.numbers(operand), self.row(order, operand.shape()));
        let parts: Vec<_> = operands.iter().map(part).collect();
        let row = self.row(order, &shape);
        let mut output = F::zeros(shape.iter().product());
        let rows = output.par_chunks_mut(row.max(1));
        rows.with_min_len(WORTH_THREADS.div_ceil(row.max(1))).enumerate().for_each(|(index, output)| {
            let mut rest = output;
            for &(ref numbers, length) in &parts {
                let (here, after) = rest.split_at_mut(length);
                here.copy_from_slice(&numbers[index * length..][..length]);
                rest = after;
            }
        });
        order.array(&shape, output)
    }

    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        let order = Order::common([&upper]);
        let row = self.row(order, upper.shape()).max(1);
        let numbers = order.numbers(&upper);
        let mut start = 0;
        let part = |operand: &ArrayViewD<'_, F>| {
            let length = self.row(order, operand.shape());
            let mut lower = F::zeros(operand.len());
            for (lower, upper) in lower.chunks_mut(length.max(1)).zip(numbers.chunks(row)) {
                lower.copy_from_slice(&upper[start..start + length]);
            }
            start += length;
            order.array(operand.shape(), lower)
        };
        step.operands.iter().map(part).collect()
    }

    fn description(&self) -> String {
        format!("{} along axis {}", self.operands, self.axis)
    }
}

/// Reads the operation from its specification.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    spec.constants_are_numbers(1..=usize::MAX)?;
    let operands = spec.inputs.len();
    if !spec.attributes.contains_key("axis") {
        return Err(spec.refuse("axis", "nothing", "an axis: it has no default"));
    }
    let concat = Concat { axis: spec.integer("axis", 0)?, operands };
    Ok(ParsedOperation::new(concat, (0..operands).collect()))
}

#[cfg(test)]
mod tests {
    use ndarray::{Axis, concatenate};

    use super::*;
    use crate::operations::testing::{check_gradient, forward, numbers};

    #[test]
    fn rows_agree_with_ndarray() {
        for (axis, shapes) in [
            (0, [[2, 3, 4], [1, 3, 4], [3, 3, 4]]),
            (1, [[2, 3, 4], [2, 1, 4], [2, 5, 4]]),
            (-1, [[2, 3, 4], [2, 3, 1], [2, 3, 0]]),
        ] {
            let operands: Vec<ArrayD<f64>> = (0u64..).zip(shapes).map(|(seed, shape)| numbers(&shape, seed)).collect();
            let concat = Concat { axis, operands: 3 };
            let views: Vec<_> = operands.iter().map(ArrayD::view).collect();
            let place = Axis(usize::try_from(axis).unwrap_or(2));
            assert_eq!(forward(&concat, &operands), concatenate(place, &views).unwrap());
            check_gradient(&concat, &operands);
        }
    }

    #[test]
    fn operands_that_do_not_fit_are_refused() {
        let shape = |axis, operands: &[&[usize]]| {
            Operation::<f64>::output_shape(&Concat { axis, operands: 2 }, operands).map_err(|error| error.to_string())
        };
        assert_eq!(shape(1, &[&[2, 3], &[2, 4]]), Ok(vec![2, 7]));
        assert!(shape(0, &[&[2, 3], &[2, 4]]).unwrap_err().contains("axis 0 must agree"));
        assert!(shape(1, &[&[2, 3], &[2, 4, 1]]).is_err());
        assert!(shape(2, &[&[2, 3], &[2, 4]]).is_err());
        assert!(shape(1, &[&[2, 3]]).is_err());
        assert!(shape(0, &[&[usize::MAX], &[1]]).is_err());
        assert!(read(&OperatorSpec::<f32>::new("Concat", 2)).is_err());
    }
}
