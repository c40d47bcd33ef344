//! Layers against plain loops in double precision.
use proptest::prelude::*;

use super::{Dense, Order};
use crate::twin::{Sum, assert_close, random};
use crate::{Amount, Instructions, Lower, LowerProduct, Quotient, QuotientStream, Stream, Take, WeightPart, Zero};

/// A layer and what goes through it, either way.
#[derive(Clone, Debug)]
struct Case {
    samples: usize,
    outputs: usize,
    inputs: usize,
    order: Order,
    /// What is taken of each stream, and its part of the weights.
    streams: Vec<(Take, Option<&'static NamedPart>)>,
    bias: bool,
    times: Option<Take>,
    onto: bool,
    /// Of how many rows of messages all but one are zero in every sample; 0 for none.
    sparse: usize,
}

#[derive(Debug)]
struct NamedPart {
    name: &'static str,
    of: fn(f32) -> f32,
}

static PARTS: [NamedPart; 3] = [
    NamedPart { name: "positive", of: |w| w.max(0.0) },
    NamedPart { name: "squared", of: |w| w * w },
    NamedPart { name: "lifted", of: |w| w + 0.25 * w.max(0.0) },
];

impl NamedPart {
    fn run(&'static self) -> Box<WeightPart> {
        Box::new(|weights, part| {
            assert_eq!(weights.len(), part.len(), "{}", self.name);
            part.iter_mut().zip(weights).for_each(|(part, &weight)| *part = (self.of)(weight));
        })
    }
}

impl Case {
    fn weights(&self) -> Vec<f32> {
        random(1, self.outputs * self.inputs)
    }

    /// The weight of an output and an input.
    fn weight(&self, weights: &[f32], output: usize, input: usize, part: Option<&'static NamedPart>) -> f64 {
        let weight = match self.order {
            Order::OutputsFirst => weights[output * self.inputs + input],
            Order::InputsFirst => weights[input * self.outputs + output],
        };
        f64::from(part.map_or(weight, |part| (part.of)(weight)))
    }

    /// The arrays of the streams.
    fn arrays(&self, channels: usize) -> Vec<Vec<f32>> {
        let stream = |seed: usize| {
            let mut values = random(10 + seed as u64, self.samples * channels);
            if self.sparse > 0 {
                for (at, value) in values.iter_mut().enumerate() {
                    if (at % channels) % self.sparse != seed % self.sparse {
                        *value = 0.0;
                    }
                }
            }
            values
        };
        (0..self.streams.len()).map(stream).collect()
    }

    fn parts(&self) -> Vec<Option<Box<WeightPart>>> {
        self.streams.iter().map(|(_, part)| part.map(NamedPart::run)).collect()
    }

    fn forward(&self, set: Instructions) -> Vec<f32> {
        let (weights, bias) = (self.weights(), random(2, self.outputs));
        let (arrays, parts) = (self.arrays(self.inputs), self.parts());
        let stream = |i: usize| Stream { values: &arrays[i], take: self.streams[i].0, part: parts[i].as_deref() };
        let streams: Vec<_> = (0..arrays.len()).map(stream).collect();
        let mut output = vec![f32::NAN; self.samples * self.outputs];
        let dense = Dense::new(&weights, self.outputs, self.inputs, self.order).by(set);
        dense.forward(self.samples, &streams, self.bias.then_some(&bias[..]), &mut output);
        output
    }

    /// The output by plain loops.
    fn forward_twin(&self) -> Vec<Sum> {
        let (weights, bias) = (self.weights(), random(2, self.outputs));
        let arrays = self.arrays(self.inputs);
        let number = |at: usize| {
            let (sample, output) = (at / self.outputs, at % self.outputs);
            let mut sum = Sum::default();
            sum.add(if self.bias { f64::from(bias[output]) } else { 0.0 });
            for (values, &(take, part)) in arrays.iter().zip(&self.streams) {
                for input in 0..self.inputs {
                    let x = taken(take, values[sample * self.inputs + input]);
                    sum.add(self.weight(&weights, output, input, part) * x);
                }
            }
            sum
        };
        (0..self.samples * self.outputs).map(number).collect()
    }

