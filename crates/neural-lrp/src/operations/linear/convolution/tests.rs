//! Both convolutions against plain loops, and what must hold for any of them.

use std::sync::Arc;

use ndarray::{Array1, ArrayD, Axis, Dimension, IxDyn, array, indices};
use proptest::prelude::*;

use crate::operation::OperatorSpec;
use crate::operations::{Conv, ConvTranspose, OutputSize, Padding, Window, read};
use crate::{Error, LinearMap, Operation, Step, WeightPart};

const PARTS: [WeightPart; 7] = [
    WeightPart::All,
    WeightPart::Positive,
    WeightPart::Negative,
    WeightPart::Ones,
    WeightPart::Squared,
    WeightPart::FavorPositive(0.25),
    WeightPart::FavorNegative(0.5),
];

/// Numbers of both signs, some of them 0.
fn numbers(shape: &[usize], seed: u64) -> ArrayD<f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let number = (state >> 40) as f64 / (1u64 << 23) as f64 - 1.0;
        if state >> 60 == 0 { 0.0 } else { number }
    })
}

/// The geometry of a test: explicit padding, at most 3 axes.
#[derive(Clone, Debug)]
struct Case {
    samples: usize,
    groups: usize,
    /// Channels of a group, of the input and of the output of a convolution.
    channels: [usize; 2],
    kernel: Vec<usize>,
    strides: Vec<usize>,
    dilations: Vec<usize>,
    before: Vec<usize>,
    after: Vec<usize>,
    /// Lengths of the input.
    lengths: Vec<usize>,
}

impl Case {
    /// A case without stride, dilation and padding.
    fn plain(kernel: &[usize], channels: [usize; 2], lengths: &[usize]) -> Self {
        let axes = kernel.len();
        Self {
            samples: 2,
            groups: 1,
            channels,
            kernel: kernel.to_vec(),
            strides: vec![1; axes],
            dilations: vec![1; axes],
            before: vec![0; axes],
            after: vec![0; axes],
            lengths: lengths.to_vec(),
        }
    }

    fn window(&self) -> Window {
        Window::default()
            .strides(self.strides.clone())
            .dilations(self.dilations.clone())
            .padding(Padding::Explicit { before: self.before.clone(), after: self.after.clone() })
    }

    /// (output channels, input channels of a group, kernel)
    fn weights(&self) -> ArrayD<f64> {
        let [input, output] = self.channels;
        numbers(&[&[self.groups * output, input], self.kernel.as_slice()].concat(), 1)
    }

    fn conv(&self) -> Conv<f64> {
        let bias = Array1::from_iter(numbers(&[self.groups * self.channels[1]], 2));
        Conv::new(self.weights(), Some(bias), self.window(), self.groups).unwrap()
    }

    fn conv_input(&self) -> Vec<usize> {
        [&[self.samples, self.groups * self.channels[0]], self.lengths.as_slice()].concat()
    }

    fn transposed(&self) -> ConvTranspose<f64> {
        let bias = Array1::from_iter(numbers(&[self.groups * self.channels[0]], 2));
        let output = OutputSize::Padded(self.strides.iter().map(|stride| stride - 1).collect());
        ConvTranspose::new(self.weights(), Some(bias), self.window(), self.groups, output).unwrap()
    }

    fn transposed_input(&self) -> Vec<usize> {
        [&[self.samples, self.groups * self.channels[1]], self.lengths.as_slice()].concat()
    }

    /// Where output `o` and tap `k` meet in an input of some lengths; `None` in the padding.
    fn meeting(&self, o: &[usize], k: &[usize], lengths: &[usize]) -> Option<Vec<usize>> {
        let axes = (0..o.len()).map(|axis| {
            let number =
                (o[axis] * self.strides[axis] + k[axis] * self.dilations[axis]).checked_sub(self.before[axis])?;
            (number < lengths[axis]).then_some(number)
        });
        axes.collect()
    }

