//! Softmax and its logarithm.

use ndarray::{ArrayD, ArrayView1, ArrayViewD, ArrayViewMut1, Axis, Zip};
use relevance::{Amount, Sink, Stabilizer};

use crate::arrays::axes::{axis_of, position};
use crate::arrays::memory::zeros;
use crate::operation::OperatorSpec;
use crate::operation::{Family, Operation, ParsedOperation, Redistribution, Step};
use crate::operations::activation::elementwise::same_shape;
use crate::{Error, Real};

/// `s_i = exp(x_i) / Σ_k exp(x_k)` along one axis.
///
/// Its [`taylor`](Operation::taylor) needs no quotient (Achtibat et al. 2024):
///
/// ```text
/// R_i = x_i ( R_i − s_i Σ_k R_k ),      Taylor residual  Σ_i R_i (1 − x_i) + Σ_i x_i s_i · Σ_k R_k
/// ```
///
/// A masked number, `x_i = −∞`, counts as 0 there: it gets nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Softmax {
    axis: i64,
    fully_masked: FullyMasked,
}

/// What softmax gives along a lane without a finite number: `0 / 0`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FullyMasked {
    /// NaN, as ONNX has it.
    #[default]
    NotANumber,
    /// 0, as exporters of attention have it.
    Zero,
}

/// `y_i = x_i − log Σ_k exp(x_k)` along one axis.
///
/// Where one number takes nearly all of the softmax, its `y_i` is close to 0, and relevance is divided by it. The largest
/// number m is therefore written apart, so that nothing cancels: `y_m = −log(1 + Σ_{k≠m} exp(x_k − x_m))`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSoftmax {
    axis: i64,
}

impl Softmax {
    /// The attribute of a softmax that gives 0 along lanes without a finite number, if it is not 0. ONNX has no such
    /// attribute.
    pub const ZERO_WHERE_FULLY_MASKED: &str = "zero_where_fully_masked";

    /// Softmax along `axis`, counted from the last where it is negative.
    pub fn new(axis: i64) -> Self {
        Self { axis, fully_masked: FullyMasked::default() }
    }

    /// With another value along lanes without a finite number.
    #[must_use]
    pub fn with_fully_masked(self, fully_masked: FullyMasked) -> Self {
        Self { fully_masked, ..self }
    }
}

impl LogSoftmax {
    /// The logarithm of softmax along `axis`, counted from the last where it is negative.
    pub fn new(axis: i64) -> Self {
        Self { axis }
    }
}

/// The shape, unchanged, where there is such an axis.
fn shape_with_axis(axis: i64, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
    let shape = same_shape(operands)?;
    axis_of(axis, &shape)?;
    Ok(shape)
}

/// The axis in a shape that has been agreed upon.
fn agreed(axis: i64, shape: &[usize]) -> Axis {
    Axis(axis_of(axis, shape).unwrap_or_else(|error| unreachable!("output_shape agreed: {error}")))
}