    fn transposed(&self, set: Instructions) -> (Vec<f32>, Vec<Amount>) {
        let (weights, times) = (self.weights(), random(3, self.samples * self.inputs));
        let (arrays, parts) = (self.arrays(self.outputs), self.parts());
        let stream = |i: usize| Stream { values: &arrays[i], take: self.streams[i].0, part: parts[i].as_deref() };
        let streams: Vec<_> = (0..arrays.len()).map(stream).collect();
        let mut output = random(4, self.samples * self.inputs);
        let dense = Dense::new(&weights, self.outputs, self.inputs, self.order).by(set);
        let lower = Lower { times: self.times.map(|take| (&times[..], take)), onto: self.onto };
        let sums = dense.transposed(self.samples, &streams, lower, &mut output);
        (output, sums)
    }

    /// The way back by plain loops: the products alone, and what the output holds then.
    fn transposed_twin(&self) -> (Vec<Sum>, Vec<Sum>) {
        let (weights, times) = (self.weights(), random(3, self.samples * self.inputs));
        let arrays = self.arrays(self.outputs);
        let before = random(4, self.samples * self.inputs);
        let number = |at: usize| {
            let (sample, input) = (at / self.inputs, at % self.inputs);
            let factor = self.times.map_or(1.0, |take| taken(take, times[at]));
            let mut sum = Sum::default();
            for (values, &(take, part)) in arrays.iter().zip(&self.streams) {
                for output in 0..self.outputs {
                    let s = taken(take, values[sample * self.outputs + output]);
                    sum.add(self.weight(&weights, output, input, part) * s * factor);
                }
            }
            let mut whole = sum;
            whole.add(if self.onto { f64::from(before[at]) } else { 0.0 });
            (sum, whole)
        };
        (0..self.samples * self.inputs).map(number).unzip()
    }

    fn check(&self) {
        let forward = self.forward_twin();
        let (alone, transposed) = self.transposed_twin();
        for set in Instructions::available() {
            assert_close(&self.forward(set), &forward, &format!("{set} forward {self:?}"));
            let (output, sums) = self.transposed(set);
            assert_close(&output, &transposed, &format!("{set} transposed {self:?}"));
            assert_eq!(sums.len(), self.samples);
            for (sample, got) in sums.iter().enumerate() {
                let of_sample = &alone[sample * self.inputs..(sample + 1) * self.inputs];
                let scale: f64 = of_sample.iter().map(|sum| sum.magnitude).sum();
                let (total, magnitude) =
                    of_sample.iter().fold((0.0, 0.0), |(t, m), sum| (t + sum.value, m + sum.value.abs()));
                assert!((got.total - total).abs() <= 1e-6 * scale, "{set} {self:?}: {got:?}, not {total}");
                assert!((got.magnitude - magnitude).abs() <= 1e-6 * scale, "{set} {self:?}: {got:?}, not {magnitude}");
            }
        }
    }
}

fn taken(take: Take, x: f32) -> f64 {
    f64::from(match take {
        Take::All => x,
        Take::Positive => x.max(0.0),
        Take::Negative => x.min(0.0),
        Take::Magnitude => x.abs(),
    })
}

fn whole(values: &[f32]) -> Stream<'_> {
    Stream { values, take: Take::All, part: None }
}

fn plain(samples: usize, outputs: usize, inputs: usize) -> Case {
    Case {
        samples,
        outputs,
        inputs,
        order: Order::OutputsFirst,
        streams: vec![(Take::All, None)],
        bias: true,
        times: Some(Take::All),
        onto: false,
        sparse: 0,
    }
}

fn orders() -> [Order; 2] {
    [Order::OutputsFirst, Order::InputsFirst]
}

fn take() -> impl Strategy<Value = Take> {
    prop::sample::select(vec![Take::All, Take::Positive, Take::Negative, Take::Magnitude])
}