    /// All connections between an output and an input: their positions in row-major order, and the weight.
    fn connections(&self, output: &[usize], input: &[usize]) -> Vec<(usize, usize, f64)> {
        let weights = self.weights();
        let [input_channels, output_channels] = self.channels;
        let mut connections = Vec::new();
        for (position, at) in indices(IxDyn(output)).into_iter().enumerate() {
            for (tap, &weight) in weights.index_axis(Axis(0), at[1]).indexed_iter() {
                if let Some(meeting) = self.meeting(&at.slice()[2..], &tap.slice()[1..], &input[2..]) {
                    let channel = at[1] / output_channels * input_channels + tap[0];
                    let number = at[0] * input[1] + channel;
                    let number =
                        meeting.iter().zip(&input[2..]).fold(number, |number, (at, length)| number * length + at);
                    connections.push((position, number, weight));
                }
            }
        }
        connections
    }
}

type Connections = [(usize, usize, f64)];

fn slow_correlate(connections: &Connections, part: WeightPart, input: &ArrayD<f64>, output: &[usize]) -> ArrayD<f64> {
    let (mut sums, numbers) = (vec![0.0; output.iter().product()], input.as_slice().unwrap());
    connections.iter().for_each(|&(output, input, weight)| sums[output] += part.of(weight) * numbers[input]);
    ArrayD::from_shape_vec(output, sums).unwrap()
}

fn slow_transposed(connections: &Connections, part: WeightPart, output: &ArrayD<f64>, input: &[usize]) -> ArrayD<f64> {
    let (mut sums, numbers) = (vec![0.0; input.iter().product()], output.as_slice().unwrap());
    connections.iter().for_each(|&(output, input, weight)| sums[input] += part.of(weight) * numbers[output]);
    ArrayD::from_shape_vec(input, sums).unwrap()
}

fn assert_close(left: &ArrayD<f64>, right: &ArrayD<f64>, what: &dyn std::fmt::Debug) {
    assert_eq!(left.shape(), right.shape(), "{what:?}");
    let largest = right.iter().fold(1.0f64, |largest, number| largest.max(number.abs()));
    for (left, right) in left.iter().zip(right) {
        assert!((left - right).abs() <= 1e-12 * largest, "{left} {right} {what:?}");
    }
}

/// Compares a case in both directions of both operations with the loops.
fn compare_with_loops(case: &Case) {
    let conv = case.conv();
    let input = numbers(&case.conv_input(), 3);
    let shape = conv.output_shape(&[input.shape()]).unwrap();
    let links = case.connections(&shape, input.shape());
    let expected = slow_correlate(&links, WeightPart::All, &input, &shape) + conv.bias().unwrap();
    assert_close(&conv.forward(&[input.view()]), &expected, case);
    for (part, applied) in PARTS.iter().zip(conv.apply(&PARTS, input.view())) {
        assert_close(&applied, &slow_correlate(&links, *part, &input, &shape), &(case, part));
    }
    let message = numbers(&shape, 4);
    let both = [(WeightPart::Negative, message.view()), (WeightPart::Squared, message.view())];
    let expected = both.each_ref().map(|(part, _)| slow_transposed(&links, *part, &message, input.shape()));
    assert_close(&conv.transposed(&both, input.shape()), &(&expected[0] + &expected[1]), case);

    let layer = case.transposed();
    let input = numbers(&case.transposed_input(), 5);
    let Ok(shape) = layer.output_shape(&[input.shape()]) else { return };
    let links = case.connections(input.shape(), &shape);
    let expected = slow_transposed(&links, WeightPart::All, &input, &shape) + layer.bias().unwrap();
    assert_close(&layer.forward(&[input.view()]), &expected, case);
    for (part, applied) in PARTS.iter().zip(layer.apply(&PARTS, input.view())) {
        assert_close(&applied, &slow_transposed(&links, *part, &input, &shape), &(case, part));
    }
    let message = numbers(&shape, 6);
    let both = [(WeightPart::Negative, message.view()), (WeightPart::Squared, message.view())];
    let expected = both.each_ref().map(|(part, _)| slow_correlate(&links, *part, &message, input.shape()));
    assert_close(&layer.transposed(&both, input.shape()), &(&expected[0] + &expected[1]), case);
}

fn dot(left: &ArrayD<f64>, right: &ArrayD<f64>) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

