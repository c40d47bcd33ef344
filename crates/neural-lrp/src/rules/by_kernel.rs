//! The [mechanism](super::mechanism) by the kernels of a layer: the same formulas, with fewer passes over memory.

use std::borrow::Cow;
use std::cell::LazyCell;

use ndarray::ArrayViewD;
use relevance::{Amount, Sink};

use crate::Real;
use crate::arrays::memory::recycle_owned;
use crate::arrays::order::Order;
use crate::arrays::search::{anywhere, everywhere};
use crate::operation::kernel::{Booked, Books, LinearKernel, LowerProduct, Quotient, Stream, Sums, Take};
use crate::operation::linear::{LinearMap, WeightPart};
use crate::operation::{Redistribution, Step};
use crate::rules::Bound;
use crate::rules::terms::{AbsentSign, BiasPart, BiasShare, Gate, InputPart, Sign, Term, Terms};

impl Terms {
    /// Redistributes as [`redistribute`](Self::redistribute) does; `None` where the rule has more to it than kernels know of,
    /// or where numbers are not finite, which the mechanism counts.
    ///
    /// # Errors
    /// When a part of the input is asked for that does not fit it.
    pub(super) fn by_kernel<F: Real>(
        &self,
        layer: &dyn LinearMap<F>,
        step: &Step<'_, F>,
        upper: &ArrayViewD<'_, F>,
    ) -> Result<Option<Redistribution<F>>, String> {
        if self.bias_share != BiasShare::Absorbed || self.absent_sign != AbsentSign::Booked {
            return Ok(None);
        }
        let Some(kernel) = layer.kernel(step.operands[0].shape()) else { return Ok(None) };
        let inputs = Inputs::of(kernel.order(), &step.operands[0], self)?;
        let outputs = Outputs::of(kernel.as_ref(), layer, step, upper);
        Ok(outputs.handed_down(self, &inputs))
    }
}

/// A part of the input as kernels take it.
struct Input<'a, F: Clone> {
    part: InputPart,
    values: Cow<'a, [F]>,
    take: Take,
}

impl<F: Real> Input<'_, F> {
    /// The product that the quotients of terms go back by; `None` where a term does not go by one part of the weights.
    fn product(&self, terms: &[Term]) -> Option<LowerProduct<'_, F>> {
        let part_of = |term: &Term| {
            let mut parts = term.contributions.iter().filter(|(part, _)| *part == self.part);
            let (_, weights) = parts.next()?;
            parts.next().is_none().then_some(*weights)
        };
        let parts = terms.iter().map(part_of).collect::<Option<Vec<WeightPart>>>()?;
        let times = (self.part != InputPart::Ones).then_some((self.values.as_ref(), self.take));
        Some(LowerProduct { times, parts })
    }
}

/// The parts of the input that a rule asks for and that are not zero throughout.
struct Inputs<'a, F: Clone> {
    parts: Vec<Input<'a, F>>,
}

impl<'a, F: Real> Inputs<'a, F> {
    fn of(order: Order, x: &'a ArrayViewD<'_, F>, rule: &Terms) -> Result<Self, String> {
        let numbers = order.numbers(x);
        let has_negative = LazyCell::new(|| anywhere([&*numbers], |[x]| x < F::zero()));
        let has_positive = LazyCell::new(|| anywhere([&*numbers], |[x]| x > F::zero()));
        let mut parts: Vec<Input<'a, F>> = Vec::new();
        for (part, _) in rule.terms.iter().flat_map(|term| &term.contributions) {
            if parts.iter().any(|known| known.part == *part) {
                continue;
            }
            let bounded = |bound: &Bound| -> Result<Cow<'a, [F]>, String> {
                let distance = x - &bound.broadcast(x.shape())?;
                Ok(Cow::Owned(order.into_numbers(distance)))
            };
            let (values, take) = match part {
                InputPart::All => (numbers.clone(), Take::All),
                // Behind a rectifier nothing is negative, and the positive part is the input itself.
                InputPart::Positive if !*has_negative => (numbers.clone(), Take::All),
                InputPart::Negative if !*has_positive => (numbers.clone(), Take::All),
                InputPart::Positive if !*has_positive => continue,
                InputPart::Negative if !*has_negative => continue,
                InputPart::Positive => (numbers.clone(), Take::Positive),
                InputPart::Negative => (numbers.clone(), Take::Negative),
                InputPart::Ones => (Cow::Owned(vec![F::one(); numbers.len()]), Take::All),
                InputPart::AboveLow(bound) | InputPart::BelowHigh(bound) => (bounded(bound)?, Take::All),
            };
            parts.push(Input { part: part.clone(), values, take });
        }
        Ok(Self { parts })
    }

    /// The products that the quotients of terms go back by, one for each part of the input; `None` where a term does not go
    /// by one part of the weights with each of them.
    fn products(&self, terms: &[Term]) -> Option<Vec<LowerProduct<'_, F>>> {
        // Without contributions all relevance is that of absent signs, which the mechanism books.
        let products = self.parts.iter().map(|input| input.product(terms)).collect::<Option<Vec<_>>>()?;
        (!products.is_empty()).then_some(products)
    }

    /// Whether all parts are 0 where the input is.
    fn vanish_at_zero(&self) -> bool {
        self.parts.iter().all(|input| matches!(input.part, InputPart::All | InputPart::Positive | InputPart::Negative))
    }

    /// What a term's contributions are sums of.
    fn streams<'b>(&'b self, term: &Term) -> Vec<Stream<'b, F>> {
        let stream = |(part, weights): &(InputPart, _)| {
            let input = self.parts.iter().find(|input| input.part == *part)?;
            Some(Stream { values: &input.values, take: input.take, part: *weights })
        };
        term.contributions.iter().filter_map(stream).collect()
    }
}