prop_compose! {
    fn case()(
        samples in prop_oneof![Just(1_usize), 1_usize..8, Just(19), Just(66)],
        outputs in 0_usize..70,
        inputs in prop_oneof![0_usize..40, 100_usize..150],
        order in prop::sample::select(orders().to_vec()),
        streams in prop::collection::vec((take(), prop::option::of(0_usize..3)), 0..3),
        bias in any::<bool>(),
        times in prop::option::of(take()),
        onto in any::<bool>(),
        sparse in 0_usize..4,
    ) -> Case {
        let streams = streams.into_iter().map(|(take, part)| (take, part.map(|part| &PARTS[part]))).collect();
        Case { samples, outputs, inputs, order, streams, bias, times, onto, sparse }
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
    for (samples, outputs, inputs) in
        [(1, 5, 8300), (1, 1100, 2100), (3, 9, 4100), (13, 300, 600), (250, 20, 40), (70, 600, 150)]
    {
        for order in orders() {
            Case { order, ..plain(samples, outputs, inputs) }.check();
            let streams = vec![(Take::Positive, Some(&PARTS[0])), (Take::All, None)];
            Case { order, streams, sparse: 2, onto: true, ..plain(samples, outputs, inputs) }.check();
        }
    }
}

#[test]
fn nothing_is_nothing() {
    for order in orders() {
        Case { order, ..plain(0, 3, 4) }.check();
        Case { order, streams: Vec::new(), onto: true, ..plain(2, 3, 4) }.check();
        Case { order, bias: false, times: None, ..plain(2, 3, 0) }.check();
        Case { order, bias: false, times: None, ..plain(1, 0, 3) }.check();
    }
}

#[test]
fn results_are_the_same_for_any_number_of_threads() {
    for (samples, outputs, inputs) in [(1, 300, 1000), (9, 300, 1000), (70, 300, 400)] {
        for order in orders() {
            let case = Case {
                order,
                streams: vec![(Take::All, Some(&PARTS[1])), (Take::Negative, None)],
                sparse: 3,
                ..plain(samples, outputs, inputs)
            };
            let by = |threads: usize| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| {
                    let set = Instructions::current();
                    let (lower, sums) = case.transposed(set);
                    let numbers = [case.forward(set), lower]
                        .map(|output| output.into_iter().map(f32::to_bits).collect::<Vec<_>>());
                    (numbers, sums)
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
        for (samples, order) in [1, 3, 9, 70].into_iter().flat_map(|samples| orders().map(|order| (samples, order))) {
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
            dense.forward(samples, &[whole(&x)], None, &mut z);
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
            dense.transposed(samples, &[whole(&s)], Lower::default(), &mut c);
            for (place, &c) in c.iter().enumerate() {
                let skipped = order == Order::OutputsFirst;
                let expected = place / inputs == 0 || place % inputs == 7 || (place % inputs == 36 && !skipped);
                assert_eq!(!c.is_finite(), expected, "{set} {samples} {order:?} {place}");
            }
        }
    }
}

/// Messages that kernels take for zero leave rows out on every thread, whatever its mode.
#[test]
fn subnormal_messages_count_as_zero() {
    let (outputs, inputs) = (300, 5);
    let weights = random(1, outputs * inputs);
    let s: Vec<f32> =
        random(2, outputs).into_iter().enumerate().map(|(i, s)| if i % 3 == 0 { 1e-39 } else { s }).collect();
    let zeros: Vec<f32> = s.iter().map(|&s| if s.abs() < f32::MIN_POSITIVE { 0.0 } else { s }).collect();
    let by = |s: &[f32]| {
        let mut c = vec![0.0; inputs];
        Dense::new(&weights, outputs, inputs, Order::OutputsFirst).transposed(1, &[whole(s)], Lower::default(), &mut c);
        c.into_iter().map(f32::to_bits).collect::<Vec<_>>()
    };
    let want = by(&zeros);
    assert_eq!(by(&s), want);
    let _guard = crate::subnormal::FlushSubnormals::new();
    assert_eq!(by(&s), want);
}

#[test]
#[should_panic(expected = "numbers of the stream: 2 × 3")]
fn lengths_are_checked() {
    let dense = Dense::new(&[0.0; 6], 2, 3, Order::OutputsFirst);
    dense.forward(2, &[whole(&[0.0; 5])], None, &mut [0.0; 4]);
}

/// The sums of a quotient and its numbers, against the formula.
#[test]
fn quotients_are_made_on_the_way() {
    let (samples, outputs, inputs) = (3, 21, 10);
    let weights = random(1, outputs * inputs);
    let (relevance, mut z, bias) = (random(2, samples * outputs), random(3, samples * outputs), random(4, outputs));
    z[5] = 0.0;
    let times = random(5, samples * inputs);
    for (set, epsilon) in Instructions::available().into_iter().flat_map(|set| [(set, 0.0), (set, 0.25)]) {
        let quotient = Quotient {
            relevance: &relevance,
            denominator: &z,
            without: None,
            bias: Some(&bias),
            factor: 0.5,
            epsilon,
            zero: Zero::Stabilized,
        };
        let share = |at: usize| {
            let stabilized = z[at] + if z[at] >= 0.0 { epsilon } else { -epsilon };
            if stabilized == 0.0 { 0.0 } else { 0.5 * relevance[at] / stabilized }
        };
        let s: Vec<f32> = (0..samples * outputs).map(share).collect();
        let dense = Dense::new(&weights, outputs, inputs, Order::OutputsFirst).by(set);
        let lower = Lower { times: Some((&times, Take::All)), onto: false };
        let (mut got, mut want) = (vec![0.0; samples * inputs], vec![0.0; samples * inputs]);
        let sums = dense.quotient_transposed(samples, &[QuotientStream { quotient, part: None }], lower, &mut got);
        dense.transposed(samples, &[whole(&s)], lower, &mut want);
        let scale = s.iter().fold(1.0_f32, |scale, s| scale.max(s.abs()));
        for (got, want) in got.iter().zip(&want) {
            assert!((got - want).abs() <= 1e-6 * scale * outputs as f32, "{set} {epsilon}: {got} {want}");
        }
        for (sample, sums) in sums.iter().enumerate() {
            let of_sample = sample * outputs..(sample + 1) * outputs;
            let upper: f64 = relevance[of_sample.clone()].iter().map(|&r| f64::from(r)).sum();
            let to_bias: f64 = of_sample.map(|at| f64::from(s[at]) * f64::from(bias[at % outputs])).sum();
            let lower: f64 = got[sample * inputs..][..inputs].iter().map(|&r| f64::from(r)).sum();
            let tolerance = 1e-5 * f64::from(scale);
            assert!((sums.booked[0].upper.total - upper).abs() <= tolerance, "{set} {epsilon} {sums:?} {upper}");
            assert!((sums.booked[0].bias.total - to_bias).abs() <= tolerance, "{set} {epsilon} {sums:?} {to_bias}");
            assert!((sums.lower.total - lower).abs() <= tolerance, "{set} {epsilon} {sums:?} {lower}");
        }
    }
}

/// Products that are added, against the same products one after another.
#[test]
fn products_of_quotients_are_their_sum() {
    let positive: &WeightPart = &|weights, part| part.iter_mut().zip(weights).for_each(|(p, w)| *p = w.max(0.0));
    let (outputs, inputs) = (21, 37);
    let weights = random(1, outputs * inputs);
    for (set, samples) in Instructions::available().into_iter().flat_map(|set| [(set, 1), (set, 9)]) {
        let [relevance, first, second] = [2, 3, 4].map(|seed| random(seed, samples * outputs));
        let [input, before] = [5, 6].map(|seed| random(seed, samples * inputs));
        let quotient = |denominator| Quotient {
            relevance: &relevance,
            denominator,
            without: None,
            bias: None,
            factor: 1.0,
            epsilon: 0.25,
            zero: Zero::Stabilized,
        };
        let quotients = [quotient(&first), quotient(&second)];
        let parts = [[Some(positive), None], [None, Some(positive)]];
        let takes = [Take::Positive, Take::Negative];
        let products = [0, 1].map(|i| LowerProduct { parts: &parts[i], times: Some((&input, takes[i])) });
        let dense = Dense::new(&weights, outputs, inputs, Order::OutputsFirst).by(set);
        let (mut got, mut want) = (before.clone(), before.clone());
        let sums = dense.quotients_transposed(samples, &quotients, &products, true, &mut got);
        let apart = [0, 1].map(|i| {
            let streams = [0, 1].map(|q| QuotientStream { quotient: quotients[q], part: parts[i][q] });
            let lower = Lower { times: products[i].times, onto: true };
            dense.quotient_transposed(samples, &streams, lower, &mut want)
        });
        assert_eq!(got, want, "{set}");
        for (sums, [one, other]) in sums.iter().zip(apart[0].iter().zip(&apart[1]).map(|(one, other)| [one, other])) {
            assert_eq!(sums.booked, one.booked);
            assert!((sums.lower.total - one.lower.total - other.lower.total).abs() <= 1e-12 * sums.lower.magnitude);
        }
    }
}
