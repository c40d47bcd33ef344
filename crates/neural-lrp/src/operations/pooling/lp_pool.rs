//! Pooling by the p-norm, over windows or whole planes.

use ndarray::{ArrayD, ArrayViewD};

use crate::operation::OperatorSpec;
use crate::operation::{Accepts, Family, Operation, ParsedOperation, Step};
use crate::operations::pooling::pooled::Pooled;
use crate::operations::window::Window;
use crate::{Error, Real};

/// `y_j = ( Σ_{i∈window(j)} |x_i|^p )^{1/p}`
///
/// Padding adds nothing. Where all of a window is zero, so is the derivative here.
#[derive(Clone, Debug)]
pub struct LpPool {
    pooled: Pooled,
    p: i32,
}

impl LpPool {
    /// The p-norm of each window, p ≥ 1.
    ///
    /// # Errors
    /// [`Error::Attribute`] for a smaller p, for what is no window, and for one that can lie in the padding alone.
    pub fn new(window: Window, p: i32) -> Result<Self, Error> {
        Self { pooled: Pooled::window("LpPool", window)?, p }.checked()
    }

    /// The p-norm of each plane, p ≥ 1.
    ///
    /// # Errors
    /// [`Error::Attribute`] for a smaller p.
    pub fn global(p: i32) -> Result<Self, Error> {
        Self { pooled: Pooled::Planes, p }.checked()
    }

    fn checked(self) -> Result<Self, Error> {
        if self.p >= 1 {
            return Ok(self);
        }
        Err(Error::attribute(self.pooled.kind("LpPool", "GlobalLpPool"), "p", self.p.to_string(), "at least 1"))
    }
}

impl<F: Real> Operation<F> for LpPool {
    fn to_spec(&self) -> OperatorSpec<F> {
        self.pooled.spec("LpPool", "GlobalLpPool").with_integer("p", i64::from(self.p))
    }

    fn kind(&self) -> &'static str {
        self.pooled.kind("LpPool", "GlobalLpPool")
    }

    fn family(&self) -> Family {
        Family::Sum
    }

    fn keeps_samples_apart(&self, _: &[&[usize]]) -> bool {
        true
    }

    fn accepts(&self) -> Accepts {
        self.pooled.accepts()
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        self.pooled.output_shape(operands)
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        let windows = self.pooled.over(&operands[0]);
        let root = F::one() / F::of(f64::from(self.p));
        windows.pool(&operands[0], |input, output| {
            windows.fold(input, output, |x| x.abs().powi(self.p), |sum, power| sum + power);
            output.iter_mut().for_each(|sum| *sum = sum.powf(root));
        })
    }

    /// `∂y_j/∂x_i = sign(x_i) |x_i|^{p−1} / y_j^{p−1}`
    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        let input = &step.operands[0];
        let windows = self.pooled.over(input);
        let message = |(&upper, &y): (&F, &F)| if y.is_zero() { F::zero() } else { upper / y.powi(self.p - 1) };
        let sources = [input.view(), step.output.view(), upper.view()];
        vec![windows.fill(sources, |_, [input, output, upper], lower| {
            let messages: Vec<F> = upper.iter().zip(output).map(message).collect();
            windows.spread(&messages, lower);
            for (lower, &x) in lower.iter_mut().zip(input) {
                let slope = if x.is_zero() { F::zero() } else { x.signum() * x.abs().powi(self.p - 1) };
                *lower *= slope;
            }
        })]
    }

    fn channel_axis(&self, _: usize) -> Option<usize> {
        Some(1)
    }

    fn description(&self) -> String {
        let window = self.pooled.description();
        if window.is_empty() { format!("p = {}", self.p) } else { format!("{window}, p = {}", self.p) }
    }
}

/// Reads the pooling of windows from its specification.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(LpPool::new(Pooled::read(spec)?, exponent(spec)?)?, vec![0]))
}

/// Reads the pooling of whole planes from its specification.
pub(crate) fn read_global<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(LpPool::global(exponent(spec)?)?, vec![0]))
}

fn exponent<F: Real>(spec: &OperatorSpec<F>) -> Result<i32, Error> {
    let p = spec.integer("p", 2)?;
    i32::try_from(p).map_err(|_| spec.refuse("p", p.to_string(), "a small whole number"))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::operations::Padding;
    use crate::operations::testing::{check_gradient, forward, numbers, step};

    fn padded(p: i32) -> LpPool {
        let padding = Padding::Explicit { before: vec![1, 0], after: vec![0, 1] };
        LpPool::new(Window::new([3, 2]).strides([2, 1]).padding(padding), p).unwrap()
    }

    #[test]
    fn the_norm_of_three_and_four_is_five() {
        let pool = LpPool::new(Window::new([2]), 2).unwrap();
        let output = forward(&pool, &[array![[[3.0, -4.0, 0.0, 0.0]]].into_dyn()]);
        assert_eq!(output, array![[[5.0, 4.0, 0.0]]].into_dyn());
    }

    #[test]
    fn the_gradient_is_right_for_every_norm() {
        for p in [1, 2, 3, 4] {
            check_gradient(&padded(p), &[numbers(&[2, 2, 5, 4], 9)]);
            check_gradient(&LpPool::global(p).unwrap(), &[numbers(&[1, 2, 3, 3, 2], 10)]);
        }
    }

    #[test]
    fn windows_of_zeros_have_no_gradient() {
        let input = [ArrayD::zeros(vec![1, 1, 5, 4])];
        for p in [1, 2, 3] {
            let output = forward(&padded(p), &input);
            let upper = numbers(output.shape(), 2);
            assert!(padded(p).gradient(&step(&input, &output), upper.view())[0].iter().all(|&slope| slope == 0.0));
        }
    }

    #[test]
    fn norms_below_one_are_refused() {
        assert!(LpPool::global(0).unwrap_err().to_string().contains("GlobalLpPool takes no p of 0"));
        let huge = OperatorSpec::<f64>::new("GlobalLpPool", 1).with_integer("p", i64::MAX);
        assert!(read_global(&huge).is_err());
    }
}