/// `⟨W_p a, s⟩ = ⟨a, W_pᵀ s⟩` for each part.
fn assert_adjoint(layer: &(impl LinearMap<f64> + Operation<f64>), input: &[usize]) {
    let Ok(shape) = layer.output_shape(&[input]) else { return };
    let (a, s) = (numbers(input, 7), numbers(&shape, 8));
    for part in PARTS {
        let forward = dot(&layer.apply(&[part], a.view())[0], &s);
        let back = dot(&a, &layer.transposed(&[(part, s.view())], input));
        let size = a.len() as f64 + s.len() as f64;
        assert!((forward - back).abs() <= 1e-11 * size, "{part:?}: {forward} {back}");
    }
}

fn cases() -> impl Strategy<Value = Case> {
    let axis = (1..=4usize, 1..=3usize, 1..=3usize, 0..=3usize, 0..=3usize, 1..=6usize);
    let axes = prop::collection::vec(axis, 1..=3);
    (1..=2usize, 1..=3usize, [1..=3usize, 1..=3usize], axes).prop_map(|(samples, groups, channels, axes)| Case {
        samples,
        groups,
        channels,
        kernel: axes.iter().map(|axis| axis.0).collect(),
        strides: axes.iter().map(|axis| axis.1).collect(),
        dilations: axes.iter().map(|axis| axis.2).collect(),
        before: axes.iter().map(|axis| axis.3).collect(),
        after: axes.iter().map(|axis| axis.4).collect(),
        lengths: axes.iter().map(|axis| axis.5 + ((axis.0 - 1) * axis.2).saturating_sub(axis.3 + axis.4)).collect(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn both_convolutions_are_what_their_loops_say(case in cases()) {
        compare_with_loops(&case);
    }

    #[test]
    fn the_way_back_is_the_adjoint_for_each_part_of_the_weights(case in cases()) {
        assert_adjoint(&case.conv(), &case.conv_input());
        assert_adjoint(&case.transposed(), &case.transposed_input());
    }

    #[test]
    fn a_definition_reads_back_as_the_same_operation(case in cases()) {
        let spec = Operation::<f64>::to_spec(&case.conv());
        prop_assert_eq!(read(&spec).unwrap().operation.to_spec(), spec);
        let spec = Operation::<f64>::to_spec(&case.transposed());
        prop_assert_eq!(read(&spec).unwrap().operation.to_spec(), spec);
    }
}

#[test]
fn inputs_of_many_strips_and_blocks_are_what_their_loops_say() {
    let long = Case { before: vec![2], after: vec![1], ..Case::plain(&[3], [180, 1], &[500]) };
    let strided = Case { strides: vec![2], samples: 1, groups: 2, ..Case::plain(&[5], [60, 1], &[1900]) };
    let image = Case { before: vec![1, 1], after: vec![1, 1], ..Case::plain(&[3, 3], [60, 1], &[23, 24]) };
    let pointwise = Case { groups: 2, ..Case::plain(&[1, 1], [300, 1], &[37, 29]) };
    for case in [long, strided, image, pointwise] {
        compare_with_loops(&case);
    }
}

#[test]
fn depthwise_convolutions_are_what_their_loops_say() {
    for (channels, strides, dilations) in
        [([1, 1], [1, 1], [1, 1]), ([1, 1], [2, 2], [1, 1]), ([1, 2], [1, 3], [2, 1]), ([1, 1], [2, 1], [3, 2])]
    {
        let case = Case {
            groups: 19,
            strides: strides.to_vec(),
            dilations: dilations.to_vec(),
            before: vec![2, 0],
            after: vec![1, 3],
            ..Case::plain(&[3, 4], channels, &[19, 23])
        };
        compare_with_loops(&case);
    }
}

#[test]
fn every_number_of_threads_gives_the_same_bytes() {
    let case = Case { samples: 3, before: vec![1, 1], ..Case::plain(&[3, 3], [40, 70], &[43, 41]) };
    let depthwise = Case { groups: 19, samples: 3, ..Case::plain(&[3, 3], [1, 1], &[43, 41]) };
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            [&case, &depthwise].map(|case| {
                let conv = case.conv();
                let output = conv.forward(&[numbers(&case.conv_input(), 3).view()]);
                let back = conv.transposed(&[(WeightPart::Positive, output.view())], &case.conv_input());
                (output, back)
            })
        })
    };
    assert_eq!(run(1), run(2));
}

