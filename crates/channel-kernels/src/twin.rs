//! Slow twins of the kernels for their tests: plain loops straight from the formulas, in double precision.
use proptest::prelude::*;

use crate::shape::Shape;

/// A number and the sum of the magnitudes of its terms, in whose units its error is counted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sum {
    pub(crate) value: f64,
    pub(crate) magnitude: f64,
}

impl Sum {
    pub(crate) fn add(&mut self, term: f64) {
        self.value += term;
        self.magnitude += term.abs();
    }

    /// Whether `got` is the sum, to within what single precision makes of its terms.
    pub(crate) fn is(self, got: f32) -> bool {
        (f64::from(got) - self.value).abs() <= 4e-6 * self.magnitude + 1e-30
    }
}

/// A convolution of a batch, and where its random numbers begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) shape: Shape,
    pub(crate) batch: usize,
    pub(crate) size: [usize; 2],
    pub(crate) seed: u64,
}

/// Random numbers in −1 .. 1, one in eight of them 0.
pub(crate) fn random(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let number = |bits: u64| if bits & 7 == 0 { 0.0 } else { (bits >> 40) as f32 / (1u64 << 23) as f32 - 1.0 };
    (0..count).map(|_| number(next())).collect()
}

impl Case {
    pub(crate) fn output(&self) -> [usize; 2] {
        self.shape.output_size(self.size).expect("the kernel fits")
    }

    /// Numbers of the input.
    pub(crate) fn inputs(&self) -> usize {
        self.batch * self.size[0] * self.size[1] * self.shape.inputs
    }

    /// Numbers of the output.
    pub(crate) fn outputs(&self) -> usize {
        self.batch * self.output()[0] * self.output()[1] * self.shape.outputs
    }

    /// Weights.
    pub(crate) fn weights(&self) -> Vec<f32> {
        random(self.seed ^ 1, self.shape.outputs * self.shape.group_inputs() * self.shape.taps())
    }

    /// Calls with each triple of places that meet: of the input, the output, the weight.
    pub(crate) fn meet(&self, mut visit: impl FnMut(usize, usize, usize)) {
        let Shape { inputs, outputs, kernel, stride, dilation, padding, .. } = self.shape;
        let [height, width] = self.output();
        let (group_inputs, group_outputs) = (self.shape.group_inputs(), self.shape.group_outputs());
        for (sample, y) in (0..self.batch).flat_map(|sample| (0..height).map(move |y| (sample, y))) {
            for (x, p) in (0..width).flat_map(|x| (0..kernel[0]).map(move |p| (x, p))) {
                for q in 0..kernel[1] {
                    let row = (y * stride[0] + p * dilation[0]).wrapping_sub(padding[0][0]);
                    let column = (x * stride[1] + q * dilation[1]).wrapping_sub(padding[1][0]);
                    if row >= self.size[0] || column >= self.size[1] {
                        continue;
                    }
                    let from = ((sample * self.size[0] + row) * self.size[1] + column) * inputs;
                    let to = ((sample * height + y) * width + x) * outputs;
                    for o in 0..outputs {
                        let group = o / group_outputs;
                        for c in 0..group_inputs {
                            let weight = ((o * group_inputs + c) * kernel[0] + p) * kernel[1] + q;
                            visit(from + group * group_inputs + c, to + o, weight);
                        }
                    }
                }
            }
        }
    }

    /// Adds Σ w · x to the outputs.
    pub(crate) fn forward(&self, weights: &[f32], input: &[f32], output: &mut [Sum]) {
        self.meet(|from, to, weight| output[to].add(f64::from(weights[weight]) * f64::from(input[from])));
    }

    /// Adds Σ w · s to the inputs.
    pub(crate) fn transposed(&self, weights: &[f32], upper: &[f32], lower: &mut [Sum]) {
        self.meet(|from, to, weight| lower[from].add(f64::from(weights[weight]) * f64::from(upper[to])));
    }
}

/// Cases with every kind of step, padding, group and size that doesn't fit the vectors.
pub(crate) fn cases() -> impl Strategy<Value = Case> {
    let channels = || prop_oneof![2 => 1usize..5, 3 => 5usize..20, 1 => 20usize..150];
    let grouped = (channels(), channels(), 1usize..4).prop_map(|(c, o, groups)| [c * groups, o * groups, groups]);
    let depthwise = channels().prop_map(|channels| [channels; 3]);
    cases_of(prop_oneof![grouped, depthwise], 5)
}

/// Cases of channels that go by themselves, with larger kernels.
pub(crate) fn depthwise_cases() -> impl Strategy<Value = Case> {
    let channels = prop_oneof![3 => 1usize..20, 1 => 20usize..150];
    cases_of(channels.prop_map(|channels| [channels; 3]), 8)
}

/// Cases that Winograd's methods are for.
pub(crate) fn winograd_cases() -> impl Strategy<Value = Case> {
    let channels = || prop_oneof![3 => 1usize..20, 1 => 20usize..150];
    let padding = prop::array::uniform2(prop::array::uniform2(0usize..3));
    let size = prop::array::uniform2(1usize..14);
    (channels(), channels(), padding, size, 1usize..3, any::<u64>()).prop_filter_map(
        "the kernel fits, and the twin is not too slow",
        |(inputs, outputs, padding, size, batch, seed)| {
            let shape = Shape { padding, ..Shape::plain(inputs, outputs, [3, 3]) };
            let [height, width] = shape.output_size(size)?;
            (batch * height * width * outputs * inputs * 9 < 60_000).then_some(Case { shape, batch, size, seed })
        },
    )
}

/// Cases of numbers of inputs, outputs and groups, with kernels smaller than `kernel` along each axis.
fn cases_of(channels: impl Strategy<Value = [usize; 3]>, kernel: usize) -> impl Strategy<Value = Case> {
    let pair = |most: usize| prop::array::uniform2(1..most);
    let dilation = prop_oneof![3 => Just([1, 1]), 1 => pair(3)];
    let geometry = (channels, pair(kernel), pair(4), dilation);
    let place = (prop::array::uniform2(prop::array::uniform2(0usize..4)), pair(20), 1usize..4, any::<u64>());
    (geometry, place).prop_filter_map(
        "the kernel fits, and the twin is not too slow",
        |(([inputs, outputs, groups], kernel, stride, dilation), (padding, size, batch, seed))| {
            let shape = Shape { inputs, outputs, kernel, stride, dilation, padding, groups };
            let [height, width] = shape.output_size(size)?;
            let work = batch * height * width * outputs * shape.group_inputs() * shape.taps();
            (work < 60_000).then_some(Case { shape, batch, size, seed })
        },
    )
}

/// Asserts that numbers are what plain loops give, to some roundings of the terms: none of them is in a long chain.
pub(crate) fn assert_close(got: &[f32], want: &[Sum], what: &str) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (at, (&got, want)) in got.iter().zip(want).enumerate() {
        let error = (f64::from(got) - want.value).abs();
        assert!(error <= 1e-6 * want.magnitude, "{what}: number {at} is {got:e}, not {:e}", want.value);
    }
}
