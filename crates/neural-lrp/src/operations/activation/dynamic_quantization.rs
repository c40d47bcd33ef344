//! Numbers on a grid that they themselves span: DynamicQuantizeLinear, and back.

use ndarray::{ArrayD, ArrayViewD};

use crate::operation::{Family, Operation, OperatorSpec, ParsedOperation, Step};
use crate::operations::activation::rounding::half_to_even;
use crate::{Error, Real};

/// The number of steps between the smallest number and the largest.
const STEPS: f64 = 255.0;

/// `y = (q − z) · s`, of `q = round(x / s) + z` in 8 bits, where all numbers of the operand, and 0, span the grid:
///
/// ```text
/// s = (max(x, 0) − min(x, 0)) / 255      z = round(−min(x, 0) / s)
/// ```
///
/// It is ONNX's DynamicQuantizeLinear followed by DequantizeLinear. Numbers are rounded and nothing else: relevance passes
/// (Eq. 63), and the derivative is that of the numbers themselves, as for [`Quantization`](super::Quantization).
#[derive(Clone, Copy, Debug)]
pub struct DynamicQuantization;

impl<F: Real> Operation<F> for DynamicQuantization {
    fn to_spec(&self) -> OperatorSpec<F> {
        OperatorSpec::new("DynamicFakeQuantize", 1)
    }

    fn kind(&self) -> &'static str {
        "DynamicFakeQuantize"
    }

    fn family(&self) -> Family {
        Family::Activation
    }

    fn is_quantization(&self) -> bool {
        true
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        let [shape] = operands else { return Err(Error::shape(operands, "it takes one")) };
        Ok(shape.to_vec())
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        let largest = operands[0].iter().fold(F::zero(), |largest: F, &x| largest.max(x));
        let least = operands[0].iter().fold(F::zero(), |least: F, &x| least.min(x));
        let scale = match (largest - least) / F::of(STEPS) {
            scale if scale == F::zero() => F::one(),
            scale => scale,
        };
        let zero = half_to_even((-least / scale).min(F::of(STEPS)));
        operands[0].mapv(|x| {
            let quantized = half_to_even(x / scale) + zero;
            let kept = if quantized.is_nan() { quantized } else { quantized.max(F::zero()).min(F::of(STEPS)) };
            (kept - zero) * scale
        })
    }

    fn gradient(&self, _: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        vec![upper.to_owned()]
    }

    fn along_operands(&self, step: &Step<'_, F>) -> ArrayD<F> {
        step.operands[0].to_owned()
    }
}

/// Reads the operation from its specification.
pub(crate) fn read<F: Real>(_: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(DynamicQuantization, vec![0]))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::operations::testing::forward;

    #[test]
    fn numbers_and_zero_span_the_grid() {
        let x = array![0.0, 2.0, -3.0, -2.4, 1.34, 0.5].into_dyn();
        let scale = 5.0 / 255.0;
        let expected = [153.0, 255.0, 0.0, 31.0, 221.0, 179.0].map(|quantized| (quantized - 153.0) * scale);
        for (found, expected) in forward(&DynamicQuantization, std::slice::from_ref(&x)).iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} instead of {expected}");
        }
        let positive = array![255.0, 100.4].into_dyn();
        assert_eq!(forward(&DynamicQuantization, &[positive]), array![255.0, 100.0].into_dyn());
        let zeros = array![0.0, 0.0].into_dyn();
        assert_eq!(forward(&DynamicQuantization, std::slice::from_ref(&zeros)), zeros);
    }

    #[test]
    fn what_goes_back_passes() {
        let x = array![1.0, -2.0, 0.3].into_dyn();
        let output = forward(&DynamicQuantization, std::slice::from_ref(&x));
        let step = Step { operands: vec![x.view()], output: output.view() };
        assert_eq!(DynamicQuantization.gradient(&step, x.view()), std::slice::from_ref(&x));
        assert_eq!(DynamicQuantization.along_operands(&step), x);
    }
}