#[test]
fn the_gradient_is_that_of_finite_differences() {
    let case = Case { before: vec![1, 0], strides: vec![2, 1], groups: 2, ..Case::plain(&[3, 2], [2, 2], &[5, 4]) };
    let layers: [(Box<dyn Operation<f64>>, Vec<usize>); 2] =
        [(Box::new(case.conv()), case.conv_input()), (Box::new(case.transposed()), case.transposed_input())];
    for (layer, shape) in layers {
        let input = numbers(&shape, 3);
        let output = layer.forward(&[input.view()]);
        let upper = numbers(output.shape(), 4);
        let step = Step { operands: vec![input.view()], output: output.view() };
        let gradient = &layer.gradient(&step, upper.view())[0];
        let (height, mut moved) = (1e-4, input.clone());
        for (position, derivative) in gradient.indexed_iter() {
            let mut value = |offset: f64| {
                moved[&position] = input[&position] + offset;
                dot(&layer.forward(&[moved.view()]), &upper)
            };
            let quotient = (value(height) - value(-height)) / (2.0 * height);
            moved[&position] = input[&position];
            assert!((quotient - derivative).abs() < 1e-8, "{position:?}: {quotient} {derivative}");
        }
        let along = layer.along_operands(&step) + layer.linear().unwrap().bias().unwrap();
        assert_close(&along, &output, &layer);
    }
}

#[test]
fn ones_count_the_inputs_inside_of_the_padding() {
    let window = Window::default().padding(Padding::SameUpper);
    let conv = Conv::new(numbers(&[1, 2, 3, 3], 1), None, window, 1).unwrap();
    let counts = &conv.apply(&[WeightPart::Ones], ArrayD::ones(vec![1, 2, 3, 3]).view())[0];
    assert_eq!(counts, &array![[[[8.0, 12.0, 8.0], [12.0, 18.0, 12.0], [8.0, 12.0, 8.0]]]].into_dyn());
}

#[test]
fn a_layer_followed_by_scale_and_shift_is_one_layer() {
    let case = Case { groups: 3, ..Case::plain(&[2, 3], [2, 2], &[5, 4]) };
    let layers: [(Box<dyn Operation<f64>>, Vec<usize>); 2] =
        [(Box::new(case.conv()), case.conv_input()), (Box::new(case.transposed()), case.transposed_input())];
    for (layer, shape) in layers {
        let input = numbers(&shape, 3);
        let (scale, shift) = (numbers(&[6, 1, 1], 9), numbers(&[6, 1, 1], 10));
        let both = layer.followed_by(&Vec::from_iter(scale.clone()), &Vec::from_iter(shift.clone())).unwrap();
        assert_close(&both.forward(&[input.view()]), &(layer.forward(&[input.view()]) * &scale + &shift), &layer);
        assert!(layer.followed_by(&[1.0], &[0.0]).is_none());
    }
}

#[test]
fn automatic_padding_keeps_lengths_and_puts_the_odd_zero_where_it_says() {
    let run = |padding| {
        let window = Window::default().strides([2]).padding(padding);
        let conv = Conv::new(array![[[1.0, 10.0, 100.0]]].into_dyn(), None, window, 1).unwrap();
        conv.forward(&[array![[[1.0, 2.0, 3.0, 4.0]]].into_dyn().view()])
    };
    assert_eq!(run(Padding::SameUpper), array![[[321.0, 43.0]]].into_dyn());
    assert_eq!(run(Padding::SameLower), array![[[210.0, 432.0]]].into_dyn());
}