/// Makes each lane along `axis` from the same lanes of two arrays.
fn lanes<F: Real>(
    axis: i64,
    first: &ArrayViewD<'_, F>,
    second: &ArrayViewD<'_, F>,
    fill: impl Fn(ArrayView1<'_, F>, ArrayView1<'_, F>, ArrayViewMut1<'_, F>) + Sync + Send,
) -> ArrayD<F> {
    let mut target = zeros(first.shape());
    let axis = agreed(axis, first.shape());
    let sources = Zip::from(first.lanes(axis)).and(second.lanes(axis));
    sources.and(target.lanes_mut(axis)).par_for_each(fill);
    target
}

/// A number, 0 in the place of −∞.
fn unmasked<F: Real>(x: F) -> F {
    if x == F::neg_infinity() { F::zero() } else { x }
}

fn largest<F: Real>(lane: ArrayView1<'_, F>) -> F {
    lane.fold(F::neg_infinity(), |largest, &x| largest.max(x))
}

/// The first place of the largest number.
fn place_of_largest<F: Real>(lane: ArrayView1<'_, F>) -> usize {
    (1..lane.len()).fold(0, |best, place| if lane[place] > lane[best] { place } else { best })
}

/// The sum over all places but one.
fn sum_without<F: Real>(lane: ArrayView1<'_, F>, left_out: usize) -> F {
    lane.iter().enumerate().filter(|(place, _)| *place != left_out).map(|(_, &x)| x).sum()
}

fn dot<F: Real>(first: ArrayView1<'_, F>, second: ArrayView1<'_, F>) -> F {
    first.iter().zip(second).map(|(&a, &b)| a * b).sum()
}

impl<F: Real> Operation<F> for Softmax {
    fn to_spec(&self) -> OperatorSpec<F> {
        let spec = OperatorSpec::new("Softmax", 1).with_integer("axis", self.axis);
        match self.fully_masked {
            FullyMasked::NotANumber => spec,
            FullyMasked::Zero => spec.with_integer(Self::ZERO_WHERE_FULLY_MASKED, 1),
        }
    }

    fn kind(&self) -> &'static str {
        "Softmax"
    }

    fn family(&self) -> Family {
        Family::Softmax
    }

    fn keeps_samples_apart(&self, operands: &[&[usize]]) -> bool {
        operands.iter().all(|shape| position(self.axis, shape.len()) != Some(0))
    }

    fn is_squashing(&self) -> bool {
        true
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        shape_with_axis(self.axis, operands)
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        lanes(self.axis, &operands[0], &operands[0], |x, _, mut s| {
            let largest = largest(x);
            s.zip_mut_with(&x, |s, &x| *s = (x - largest).exp());
            let sum = s.sum();
            s.mapv_inplace(|s| s / sum);
            if self.fully_masked == FullyMasked::Zero {
                s.mapv_inplace(|s| if s.is_nan() { F::zero() } else { s });
            }
        })
    }

    /// `s_i ( upper_i − Σ_k s_k upper_k )`
    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        vec![lanes(self.axis, &step.output, &upper, |s, upper, lower| {
            let mean = dot(s, upper);
            Zip::from(lower).and(s).and(upper).for_each(|lower, &s, &upper| *lower = s * (upper - mean));
        })]
    }

    /// `s_i ( x_i − Σ_k s_k x_k )`: the Jacobian is symmetric.
    fn along_operands(&self, step: &Step<'_, F>) -> ArrayD<F> {
        self.gradient(step, step.operands[0].mapv(unmasked).view()).remove(0)
    }

    fn taylor(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>, _: Stabilizer) -> Option<Redistribution<F>> {
        let x = step.operands[0].mapv(unmasked);
        let axis = agreed(self.axis, x.shape());
        let total = upper.sum_axis(axis).insert_axis(axis);
        let total = total.broadcast(x.raw_dim()).unwrap_or_else(|| unreachable!("the axis has length 1 in it"));
        let inputs = Zip::from(&x).and(&step.output).and(&upper).and(total);
        let lower = inputs.map_collect(|&x, &s, &relevance, &total| x * (relevance - s * total));
        let mut residual: Amount =
            upper.iter().zip(&x).map(|(relevance, x)| relevance.as_() * (1.0 - x.as_())).collect();
        residual += Zip::from(x.lanes(axis)).and(step.output.lanes(axis)).and(upper.lanes(axis)).fold(
            Amount::default(),
            |mut sum, x, s, relevance| {
                sum += Amount::of(dot(x, s).as_() * relevance.sum().as_());
                sum
            },
        );
        Some(Redistribution::with_sinks(vec![lower], [(Sink::TaylorResidual, residual)]))
    }

    fn is_gate(&self) -> bool {
        true
    }

    fn description(&self) -> String {
        format!("axis {}", self.axis)
    }
}

impl<F: Real> Operation<F> for LogSoftmax {
    fn to_spec(&self) -> OperatorSpec<F> {
        OperatorSpec::new("LogSoftmax", 1).with_integer("axis", self.axis)
    }

    fn kind(&self) -> &'static str {
        "LogSoftmax"
    }

    fn family(&self) -> Family {
        Family::Softmax
    }

    fn keeps_samples_apart(&self, operands: &[&[usize]]) -> bool {
        operands.iter().all(|shape| position(self.axis, shape.len()) != Some(0))
    }

    fn is_squashing(&self) -> bool {
        true
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        shape_with_axis(self.axis, operands)
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        lanes(self.axis, &operands[0], &operands[0], |x, _, mut y| {
            let place = place_of_largest(x);
            y.zip_mut_with(&x, |y, &x_i| *y = x_i - x[place]);
            let normalizer = sum_without(y.mapv(F::exp).view(), place).ln_1p();
            y.mapv_inplace(|y| y - normalizer);
        })
    }

    /// `upper_i − s_i Σ_k upper_k`, for the largest number `(1 − s_m) upper_m − s_m Σ_{k≠m} upper_k`
    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        vec![lanes(self.axis, &step.output, &upper, |y, upper, mut lower| {
            let place = place_of_largest(y);
            let others = sum_without(upper, place);
            let total = others + upper[place];
            Zip::from(&mut lower).and(y).and(upper).for_each(|lower, &y, &upper| *lower = upper - y.exp() * total);
            lower[place] = -y[place].exp_m1() * upper[place] - y[place].exp() * others;
        })]
    }

    /// `x_i − Σ_k s_k x_k`, both counted from the largest number
    fn along_operands(&self, step: &Step<'_, F>) -> ArrayD<F> {
        lanes(self.axis, &step.output, &step.operands[0], |y, x, mut along| {
            let place = place_of_largest(y);
            along.zip_mut_with(&x, |along, &x_i| *along = x_i - x[place]);
            let mean = y.iter().zip(&along).map(|(&y, &below)| y.exp() * below).sum::<F>();
            along.mapv_inplace(|below| below - mean);
        })
    }

    fn description(&self) -> String {
        format!("axis {}", self.axis)
    }
}

/// Reads softmax from its specification.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let fully_masked = match spec.integer(Softmax::ZERO_WHERE_FULLY_MASKED, 0)? {
        0 => FullyMasked::NotANumber,
        _ => FullyMasked::Zero,
    };
    Ok(ParsedOperation::new(Softmax::new(spec.integer("axis", -1)?).with_fully_masked(fully_masked), vec![0]))
}

