//! Step 2 of the [mechanism](super::mechanism): what is sent back through the weights, and what is not.

use std::borrow::Cow;
use std::ops::AddAssign;

use ndarray::{ArrayD, ArrayViewD, CowArray, IxDyn};
use rayon::prelude::*;
use relevance::{Amount, Sink, Stabilizer};

use crate::Real;
use crate::arrays::order::Order;
use crate::operation::linear::{LinearMap, WeightPart};
use crate::rules::terms::{AbsentSign, BiasPart, Gate, Sign, Term, Terms};

/// How many numbers a task takes at least.
const TASK: usize = 1 << 14;

/// How many numbers of a row there are where there is no bias that says so.
const ROW: usize = 1 << 10;

/// Where the relevance went that no input gets.
#[derive(Clone, Copy, Default)]
pub(super) struct Sinks {
    pub bias: Amount,
    pub stabilizer: Amount,
    pub zero: Amount,
    pub absent: Amount,
}

impl Sinks {
    pub fn booked(self) -> [(Sink, Amount); 4] {
        [
            (Sink::Bias, self.bias),
            (Sink::Stabilizer, self.stabilizer),
            (Sink::ZeroDenominator, self.zero),
            (Sink::AbsentSign, self.absent),
        ]
    }
}

impl AddAssign for Sinks {
    fn add_assign(&mut self, other: Self) {
        self.bias += other.bias;
        self.stabilizer += other.stabilizer;
        self.zero += other.zero;
        self.absent += other.absent;
    }
}

/// A layer's bias beside its outputs, as these lie in memory.
pub(super) struct OutputBias<F> {
    numbers: Vec<F>,
    /// How many outputs one after another have the same.
    run: usize,
}

impl<F: Real> OutputBias<F> {
    /// A part of the bias of a layer; `None` where there is none.
    pub fn of(layer: &dyn LinearMap<F>, part: BiasPart, order: Order, outputs: &[usize]) -> Option<Self> {
        let BiasPart::Like(part) = part else { return None };
        let bias = layer.bias()?;
        let trailing_ones = bias.shape().iter().rev().take_while(|&&length| length == 1).count();
        let run = match order {
            Order::Standard => outputs.iter().rev().take(trailing_ones).product::<usize>().max(1),
            Order::ChannelsLast => 1,
        };
        Some(Self { numbers: bias.iter().map(|&b| part.of(b)).collect(), run })
    }

    /// The same with another function of each number.
    pub fn map(self, function: impl Fn(F) -> F) -> Self {
        Self { numbers: self.numbers.into_iter().map(function).collect(), ..self }
    }

    /// Adds the bias to the outputs.
    pub fn add_to(&self, outputs: &mut [F]) {
        for (row, outputs) in outputs.chunks_mut(self.row()).enumerate() {
            match self.along(row) {
                Along::Same(b) => outputs.iter_mut().for_each(|output| *output += b),
                Along::Each(bias) => outputs.iter_mut().zip(bias).for_each(|(output, &b)| *output += b),
            }
        }
    }

    /// How many outputs a row has: those of the same bias, or all that follow each other with biases of their own.
    fn row(&self) -> usize {
        if self.run > 1 { self.run } else { self.numbers.len().max(1) }
    }

    fn along(&self, row: usize) -> Along<'_, F> {
        match self.run > 1 {
            true => Along::Same(self.numbers[row % self.numbers.len()]),
            false => Along::Each(&self.numbers),
        }
    }
}

/// The bias along a row of outputs.
#[derive(Clone, Copy)]
enum Along<'a, F> {
    Same(F),
    Each(&'a [F]),
}

/// What is sent back through the weights, for each term of a rule.
pub(super) struct Quotients<'a, F: Real> {
    order: Order,
    samples: usize,
    pub terms: Vec<Quotient<'a, F>>,
    stabilizer: Stabilizer,
}

/// `s_tj = factor_t · gate_t(z_j) · R_j / stabilize(z_tj)`, and what it was divided by.
pub(super) struct Quotient<'a, F: Real> {
    pub values: ArrayD<F>,
    denominator: CowArray<'a, F, IxDyn>,
    bias: Option<OutputBias<F>>,
}

