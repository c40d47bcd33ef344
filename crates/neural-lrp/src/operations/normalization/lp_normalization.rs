//! Division by a norm.

use ndarray::{ArrayD, ArrayViewD};
use relevance::Amount;

use crate::arrays::axes::{axis_of, position};
use crate::arrays::groups::Groups;
use crate::operation::{Family, Normalization, Operation, OperatorSpec, ParsedOperation, Step};
use crate::{Error, Real};

/// `y_i = x_i / ‖x‖` over the numbers along an axis; 0 where the norm is.
///
/// All numbers of a row are divided by the same: relevance passes, as it does through a division by the norm that is
/// written out. What an L2-normalized feature is worth does not depend on how long the others are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LpNormalization {
    /// The axis; counted from the last where negative.
    pub axis: i64,
    /// The norm.
    pub power: Power,
}

/// Which norm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// `Σ_i |x_i|`
    One,
    /// `√(Σ_i x_i²)`
    Two,
}

impl Power {
    /// The norm of a row, which may be a whole image: summed in double precision.
    fn norm<F: Real>(self, row: &[F]) -> F {
        F::of(match self {
            Self::One => row.iter().map(|x| x.as_().abs()).sum(),
            Self::Two => row.iter().map(|x| x.as_() * x.as_()).sum::<f64>().sqrt(),
        })
    }

    /// `∂‖x‖/∂x_i`
    fn slope<F: Real>(self, x: F, norm: F) -> F {
        match self {
            Self::One if x == F::zero() => x,
            Self::One => x.signum(),
            Self::Two => x / norm,
        }
    }
}

impl LpNormalization {
    fn groups(&self, shape: &[usize]) -> Groups {
        let axis = axis_of(self.axis, shape).unwrap_or_else(|_| unreachable!("output_shape agreed"));
        Groups::over(&[axis], shape)
    }

    /// Numbers divided by the norm of their rows of `x`.
    fn divided<F: Real>(&self, x: &ArrayViewD<'_, F>, numbers: &ArrayViewD<'_, F>) -> ArrayD<F> {
        self.groups(x.shape()).map([x.view(), numbers.view()], |_, [x, numbers], divided| {
            let norm = self.power.norm(x);
            if norm != F::zero() {
                divided.iter_mut().zip(numbers).for_each(|(divided, &number)| *divided = number / norm);
            }
        })
    }
}

impl<F: Real> Operation<F> for LpNormalization {
    fn to_spec(&self) -> OperatorSpec<F> {
        let p = if self.power == Power::One { 1 } else { 2 };
        OperatorSpec::new("LpNormalization", 1).with_integer("axis", self.axis).with_integer("p", p)
    }

    fn kind(&self) -> &'static str {
        "LpNormalization"
    }

    fn family(&self) -> Family {
        Family::Normalization
    }

    fn keeps_samples_apart(&self, operands: &[&[usize]]) -> bool {
        operands.iter().all(|shape| position(self.axis, shape.len()) != Some(0))
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        let [shape] = operands else { return Err(Error::shape(operands, "it takes one")) };
        axis_of(self.axis, shape).map(|_| shape.to_vec())
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        self.divided(&operands[0], &operands[0])
    }

    /// `( u_i − ∂‖x‖/∂x_i Σ_k u_k y_k ) / ‖x‖`
    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        let input = &step.operands[0];
        vec![self.groups(input.shape()).map([input.view(), upper.view()], |_, [x, upper], lower| {
            let norm = self.power.norm(x);
            if norm != F::zero() {
                let along = x.iter().zip(upper).map(|(&x, &upper)| x / norm * upper).sum::<F>();
                for ((lower, &x), &upper) in lower.iter_mut().zip(x).zip(upper) {
                    *lower = (upper - self.power.slope(x, norm) * along) / norm;
                }
            }
        })]
    }

    /// Nothing is left of a scaling of the input.
    fn along_operands(&self, step: &Step<'_, F>) -> ArrayD<F> {
        ArrayD::zeros(step.output.raw_dim())
    }

    fn normalization(&self) -> Option<&dyn Normalization<F>> {
        Some(self)
    }

    fn description(&self) -> String {
        format!("along axis {}", self.axis)
    }
}

impl<F: Real> Normalization<F> for LpNormalization {
    /// `s / ‖x‖`
    fn transposed(&self, step: &Step<'_, F>, message: ArrayViewD<'_, F>) -> ArrayD<F> {
        self.divided(&step.operands[0], &message)
    }

    fn absorbed(&self, _: &Step<'_, F>, _: ArrayViewD<'_, F>) -> Amount {
        Amount::default()
    }
}

/// Reads the operation from its specification.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let power = match spec.integer("p", 2)? {
        1 => Power::One,
        2 => Power::Two,
        other => return Err(spec.refuse("p", other.to_string(), "1 or 2")),
    };
    Ok(ParsedOperation::new(LpNormalization { axis: spec.integer("axis", -1)?, power }, vec![0]))
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use relevance::Stabilizer;

    use super::*;
    use crate::operations::testing::{assert_close, check_gradient, forward, numbers, step};
    use crate::rules::{Detached, Rule};

    #[test]
    fn rows_come_to_have_the_norm_one() {
        let x = [array![[3.0, -4.0], [0.0, 0.0]].into_dyn()];
        let of = |axis, power| forward(&LpNormalization { axis, power }, &x);
        assert_eq!(of(-1, Power::Two), array![[0.6, -0.8], [0.0, 0.0]].into_dyn());
        assert_eq!(of(1, Power::One), array![[3.0 / 7.0, -4.0 / 7.0], [0.0, 0.0]].into_dyn());
        assert_eq!(of(0, Power::One), array![[1.0, -1.0], [0.0, 0.0]].into_dyn());
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        for power in [Power::One, Power::Two] {
            for axis in [0, 1, -1] {
                let normalization = LpNormalization { axis, power };
                check_gradient(&normalization, &[numbers(&[2, 3, 4], 1)]);
                let spec: OperatorSpec<f64> = normalization.to_spec();
                assert_eq!(read(&spec).unwrap().operation.to_spec(), spec);
            }
        }
        let zeros = [ArrayD::zeros(vec![1, 3])];
        let normalization = LpNormalization { axis: 1, power: Power::Two };
        let lower = normalization.gradient(&step(&zeros, &zeros[0]), ArrayD::ones(vec![1, 3]).view());
        assert_eq!(lower[0], zeros[0]);
        assert!(read(&OperatorSpec::<f64>::new("LpNormalization", 1).with_integer("p", 3)).is_err());
    }

    #[test]
    fn detached_it_passes_relevance_on() {
        let x = [numbers(&[3, 5], 34)];
        for power in [Power::One, Power::Two] {
            let normalization = LpNormalization { axis: 1, power };
            let (y, upper) = (forward(&normalization, &x), numbers(&[3, 5], 35));
            let rule = Rule::from(Detached { stabilizer: Stabilizer::NONE });
            let shared = rule.redistribute(&normalization, &step(&x, &y), upper.view()).unwrap();
            assert_close(shared.lower[0].view(), upper.view(), "passed on");
        }
    }
}
