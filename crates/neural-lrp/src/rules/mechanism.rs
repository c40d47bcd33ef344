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

use ndarray::{ArrayD, ArrayViewD, CowArray, IxDyn};
use relevance::{Amount, Stabilizer};

use crate::Real;
use crate::arrays::contiguous::borrowed;
use crate::arrays::order::Order;
use crate::operation::linear::{LinearMap, WeightPart};
use crate::operation::{Redistribution, Step};
use crate::rules::quotients::{OutputBias, Quotients, Sinks};
use crate::rules::terms::{BiasPart, BiasShare, InputPart, Term, Terms};

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
        if let Some(redistribution) = self.by_kernel(layer, step, &upper)? {
            return Ok(redistribution);
        }
        let inputs = Parts::of(step.operands[0].view(), self)?;
        let mut z = denominators(layer, step, self, &inputs);
        if self.bias_share == BiasShare::SharedEvenly && self.stabilizer == Stabilizer::NONE {
            clear_residues(layer, &inputs.whole, &mut z);
        }
        let (s, sinks) = Quotients::of(layer, &step.output, &upper, self, z);
        let mut lower = inputs.collect(layer, self, &s);
        if self.bias_share == BiasShare::Absorbed {
            return Ok(Redistribution::with_sinks_of_samples(vec![lower], sinks.into_iter().map(Sinks::booked)));
        }
        let (shared, unconnected) = s.shared_evenly(layer, &inputs.whole);
        lower += &shared;
        let sinks = sinks.into_iter().zip(unconnected);
        let sinks = sinks.map(|(sinks, bias)| Sinks { bias, stabilizer: Amount::default(), ..sinks }.booked());
        Ok(Redistribution::with_sinks_of_samples(vec![lower], sinks))
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
    fn collect(&self, layer: &dyn LinearMap<F>, rule: &Terms, quotients: &Quotients<'_, F>) -> ArrayD<F> {
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
        with_bias(sum, |order, shape| OutputBias::of(layer, term.bias, order, shape)).into()
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
    let whole = BiasPart::Like(WeightPart::All);
    let magnitudes =
        with_bias(magnitudes, |order, shape| OutputBias::of(layer, whole, order, shape).map(|bias| bias.map(F::abs)));
    let unit = F::of(RESIDUE) * F::epsilon();
    for denominator in denominators {
        denominator.zip_mut_with(&magnitudes, |z, &magnitude| {
            if z.abs() <= unit * magnitude {
                *z = F::zero();
            }
        });
    }
}

/// The outputs with a bias added, where there is one.
fn with_bias<F: Real>(outputs: ArrayD<F>, bias: impl FnOnce(Order, &[usize]) -> Option<OutputBias<F>>) -> ArrayD<F> {
    let order = Order::of(&outputs.view()).unwrap_or(Order::Standard);
    let Some(bias) = bias(order, outputs.shape()) else { return outputs };
    let mut outputs = order.arrange_owned(outputs);
    let numbers = outputs.as_slice_memory_order_mut();
    bias.add_to(numbers.unwrap_or_else(|| unreachable!("it lies in one of the orders")));
    outputs
}
