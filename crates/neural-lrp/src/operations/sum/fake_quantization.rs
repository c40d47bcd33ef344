//! Numbers that are brought onto a grid of few bits and back at once: they are rounded.

use std::sync::Arc;

use ndarray::{ArrayD, ArrayViewD, Zip};
use relevance::{Amount, Sink, Stabilizer};

use crate::arrays::broadcast::{broadcasts, combine};
use crate::operation::{Family, Input, Operation, OperatorSpec, ParsedOperation, Redistribution, Step};
use crate::operations::activation::quantization::Quantization;
use crate::operations::activation::rounding::half_to_even;
use crate::{Error, Real};

/// The number of steps between the smallest number and the largest of a grid that numbers span.
const STEPS: f64 = 255.0;

/// QuantizeLinear followed by DequantizeLinear: `y = (q − z) · s` of `q = round(x / s) + z`, within what a type holds.
///
/// Without a scale, all numbers of the operand, and 0, span a grid of 8 bits, as DynamicQuantizeLinear has it:
///
/// ```text
/// s = (max(x, 0) − min(x, 0)) / 255      z = round(−min(x, 0) / s)
/// ```
///
/// With an offset b, what is rounded is `x − b`, and b comes back: a layer's product on a grid, before the bias.
///
/// What comes out is the sum of a number and the error of its rounding, and relevance is shared by these contributions
/// (Eq. 63), where the number is not cut off at the grid's ends:
///
/// ```text
/// R_x = x / y · R_y        R_error = (y − x) / y · R_y
/// ```
///
/// The error's share is a sink of its own. If relevance passed whole, the layer before would share out `y` in proportions of
/// `x`, which are wild where that is near 0. What is rounded to 0 keeps what it gets.
///
/// The derivative is that of the numbers themselves, as for [`Quantization`].
#[derive(Clone, Debug)]
pub struct FakeQuantization<F> {
    grid: Grid<F>,
    offset: Option<Arc<ArrayD<F>>>,
}

#[derive(Clone, Debug)]
enum Grid<F> {
    Given(Box<BothWays<F>>),
    Spanned,
}

#[derive(Clone, Debug)]
struct BothWays<F> {
    onto: Quantization<F>,
    back: Quantization<F>,
}

impl<F: Real> FakeQuantization<F> {
    /// The numbers that are rounded.
    fn without_offset(&self, operand: &ArrayViewD<'_, F>) -> ArrayD<F> {
        match &self.offset {
            Some(offset) => combine(operand, &offset.view(), |x, offset| x - offset),
            None => operand.to_owned(),
        }
    }
}

impl<F: Real> Operation<F> for FakeQuantization<F> {
    fn to_spec(&self) -> OperatorSpec<F> {
        let mut spec = match &self.grid {
            Grid::Given(ways) => OperatorSpec { kind: self.kind().to_owned(), ..ways.onto.to_spec() },
            Grid::Spanned => OperatorSpec::new(self.kind(), 1),
        };
        if let Some(offset) = &self.offset {
            spec.inputs.resize(3, Input::Absent);
            spec = spec.with_constant(Arc::clone(offset));
        }
        spec
    }