#[test]
fn a_transposed_convolution_has_the_output_it_was_asked_for() {
    let run = |padding, output| {
        let window = Window::default().strides([2]).padding(padding);
        let layer = ConvTranspose::new(array![[[1.0, 10.0, 100.0]]].into_dyn(), None, window, 1, output).unwrap();
        layer.forward(&[array![[[1.0, 2.0]]].into_dyn().view()])
    };
    let exactly = |length| OutputSize::Exactly { lengths: vec![length], added: vec![0] };
    assert_eq!(
        run(Padding::None, OutputSize::Padded(vec![1])),
        array![[[1.0, 10.0, 102.0, 20.0, 200.0, 0.0]]].into_dyn()
    );
    assert_eq!(run(Padding::None, exactly(7)), array![[[1.0, 10.0, 102.0, 20.0, 200.0, 0.0, 0.0]]].into_dyn());
    assert_eq!(run(Padding::None, exactly(4)), array![[[10.0, 102.0, 20.0, 200.0]]].into_dyn());
    assert_eq!(run(Padding::SameUpper, exactly(4)), array![[[1.0, 10.0, 102.0, 20.0]]].into_dyn());
    assert_eq!(run(Padding::SameUpper, OutputSize::Padded(vec![0])), array![[[1.0, 10.0, 102.0, 20.0]]].into_dyn());
    assert_eq!(run(Padding::SameLower, OutputSize::Padded(vec![0])), array![[[10.0, 102.0, 20.0, 200.0]]].into_dyn());
}

#[test]
fn transposed_convolutions_have_the_numbers_of_onnxruntime() {
    // onnxruntime 1.32.0; the input 1, 2, 3 and the kernel 1, 10, 100, at a stride of 2 unless it is given.
    let cases: [(OperatorSpec<f64>, &[f64]); 12] = {
        let plain = || OperatorSpec::new("ConvTranspose", 1).with_integers("strides", [2]);
        let same = |side| plain().with_text("auto_pad", side);
        let wide = |side| same(side).with_integers("strides", [3]).with_integers("output_padding", [2]);
        let exactly = || plain().with_integers("output_shape", [6]);
        [
            (plain().with_integers("strides", [1]), &[1.0, 12.0, 123.0, 230.0, 300.0]),
            (plain().with_text("auto_pad", "VALID"), &[1.0, 10.0, 102.0, 20.0, 203.0, 30.0, 300.0]),
            (plain().with_integers("output_padding", [1]), &[1.0, 10.0, 102.0, 20.0, 203.0, 30.0, 300.0, 0.0]),
            (
                plain().with_integers("pads", [1, 2]).with_integers("output_padding", [1]),
                &[10.0, 102.0, 20.0, 203.0, 30.0],
            ),
            (
                plain().with_integers("dilations", [2]).with_integers("pads", [1, 0]),
                &[0.0, 12.0, 0.0, 123.0, 0.0, 230.0, 0.0, 300.0],
            ),
            (same("SAME_UPPER"), &[1.0, 10.0, 102.0, 20.0, 203.0, 30.0]),
            (same("SAME_LOWER"), &[10.0, 102.0, 20.0, 203.0, 30.0, 300.0]),
            (wide("SAME_UPPER"), &[10.0, 100.0, 2.0, 20.0, 200.0, 3.0, 30.0, 300.0, 0.0]),
            (wide("SAME_LOWER"), &[10.0, 100.0, 2.0, 20.0, 200.0, 3.0, 30.0, 300.0, 0.0]),
            (exactly(), &[10.0, 102.0, 20.0, 203.0, 30.0, 300.0]),
            (exactly().with_text("auto_pad", "SAME_UPPER"), &[1.0, 10.0, 102.0, 20.0, 203.0, 30.0]),
            (
                exactly().with_integers("pads", [2, 0]).with_integers("output_shape", [5]),
                &[10.0, 102.0, 20.0, 203.0, 30.0],
            ),
        ]
    };
    let input = array![[[1.0, 2.0, 3.0]]].into_dyn();
    for (spec, expected) in cases {
        let spec = spec.with_constant(array![[[1.0, 10.0, 100.0]]].into_dyn().into());
        let layer = read(&spec).unwrap().operation;
        let output = layer.forward(&[input.view()]);
        assert_eq!(output.as_slice().unwrap(), expected, "{spec:?}");
        assert_eq!(layer.output_shape(&[input.shape()]).unwrap(), output.shape());
    }
}

#[test]
fn words_say_what_is_not_plain() {
    let case = Case {
        groups: 32,
        strides: vec![2, 2],
        before: vec![1, 1],
        after: vec![1, 1],
        ..Case::plain(&[3, 3], [2, 4], &[9, 9])
    };
    assert_eq!(Operation::<f64>::description(&case.conv()), "3×3, stride 2, padding 1, groups 32, 64 → 128");
    let case =
        Case { strides: vec![1, 2], dilations: vec![3, 3], after: vec![0, 1], ..Case::plain(&[1, 5], [3, 7], &[9, 9]) };
    assert_eq!(
        Operation::<f64>::description(&case.transposed()),
        "1×5, stride 1×2, dilation 3, padding 0×0 before, 0×1 after, 7 → 3"
    );
}

