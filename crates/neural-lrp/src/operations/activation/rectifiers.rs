//! Relatives of the rectifier that are made of straight pieces: LeakyRelu, PRelu, Shrink, ThresholdedRelu.

use std::sync::Arc;

use ndarray::{ArrayD, ArrayViewD};

use crate::arrays::broadcast::broadcast_shape;
use crate::arrays::broadcast::combine;
use crate::operation::OperatorSpec;
use crate::operation::{Family, Operation, ParsedOperation, Step};
use crate::operations::activation::elementwise::{Elementwise, activation};
use crate::{Error, Real};

/// `y = x` where x > 0, else `slope · x`; its derivative at 0 is the slope.
#[derive(Clone, Copy, Debug)]
pub struct LeakyRelu {
    /// The slope of the negative half, ONNX's `alpha`.
    pub slope: f64,
}

impl<F: Real> Elementwise<F> for LeakyRelu {
    const KIND: &'static str = "LeakyRelu";

    fn value(&self, x: F) -> F {
        leaky(x, F::of(self.slope))
    }

    fn derivative(&self, x: F, _: F) -> F {
        if x > F::zero() { F::one() } else { F::of(self.slope) }
    }

    fn attributes(&self) -> OperatorSpec<F> {
        OperatorSpec::new("LeakyRelu", 1).with_real("alpha", self.slope)
    }
}

activation!(LeakyRelu);

/// Reads [`LeakyRelu`] from its specification.
pub(crate) fn read_leaky<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(LeakyRelu { slope: spec.real("alpha", 0.01)? }, vec![0]))
}

fn leaky<F: Real>(x: F, slope: F) -> F {
    if x < F::zero() { slope * x } else { x }
}

/// `y = x` where x > threshold, else 0; its derivative at the threshold is 0.
#[derive(Clone, Copy, Debug)]
pub struct ThresholdedRelu {
    /// Where the output jumps, ONNX's `alpha`.
    pub threshold: f64,
}

impl<F: Real> Elementwise<F> for ThresholdedRelu {
    const KIND: &'static str = "ThresholdedRelu";

    fn value(&self, x: F) -> F {
        if x <= F::of(self.threshold) { F::zero() } else { x }
    }

    fn derivative(&self, x: F, _: F) -> F {
        if x > F::of(self.threshold) { F::one() } else { F::zero() }
    }

    fn attributes(&self) -> OperatorSpec<F> {
        OperatorSpec::new("ThresholdedRelu", 1).with_real("alpha", self.threshold)
    }
}

activation!(ThresholdedRelu);

/// Reads [`ThresholdedRelu`] from its specification.
pub(crate) fn read_thresholded<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(ThresholdedRelu { threshold: spec.real("alpha", 1.0)? }, vec![0]))
}

/// `y = x ± bias` beyond ±λ, nearer to 0, and 0 between; its derivative at ±λ is 0.
#[derive(Clone, Copy, Debug)]
pub struct Shrink {
    /// How far 0 reaches, ONNX's `lambd`.
    pub reach: f64,
    /// How much nearer to 0 the others come.
    pub bias: f64,
}

impl<F: Real> Elementwise<F> for Shrink {
    const KIND: &'static str = "Shrink";

    fn value(&self, x: F) -> F {
        let (reach, bias) = (F::of(self.reach), F::of(self.bias));
        if x > reach {
            x - bias
        } else if x < -reach {
            x + bias
        } else if x.is_nan() {
            x
        } else {
            F::zero()
        }
    }

    fn derivative(&self, x: F, _: F) -> F {
        let reach = F::of(self.reach);
        if x > reach || x < -reach { F::one() } else { F::zero() }
    }

    fn attributes(&self) -> OperatorSpec<F> {
        OperatorSpec::new("Shrink", 1).with_real("lambd", self.reach).with_real("bias", self.bias)
    }
}

activation!(Shrink);

