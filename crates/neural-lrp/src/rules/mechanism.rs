//! The mechanism: what the [`terms`](super::terms) of a rule make of a layer's relevance.
//!
//! The four steps of layer-wise relevance propagation, as the field counts them:
//!
//! ```text
//! 1.  z_t = Σ_{p∈t} W_p a_p + b_t                           forward             denominators
//! 2.  s_t = factor_t · gate_t · R / stabilize(z_t)          element by element  Quotients::of
//! 3.  c_a = Σ_t W_pᵀ s_t                                    backward            Parts::collect
//! 4.  R   = Σ_a a ⊙ c_a                                     element by element  Parts::collect
//! ```
//! * `t` — a term of the rule; `a` — a part of the input, `W_p` of the weights, `b_t` of the bias

use std::ops::Range;

use ndarray::{ArrayD, ArrayViewD, CowArray, IxDyn};
use relevance::{Amount, Sink, Stabilizer};

use crate::Real;
use crate::arrays::contiguous::borrowed;
use crate::arrays::order::Order;
use crate::operation::linear::{LinearMap, WeightPart};
use crate::operation::{Redistribution, Step};
use crate::rules::terms::{AbsentSign, BiasPart, BiasShare, Gate, InputPart, Sign, Term, Terms};

impl Terms {
    /// Redistributes `upper`, the relevance at a linear layer's output, over its input.
    ///
    /// # Errors
    /// When a part of the input is asked for that does not fit it.
    pub fn redistribute<F: Real>(
        &self,
        layer: &dyn LinearMap<F>,
        step: &Step<'_, F>,
        upper: ArrayViewD<'_, F>,
    ) -> Result<Redistribution<F>, String> {
        let inputs = Parts::of(step.operands[0].view(), self)?;
        let mut z = denominators(layer, step, self, &inputs);
        if self.bias_share == BiasShare::SharedEvenly && self.stabilizer == Stabilizer::NONE {
            clear_residues(layer, &inputs.whole, &mut z);
        }
        let (s, sinks) = Quotients::of(layer, step, upper, self, z);
        let mut lower = inputs.collect(layer, self, &s);
        if self.bias_share == BiasShare::Absorbed {
            return Ok(Redistribution::with_sinks(vec![lower], sinks.booked()));
        }
        let (shared, unconnected) = s.shared_evenly(layer, &inputs.whole);
        lower += &shared;
        let sinks = Sinks { bias: unconnected, stabilizer: Amount::default(), ..sinks };
        Ok(Redistribution::with_sinks(vec![lower], sinks.booked()))
    }
}

/// The parts of the input that a rule asks for and that are not zero throughout.
struct Parts<'a, F: Real> {
    whole: ArrayViewD<'a, F>,
    parts: Vec<(InputPart, CowArray<'a, F, IxDyn>)>,
}