fn spec(kind: &str, weights: &[usize]) -> OperatorSpec<f64> {
    OperatorSpec::new(kind, 1).with_constant(numbers(weights, 1).into())
}

fn refusal(spec: OperatorSpec<f64>) -> String {
    read(&spec).map(|parsed| parsed.operation.to_spec()).unwrap_err().to_string()
}

#[test]
fn definitions_that_can_not_be_are_refused_in_words() {
    for kind in ["Conv", "ConvTranspose"] {
        let plain = || spec(kind, &[4, 2, 3, 3]);
        for (spec, words) in [
            (plain().with_integers("strides", [0, 1]), "strides of [0, 1]"),
            (plain().with_integers("strides", [1]), "2 numbers, one per spatial axis"),
            (plain().with_integers("strides", [1, i64::MAX]), "strides"),
            (plain().with_integers("dilations", [0, 1]), "dilations"),
            (plain().with_integers("pads", [1, 1]), "4 numbers: before each spatial axis, then after each"),
            (plain().with_integers("pads", [-1, 0, 0, 0]), "pads of [-1, 0, 0, 0]"),
            (plain().with_integers("kernel_shape", [3, 2]), "[3, 3], that of the weights"),
            (plain().with_integer("group", 3), "a divisor of the 4 channels"),
            (plain().with_integer("group", 0), "group of 0"),
            (plain().with_integer("group", -2), "group of -2"),
            (plain().with_text("auto_pad", "SAME"), "SAME_LOWER"),
            (spec(kind, &[4, 2]), "one to three spatial axes"),
            (spec(kind, &[4, 2, 1, 1, 1, 1]), "one to three spatial axes"),
            (spec(kind, &[4, 2, 0, 3]), "shape [4, 2, 0, 3]"),
            (plain().with_constant(numbers(&[5], 1).into()), "one for each of the"),
            (plain().with_constant(numbers(&[4, 1], 1).into()), "a vector"),
            (OperatorSpec::new(kind, 2), "needs its weights as a constant"),
            (OperatorSpec::new(kind, 1), "has no weights"),
        ] {
            let message = refusal(spec);
            assert!(message.contains(words), "{message:?} should say {words:?}");
        }
    }
    let message = refusal(spec("ConvTranspose", &[4, 2, 3, 3]).with_integers("output_padding", [1]));
    assert!(message.contains("output_padding"), "{message}");
    let message = refusal(spec("ConvTranspose", &[4, 2, 3, 3]).with_integers("output_shape", [0, 3]));
    assert!(message.contains("output_shape"), "{message}");
}

#[test]
fn inputs_that_can_not_be_are_refused_in_words() {
    let shape = |spec: &OperatorSpec<f64>, shape: &[usize]| -> Result<Vec<usize>, Error> {
        read(spec).unwrap().operation.output_shape(&[shape])
    };
    let conv = spec("Conv", &[4, 2, 3, 3]);
    for (input, words) in [
        (&[1, 3, 8, 8][..], "samples, 2 channels, 2 of space"),
        (&[1, 2, 8][..], "it takes one of 4 axes"),
        (&[1, 2, 8, 2][..], "a window reaches over 3 positions, and spatial axis 1 has 2 with its padding"),
        (&[1, 2, 0, 8][..], "spatial axis 0"),
    ] {
        let message = shape(&conv, input).unwrap_err().to_string();
        assert!(message.contains(words), "{message:?} should say {words:?}");
    }
    assert_eq!(shape(&conv, &[0, 2, 3, 3]).unwrap(), [0, 4, 1, 1]);
    let far = conv.with_integers("dilations", [1 << 31, 1]).with_integers("pads", [1 << 31, 0, 1 << 31, 0]);
    assert_eq!(shape(&far, &[1, 2, 3, 3]).unwrap(), [1, 4, 3, 1]);
    let transposed = spec("ConvTranspose", &[2, 4, 3, 3]).with_integers("pads", [3, 0, 3, 0]);
    assert!(shape(&transposed, &[1, 2, 4, 4]).unwrap_err().to_string().contains("nothing is left of spatial axis 0"));
    let vast = spec("ConvTranspose", &[2, 4, 3, 3]).with_integers("strides", [1 << 31, 1]);
    assert!(shape(&vast, &[1, 2, usize::MAX / 2, 4]).is_err());
    assert!(read(&vast).unwrap().operation.output_shape(&[]).is_err());
}