/// Reads [`Shrink`] from its specification.
pub(crate) fn read_shrink<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(Shrink { reach: spec.real("lambd", 0.5)?, bias: spec.real("bias", 0.0)? }, vec![0]))
}

/// [`LeakyRelu`] with learned slopes, which broadcast to the operand: one for each channel, as a rule.
#[derive(Clone, Debug)]
pub struct PRelu<F> {
    slopes: Arc<ArrayD<F>>,
}

impl<F: Real> PRelu<F> {
    /// A rectifier with the given slopes.
    pub fn new(slopes: Arc<ArrayD<F>>) -> Self {
        Self { slopes }
    }

    fn times_slope(&self, x: &ArrayViewD<'_, F>, upper: ArrayViewD<'_, F>) -> ArrayD<F> {
        let slopes = combine(x, &self.slopes.view(), |x, slope| if x > F::zero() { F::one() } else { slope });
        slopes * upper
    }
}

impl<F: Real> Operation<F> for PRelu<F> {
    fn to_spec(&self) -> OperatorSpec<F> {
        OperatorSpec::new("PRelu", 1).with_constant(Arc::clone(&self.slopes))
    }

    fn kind(&self) -> &'static str {
        "PRelu"
    }

    fn family(&self) -> Family {
        Family::Activation
    }

    fn keeps_samples_apart(&self, _: &[&[usize]]) -> bool {
        true
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        let slopes = self.slopes.shape();
        match operands {
            [shape] if broadcast_shape(&[shape, slopes]).is_ok_and(|common| common == *shape) => Ok(shape.to_vec()),
            _ => {
                Err(Error::shape(operands, format!("it takes one, to which its slopes of shape {slopes:?} broadcast")))
            }
        }
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        combine(&operands[0], &self.slopes.view(), leaky)
    }

    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        vec![self.times_slope(&step.operands[0], upper)]
    }
}

/// Reads [`PRelu`] from its specification.
pub(crate) fn read_parametric<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(PRelu::new(spec.required_constant(1, "slope")?), vec![0]))
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use ndarray::array;

    use super::*;
    use crate::operations::testing::check_gradient;

    #[test]
    fn slopes_are_those_of_finite_differences() {
        let x = array![[[-2.0, 0.5, 3.0], [-0.25, 1.5, -1.0]]].into_dyn();
        check_gradient(&LeakyRelu { slope: 0.1 }, from_ref(&x));
        check_gradient(&ThresholdedRelu { threshold: 1.0 }, from_ref(&x));
        check_gradient(&Shrink { reach: 0.75, bias: 0.5 }, from_ref(&x));
        check_gradient(&PRelu::new(Arc::new(array![[0.3], [-0.2]].into_dyn())), &[x]);
    }

    #[test]
    fn shrinking_brings_nearer_to_zero() {
        let of = |x: f64| Elementwise::<f64>::value(&Shrink { reach: 1.0, bias: 0.25 }, x);
        assert_eq!([-2.0, -1.0, 0.5, 1.0, 1.5].map(of), [-1.75, 0.0, 0.0, 0.0, 1.25]);
        assert!(of(f64::NAN).is_nan());
    }

    #[test]
    fn a_slope_for_each_channel() {
        let operation = PRelu::new(Arc::new(array![[0.5f32], [2.0]].into_dyn()));
        let x = array![[[-2.0, 1.0], [-3.0, 4.0]]].into_dyn();
        assert_eq!(operation.forward(&[x.view()]), array![[[-1.0, 1.0], [-6.0, 4.0]]].into_dyn());
        assert!(operation.output_shape(&[&[1, 3, 2]]).is_err());
        assert!(operation.output_shape(&[&[2]]).is_err(), "the operand itself must not grow");
    }

    #[test]
    fn what_is_no_number_stays_so() {
        assert!(Elementwise::<f32>::value(&ThresholdedRelu { threshold: 1.0 }, f32::NAN).is_nan());
        assert!(Elementwise::<f64>::value(&LeakyRelu { slope: 0.1 }, f64::NAN).is_nan());
    }
}