    fn kind(&self) -> &'static str {
        "FakeQuantize"
    }

    fn family(&self) -> Family {
        Family::Sum
    }

    fn takes_empty_operands(&self) -> bool {
        true
    }

    fn is_quantization(&self) -> bool {
        true
    }

    fn keeps_samples_apart(&self, operands: &[&[usize]]) -> bool {
        let has_row = |shape: &&[usize]| self.offset.as_ref().is_none_or(|offset| offset.ndim() < shape.len());
        match &self.grid {
            Grid::Given(ways) => ways.onto.keeps_samples_apart(operands) && operands.iter().all(has_row),
            Grid::Spanned => false,
        }
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        let [shape] = operands else { return Err(Error::shape(operands, "it takes one")) };
        if let Grid::Given(ways) = &self.grid {
            ways.onto.output_shape(operands)?;
        }
        match self.offset.as_ref().is_none_or(|offset| broadcasts(offset.shape(), shape)) {
            true => Ok(shape.to_vec()),
            false => Err(Error::shape(operands, "its offset does not fit")),
        }
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        let exact = self.without_offset(&operands[0]);
        let rounded = match &self.grid {
            Grid::Given(ways) => ways.back.forward(&[ways.onto.forward(&[exact.view()]).view()]),
            Grid::Spanned => on_spanned_grid(&exact.view()),
        };
        match &self.offset {
            Some(offset) => combine(&rounded.view(), &offset.view(), |y, offset| y + offset),
            None => rounded,
        }
    }

    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        let Grid::Given(ways) = &self.grid else { return vec![upper.to_owned()] };
        let exact = self.without_offset(&step.operands[0]);
        let step = Step { operands: vec![exact.view()], output: step.output.view() };
        let upper = ways.back.gradient(&step, upper).swap_remove(0);
        ways.onto.gradient(&step, upper.view())
    }

    fn by_contributions(
        &self,
        step: &Step<'_, F>,
        upper: ArrayViewD<'_, F>,
        stabilizer: Stabilizer,
    ) -> Option<Redistribution<F>> {
        let ones = ArrayD::ones(upper.raw_dim());
        let is_within = self.gradient(step, ones.view()).swap_remove(0);
        let mut shares = upper.to_owned();
        Zip::from(&mut shares).and(&step.output).and(&is_within).for_each(|share, &y, &is_within| {
            let is_shared = y != F::zero() && is_within != F::zero();
            *share = if is_shared { *share / stabilizer.stabilize(y) } else { F::zero() };
        });
        let lower = Zip::from(&upper).and(&shares).and(&step.operands[0]).map_collect(|&relevance, &share, &x| {
            // Where nothing is shared, all passes.
            if share == F::zero() { relevance } else { x * share }
        });
        let operands = step.operands[0].iter().zip(&step.output).zip(&shares);
        let error: Amount = operands.map(|((&x, &y), &share)| ((y - x) * share).as_()).collect();
        let addition = |(&y, &share): (&F, &F)| (stabilizer.addition(y) * share).as_();
        let stabilized: Amount = step.output.iter().zip(&shares).map(addition).collect();
        Some(Redistribution::with_sinks(vec![lower], [(Sink::Rounding, error), (Sink::Stabilizer, stabilized)]))
    }

    fn along_operands(&self, step: &Step<'_, F>) -> ArrayD<F> {
        self.gradient(step, step.operands[0].view()).swap_remove(0)
    }

    fn description(&self) -> String {
        match &self.grid {
            Grid::Given(ways) => ways.onto.description(),
            Grid::Spanned => "8 bits, by its own range".to_owned(),
        }
    }
}

/// Numbers on the grid that they span themselves.
fn on_spanned_grid<F: Real>(numbers: &ArrayViewD<'_, F>) -> ArrayD<F> {
    let largest = numbers.iter().fold(F::zero(), |largest: F, &x| largest.max(x));
    let least = numbers.iter().fold(F::zero(), |least: F, &x| least.min(x));
    let scale = match (largest - least) / F::of(STEPS) {
        scale if scale == F::zero() => F::one(),
        scale => scale,
    };
    let zero = half_to_even((-least / scale).min(F::of(STEPS)));
    numbers.mapv(|x| {
        let quantized = half_to_even(x / scale) + zero;
        let kept = if quantized.is_nan() { quantized } else { quantized.max(F::zero()).min(F::of(STEPS)) };
        (kept - zero) * scale
    })
}

/// Reads the operation from its specification.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let offset = spec.constant(3, "offset")?;
    let grid = match spec.has_input(1) {
        true => Grid::Given(Box::new(BothWays { onto: Quantization::onto(spec)?, back: Quantization::back(spec)? })),
        false => Grid::Spanned,
    };
    Ok(ParsedOperation::new(FakeQuantization { grid, offset }, vec![0]))
}

#[cfg(test)]
mod tests {
    use ndarray::{arr0, array};

    use super::*;
    use crate::operations::read as read_any;
    use crate::operations::testing::{forward, numbers};

    fn spanned() -> FakeQuantization<f64> {
        FakeQuantization { grid: Grid::Spanned, offset: None }
    }

    fn given() -> OperatorSpec<f64> {
        OperatorSpec::new("FakeQuantize", 1).with_constant(Arc::new(arr0(0.5).into_dyn())).with_constant_integers([10])
    }