#[test]
fn a_batch_of_nothing_stays_nothing() {
    let case = Case { samples: 0, ..Case::plain(&[3, 3], [2, 2], &[5, 5]) };
    let conv = case.conv();
    let output = conv.forward(&[ArrayD::zeros(case.conv_input()).view()]);
    assert_eq!(output.shape(), [0, 2, 3, 3]);
    assert_eq!(conv.transposed(&[(WeightPart::All, output.view())], &case.conv_input()).shape(), case.conv_input());
}

#[test]
fn weights_are_kept_once_and_given_back_to_the_bit() {
    let [plain, depthwise, wide] = [[6, 4, 3, 3], [5, 1, 3, 2], [70, 3, 1, 4]];
    for (shape, groups) in [(plain, 1), (plain, 2), (depthwise, 5), (wide, 1)] {
        let weights = Arc::new(numbers(&shape, 7).mapv(|weight| weight as f32));
        let conv = Conv::new(Arc::clone(&weights), None, Window::default(), groups).unwrap();
        let spread =
            ConvTranspose::new(Arc::clone(&weights), None, Window::default(), groups, OutputSize::default()).unwrap();
        // Packed, they are not those that were given, and there is nothing else that holds these.
        assert_eq!(Arc::strong_count(&weights), 1);
        let input = ArrayD::<f32>::ones(vec![2, shape[1] * groups, 6, 5]);
        conv.forward(&[input.view()]);
        assert_eq!(Arc::strong_count(&weights), 1);
        for spec in [conv.to_spec(), spread.to_spec()] {
            assert_eq!(spec.required_constant(1, "weights").unwrap(), weights);
        }
    }
    // In double precision no kernel goes, and the weights are those that were given.
    let weights = Arc::new(numbers(&plain, 8));
    let conv = Conv::new(Arc::clone(&weights), None, Window::default(), 1).unwrap();
    assert_eq!(Arc::strong_count(&weights), 2);
    assert!(Arc::ptr_eq(&conv.to_spec().required_constant(1, "weights").unwrap(), &weights));
}

#[test]
fn packed_weights_go_the_plain_way_too() {
    // Strides and paddings that kernels leave alone, and a bias on the way that spreads.
    let weights = numbers(&[4, 3, 2, 2], 9);
    let bias = Array1::from(vec![0.5, -0.25, 1.5]);
    let window =
        || Window::default().strides([65, 2]).padding(Padding::Explicit { before: vec![90, 1], after: vec![90, 0] });
    let single = |array: &ArrayD<f64>| array.mapv(|number| number as f32);
    let conv = [
        Conv::new(weights.clone(), None, window(), 1).unwrap().forward(&[numbers(&[2, 3, 7, 6], 1).view()]),
        Conv::new(single(&weights), None, window(), 1)
            .unwrap()
            .forward(&[single(&numbers(&[2, 3, 7, 6], 1)).view()])
            .mapv(f64::from),
    ];
    let window = || Window::default().strides([2, 3]);
    let size = OutputSize::default;
    let spread = [
        ConvTranspose::new(weights.clone(), Some(bias.clone()), window(), 1, size()).unwrap().forward(&[numbers(
            &[2, 4, 3, 5],
            2,
        )
        .view()]),
        ConvTranspose::new(single(&weights), Some(bias.mapv(|number| number as f32)), window(), 1, size())
            .unwrap()
            .forward(&[single(&numbers(&[2, 4, 3, 5], 2)).view()])
            .mapv(f64::from),
    ];
    for [double, single] in [conv, spread] {
        let largest = double.iter().fold(0.0f64, |largest, number| largest.max(number.abs()));
        assert!((&double - &single).iter().all(|error| error.abs() <= 1e-5 * largest), "{double} {single}");
    }
}
