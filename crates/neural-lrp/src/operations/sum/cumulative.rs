//! Running sums along an axis.

use ndarray::{ArrayD, ArrayViewD};

use crate::arrays::axes::{axis_of, position};
use crate::arrays::groups::Groups;
use crate::operation::{Family, Operation, OperatorSpec, ParsedOperation, Step};
use crate::{Error, Real};

/// `y_j = Σ_{i ≤ j} x_i` along an axis: of those before each number and itself, or without itself; or of those behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CumulativeSum {
    axis: i64,
    own: Own,
    direction: Direction,
}

/// Whether a number is part of the sum at its own place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Own {
    Counts,
    IsLeftOut,
}

/// Where the sums begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    FromFirst,
    FromLast,
}

impl CumulativeSum {
    fn run<F: Real>(&self, x: &ArrayViewD<'_, F>, direction: Direction) -> ArrayD<F> {
        let axis = axis_of(self.axis, x.shape()).unwrap_or_else(|_| unreachable!("output_shape agreed"));
        Groups::over(&[axis], x.shape()).map([x.view()], |_, [x], y| {
            let mut sum = F::zero();
            let mut add = |(y, &x): (&mut F, &F)| {
                let with = sum + x;
                *y = if self.own == Own::Counts { with } else { sum };
                sum = with;
            };
            match direction {
                Direction::FromFirst => y.iter_mut().zip(x).for_each(&mut add),
                Direction::FromLast => y.iter_mut().zip(x).rev().for_each(&mut add),
            }
        })
    }
}

impl<F: Real> Operation<F> for CumulativeSum {
    fn to_spec(&self) -> OperatorSpec<F> {
        OperatorSpec::new("CumSum", 1)
            .with_integer("exclusive", i64::from(self.own == Own::IsLeftOut))
            .with_integer("reverse", i64::from(self.direction == Direction::FromLast))
            .with_constant_integers([self.axis])
    }

    fn kind(&self) -> &'static str {
        "CumSum"
    }

    fn family(&self) -> Family {
        Family::Sum
    }

    fn keeps_samples_apart(&self, operands: &[&[usize]]) -> bool {
        operands.iter().all(|shape| position(self.axis, shape.len()) != Some(0))
    }

    fn takes_empty_operands(&self) -> bool {
        true
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        let [shape] = operands else { return Err(Error::shape(operands, "it takes one")) };
        axis_of(self.axis, shape).map(|_| shape.to_vec())
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        self.run(&operands[0], self.direction)
    }

    fn gradient(&self, _: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        let back = match self.direction {
            Direction::FromFirst => Direction::FromLast,
            Direction::FromLast => Direction::FromFirst,
        };
        vec![self.run(&upper, back)]
    }
}

/// Reads the operation from its specification.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let axis = match spec.constant_integers(1, "axis")?.as_deref() {
        Some(&[axis]) => axis,
        Some(several) => return Err(spec.refuse("axis", format!("{several:?}"), "one axis")),
        None => return Err(Error::MissingInput { kind: spec.kind.clone(), input: "axis" }),
    };
    let own = if spec.integer("exclusive", 0)? != 0 { Own::IsLeftOut } else { Own::Counts };
    let direction = if spec.integer("reverse", 0)? != 0 { Direction::FromLast } else { Direction::FromFirst };
    Ok(ParsedOperation::new(CumulativeSum { axis, own, direction }, vec![0]))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::operations::testing::{check_gradient, forward, numbers};

    #[test]
    fn sums_run_either_way_with_and_without_their_own_place() {
        let x = [array![[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]].into_dyn()];
        let of = |axis, own, direction| forward(&CumulativeSum { axis, own, direction }, &x);
        let (first, last) = (Direction::FromFirst, Direction::FromLast);
        assert_eq!(of(-1, Own::Counts, first), array![[1.0, 3.0, 7.0], [8.0, 24.0, 56.0]].into_dyn());
        assert_eq!(of(1, Own::IsLeftOut, first), array![[0.0, 1.0, 3.0], [0.0, 8.0, 24.0]].into_dyn());
        assert_eq!(of(1, Own::Counts, last), array![[7.0, 6.0, 4.0], [56.0, 48.0, 32.0]].into_dyn());
        assert_eq!(of(0, Own::IsLeftOut, last), array![[8.0, 16.0, 32.0], [0.0, 0.0, 0.0]].into_dyn());
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        for axis in 0..3 {
            for own in [Own::Counts, Own::IsLeftOut] {
                for direction in [Direction::FromFirst, Direction::FromLast] {
                    let sum = CumulativeSum { axis, own, direction };
                    check_gradient(&sum, &[numbers(&[2, 3, 4], 1)]);
                    let spec: OperatorSpec<f64> = sum.to_spec();
                    assert_eq!(read(&spec).unwrap().operation.to_spec(), spec);
                }
            }
        }
    }

    #[test]
    fn there_is_one_axis() {
        let spec = OperatorSpec::<f64>::new("CumSum", 1);
        assert!(matches!(read(&spec), Err(Error::MissingInput { .. })));
        assert!(read(&spec.clone().with_constant_integers([0, 1])).is_err());
        let beyond = read(&spec.with_constant_integers([2])).unwrap().operation;
        assert!(beyond.output_shape(&[&[2, 3]]).is_err());
    }
}
