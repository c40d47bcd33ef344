//! Kernels of single precision do what the mechanism does in double precision, but for roundings.

use std::sync::Arc;

use ndarray::ArrayD;
use neural_lrp::operation::OperatorSpec;
use neural_lrp::operations::{AveragePool, Clip};
use neural_lrp::rules::Rule;
use neural_lrp::{
    Composite, Explainer, Initial, NetworkBuilder, Operation, Real, Redistribution, Step, Target, operations,
};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use relevance::{Amount, Entry, Ledger, Sink};

const RULES: [&str; 16] = [
    "lrp-0",
    "epsilon=0.01",
    "epsilon=1",
    "alpha-beta=2",
    "alpha-beta=1",
    "alpha-beta=2,renormalize",
    "z-plus",
    "gamma=0.25",
    "flat",
    "w-square",
    "z-box=-2,2",
    "even-bias=0.1",
    "gradient",
    "norm",
    "taylor=0.5",
    "guided",
];

/// A convolution over an input.
#[derive(Clone, Debug)]
struct Case {
    input: Vec<usize>,
    weights: Vec<usize>,
    strides: Vec<i64>,
    dilations: Vec<i64>,
    pads: Vec<i64>,
    groups: usize,
    bias: bool,
    seed: u64,
}

fn cases() -> impl Strategy<Value = Case> {
    let axes = prop::collection::vec((1usize..4, [1i64..3, 1..3, 0..3, 0..3], 5usize..9), 1..3);
    let channels = (1usize..3, 1usize..4, 1usize..4, any::<bool>());
    (1usize..3, channels, axes, any::<bool>(), any::<u64>()).prop_map(
        |(samples, (groups, inputs, outputs, wide), axes, bias, seed)| {
            // More than one panel of output channels, and of input channels on the way back.
            let (inputs, outputs) = if wide { (inputs * 23, outputs * 29) } else { (inputs, outputs) };
            let column = |place: usize| axes.iter().map(|(_, numbers, _)| numbers[place]).collect::<Vec<i64>>();
            let lengths = axes.iter().map(|axis| axis.2);
            Case {
                input: [samples, groups * inputs].into_iter().chain(lengths).collect(),
                weights: [groups * outputs, inputs].into_iter().chain(axes.iter().map(|axis| axis.0)).collect(),
                strides: column(0),
                dilations: column(1),
                pads: [column(2), column(3)].concat(),
                groups,
                bias,
                seed,
            }
        },
    )
}

/// A dense layer, over one row for each sample or several.
fn dense_cases() -> impl Strategy<Value = Case> {
    let lengths = (1usize..90, 1usize..90, prop::collection::vec(1usize..6, 0..3));
    (lengths, any::<bool>(), any::<u64>()).prop_map(|((inputs, outputs, leading), bias, seed)| Case {
        input: leading.into_iter().chain([inputs]).collect(),
        weights: vec![outputs, inputs],
        strides: Vec::new(),
        dilations: Vec::new(),
        pads: Vec::new(),
        groups: 1,
        bias,
        seed,
    })
}

impl Case {
    fn numbers(&self, shape: &[usize], seed: u64) -> ArrayD<f64> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(self.seed ^ seed);
        // Numbers that single precision holds, some of them zero.
        ArrayD::from_shape_simple_fn(shape, || f64::from(random.gen_range(-32i32..=32).max(-24)) / 16.0)
    }

    fn operation<F: Real>(&self) -> Arc<dyn Operation<F>> {
        let of = |shape: &[usize], seed| Arc::new(self.numbers(shape, seed).mapv(F::of));
        let (weights, bias) = (of(&self.weights, 1), of(&self.weights[..1], 2));
        if let [_, _] = self.weights[..] {
            let spec = OperatorSpec::new("Gemm", 1).with_integer("transB", 1).with_constant(weights);
            let spec = if self.bias { spec.with_constant(bias) } else { spec };
            return operations::read(&spec).unwrap().operation;
        }
        let spec = OperatorSpec::new("Conv", 1)
            .with_integers("strides", self.strides.clone())
            .with_integers("dilations", self.dilations.clone())
            .with_integers("pads", self.pads.clone())
            .with_integer("group", self.groups as i64)
            .with_constant(weights);
        let spec = if self.bias { spec.with_constant(bias) } else { spec };
        operations::read(&spec).unwrap().operation
    }

    /// The output for an input, and what becomes of its relevance.
    fn handed_down<F: Real>(&self, rule: &str, input: &ArrayD<f64>) -> Result<(ArrayD<F>, Redistribution<F>), String> {
        let operation = self.operation::<F>();
        let input = input.mapv(F::of);
        let output = operation.forward(&[input.view()]);
        let upper = self.numbers(output.shape(), 4).mapv(F::of);
        let step = Step { operands: vec![input.view()], output: output.view() };
        let rule: Rule = rule.parse().unwrap();
        let handed = rule.redistribute(operation.as_ref(), &step, upper.view()).map_err(|error| error.to_string())?;
        Ok((output, handed))
    }
}