/// A layer's outputs, with the relevance that lies at them.
struct Outputs<'a, F: Real> {
    kernel: &'a dyn LinearKernel<F>,
    bias: Option<Vec<F>>,
    shape: &'a [usize],
    z: Cow<'a, [F]>,
    relevance: Cow<'a, [F]>,
}

/// A term, as quotients need it.
struct Divided<'a, F: Clone> {
    term: &'a Term,
    denominator: Cow<'a, [F]>,
    /// The term that leaves this one's denominator of the layer's output.
    without: Option<usize>,
    relevance: Cow<'a, [F]>,
    bias: Option<Vec<F>>,
}

/// How small beside z⁺ a difference z − z⁺ may be: there it has some 14 digits of 24 left.
const LEFT: f64 = 1.0 / 1024.0;

impl<'a, F: Real> Outputs<'a, F> {
    fn of(
        kernel: &'a dyn LinearKernel<F>,
        layer: &dyn LinearMap<F>,
        step: &'a Step<'_, F>,
        upper: &'a ArrayViewD<'_, F>,
    ) -> Self {
        let order = kernel.order();
        Self {
            kernel,
            bias: layer.bias().map(|bias| bias.iter().copied().collect()),
            shape: step.output.shape(),
            z: order.numbers(&step.output),
            relevance: order.numbers(upper),
        }
    }

    fn handed_down(&self, rule: &Terms, inputs: &Inputs<'_, F>) -> Option<Redistribution<F>> {
        // Before denominators, which take a product each.
        let products = inputs.products(&rule.terms)?;
        let mut terms: Vec<Divided<'_, F>> = Vec::with_capacity(rule.terms.len());
        for term in &rule.terms {
            let activating = terms.iter().position(|known| known.term.is_activating());
            let rest =
                activating.filter(|&place| term.is_inhibiting() && self.leaves_enough(&terms[place].denominator));
            terms.push(self.divided(term, inputs, rest));
        }
        let quotients = terms.iter().map(|term| {
            let without = term.without.map(|place| terms[place].denominator.as_ref());
            term.quotient(rule.stabilizer.epsilon(), without)
        });
        let (lower, books) = self.kernel.hand_down(&quotients.collect::<Vec<_>>(), &products);
        terms.into_iter().for_each(Divided::recycle);
        let sinks = books.iter().enumerate().map(|(sample, books)| self.sinks(rule, sample, &books.booked));
        let sinks: Vec<_> = sinks.collect();
        let is_finite = sinks.iter().flatten().all(|(_, amount)| amount.magnitude.is_finite());
        let amounts = if are_apart(&products) { amounts(&books) } else { Vec::new() };
        let handed = is_finite.then(|| Redistribution::with_sinks_of_samples(vec![lower], sinks).with_amounts(amounts));
        if inputs.vanish_at_zero() { handed.map(Redistribution::in_proportion) } else { handed }
    }

    /// How many samples have books of their own: a vector is one.
    fn samples(&self) -> usize {
        if self.shape.len() > 1 { self.shape[0] } else { 1 }
    }

