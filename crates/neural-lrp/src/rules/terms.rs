//! The one mechanism of all rules over linear maps.
//!
//! A rule is data, a list of terms; each term has one denominator, over one or several parts:
//!
//! ```text
//! R_in = Σ_t Σ_{p∈t} a_p ⊙ W_pᵀ ( factor_t · gate_t(z) · R_out / stabilize( Σ_{p∈t} W_p a_p + b_t ) )
//! ```
//!
//! * `a_p`: a part of the input, [`InputPart`]; `W_p`: a part of the weights, [`WeightPart`]; `b_t`: a part of the bias
//! * `factor_t`: α, β, or 1; `gate_t`: whether the term applies, by the sign of the preactivation `z`
//!
//! What a denominator holds beside the contributions is the share of the bias and of the stabilizer. Both are booked
//! from their own formulas, `Σ_j b_tj s_tj` and `Σ_j ε sign(z_tj) s_tj`, where `s_tj` is the quotient that is sent back
//! through `W_pᵀ`.

use std::borrow::Cow;

use ndarray::{ArrayD, ArrayViewD, Zip};
use relevance::{Amount, Sink, Stabilizer};
use serde::{Deserialize, Serialize};

use crate::Real;
use crate::linear::{LinearMap, WeightPart};
use crate::operation::{Redistribution, Step};
use crate::rules::Bound;

/// Which part of a layer's input.
#[derive(Clone, Debug, PartialEq)]
pub enum InputPart {
    /// `x`
    All,
    /// `x⁺ = max(x, 0)`
    Positive,
    /// `x⁻ = min(x, 0)`
    Negative,
    /// 1 for each input.
    Ones,
    /// The smallest value that each input can take, with a negative sign: `−l`.
    MinusLow(Bound),
    /// The largest value that each input can take, with a negative sign: `−h`.
    MinusHigh(Bound),
}

/// Which part of the bias stands in a denominator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BiasPart {
    /// None of it.
    None,
    /// The same part as one would take of a weight.
    Like(WeightPart),
}

/// When a term applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// To each output.
    Always,
    /// To outputs with `z > 0`.
    PositivePreactivation,
    /// To outputs with `z < 0`.
    NegativePreactivation,
}

impl Gate {
    fn is_open<F: Real>(self, z: F) -> bool {
        match self {
            Self::Always => true,
            Self::PositivePreactivation => z > F::zero(),
            Self::NegativePreactivation => z < F::zero(),
        }
    }
}

/// What a denominator of exactly zero means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// All contributions have one sign: there are none, and the term's share is booked as [`Sink::AbsentSign`].
    One,
    /// Contributions have both signs, and may cancel.
    Both,
}

/// What becomes of the bias's and the stabilizer's share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BiasShare {
    /// It is absorbed (Eq. 57).
    Absorbed,
    /// Each connected input gets the same part of it.
    SharedEvenly,
}

/// What becomes of a sign's share where an output has no contributions of that sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AbsentSign {
    /// It is lost, and booked.
    #[default]
    Booked,
    /// The sign that is there takes all.
    Renormalized,
}

/// One denominator of a rule, and where the relevance over it goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// The share of the relevance.
    pub factor: f64,
    /// Pairs of a part of the input and a part of the weights, whose products are added.
    pub contributions: Vec<(InputPart, WeightPart)>,
    /// The part of the bias in the denominator.
    pub bias: BiasPart,
    /// When the term applies.
    pub gate: Gate,
    /// What a denominator of zero means.
    pub sign: Sign,
}

impl Term {
    /// A term for each output, with the whole bias.
    pub fn new(factor: f64, contributions: impl IntoIterator<Item = (InputPart, WeightPart)>) -> Self {
        Self {
            factor,
            contributions: contributions.into_iter().collect(),
            bias: BiasPart::Like(WeightPart::All),
            gate: Gate::Always,
            sign: Sign::Both,
        }
    }

