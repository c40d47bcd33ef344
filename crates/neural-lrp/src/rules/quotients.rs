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
    pub terms: Vec<Quotient<'a, F>>,
    stabilizer: Stabilizer,
}

/// `s_tj = factor_t · gate_t(z_j) · R_j / stabilize(z_tj)`, and what it was divided by.
pub(super) struct Quotient<'a, F: Real> {
    pub values: ArrayD<F>,
    denominator: CowArray<'a, F, IxDyn>,
    bias: Option<OutputBias<F>>,
}

/// The outputs of a layer, as they lie in memory.
struct Outputs<'a, F: Real> {
    z: Cow<'a, [F]>,
    relevance: Cow<'a, [F]>,
    /// By how much less than all terms stand at each output, where those that are absent are made up for.
    present: Option<Vec<F>>,
}

impl<'a, F: Real> Quotients<'a, F> {
    /// The quotients of all terms, and what bias, stabilizer and zeros keep of the relevance.
    pub fn of(
        layer: &dyn LinearMap<F>,
        output: &ArrayViewD<'_, F>,
        upper: &ArrayViewD<'_, F>,
        rule: &Terms,
        denominators: Vec<CowArray<'a, F, IxDyn>>,
    ) -> (Self, Sinks) {
        let order = Order::common([output]);
        let (z, relevance) = (order.numbers(output), order.numbers(upper));
        let renormalized = rule.absent_sign == AbsentSign::Renormalized;
        let present = renormalized.then(|| present_shares(rule, order, &z, &denominators));
        let outputs = Outputs { z, relevance, present };
        let (mut sinks, mut terms) = (Sinks { zero: outputs.behind_gates(rule), ..Sinks::default() }, Vec::new());
        for (term, denominator) in rule.terms.iter().zip(denominators) {
            let bias = OutputBias::of(layer, term.bias, order, output.shape());
            let (values, of_term) =
                outputs.quotients(term, rule.stabilizer, &order.numbers(&denominator.view()), bias.as_ref());
            sinks += of_term;
            terms.push(Quotient { values: order.array(output.shape(), values), denominator, bias });
        }
        if let Some(present) = &outputs.present {
            let nothing = |place: usize| if present[place] == F::zero() { outputs.relevance[place].as_() } else { 0.0 };
            sinks.absent = Amount::over(present.len(), nothing);
        }
        (Self { order, terms, stabilizer: rule.stabilizer }, sinks)
    }

    /// `Σ_j (b_j + ε sign(z_j)) s_j / n_j` for each of the `n_j` inputs that output j is connected to (the text after
    /// Eq. 57), and the share of outputs that no input is connected to.
    pub fn shared_evenly(&self, layer: &dyn LinearMap<F>, x: &ArrayViewD<'_, F>) -> (ArrayD<F>, Amount) {
        let connected = layer.apply(&[WeightPart::Ones], ArrayD::ones(x.raw_dim()).view());
        let connected = connected[0].view();
        let connected = self.order.numbers(&connected);
        let mut unconnected = Amount::default();
        let message = |quotient: &Quotient<'_, F>| {
            let (denominator, values) = (quotient.denominator.view(), quotient.values.view());
            let numbers = self.order.numbers(&denominator);
            let mut message: Vec<F> = numbers.iter().map(|&d| self.stabilizer.addition(d)).collect();
            if let Some(bias) = &quotient.bias {
                bias.add_to(&mut message);
            }
            let values = self.order.numbers(&values);
            for ((message, &value), &inputs) in message.iter_mut().zip(values.iter()).zip(connected.iter()) {
                *message *= value;
                if inputs == F::zero() {
                    unconnected += Amount::of(message.as_());
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

impl<F: Real> Outputs<'_, F> {
    /// The relevance at outputs where the gates of all terms are shut.
    fn behind_gates(&self, rule: &Terms) -> Amount {
        if rule.terms.iter().any(|term| term.gate == Gate::Always) {
            return Amount::default();
        }
        let shut = |place: usize| rule.terms.iter().all(|term| !term.gate.is_open(self.z[place]));
        Amount::over(self.z.len(), |place| if shut(place) { self.relevance[place].as_() } else { 0.0 })
    }

    /// The quotients of a term, row by row of outputs, with what bias, stabilizer and zeros keep.
    fn quotients(
        &self,
        term: &Term,
        stabilizer: Stabilizer,
        denominator: &[F],
        bias: Option<&OutputBias<F>>,
    ) -> (Vec<F>, Sinks) {
        let row = bias.map_or(ROW, OutputBias::row);
        let rows_of_task = TASK.div_ceil(row);
        let mut values = vec![F::zero(); denominator.len()];
        let tasks = values.par_chunks_mut(rows_of_task * row).enumerate().map(|(task, values)| {
            let mut sinks = Sinks::default();
            for (within, values) in values.chunks_mut(row).enumerate() {
                let index = task * rows_of_task + within;
                let outputs = self.row(index * row..index * row + values.len(), denominator);
                sinks += match bias.map(|bias| bias.along(index)) {
                    None => outputs.fill(term, stabilizer, values, |_| F::zero()),
                    Some(Along::Same(b)) => outputs.fill(term, stabilizer, values, |_| b),
                    Some(Along::Each(bias)) => outputs.fill(term, stabilizer, values, |place| bias[place]),
                };
            }
            sinks
        });
        let tasks: Vec<Sinks> = tasks.collect();
        let mut sinks = Sinks::default();
        tasks.into_iter().for_each(|of_task| sinks += of_task);
        (values, sinks)
    }

    fn row<'a>(&'a self, places: std::ops::Range<usize>, denominator: &'a [F]) -> Row<'a, F> {
        Row {
            z: &self.z[places.clone()],
            relevance: &self.relevance[places.clone()],
            present: self.present.as_ref().map(|present| &present[places.clone()]),
            denominator: &denominator[places],
        }
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
    fn fill(&self, term: &Term, stabilizer: Stabilizer, values: &mut [F], bias: impl Fn(usize) -> F) -> Sinks {
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