/// Reads the logarithm of softmax from its specification.
pub(crate) fn read_logarithm<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(LogSoftmax::new(spec.integer("axis", -1)?), vec![0]))
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use proptest::prelude::*;

    use super::*;
    use crate::operations::testing::{assert_close, booked, check_gradient, forward, numbers, step};

    #[test]
    fn odds_of_one_to_three() {
        let x = [array![[0.0, f64::ln(3.0)], [1000.0, 1000.0]].into_dyn()];
        let expected = array![[0.25, 0.75], [0.5, 0.5]].into_dyn();
        assert_close(forward(&Softmax::new(-1), &x).view(), expected.view(), "softmax");
        assert_close(forward(&LogSoftmax::new(1), &x).view(), expected.mapv(f64::ln).view(), "its logarithm");
    }

    #[test]
    fn the_gradient_is_right_along_every_axis() {
        for axis in [0, 1, -1] {
            check_gradient(&Softmax::new(axis), &[numbers(&[2, 4, 3], 41)]);
            check_gradient(&LogSoftmax::new(axis), &[numbers(&[2, 4, 3], 42)]);
        }
        assert!(Operation::<f64>::output_shape(&Softmax::new(3), &[&[2, 4, 3]]).is_err());
    }

    #[test]
    fn the_logarithm_of_nearly_one_keeps_its_digits() {
        let x = [array![30.0, 0.0, -1.0].into_dyn()];
        let y = forward(&LogSoftmax::new(0), &x);
        let others = (-30.0f64).exp() + (-31.0f64).exp();
        assert!((y[0] + others).abs() < 1e-12 * others); // log(1 + a) = a − a² / 2 + …
        let quotient = array![1.0 / y[0], 0.0, 0.0].into_dyn();
        let gradient = LogSoftmax::new(0).gradient(&step(&x, &y), quotient.view()).remove(0);
        assert!((gradient[0] + 1.0).abs() < 1e-12); // (1 − s) / y
        let along: ArrayD<f64> = LogSoftmax::new(0).along_operands(&step(&x, &y));
        let expected = 30.0 * (-30.0f64).exp() + 31.0 * (-31.0f64).exp();
        assert!((along[0] - expected).abs() < 1e-12 * expected);
    }

    #[test]
    fn relevance_comes_back_by_the_formula() {
        let x = [array![2.0, 2.0].into_dyn()];
        let s = forward(&Softmax::new(0), &x);
        let upper = array![3.0, 1.0].into_dyn();
        let shared = Softmax::new(0).taylor(&step(&x, &s), upper.view(), Stabilizer::NONE).unwrap();
        assert_eq!(shared.lower[0], array![2.0, -2.0].into_dyn()); // 2 (3 − ½ 4), 2 (1 − ½ 4)
        assert_eq!(shared.sinks.unwrap()[0].1.total, 4.0);
    }

    #[test]
    fn masked_scores_get_nothing() {
        let masked = f64::NEG_INFINITY;
        let x = [array![[1.0, masked, 2.0], [masked, masked, masked]].into_dyn()];
        let softmax = Softmax::new(-1).with_fully_masked(FullyMasked::Zero);
        let s = forward(&softmax, &x);
        let e = 1.0f64.exp();
        assert_close(
            s.view(),
            array![[1.0 / (1.0 + e), 0.0, e / (1.0 + e)], [0.0, 0.0, 0.0]].into_dyn().view(),
            "masked",
        );
        let upper = array![[2.0, 0.0, 1.0], [0.0, 0.0, 0.0]].into_dyn();
        let shared = softmax.taylor(&step(&x, &s), upper.view(), Stabilizer::NONE).unwrap();
        let expected = array![[2.0 - 3.0 * s[[0, 0]], 0.0, 2.0 * (1.0 - 3.0 * s[[0, 2]])], [0.0, 0.0, 0.0]].into_dyn();
        assert_close(shared.lower[0].view(), expected.view(), "relevance");
        let entry = booked(&upper, shared);
        assert!(entry.relative_error() < 1e-12);
        assert!(softmax.along_operands(&step(&x, &s)).iter().all(|along| along.is_finite()));
        assert!(forward(&Softmax::new(-1), &x)[[1, 0]].is_nan());
        let spec = Operation::<f64>::to_spec(&softmax);
        assert_eq!(read(&spec).unwrap().operation.to_spec(), spec);
    }

    proptest! {
        #[test]
        fn what_the_scores_do_not_get_is_booked(seed in 0u64..1000, axis in 0i64..3, scale in 0.1..20.0) {
            let x = [numbers(&[2, 3, 4], seed) * scale];
            let s = forward(&Softmax::new(axis), &x);
            let upper = numbers(&[2, 3, 4], seed + 1);
            let shared = Softmax::new(axis).taylor(&step(&x, &s), upper.view(), Stabilizer::NONE).unwrap();
            let entry = booked(&upper, shared);
            prop_assert!(entry.relative_error() < 1e-12, "{}", entry.relative_error());
        }
    }
}
