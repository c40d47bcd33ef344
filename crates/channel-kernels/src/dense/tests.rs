//! Layers against plain loops in double precision.
use proptest::prelude::*;

use super::{Dense, DenseLower, DenseStream, Order};
use crate::twin::{assert_close, numbers};
use crate::{Instructions, WeightPart};

/// A layer and what goes through it, either way.
#[derive(Clone, Debug)]
struct Case {
    samples: usize,
    outputs: usize,
    inputs: usize,
    order: Order,
    /// The part of each stream.
    parts: Vec<Option<&'static WeightPartName>>,
    bias: bool,
    times: bool,
    onto: bool,
    /// Of how many rows of messages all but one are zero in every sample; 0 for none.
    sparse: usize,
}

#[derive(Debug)]
struct WeightPartName {
    name: &'static str,
    of: fn(f32) -> f32,
}

static PARTS: [WeightPartName; 3] = [
    WeightPartName { name: "positive", of: |w| w.max(0.0) },
    WeightPartName { name: "squared", of: |w| w * w },
    WeightPartName { name: "lifted", of: |w| w + 0.25 * w.max(0.0) },
];

impl WeightPartName {
    fn run(&'static self) -> Box<WeightPart> {
        Box::new(|weights, part| {
            assert_eq!(weights.len(), part.len(), "{}", self.name);
            part.iter_mut().zip(weights).for_each(|(part, &weight)| *part = (self.of)(weight));
        })
    }
}

impl Case {
    fn weights(&self) -> Vec<f32> {
        numbers(self.outputs * self.inputs, 1)
    }

    /// The weight of an output and an input.
    fn weight(&self, weights: &[f32], output: usize, input: usize, part: Option<&'static WeightPartName>) -> f64 {
        let weight = match self.order {
            Order::OutputsFirst => weights[output * self.inputs + input],
            Order::InputsFirst => weights[input * self.outputs + output],
        };
        f64::from(part.map_or(weight, |part| (part.of)(weight)))
    }

    fn streams(&self, channels: usize) -> Vec<Vec<f32>> {
        let stream = |seed: usize| {
            let mut values = numbers(self.samples * channels, 10 + seed as u64);
            if self.sparse > 0 {
                for (at, value) in values.iter_mut().enumerate() {
                    if (at % channels) % self.sparse != seed % self.sparse {
                        *value = 0.0;
                    }
                }
            }
            values
        };
        (0..self.parts.len()).map(stream).collect()
    }

    fn forward(&self, set: Instructions) -> Vec<f32> {
        let (weights, bias) = (self.weights(), numbers(self.outputs, 2));
        let values = self.streams(self.inputs);
        let parts: Vec<_> = self.parts.iter().map(|part| part.map(WeightPartName::run)).collect();
        let streams: Vec<_> =
            values.iter().zip(&parts).map(|(values, part)| DenseStream { values, part: part.as_deref() }).collect();
        let mut output = vec![f32::NAN; self.samples * self.outputs];
        let dense = Dense::new(&weights, self.outputs, self.inputs, self.order).by(set);
        dense.forward(self.samples, &streams, self.bias.then_some(&bias[..]), &mut output);
        output
    }

    /// The output by plain loops, and the sum of the magnitudes of all that was added.
    fn forward_twin(&self) -> Vec<(f64, f64)> {
        let (weights, bias) = (self.weights(), numbers(self.outputs, 2));
        let values = self.streams(self.inputs);
        let number = |at: usize| {
            let (sample, output) = (at / self.outputs, at % self.outputs);
            let mut sum = if self.bias { f64::from(bias[output]) } else { 0.0 };
            let mut magnitude = sum.abs();
            for (values, &part) in values.iter().zip(&self.parts) {
                for input in 0..self.inputs {
                    let product =
                        self.weight(&weights, output, input, part) * f64::from(values[sample * self.inputs + input]);
                    sum += product;
                    magnitude += product.abs();
                }
            }
            (sum, magnitude)
        };
        (0..self.samples * self.outputs).map(number).collect()
    }

    fn transposed(&self, set: Instructions) -> Vec<f32> {
        let (weights, times) = (self.weights(), numbers(self.samples * self.inputs, 3));
        let values = self.streams(self.outputs);
        let parts: Vec<_> = self.parts.iter().map(|part| part.map(WeightPartName::run)).collect();
        let streams: Vec<_> =
            values.iter().zip(&parts).map(|(values, part)| DenseStream { values, part: part.as_deref() }).collect();
        let mut output = numbers(self.samples * self.inputs, 4);
        let dense = Dense::new(&weights, self.outputs, self.inputs, self.order).by(set);
        let lower = DenseLower { times: self.times.then_some(&times[..]), onto: self.onto };
        dense.transposed(self.samples, &streams, lower, &mut output);
        output
    }

    fn transposed_twin(&self) -> Vec<(f64, f64)> {
        let (weights, times) = (self.weights(), numbers(self.samples * self.inputs, 3));
        let values = self.streams(self.outputs);
        let before = numbers(self.samples * self.inputs, 4);
        let number = |at: usize| {
            let (sample, input) = (at / self.inputs, at % self.inputs);
            let (mut sum, mut magnitude) = (0.0, 0.0);
            for (values, &part) in values.iter().zip(&self.parts) {
                for output in 0..self.outputs {
                    let product =
                        self.weight(&weights, output, input, part) * f64::from(values[sample * self.outputs + output]);
                    sum += product;
                    magnitude += f64::abs(product);
                }
            }
            let times = if self.times { f64::from(times[at]) } else { 1.0 };
            let before = if self.onto { f64::from(before[at]) } else { 0.0 };
            (sum * times + before, magnitude * times.abs() + before.abs())
        };
        (0..self.samples * self.inputs).map(number).collect()
    }