impl<'a, F: Real> Quotients<'a, F> {
    /// The quotients of all terms, and what bias, stabilizer and zeros keep of the relevance of each sample.
    pub fn of(
        layer: &dyn LinearMap<F>,
        output: &ArrayViewD<'_, F>,
        upper: &ArrayViewD<'_, F>,
        rule: &Terms,
        denominators: Vec<CowArray<'a, F, IxDyn>>,
    ) -> (Self, Vec<Sinks>) {
        let order = Order::common([output]);
        let samples = if output.ndim() > 1 { output.shape()[0] } else { 1 };
        let outputs = Outputs::new(order, samples, output, upper, rule, &denominators);
        let mut sinks: Vec<Sinks> = (0..samples).map(|sample| outputs.behind_gates(rule, sample)).collect();
        let mut terms = Vec::with_capacity(rule.terms.len());
        for (term, denominator) in rule.terms.iter().zip(denominators) {
            let bias = OutputBias::of(layer, term.bias, order, output.shape());
            let divided = Divided { term, stabilizer: rule.stabilizer, bias: bias.as_ref() };
            let (values, of_term) = outputs.quotients(&divided, &order.numbers(&denominator.view()));
            sinks.iter_mut().zip(of_term).for_each(|(sinks, of_term)| *sinks += of_term);
            terms.push(Quotient { values: order.array(output.shape(), values), denominator, bias });
        }
        if let Some(present) = &outputs.present {
            for (sample, sinks) in sinks.iter_mut().enumerate() {
                sinks.absent = outputs.relevance_where(sample, |place| present[place] == F::zero());
            }
        }
        (Self { order, samples, terms, stabilizer: rule.stabilizer }, sinks)
    }

    /// `Σ_j (b_j + ε sign(z_j)) s_j / n_j` for each of the `n_j` inputs that output j is connected to (the text after
    /// Eq. 57), and the share of each sample's outputs that no input is connected to.
    pub fn shared_evenly(&self, layer: &dyn LinearMap<F>, x: &ArrayViewD<'_, F>) -> (ArrayD<F>, Vec<Amount>) {
        let connected = layer.apply(&[WeightPart::Ones], ArrayD::ones(x.raw_dim()).view());
        let connected = connected[0].view();
        let connected = self.order.numbers(&connected);
        let of_sample = (connected.len() / self.samples.max(1)).max(1);
        let mut unconnected = vec![Amount::default(); self.samples];
        let message = |quotient: &Quotient<'_, F>| {
            let (denominator, values) = (quotient.denominator.view(), quotient.values.view());
            let numbers = self.order.numbers(&denominator);
            let mut message: Vec<F> = numbers.iter().map(|&d| self.stabilizer.addition(d)).collect();
            if let Some(bias) = &quotient.bias {
                bias.add_to(&mut message);
            }
            let values = self.order.numbers(&values);
            let numbers = message.iter_mut().zip(values.iter()).zip(connected.iter()).enumerate();
            for (place, ((message, &value), &inputs)) in numbers {
                *message *= value;
                if inputs == F::zero() {
                    unconnected[place / of_sample] += Amount::of(message.as_());
                    *message = F::zero();
                } else {
                    *message /= inputs;
                }
            }
            self.order.array(quotient.values.shape(), message)
        };
        let messages: Vec<ArrayD<F>> = self.terms.iter().map(message).collect();
        let messages: Vec<_> = messages.iter().map(|message| (WeightPart::Ones, message.view())).collect();
        (layer.transposed(&messages, x.shape()), unconnected)
    }
}

/// The outputs of a layer, as they lie in memory.
struct Outputs<'a, F: Real> {
    z: Cow<'a, [F]>,
    relevance: Cow<'a, [F]>,
    /// By how much less than all terms stand at each output, where those that are absent are made up for.
    present: Option<Vec<F>>,
    /// How many outputs a sample has.
    of_sample: usize,
}

/// What the relevance of one term is divided by, and what of it the denominator keeps.
struct Divided<'a, F> {
    term: &'a Term,
    stabilizer: Stabilizer,
    bias: Option<&'a OutputBias<F>>,
}