    /// A term with its denominator: a product of its own, or what the term at the place `without` leaves of the output.
    fn divided(&'a self, term: &'a Term, inputs: &Inputs<'_, F>, without: Option<usize>) -> Divided<'a, F> {
        let bias = match term.bias {
            BiasPart::None => None,
            BiasPart::Like(part) => self.bias.as_ref().map(|bias| bias.iter().map(|&b| part.of(b)).collect::<Vec<F>>()),
        };
        let denominator = match term.is_preactivation() || without.is_some() {
            true => Cow::Borrowed(self.z.as_ref()),
            false => {
                let sum = self.kernel.apply(self.sums_of(term), &inputs.streams(term), bias.as_deref());
                Cow::Owned(self.kernel.order().into_numbers(sum))
            }
        };
        let gated = |(&z, &relevance): (&F, &F)| if term.gate.is_open(z) { relevance } else { F::zero() };
        let relevance = match term.gate {
            Gate::Always => Cow::Borrowed(self.relevance.as_ref()),
            _ => Cow::Owned(self.z.iter().zip(self.relevance.iter()).map(gated).collect()),
        };
        Divided { term, denominator, without, relevance, bias }
    }

    /// Whether z − z⁺ has digits enough wherever there is relevance, so that z⁻ need not be summed up.
    fn leaves_enough(&self, activating: &[F]) -> bool {
        let least = F::of(-LEFT);
        let numbers = [&*self.relevance, &*self.z, activating];
        everywhere(numbers, |[r, z, positive]| (r == F::zero()) | (z - positive < least * positive))
    }

    /// How the sums of a term may be made. Whether one is exactly 0 matters where there is relevance; wherever that lies at
    /// outputs above 0, no sum of positive parts is.
    fn sums_of(&self, term: &Term) -> Sums {
        let is_above = |[r, z]: [F; 2]| (r == F::zero()) | (z > F::zero());
        let all_above = term.is_activating() && everywhere([&*self.relevance, &*self.z], is_above);
        if all_above { Sums::FastPositive } else { Sums::Plain }
    }

    /// Where the relevance of a sample went.
    fn sinks(&self, rule: &Terms, sample: usize, books: &[Booked]) -> Vec<(Sink, Amount)> {
        let [mut bias, mut stabilizer, mut zero, mut absent] = [Amount::default(); 4];
        for (term, booked) in rule.terms.iter().zip(books) {
            bias += booked.bias;
            stabilizer += booked.stabilizer;
            match term.sign {
                Sign::One => absent += booked.zero,
                Sign::Both => zero += booked.zero,
            }
        }
        if rule.terms.iter().all(|term| term.gate != Gate::Always) {
            let outputs = self.z.len() / self.samples().max(1);
            let is_shut = |z: F| rule.terms.iter().all(|term| !term.gate.is_open(z));
            zero += Amount::over(outputs, |place| {
                let place = sample * outputs + place;
                if is_shut(self.z[place]) { self.relevance[place].as_() } else { 0.0 }
            });
        }
        vec![
            (Sink::Bias, bias),
            (Sink::Stabilizer, stabilizer),
            (Sink::ZeroDenominator, zero),
            (Sink::AbsentSign, absent),
        ]
    }
}

/// Whether no number of the input gets something by more than one product, so that the sums of products are that of all.
fn are_apart<F>(products: &[LowerProduct<'_, F>]) -> bool {
    let takes = |wanted| products.iter().any(|product| product.times.is_some_and(|(_, take)| take == wanted));
    products.len() == 1 || (products.len() == 2 && takes(Take::Positive) && takes(Take::Negative))
}

/// What the input of each sample gets; nothing where that is not finite.
fn amounts(books: &[Books]) -> Vec<Vec<Amount>> {
    let is_finite = books.iter().all(|books| books.lower.magnitude.is_finite());
    if is_finite { vec![books.iter().map(|books| books.lower).collect()] } else { Vec::new() }
}

impl<F: Real> Divided<'_, F> {
    fn recycle(self) {
        recycle_owned(self.denominator);
        recycle_owned(self.relevance);
    }

    fn quotient<'b>(&'b self, epsilon: f64, without: Option<&'b [F]>) -> Quotient<'b, F> {
        Quotient {
            relevance: &self.relevance,
            denominator: &self.denominator,
            without,
            bias: self.bias.as_deref(),
            factor: F::of(self.term.factor),
            epsilon: F::of(epsilon),
            of_one_sign: self.term.sign == Sign::One,
        }
    }
}