impl<'a, F: Real> Parts<'a, F> {
    fn of(whole: ArrayViewD<'a, F>, rule: &Terms) -> Result<Self, String> {
        let mut parts: Vec<(InputPart, CowArray<'a, F, IxDyn>)> = Vec::new();
        for (part, _) in rule.terms.iter().flat_map(|term| &term.contributions) {
            if parts.iter().all(|(known, _)| known != part)
                && let Some(values) = input_part(&whole, part)?
            {
                parts.push((part.clone(), values));
            }
        }
        Ok(Self { whole, parts })
    }

    /// Steps 3 and 4, `R = Σ_a a ⊙ Σ_p W_pᵀ s_t` over the parts a of the input, with the quotients of all terms that they
    /// stand in.
    fn collect(&self, layer: &dyn LinearMap<F>, rule: &Terms, quotients: &Quotients<F>) -> ArrayD<F> {
        let mut lower: Option<ArrayD<F>> = None;
        for (part, values) in &self.parts {
            let mut messages = Vec::new();
            for (term, quotient) in rule.terms.iter().zip(&quotients.terms) {
                let weights = term.contributions.iter().filter(|(input, _)| input == part).map(|(_, weights)| *weights);
                messages.extend(weights.map(|weights| (weights, quotient.values.view())));
            }
            let mut c = layer.transposed(&messages, self.whole.shape());
            c *= values;
            match &mut lower {
                Some(lower) => *lower += &c,
                None => lower = Some(c),
            }
        }
        lower.unwrap_or_else(|| ArrayD::zeros(self.whole.raw_dim()))
    }
}

/// A part of the input; `None` where it is zero throughout.
fn input_part<'a, F: Real>(x: &ArrayViewD<'a, F>, part: &InputPart) -> Result<Option<CowArray<'a, F, IxDyn>>, String> {
    let zero = F::zero();
    let positive = || x.iter().any(|&x| x > zero);
    let negative = || x.iter().any(|&x| x < zero);
    Ok(match part {
        InputPart::All => Some(borrowed(x)),
        // Behind a rectifier nothing is negative, and the positive part is the input itself.
        InputPart::Positive if !negative() => positive().then(|| borrowed(x)),
        InputPart::Negative if !positive() => negative().then(|| borrowed(x)),
        InputPart::Positive => positive().then(|| x.mapv(|x| x.max(zero)).into()),
        InputPart::Negative => negative().then(|| x.mapv(|x| x.min(zero)).into()),
        InputPart::Ones => Some(ArrayD::ones(x.raw_dim()).into()),
        InputPart::AboveLow(bound) | InputPart::BelowHigh(bound) => Some((x - &bound.broadcast(x.shape())?).into()),
    })
}

/// Step 1, `z_t = Σ_p W_p a_p + b_t` for each term; each part of the input is unfolded once.
fn denominators<'a, F: Real>(
    layer: &dyn LinearMap<F>,
    step: &Step<'a, F>,
    rule: &Terms,
    inputs: &Parts<'_, F>,
) -> Vec<CowArray<'a, F, IxDyn>> {
    let mut products: Vec<(&InputPart, WeightPart, ArrayD<F>)> = Vec::new();
    for (part, values) in &inputs.parts {
        let mut weights: Vec<WeightPart> = Vec::new();
        for term in rule.terms.iter().filter(|term| !term.is_preactivation()) {
            for (_, wanted) in term.contributions.iter().filter(|(input, _)| input == part) {
                if !weights.contains(wanted) {
                    weights.push(*wanted);
                }
            }
        }
        if !weights.is_empty() {
            let outputs = layer.apply(&weights, values.view());
            products.extend(weights.into_iter().zip(outputs).map(|(weights, output)| (part, weights, output)));
        }
    }
    let denominator = |term: &Term| {
        if term.is_preactivation() {
            return borrowed(&step.output);
        }
        let stands_in = |part: &InputPart, weights: &WeightPart| {
            term.contributions.iter().any(|(input, wanted)| input == part && wanted == weights)
        };
        let mut sum: Option<ArrayD<F>> = None;
        for (_, _, product) in products.iter().filter(|(part, weights, _)| stands_in(part, weights)) {
            match &mut sum {
                Some(sum) => *sum += product,
                None => sum = Some(product.clone()),
            }
        }
        let sum = sum.unwrap_or_else(|| ArrayD::zeros(step.output.raw_dim()));
        match bias_part(layer, term.bias) {
            Some(bias) => with_bias(sum, &bias).into(),
            None => sum.into(),
        }
    };
    rule.terms.iter().map(denominator).collect()
}

/// How many units of rounding an output may be off, in its terms without signs, and still be a sum that cancels.
const RESIDUE: f64 = 32.0;