impl<'a, F: Real> Outputs<'a, F> {
    fn new(
        order: Order,
        samples: usize,
        output: &'a ArrayViewD<'_, F>,
        upper: &'a ArrayViewD<'_, F>,
        rule: &Terms,
        denominators: &[CowArray<'_, F, IxDyn>],
    ) -> Self {
        let (z, relevance) = (order.numbers(output), order.numbers(upper));
        let renormalized = rule.absent_sign == AbsentSign::Renormalized;
        let present = renormalized.then(|| present_shares(rule, order, &z, denominators));
        Self { z, relevance, present, of_sample: output.len() / samples.max(1) }
    }

    /// The relevance of a sample at some of its outputs.
    fn relevance_where(&self, sample: usize, is_meant: impl Fn(usize) -> bool) -> Amount {
        let first = sample * self.of_sample;
        let relevance = |place: usize| if is_meant(place) { self.relevance[place].as_() } else { 0.0 };
        Amount::over(self.of_sample, |place| relevance(first + place))
    }

    /// The relevance at outputs of a sample where the gates of all terms are shut.
    fn behind_gates(&self, rule: &Terms, sample: usize) -> Sinks {
        if rule.terms.iter().any(|term| term.gate == Gate::Always) {
            return Sinks::default();
        }
        let is_shut = |place: usize| rule.terms.iter().all(|term| !term.gate.is_open(self.z[place]));
        Sinks { zero: self.relevance_where(sample, is_shut), ..Sinks::default() }
    }

    /// The quotients of a term, with what bias, stabilizer and zeros keep of each sample.
    fn quotients(&self, divided: &Divided<'_, F>, denominator: &[F]) -> (Vec<F>, Vec<Sinks>) {
        let row = divided.bias.map_or(ROW, OutputBias::row);
        let task = TASK.div_ceil(row) * row;
        let mut values = vec![F::zero(); denominator.len()];
        let samples = values.par_chunks_mut(self.of_sample.max(1)).zip(denominator.par_chunks(self.of_sample.max(1)));
        let sinks = samples.enumerate().map(|(sample, (values, denominator))| {
            let tasks = values.par_chunks_mut(task).zip(denominator.par_chunks(task)).enumerate();
            let tasks = tasks.map(|(index, (values, denominator))| {
                self.rows(sample * self.of_sample + index * task, row, divided, denominator, values)
            });
            let mut sinks = Sinks::default();
            tasks.collect::<Vec<Sinks>>().into_iter().for_each(|of_task| sinks += of_task);
            sinks
        });
        let sinks = sinks.collect();
        (values, sinks)
    }

    /// The quotients of some rows of a sample, whose outputs begin at a place that has the first bias of a row.
    fn rows(
        &self,
        first: usize,
        length: usize,
        divided: &Divided<'_, F>,
        denominator: &[F],
        values: &mut [F],
    ) -> Sinks {
        let mut sinks = Sinks::default();
        for (index, (values, denominator)) in values.chunks_mut(length).zip(denominator.chunks(length)).enumerate() {
            let start = first + index * length;
            let places = start..start + values.len();
            let row = Row {
                z: &self.z[places.clone()],
                relevance: &self.relevance[places.clone()],
                present: self.present.as_ref().map(|present| &present[places]),
                denominator,
            };
            sinks += match divided.bias.map(|bias| bias.along(start / length)) {
                None => row.fill(divided, values, |_| F::zero()),
                Some(Along::Same(b)) => row.fill(divided, values, |_| b),
                Some(Along::Each(bias)) => row.fill(divided, values, |place| bias[place]),
            };
        }
        sinks
    }
}

/// A row of outputs, small enough for the first-level cache.
struct Row<'a, F> {
    z: &'a [F],
    relevance: &'a [F],
    present: Option<&'a [F]>,
    denominator: &'a [F],
}

impl<F: Real> Row<'_, F> {
    /// Writes the quotients of a row, and says what its relevance has in bias, stabilizer and zeros.
    fn fill(&self, divided: &Divided<'_, F>, values: &mut [F], bias: impl Fn(usize) -> F) -> Sinks {
        let &Divided { term, stabilizer, .. } = divided;
        let (factor, d) = (F::of(term.factor), self.denominator);
        let share = |place: usize| {
            if term.gate.is_open(self.z[place]) { factor * self.relevance[place] } else { F::zero() }
        };
        let nothing = |place: usize| match term.sign {
            Sign::One => d[place] == F::zero(),
            Sign::Both => stabilizer.stabilize(d[place]) == F::zero(),
        };
        for (place, value) in values.iter_mut().enumerate() {
            let quotient = share(place) / stabilizer.stabilize(d[place]);
            *value = if nothing(place) { F::zero() } else { quotient };
        }
        if let Some(present) = self.present {
            for (value, &share) in values.iter_mut().zip(present).filter(|(_, share)| **share != F::zero()) {
                *value /= share;
            }
        }
        let lost = Amount::over(d.len(), |place| if nothing(place) { share(place).as_() } else { 0.0 });
        let (zero, absent) = match term.sign {
            Sign::One => (Amount::default(), lost),
            Sign::Both => (lost, Amount::default()),
        };
        let values = &*values;
        Sinks {
            bias: Amount::over(d.len(), |place| values[place].as_() * bias(place).as_()),
            stabilizer: Amount::over(d.len(), |place| values[place].as_() * stabilizer.addition(d[place]).as_()),
            zero,
            absent,
        }
    }
}

/// The factors of the terms that are there at each output, added: what each of them is divided by to make up for those
/// that are absent.
fn present_shares<F: Real>(rule: &Terms, order: Order, z: &[F], denominators: &[CowArray<'_, F, IxDyn>]) -> Vec<F> {
    let mut shares = vec![F::zero(); z.len()];
    for (term, denominator) in rule.terms.iter().zip(denominators) {
        let denominator = denominator.view();
        for ((share, &d), &z) in shares.iter_mut().zip(order.numbers(&denominator).iter()).zip(z) {
            if d != F::zero() && term.gate.is_open(z) {
                *share += F::of(term.factor);
            }
        }
    }
    shares
}