fn close(found: &ArrayD<f32>, expected: &ArrayD<f64>, what: &str) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.shape(), expected.shape(), "{}", what);
    let largest = expected.iter().fold(1e-3, |largest: f64, number| largest.max(number.abs()));
    for (&found, expected) in found.iter().zip(expected) {
        prop_assert!((f64::from(found) - expected).abs() <= 1e-4 * largest, "{what}: {found} is not {expected}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn single_precision_is_double_precision_but_for_roundings(
        case in prop_oneof![3 => cases(), 1 => dense_cases()],
        positive in any::<bool>(),
    ) {
        let input = case.numbers(&case.input, 3);
        let input = if positive { input.mapv(|x| x.max(0.0)) } else { input };
        for rule in RULES {
            let (found, expected) = (case.handed_down::<f32>(rule, &input), case.handed_down::<f64>(rule, &input));
            let (Ok((output, found)), Ok((expected_output, expected))) = (found, expected) else {
                panic!("{rule}: a rule for convolutions");
            };
            close(&output, &expected_output, "output")?;
            // A quotient over what cancels has no digits in single precision.
            let magnitude = expected.lower[0].iter().map(|relevance| relevance.abs()).sum::<f64>();
            let upper = case.numbers(expected_output.shape(), 4).iter().map(|upper| upper.abs()).sum::<f64>();
            if magnitude < 50.0 * upper.max(1.0) && rule != "lrp-0" {
                close(&found.lower[0], &expected.lower[0], rule)?;
            }
            if let (Some(found), Some(expected)) = (&found.sinks, &expected.sinks) {
                let of = |sinks: &[(Sink, Amount)]| sinks.iter().map(|(_, amount)| amount.total).sum::<f64>();
                let scale = upper.max(magnitude).max(1.0);
                prop_assert!((of(found) - of(expected)).abs() <= 1e-3 * scale, "{rule}: {found:?}, {expected:?}");
            }
        }
    }

    #[test]
    fn steps_of_single_precision_balance(case in prop_oneof![3 => cases(), 1 => dense_cases()]) {
        let input = case.numbers(&case.input, 3);
        for rule in RULES {
            let (output, handed) = case.handed_down::<f32>(rule, &input).unwrap();
            let Some(sinks) = handed.sinks else { continue };
            let upper = case.numbers(output.shape(), 4);
            let lower = handed.lower[0].iter().map(|&relevance| f64::from(relevance)).collect();
            let entry = Entry::new(rule, upper.iter().copied().collect(), lower);
            let entry = sinks.into_iter().fold(entry, |entry, (sink, amount)| entry.with_sink(sink, amount));
            prop_assert!(entry.relative_error() < 1e-5, "{rule}: {}", entry.relative_error());
        }
    }
}

#[test]
fn functions_of_single_precision_are_those_of_double_precision() {
    fn of<F: Real>(spec: OperatorSpec<F>, x: &ArrayD<f64>) -> ArrayD<F> {
        operations::read(&spec).unwrap().operation.forward(&[x.mapv(F::of).view()])
    }
    let x = ArrayD::from_shape_fn(vec![3, 211], |place| place[0] as f64 - 1.0 + (place[1] as f64 - 105.0) / 8.0);
    for (kind, alpha) in [("Sigmoid", 1.0), ("Silu", 1.0), ("Silu", 1.702)] {
        let found = of(OperatorSpec::<f32>::new(kind, 1).with_real("alpha", alpha), &x);
        let expected = of(OperatorSpec::<f64>::new(kind, 1).with_real("alpha", alpha), &x);
        for ((&found, expected), x) in found.iter().zip(&expected).zip(&x) {
            // Some units in the last place, and what the rounding of αx makes of the exponential.
            let units = 4.0 + (alpha * x).abs();
            let error = (f64::from(found) - expected).abs();
            assert!(error <= units * f64::from(f32::EPSILON) * expected.abs(), "{kind}: {found} is not {expected}");
        }
    }
}

#[test]
fn absurd_windows_take_no_memory() {
    let far = 1i64 << 30;
    let weights = Arc::new(ArrayD::from_elem(vec![1, 1, 3], 2.0f32));
    let spec = OperatorSpec::new("Conv", 1).with_integers("dilations", [far]).with_integers("pads", [far, far]);
    let layer = operations::read(&spec.with_constant(weights)).unwrap().operation;
    let output = layer.forward(&[ArrayD::from_elem(vec![1, 1, 4], 1.5).view()]);
    assert_eq!(output, ArrayD::from_elem(vec![1, 1, 4], 3.0));

    let weights = Arc::new(ArrayD::from_elem(vec![1, 1, 2, 2], 2.0f32));
    let spec = OperatorSpec::new("Conv", 1).with_integers("strides", [far, far]).with_constant(weights);
    let layer = operations::read(&spec).unwrap().operation;
    let output = layer.forward(&[ArrayD::from_elem(vec![1, 1, 4, 4], 1.5).view()]);
    assert_eq!(output, ArrayD::from_elem(vec![1, 1, 1, 1], 12.0));
}