/// Sets preactivations to zero that are nothing but rounding, `|z_j| ≤ 32 ulp · (Σ_i |z_ij| + |b_j|)`.
///
/// Where contributions and bias cancel, what is left of them is no number to divide by. Most rules show it in their
/// books, by large amounts for contributions and bias apart. A rule that puts the share of the bias on top of the
/// contributions does not: both cancel again in each input, and what is lost is as large as what came in.
fn clear_residues<F: Real>(
    layer: &dyn LinearMap<F>,
    x: &ArrayViewD<'_, F>,
    denominators: &mut [CowArray<'_, F, IxDyn>],
) {
    let parts = layer.apply(&[WeightPart::Positive, WeightPart::Negative], x.mapv(F::abs).view());
    let magnitudes = &parts[0] - &parts[1];
    let magnitudes = match layer.bias() {
        Some(bias) => with_bias(magnitudes, &bias.mapv(F::abs)),
        None => magnitudes,
    };
    let unit = F::of(RESIDUE) * F::epsilon();
    for denominator in denominators {
        denominator.zip_mut_with(&magnitudes, |z, &magnitude| {
            if z.abs() <= unit * magnitude {
                *z = F::zero();
            }
        });
    }
}

fn bias_part<F: Real>(layer: &dyn LinearMap<F>, part: BiasPart) -> Option<ArrayD<F>> {
    match part {
        BiasPart::None => None,
        BiasPart::Like(part) => layer.bias().map(|bias| bias.mapv(|b| part.of(b))),
    }
}

/// The runs of outputs that have the same bias, in an order of memory: planes of a channel or single outputs, with that
/// bias.
fn bias_runs<'a, F: Real>(
    order: Order,
    outputs: &[usize],
    bias: &'a ArrayD<F>,
) -> impl Iterator<Item = (Range<usize>, F)> + 'a {
    let trailing_ones = bias.shape().iter().rev().take_while(|&&length| length == 1).count();
    let run = match order {
        Order::Standard => outputs.iter().rev().take(trailing_ones).product::<usize>().max(1),
        Order::ChannelsLast => 1,
    };
    let runs = outputs.iter().product::<usize>() / run;
    (0..runs).zip(bias.iter().cycle()).map(move |(place, &b)| (place * run..(place + 1) * run, b))
}

/// The outputs with the bias added.
fn with_bias<F: Real>(outputs: ArrayD<F>, bias: &ArrayD<F>) -> ArrayD<F> {
    let mut outputs = Order::kept(outputs);
    let (order, shape) = (Order::of(&outputs.view()).unwrap_or(Order::Standard), outputs.shape().to_vec());
    if let Some(numbers) = outputs.as_slice_memory_order_mut() {
        for (places, b) in bias_runs(order, &shape, bias) {
            numbers[places].iter_mut().for_each(|output| *output += b);
        }
    }
    outputs
}

/// Where the relevance went that no input gets.
#[derive(Default)]
struct Sinks {
    bias: Amount,
    stabilizer: Amount,
    zero: Amount,
    absent: Amount,
}

impl Sinks {
    fn booked(self) -> [(Sink, Amount); 4] {
        [
            (Sink::Bias, self.bias),
            (Sink::Stabilizer, self.stabilizer),
            (Sink::ZeroDenominator, self.zero),
            (Sink::AbsentSign, self.absent),
        ]
    }
}

/// Step 2: what is sent back through the weights, term by term.
struct Quotients<F> {
    terms: Vec<Quotient<F>>,
}

/// `s_tj = factor_t · gate_t(z_j) · R_j / stabilize(z_tj)`, and what else its denominator holds.
struct Quotient<F> {
    order: Order,
    values: ArrayD<F>,
    bias: Option<ArrayD<F>>,
    /// `ε sign(z_tj)`
    additions: ArrayD<F>,
}