    fn check(&self) {
        let (forward, transposed) = (self.forward_twin(), self.transposed_twin());
        for set in Instructions::available() {
            assert_close(&self.forward(set), &forward, &format!("{set} forward {self:?}"));
            assert_close(&self.transposed(set), &transposed, &format!("{set} transposed {self:?}"));
        }
    }
}

fn plain(samples: usize, outputs: usize, inputs: usize) -> Case {
    Case {
        samples,
        outputs,
        inputs,
        order: Order::OutputsFirst,
        parts: vec![None],
        bias: true,
        times: true,
        onto: false,
        sparse: 0,
    }
}

fn orders() -> [Order; 2] {
    [Order::OutputsFirst, Order::InputsFirst]
}

prop_compose! {
    fn case()(
        samples in prop_oneof![Just(1_usize), 1_usize..8, Just(19)],
        outputs in 0_usize..70,
        inputs in prop_oneof![0_usize..40, 100_usize..150],
        order in prop::sample::select(orders().to_vec()),
        parts in prop::collection::vec(prop::option::of(0_usize..3), 0..3),
        flags in prop::array::uniform3(any::<bool>()),
        sparse in 0_usize..4,
    ) -> Case {
        let parts = parts.into_iter().map(|part| part.map(|part| &PARTS[part])).collect();
        let [bias, times, onto] = flags;
        Case { samples, outputs, inputs, order, parts, bias, times, onto, sparse }
    }
}

proptest! {
    #[test]
    fn layers_are_plain_loops(case in case()) {
        case.check();
    }
}

#[test]
fn chains_and_blocks_join() {
    for (samples, outputs, inputs) in [(1, 5, 8300), (1, 1100, 2100), (3, 9, 4100), (7, 300, 600), (250, 20, 40)] {
        for order in orders() {
            Case { order, ..plain(samples, outputs, inputs) }.check();
            let parts = vec![Some(&PARTS[0]), None];
            Case { order, parts, sparse: 2, onto: true, ..plain(samples, outputs, inputs) }.check();
        }
    }
}

#[test]
fn nothing_is_nothing() {
    for order in orders() {
        Case { order, ..plain(0, 3, 4) }.check();
        Case { order, parts: Vec::new(), onto: true, ..plain(2, 3, 4) }.check();
        Case { order, bias: false, times: false, ..plain(2, 3, 0) }.check();
        Case { order, bias: false, times: false, ..plain(1, 0, 3) }.check();
    }
}

#[test]
fn results_are_the_same_for_any_number_of_threads() {
    for (samples, outputs, inputs) in [(1, 300, 1000), (3, 300, 1000), (20, 300, 400)] {
        for order in orders() {
            let case = Case { order, parts: vec![Some(&PARTS[1]), None], sparse: 3, ..plain(samples, outputs, inputs) };
            let by = |threads: usize| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| {
                    let set = Instructions::current();
                    [case.forward(set), case.transposed(set)]
                        .map(|output| output.into_iter().map(f32::to_bits).collect::<Vec<_>>())
                })
            };
            let one = by(1);
            assert_eq!(one, by(2));
            assert_eq!(one, by(3));
        }
    }
}

/// What isn't finite shows where it does in plain loops, but for rows of weights that are taken times zero.
#[test]
fn what_is_not_finite_shows() {
    let (outputs, inputs) = (21, 37);
    for set in Instructions::available() {
        for (samples, order) in [1, 3, 9].into_iter().flat_map(|samples| orders().map(|order| (samples, order))) {
            let case = Case { samples, order, ..plain(samples, outputs, inputs) };
            let at = |output: usize, input: usize| match order {
                Order::OutputsFirst => output * inputs + input,
                Order::InputsFirst => input * outputs + output,
            };
            let mut weights = case.weights();
            weights[at(5, 7)] = f32::INFINITY;
            weights[at(20, 36)] = f32::NAN;
            let dense = Dense::new(&weights, outputs, inputs, order).by(set);

            let mut x = vec![1.0; samples * inputs];
            x[3] = f32::NAN;
            let mut z = vec![0.0; samples * outputs];
            dense.forward(samples, &[DenseStream::whole(&x)], None, &mut z);
            for (place, &z) in z.iter().enumerate() {
                let expected = place / outputs == 0 || [5, 20].contains(&(place % outputs));
                assert_eq!(!z.is_finite(), expected, "{set} {samples} {order:?} {place}");
            }

            let mut s = vec![1.0; samples * outputs];
            s[4] = f32::INFINITY;
            for sample in 0..samples {
                s[sample * outputs + 20] = 0.0;
            }
            let mut c = vec![0.0; samples * inputs];
            dense.transposed(samples, &[DenseStream::whole(&s)], DenseLower::default(), &mut c);
            for (place, &c) in c.iter().enumerate() {
                let skipped = order == Order::OutputsFirst;
                let expected = place / inputs == 0 || place % inputs == 7 || (place % inputs == 36 && !skipped);
                assert_eq!(!c.is_finite(), expected, "{set} {samples} {order:?} {place}");
            }
        }
    }
}

#[test]
#[should_panic(expected = "numbers of the stream: 2 × 3")]
fn lengths_are_checked() {
    let dense = Dense::new(&[0.0; 6], 2, 3, Order::OutputsFirst);
    dense.forward(2, &[DenseStream::whole(&[0.0; 5])], None, &mut [0.0; 4]);
}