    /// With another part of the bias.
    #[must_use]
    pub fn bias(self, bias: BiasPart) -> Self {
        Self { bias, ..self }
    }

    /// Where the preactivation has a sign.
    #[must_use]
    pub fn gate(self, gate: Gate) -> Self {
        Self { gate, ..self }
    }

    /// With contributions that all have one sign.
    #[must_use]
    pub fn of_one_sign(self) -> Self {
        Self { sign: Sign::One, ..self }
    }

    /// Whether the denominator is the layer's own output.
    fn is_preactivation(&self) -> bool {
        self.contributions == [(InputPart::All, WeightPart::All)] && self.bias == BiasPart::Like(WeightPart::All)
    }
}

/// A rule over linear maps, as data.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    /// The terms; their relevance is added.
    pub terms: Vec<Term>,
    /// What is added to each denominator.
    pub stabilizer: Stabilizer,
    /// What becomes of the share of bias and stabilizer.
    pub bias_share: BiasShare,
    /// What becomes of the share of a sign that is absent.
    pub absent_sign: AbsentSign,
}

impl Terms {
    /// Terms whose bias absorbs its share.
    pub fn new(terms: impl IntoIterator<Item = Term>, stabilizer: Stabilizer) -> Self {
        let terms = terms.into_iter().collect();
        Self { terms, stabilizer, bias_share: BiasShare::Absorbed, absent_sign: AbsentSign::Booked }
    }
}

/// Redistributes `upper`, the relevance at a linear layer's output, over its input.
///
/// # Errors
/// When a part of the input is asked for that is not known or does not fit.
pub(crate) fn redistribute<F: Real>(
    layer: &dyn LinearMap<F>,
    step: &Step<'_, F>,
    upper: ArrayViewD<'_, F>,
    rule: &Terms,
) -> Result<Redistribution<F>, String> {
    let inputs = Parts::of(step.operands[0].view(), rule)?;
    let denominators = denominators(layer, step, rule, &inputs);
    let biases: Vec<Option<ArrayD<F>>> = rule.terms.iter().map(|term| bias_part(layer, term.bias)).collect();
    let (quotients, sinks) = quotients(rule, step, upper, &denominators, &biases);

    let mut lower = ArrayD::zeros(inputs.whole.shape());
    for (part, values) in &inputs.parts {
        let mut messages = Vec::new();
        for (term, quotient) in rule.terms.iter().zip(&quotients) {
            let weights = term.contributions.iter().filter(|(input, _)| input == part).map(|(_, weights)| *weights);
            messages.extend(weights.map(|weights| (weights, quotient.view())));
        }
        let back = layer.transposed(&messages, inputs.whole.shape());
        Zip::from(&mut lower).and(values.as_ref()).and(&back).for_each(|lower, &a, &back| *lower += a * back);
    }
    if rule.bias_share == BiasShare::Absorbed {
        return Ok(Redistribution::with_sinks(vec![lower], sinks.booked()));
    }
    let (shared, unconnected) = shared_evenly(layer, rule, &inputs.whole, &denominators, &biases, &quotients);
    lower += &shared;
    Ok(Redistribution::with_sinks(
        vec![lower],
        Sinks { bias: unconnected, stabilizer: Amount::default(), ..sinks }.booked(),
    ))
}

/// The parts of the input that a rule asks for and that are not zero throughout.
struct Parts<'a, F: Real> {
    whole: ArrayViewD<'a, F>,
    parts: Vec<(InputPart, Cow<'a, ArrayD<F>>)>,
}