/// Two convolutions with a Clip between them, and how the class with the largest score is explained.
fn clipped<F: Real>(bounds: [f64; 2], rule: &str, input: &ArrayD<f64>) -> (ArrayD<f64>, f64) {
    let case = |outputs, inputs, seed| Case {
        input: Vec::new(),
        weights: vec![outputs, inputs, 3, 3],
        strides: vec![1, 1],
        dilations: vec![1, 1],
        pads: vec![1; 4],
        groups: 1,
        bias: true,
        seed,
    };
    let mut network = NetworkBuilder::new();
    network.input("x", [None, Some(3), None, None]);
    network.node("first", case(40, 3, 1).operation::<F>(), ["x"], "z");
    network.node("clip", Arc::new(Clip { min: bounds[0], max: bounds[1] }), ["z"], "y");
    network.node("second", case(4, 40, 2).operation::<F>(), ["y"], "scores");
    network.node("mean", Arc::new(AveragePool::global()), ["scores"], "mean");
    network.output("mean");
    let explainer = Explainer::new(&network.build().unwrap()).unwrap();
    let composite = Composite::uniform(rule.parse().unwrap());
    let forward = explainer.forward(input.mapv(F::of).view()).unwrap();
    let explained = forward.explain(&composite, &Initial::Score(Target::Class(1)).into()).unwrap();
    (
        explained.relevance[0].mapv(|r| r.as_()),
        explained.ledgers.iter().map(Ledger::max_relative_error).fold(0.0, f64::max),
    )
}

#[test]
fn what_is_clipped_at_once_is_explained_as_if_it_were_clipped_apart() {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(5);
    let input = ArrayD::from_shape_simple_fn(vec![2, 3, 9, 8], || f64::from(random.gen_range(-16i32..=16)) / 64.0);
    // Of the first bounds some numbers lie outside, of the last none.
    for bounds in [[0.0, 6.0], [-1.0, 2.5], [0.0, f64::INFINITY], [-1e3, 1e3]] {
        for rule in ["epsilon=0.01", "z-plus", "alpha-beta=2", "gradient"] {
            let (found, error) = clipped::<f32>(bounds, rule, &input);
            let (expected, _) = clipped::<f64>(bounds, rule, &input);
            close(&found.mapv(|r| r as f32), &expected, rule).unwrap();
            assert!(error < 1e-5, "{bounds:?}, {rule}: {error}");
        }
    }
}

/// The output of a layer, and what its gradient is of something like the output.
fn padded_by_size<F: Real>(layer: &dyn Operation<F>, input: &ArrayD<f64>, upper: &ArrayD<f64>) -> [ArrayD<F>; 2] {
    let (input, upper) = (input.mapv(F::of), upper.mapv(F::of));
    let output = layer.forward(&[input.view()]);
    let step = Step { operands: vec![input.view()], output: output.view() };
    let lower = layer.gradient(&step, upper.view()).remove(0);
    [output, lower]
}

#[test]
fn one_layer_takes_images_of_several_sizes() {
    fn layer<F: Real>() -> Arc<dyn Operation<F>> {
        let weights = ArrayD::from_shape_fn(vec![5, 3, 3, 3], |place| F::of((place[0] + 2 * place[3]) as f64 - 3.0));
        let spec = OperatorSpec::new("Conv", 1).with_integers("strides", [2, 2]).with_text("auto_pad", "SAME_UPPER");
        operations::read(&spec.with_constant(Arc::new(weights))).unwrap().operation
    }
    let (single, double) = (layer::<f32>(), layer::<f64>());
    let numbers =
        |shape: Vec<usize>| ArrayD::from_shape_fn(shape, |place| (place[2] * 3 + place[3]) as f64 / 4.0 - 2.0);
    // Of odd sizes there is as much padding before as after, of even ones there is not.
    for size in [7, 8, 5, 6] {
        let (input, upper) = (numbers(vec![1, 3, size, size]), numbers(vec![1, 5, size.div_ceil(2), size.div_ceil(2)]));
        let found = padded_by_size(single.as_ref(), &input, &upper);
        let expected = padded_by_size(double.as_ref(), &input, &upper);
        found.iter().zip(&expected).for_each(|(found, expected)| close(found, expected, "output, gradient").unwrap());
    }
}