    #[test]
    fn numbers_and_zero_span_the_grid() {
        let x = array![0.0, 2.0, -3.0, -2.4, 1.34, 0.5].into_dyn();
        let scale = 5.0 / 255.0;
        let expected = [153.0, 255.0, 0.0, 31.0, 221.0, 179.0].map(|quantized| (quantized - 153.0) * scale);
        for (found, expected) in forward(&spanned(), std::slice::from_ref(&x)).iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} instead of {expected}");
        }
        let positive = array![255.0, 100.4].into_dyn();
        assert_eq!(forward(&spanned(), &[positive]), array![255.0, 100.0].into_dyn());
        let zeros = array![0.0, 0.0].into_dyn();
        assert_eq!(forward(&spanned(), std::slice::from_ref(&zeros)), zeros);
    }

    #[test]
    fn a_given_grid_is_both_ways_one_after_the_other() {
        let operation = read_any(&given()).unwrap().operation;
        let [onto, back] = ["QuantizeLinear", "DequantizeLinear"]
            .map(|kind| read_any(&OperatorSpec { kind: kind.to_owned(), ..given() }).unwrap().operation);
        let x = [numbers(&[3, 4], 1) * 100.0];
        assert_eq!(forward(&*operation, &x), forward(&*back, &[forward(&*onto, &x)]));
        let with_offset = OperatorSpec { inputs: given().inputs, ..given() }
            .with_constant(Arc::new(array![0.2, 0.1, 0.0, -7.0].into_dyn()));
        let operation = read_any(&with_offset).unwrap().operation;
        let y = forward(&*operation, &[array![[0.2, 0.3, 0.3, 0.0], [0.44, 0.4, 500.0, 0.2]].into_dyn()]);
        let expected = array![[0.2, 0.1, 0.5, 0.0], [0.2, 0.6, 122.5, 0.0]].into_dyn();
        assert!((&y - &expected).iter().all(|difference: &f64| difference.abs() < 1e-12), "{y}");
        assert!(operation.keeps_samples_apart(&[&[2, 4]]) && operation.output_shape(&[&[2, 3]]).is_err());
        assert_eq!([operation.description(), spanned().description()], ["8 bits", "8 bits, by its own range"]);
        for spec in [given(), with_offset, OperatorSpec::new("FakeQuantize", 1)] {
            let operation = read_any(&spec).unwrap().operation;
            assert_eq!(read_any(&operation.to_spec()).unwrap().operation.to_spec(), operation.to_spec());
        }
    }

    #[test]
    fn the_error_of_rounding_has_its_share() {
        let operation = read_any(&given()).unwrap().operation;
        let x = array![0.7, 0.2, -0.6, 500.0, -9.0, 1.0].into_dyn();
        let output = forward(&*operation, std::slice::from_ref(&x));
        assert_eq!(output, array![0.5, 0.0, -0.5, 122.5, -5.0, 1.0].into_dyn());
        let step = Step { operands: vec![x.view()], output: output.view() };
        let upper = array![1.0, 1.0, 2.0, 3.0, 4.0, 5.0].into_dyn();
        let shared = operation.by_contributions(&step, upper.view(), Stabilizer::NONE).unwrap();
        let expected = array![1.4, 1.0, 2.4, 3.0, 4.0, 5.0].into_dyn();
        assert!((&shared.lower[0] - &expected).iter().all(|difference: &f64| difference.abs() < 1e-12), "{shared:?}");
        let [(Sink::Rounding, lost)] = shared.sinks.as_deref().unwrap() else { panic!("{shared:?}") };
        assert!((lost.total + 0.8).abs() < 1e-12, "{lost:?}");
    }

    #[test]
    fn what_goes_back_passes_within_the_bounds() {
        let x = array![1.0, -2.0, 0.3].into_dyn();
        let output = forward(&spanned(), std::slice::from_ref(&x));
        let step = Step { operands: vec![x.view()], output: output.view() };
        assert_eq!(spanned().gradient(&step, x.view()), std::slice::from_ref(&x));
        assert_eq!(spanned().along_operands(&step), x);
        let operation = read_any(&given()).unwrap().operation;
        let x = array![-6.0, -4.9, 122.5, 123.0].into_dyn();
        let output = forward(&*operation, std::slice::from_ref(&x));
        let step = Step { operands: vec![x.view()], output: output.view() };
        assert_eq!(operation.gradient(&step, x.view()), [array![0.0, -4.9, 122.5, 0.0].into_dyn()]);
    }
}