impl<'a, F: Real> Parts<'a, F> {
    fn of(whole: ArrayViewD<'a, F>, rule: &Terms) -> Result<Self, String> {
        let mut parts: Vec<(InputPart, Cow<'a, ArrayD<F>>)> = Vec::new();
        for (part, _) in rule.terms.iter().flat_map(|term| &term.contributions) {
            if parts.iter().all(|(known, _)| known != part)
                && let Some(values) = input_part(&whole, part)?
            {
                parts.push((part.clone(), Cow::Owned(values)));
            }
        }
        Ok(Self { whole, parts })
    }
}

/// A part of the input; `None` where it is zero throughout.
fn input_part<F: Real>(x: &ArrayViewD<'_, F>, part: &InputPart) -> Result<Option<ArrayD<F>>, String> {
    let zero = F::zero();
    Ok(match part {
        InputPart::All => Some(x.to_owned()),
        InputPart::Positive => x.iter().any(|&x| x > zero).then(|| x.mapv(|x| x.max(zero))),
        InputPart::Negative => x.iter().any(|&x| x < zero).then(|| x.mapv(|x| x.min(zero))),
        InputPart::Ones => Some(ArrayD::ones(x.raw_dim())),
        InputPart::MinusLow(bound) | InputPart::MinusHigh(bound) => {
            Some(bound.broadcast(x.shape())?.mapv(|value: F| -value))
        }
    })
}

/// `Σ_p W_p a_p + b_t` for each term; each part of the input is unfolded once.
fn denominators<F: Real>(
    layer: &dyn LinearMap<F>,
    step: &Step<'_, F>,
    rule: &Terms,
    inputs: &Parts<'_, F>,
) -> Vec<ArrayD<F>> {
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
            return step.output.to_owned();
        }
        let mut sum = ArrayD::zeros(step.output.raw_dim());
        for (input, weights) in &term.contributions {
            let product = products.iter().find(|(part, part_weights, _)| *part == input && part_weights == weights);
            if let Some((_, _, product)) = product {
                sum += product;
            }
        }
        if let Some(bias) = bias_part(layer, term.bias) {
            with_bias(&mut sum, &bias, |values, b| values.iter_mut().for_each(|value| *value += b));
        }
        sum
    };
    rule.terms.iter().map(denominator).collect()
}

fn bias_part<F: Real>(layer: &dyn LinearMap<F>, part: BiasPart) -> Option<ArrayD<F>> {
    match part {
        BiasPart::None => None,
        BiasPart::Like(part) => layer.bias().map(|bias| bias.mapv(|b| part.of(b))),
    }
}