impl<F: Real> Quotients<F> {
    /// The quotients of all terms, and what bias, stabilizer and zeros keep of the relevance.
    fn of(
        layer: &dyn LinearMap<F>,
        step: &Step<'_, F>,
        upper: ArrayViewD<'_, F>,
        rule: &Terms,
        denominators: Vec<CowArray<'_, F, IxDyn>>,
    ) -> (Self, Sinks) {
        let mut sinks = Sinks::default();
        let order = Order::common([&step.output]);
        let (z, relevance) = (order.numbers(&step.output), order.numbers(&upper));
        if rule.terms.iter().all(|term| term.gate != Gate::Always) {
            let shut = |place: usize| rule.terms.iter().all(|term| !term.gate.is_open(z[place]));
            sinks.zero = Amount::over(z.len(), |place| if shut(place) { relevance[place].as_() } else { 0.0 });
        }
        let present =
            (rule.absent_sign == AbsentSign::Renormalized).then(|| present_shares(rule, order, &z, &denominators));
        let mut terms = Vec::with_capacity(rule.terms.len());
        for (term, denominator) in rule.terms.iter().zip(&denominators) {
            let denominator = denominator.view();
            let d = order.numbers(&denominator);
            let factor = F::of(term.factor);
            let share = |place: usize| if term.gate.is_open(z[place]) { factor * relevance[place] } else { F::zero() };
            let stabilized = |place: usize| rule.stabilizer.stabilize(d[place]);
            let nothing = |place: usize| match term.sign {
                Sign::One => d[place] == F::zero(),
                Sign::Both => stabilized(place) == F::zero(),
            };
            let quotient = |place: usize| if nothing(place) { F::zero() } else { share(place) / stabilized(place) };
            let mut values: Vec<F> = (0..d.len()).map(quotient).collect();
            let lost = Amount::over(d.len(), |place| if nothing(place) { share(place).as_() } else { 0.0 });
            match term.sign {
                Sign::One => sinks.absent += lost,
                Sign::Both => sinks.zero += lost,
            }
            if let Some(present) = &present {
                for (value, &share) in values.iter_mut().zip(present).filter(|(_, share)| **share != F::zero()) {
                    *value /= share;
                }
            }
            let additions = d.iter().map(|&d| rule.stabilizer.addition(d)).collect();
            let array = |numbers| order.array(step.output.shape(), numbers);
            let (values, additions) = (array(values), array(additions));
            let quotient = Quotient { order, values, bias: bias_part(layer, term.bias), additions };
            quotient.book(&mut sinks);
            terms.push(quotient);
        }
        if let Some(present) = &present {
            let nothing = |place: usize| if present[place] == F::zero() { relevance[place].as_() } else { 0.0 };
            sinks.absent = Amount::over(z.len(), nothing);
        }
        (Self { terms }, sinks)
    }

    /// `Σ_j (b_j + ε sign(z_j)) s_j / n_j` for each of the `n_j` inputs that output j is connected to (the text after
    /// Eq. 57), and the share of outputs that no input is connected to.
    fn shared_evenly(&self, layer: &dyn LinearMap<F>, x: &ArrayViewD<'_, F>) -> (ArrayD<F>, Amount) {
        let connected = layer.apply(&[WeightPart::Ones], ArrayD::ones(x.raw_dim()).view());
        let mut unconnected = Amount::default();
        let mut messages: Vec<ArrayD<F>> = Vec::with_capacity(self.terms.len());
        for quotient in &self.terms {
            let additions = quotient.additions.clone();
            let mut message = match &quotient.bias {
                Some(bias) => with_bias(additions, bias),
                None => additions,
            };
            message *= &quotient.values;
            for (message, &inputs) in message.iter_mut().zip(&connected[0]) {
                if inputs == F::zero() {
                    unconnected += Amount::of(message.as_());
                    *message = F::zero();
                } else {
                    *message /= inputs;
                }
            }
            messages.push(message);
        }
        let messages: Vec<_> = messages.iter().map(|message| (WeightPart::Ones, message.view())).collect();
        (layer.transposed(&messages, x.shape()), unconnected)
    }
}

impl<F: Real> Quotient<F> {
    /// Books the share of the bias, `Σ_j b_tj s_tj`, and of the stabilizer, `Σ_j ε sign(z_tj) s_tj`.
    fn book(&self, sinks: &mut Sinks) {
        let (values, additions) = (self.values.view(), self.additions.view());
        let (values, additions) = (self.order.numbers(&values), self.order.numbers(&additions));
        sinks.stabilizer += Amount::over(values.len(), |place| values[place].as_() * additions[place].as_());
        if let Some(bias) = &self.bias {
            for (places, b) in bias_runs(self.order, self.values.shape(), bias) {
                let values = &values[places];
                sinks.bias += Amount::over(values.len(), |place| values[place].as_() * b.as_());
            }
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
