//! One for the largest number.

use ndarray::{ArrayD, ArrayViewD};

use crate::arrays::axes::{axis_of, position};
use crate::arrays::groups::Groups;
use crate::operation::{Numbers, OperatorSpec, ParsedOperation};
use crate::operations::decision::{Decide, decision};
use crate::{Error, Real};

/// 1 at the first of the largest numbers along an axis, 0 elsewhere: what softmax is at its extreme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hardmax {
    /// The axis; counted from the last where negative.
    pub axis: i64,
}

impl<F: Real> Decide<F> for Hardmax {
    fn name(&self) -> &'static str {
        "Hardmax"
    }

    fn words(&self) -> OperatorSpec<F> {
        OperatorSpec::new("Hardmax", 1).with_integer("axis", self.axis)
    }

    /// ONNX takes them for what softmax gives.
    fn decides(&self) -> Numbers {
        Numbers::Real
    }

    fn is_gate(&self) -> bool {
        true
    }

    fn is_squashing(&self) -> bool {
        true
    }

    fn keeps_samples_apart(&self, operands: &[&[usize]]) -> bool {
        operands.iter().all(|shape| position(self.axis, shape.len()) != Some(0))
    }

    fn shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        let [shape] = operands else { return Err(Error::shape(operands, "it takes one")) };
        axis_of(self.axis, shape)?;
        Ok(shape.to_vec())
    }

    fn decide(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        let shape = operands[0].shape();
        let axis = axis_of(self.axis, shape).unwrap_or_else(|_| unreachable!("the shape was agreed to"));
        Groups::over(&[axis], shape).map([operands[0].view()], |_, [x], y| {
            let largest = (1..x.len()).fold(0, |at, next| if x[next] > x[at] { next } else { at });
            if let Some(y) = y.get_mut(largest) {
                *y = F::one();
            }
        })
    }
}

decision!(Hardmax);

/// Reads the operation from its specification.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(Hardmax { axis: spec.integer("axis", -1)? }, vec![0]))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::operation::Operation;
    use crate::operations::testing::{check_gradient, forward, numbers};

    #[test]
    fn the_first_of_the_largest_is_one() {
        let x = [array![[3.0, 1.0, 3.0], [1.0, 2.0, 4.0]].into_dyn()];
        assert_eq!(forward(&Hardmax { axis: -1 }, &x), array![[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]].into_dyn());
        assert_eq!(forward(&Hardmax { axis: 0 }, &x), array![[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]].into_dyn());
        check_gradient(&Hardmax { axis: 1 }, &[numbers(&[2, 3, 2], 1)]);
        assert!(Operation::<f64>::output_shape(&Hardmax { axis: 2 }, &[&[2, 3]]).is_err());
    }
}