/// Calls `visit` with each run of outputs that have the same bias: a plane of a channel, or a single output.
fn with_bias<F: Real>(outputs: &mut ArrayD<F>, bias: &ArrayD<F>, mut visit: impl FnMut(&mut [F], F)) {
    let trailing_ones = bias.shape().iter().rev().take_while(|&&length| length == 1).count();
    let run = outputs.shape().iter().rev().take(trailing_ones).product::<usize>().max(1);
    let values: Vec<F> = bias.iter().copied().collect();
    // Arrays of operations are in the standard layout.
    if let Some(outputs) = outputs.as_slice_mut() {
        for outputs in outputs.chunks_mut(run * values.len()) {
            for (outputs, &b) in outputs.chunks_mut(run).zip(&values) {
                visit(outputs, b);
            }
        }
    }
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

/// `s_tj = factor_t · gate_t(z_j) · R_j / stabilize(d_tj)` for each term, and what bias, stabilizer and zeros keep.
fn quotients<F: Real>(
    rule: &Terms,
    step: &Step<'_, F>,
    upper: ArrayViewD<'_, F>,
    denominators: &[ArrayD<F>],
    biases: &[Option<ArrayD<F>>],
) -> (Vec<ArrayD<F>>, Sinks) {
    let mut sinks = Sinks::default();
    let ungated = rule.terms.iter().any(|term| term.gate == Gate::Always);
    if !ungated {
        let shut = |z: F| rule.terms.iter().all(|term| !term.gate.is_open(z));
        sinks.zero = step.output.iter().zip(&upper).filter(|(z, _)| shut(**z)).map(|(_, upper)| upper.as_()).collect();
    }
    let shares = (rule.absent_sign == AbsentSign::Renormalized).then(|| present_shares(rule, step, denominators));
    let mut all = Vec::with_capacity(rule.terms.len());
    for ((term, denominator), bias) in rule.terms.iter().zip(denominators).zip(biases) {
        let factor = F::of(term.factor);
        let mut quotient = Zip::from(denominator).and(&step.output).and(&upper).map_collect(|&d, &z, &upper| {
            if !term.gate.is_open(z) {
                return F::zero();
            }
            let (share, denominator) = (factor * upper, rule.stabilizer.stabilize(d));
            if d == F::zero() && (term.sign == Sign::One || denominator == F::zero()) {
                let sink = if term.sign == Sign::One { &mut sinks.absent } else { &mut sinks.zero };
                *sink += Amount::of(share.as_());
                return F::zero();
            }
            share / denominator
        });
        if let Some(shares) = &shares {
            Zip::from(&mut quotient).and(shares).for_each(|quotient, &share| {
                if share != F::zero() {
                    *quotient /= share;
                }
            });
        }
        let addition = |d: F| rule.stabilizer.addition(d);
        sinks.stabilizer += quotient.iter().zip(denominator).map(|(&s, &d)| s.as_() * addition(d).as_()).collect();
        if let Some(bias) = bias {
            with_bias(&mut quotient, bias, |quotients, b| {
                sinks.bias += quotients.iter().map(|&s| s.as_() * b.as_()).collect();
            });
        }
        all.push(quotient);
    }
    if let Some(shares) = &shares {
        let nothing_there = upper.iter().zip(shares).filter(|(_, share)| **share == F::zero());
        sinks.absent = nothing_there.map(|(upper, _)| upper.as_()).collect();
    }
    (all, sinks)
}

/// The factors of the terms that are there at each output, added: what each of them is divided by to make up for those
/// that are absent.
fn present_shares<F: Real>(rule: &Terms, step: &Step<'_, F>, denominators: &[ArrayD<F>]) -> ArrayD<F> {
    let mut shares = ArrayD::zeros(step.output.raw_dim());
    for (term, denominator) in rule.terms.iter().zip(denominators) {
        let factor = F::of(term.factor);
        Zip::from(&mut shares).and(denominator).and(&step.output).for_each(|share, &d, &z| {
            if d != F::zero() && term.gate.is_open(z) {
                *share += factor;
            }
        });
    }
    shares
}

/// `Σ_j (b_j + ε sign(z_j)) s_j / n_j` for each of the `n_j` inputs that output j is connected to (the text after
/// Eq. 57), and the share of outputs that no input is connected to.
fn shared_evenly<F: Real>(
    layer: &dyn LinearMap<F>,
    rule: &Terms,
    x: &ArrayViewD<'_, F>,
    denominators: &[ArrayD<F>],
    biases: &[Option<ArrayD<F>>],
    quotients: &[ArrayD<F>],
) -> (ArrayD<F>, Amount) {
    let connected = layer.apply(&[WeightPart::Ones], ArrayD::ones(x.raw_dim()).view());
    let mut unconnected = Amount::default();
    let mut messages: Vec<ArrayD<F>> = Vec::new();
    for ((quotient, denominator), bias) in quotients.iter().zip(denominators).zip(biases) {
        let mut message = denominator.mapv(|d| rule.stabilizer.addition(d));
        if let Some(bias) = bias {
            with_bias(&mut message, bias, |values, b| values.iter_mut().for_each(|value| *value += b));
        }
        message *= quotient;
        Zip::from(&mut message).and(&connected[0]).for_each(|message, &inputs| {
            if inputs == F::zero() {
                unconnected += Amount::of(message.as_());
                *message = F::zero();
            } else {
                *message /= inputs;
            }
        });
        messages.push(message);
    }
    let messages: Vec<_> = messages.iter().map(|message| (WeightPart::Ones, message.view())).collect();
    (layer.transposed(&messages, x.shape()), unconnected)
}
