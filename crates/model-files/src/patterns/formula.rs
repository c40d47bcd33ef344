//! Formulas: a tensor in terms of another, in one form however a file spells it.
//!
//! A formula is a sum of products of powers. Products of sums are multiplied out, quotients and roots are powers, and
//! functions that others express are expressed: σ(x) is ½ + ½ tanh(x/2), Clip and Min are ReLUs and ramps, a mean takes
//! out what does not vary along its axes. So `mean((x − m)²)` and `mean(x²) − m²` are the same formula, as are Sqrt and Div
//! and Pow(−½) and Mul.

use std::ops::{Add, Mul, Sub};

/// How far the numbers of a formula may be from those of a function that it is taken for, relative to them: twice the
/// rounding of half precision (2⁻¹¹), in which some files keep their constants.
///
/// No two functions that patterns know are as near; a slope of 1.4 is not taken for √2, nor 0.045 for GELU's 0.044715.
const TOLERANCE: f64 = 1e-3;

/// Sums of numbers that are smaller than this part of them are rounding errors of single precision, and 0.
const CANCELED: f64 = 1e-6;

/// A sum of terms; 0 without any.
#[derive(Clone, Debug)]
pub(super) struct Formula<'a> {
    pub(super) terms: Vec<Term<'a>>,
}

/// A number times powers of atoms.
#[derive(Clone, Debug)]
pub(super) struct Term<'a> {
    pub(super) coefficient: f64,
    /// Each atom once, with its exponent, which is not 0.
    pub(super) factors: Vec<(Atom<'a>, f64)>,
}

/// What a formula is made of.
#[derive(Clone, Debug)]
pub(super) enum Atom<'a> {
    /// The tensor that the formula is about.
    Tensor(&'a str),
    /// A tensor of several known numbers.
    Known(&'a str),
    /// A function of another formula.
    Of(Function, Formula<'a>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Function {
    /// The formula itself, in parentheses: a sum that is raised to a power.
    Parentheses,
    Abs,
    Erf,
    Exp,
    Log,
    Tanh,
    /// `max(x, 0)`
    Relu,
    /// `min(max(x, 0), 1)`
    Ramp,
    /// The mean along axes, which are kept.
    Mean(Vec<i64>),
    /// The sum along axes, which are kept.
    Total(Vec<i64>),
    /// The maximum along axes, which are kept.
    Maximum(Vec<i64>),
}

/// Whether two numbers are the same, up to [`TOLERANCE`].
pub(super) fn is_close(value: f64, expected: f64) -> bool {
    (value - expected).abs() <= TOLERANCE * expected.abs()
}

impl<'a> Atom<'a> {
    /// A power of the atom; none of the sign is left in an even power of a magnitude.
    fn to_power(&self, exponent: f64) -> Option<Formula<'a>> {
        match self {
            Self::Of(Function::Abs, inner) if exponent > 0.0 && exponent % 2.0 == 0.0 => inner.power(exponent),
            _ => Some(Formula::of_term(Term { coefficient: 1.0, factors: vec![(self.clone(), exponent)] })),
        }
    }
}

impl<'a> Formula<'a> {
    pub(super) fn number(value: f64) -> Self {
        Self::of_term(Term { coefficient: value, factors: Vec::new() })
    }

    pub(super) fn tensor(name: &'a str) -> Self {
        Self::of_atom(Atom::Tensor(name))
    }

    pub(super) fn known(name: &'a str) -> Self {
        Self::of_atom(Atom::Known(name))
    }

    fn of_atom(atom: Atom<'a>) -> Self {
        Self::of_term(Term { coefficient: 1.0, factors: vec![(atom, 1.0)] })
    }

    pub(super) fn of_term(term: Term<'a>) -> Self {
        let mut formula = Self { terms: Vec::new() };
        formula.push(term);
        formula
    }

    fn function(self, function: Function) -> Self {
        Self::of_atom(Atom::Of(function, self))
    }

    /// Adds a term to its like.
    fn push(&mut self, term: Term<'a>) {
        match self.terms.iter().position(|own| own.has_factors_of(&term)) {
            None if term.coefficient == 0.0 => {}
            None => self.terms.push(term),
            Some(at) => {
                let own = &mut self.terms[at].coefficient;
                let largest = own.abs().max(term.coefficient.abs());
                *own += term.coefficient;
                if own.abs() <= CANCELED * largest {
                    self.terms.remove(at);
                }
            }
        }
    }

    /// Whether both are the same function, up to [`TOLERANCE`] in each of their numbers.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.terms.len() == other.terms.len()
            && self.terms.iter().all(|term| {
                let like = other.terms.iter().find(|other| term.has_factors_of(other));
                like.is_some_and(|other| is_close(term.coefficient, other.coefficient))
            })
    }

    /// The number, and the rest of the sum.
    pub(super) fn split_number(&self) -> (f64, Self) {
        let (numbers, terms): (Vec<_>, Vec<_>) = self.terms.iter().cloned().partition(|term| term.factors.is_empty());
        (numbers.iter().map(|term| term.coefficient).sum(), Self { terms })
    }

    /// The number that the formula is.
    fn as_number(&self) -> Option<f64> {
        let (number, rest) = self.split_number();
        rest.terms.is_empty().then_some(number)
    }

    /// α and β, if the formula is `α x + β`.
    pub(super) fn as_line(&self, x: &Self) -> Option<(f64, f64)> {
        let (shift, rest) = self.split_number();
        let [term] = &rest.terms[..] else { return None };
        let slope = term.coefficient;
        rest.is(&(x.clone() * slope)).then_some((slope, shift))
    }

    /// All functions in the formula with what they are of, outer ones first.
    pub(super) fn functions(&self) -> Vec<(&Function, &Self, f64)> {
        let mut found = Vec::new();
        for (atom, exponent) in self.terms.iter().flat_map(|term| &term.factors) {
            if let Atom::Of(function, inner) = atom {
                found.push((function, inner, *exponent));
                found.extend(inner.functions());
            }
        }
        found
    }

    /// The number of atoms, with those of its functions.
    pub(super) fn atoms(&self) -> usize {
        let factors = self.terms.iter().flat_map(|term| &term.factors);
        factors.map(|(atom, _)| if let Atom::Of(_, inner) = atom { 1 + inner.atoms() } else { 1 }).sum()
    }

    /// The axes of the first mean, sum or maximum in it.
    pub(super) fn axes(&self) -> Option<Vec<i64>> {
        self.functions().into_iter().find_map(|(function, ..)| match function {
            Function::Mean(axes) | Function::Total(axes) | Function::Maximum(axes) => Some(axes.clone()),
            _ => None,
        })
    }

    /// The formula to a power; `None` where it is 0 and the power has no value.
    pub(super) fn power(&self, exponent: f64) -> Option<Self> {
        let is_whole = exponent.fract() == 0.0;
        match &self.terms[..] {
            [] => (exponent > 0.0).then(|| self.clone()),
            // Of several factors, two may be negative: the root of a product is no product of roots.
            [term] if is_whole || term.coefficient > 0.0 && matches!(term.factors[..], [] | [(_, 1.0 | -1.0)]) => {
                let factors = term.factors.iter().map(|(atom, own)| atom.to_power(own * exponent));
                let coefficient = Self::number(term.coefficient.powf(exponent));
                factors.into_iter().try_fold(coefficient, |product, factor| Some(product * factor?))
            }
            [_, _] | [_, _, _] if exponent == 2.0 => Some(self.clone() * self.clone()),
            [_, _] | [_, _, _] if exponent == 3.0 => Some(self.clone() * self.clone() * self.clone()),
            _ => Some(self.power_of_parentheses(exponent)),
        }
    }

    /// A power of the sum, whose largest number is 1 in parentheses.
    fn power_of_parentheses(&self, exponent: f64) -> Self {
        let largest = self.terms.iter().map(|term| term.coefficient.abs()).fold(0.0, f64::max);
        let scaled = self.clone() * largest.recip();
        let scale = largest.powf(exponent);
        if let (-1.0, Some(inner)) = (exponent, scaled.as_one_and_exponential()) {
            return (inner * -1.0).sigmoid() * scale;
        }
        let factors = vec![(Atom::Of(Function::Parentheses, scaled), exponent)];
        Self::of_term(Term { coefficient: scale, factors })
    }

    /// u, if the formula is `1 + exp(u)`.
    fn as_one_and_exponential(&self) -> Option<Self> {
        self.functions().into_iter().find_map(|(function, inner, _)| {
            let is_sum = *function == Function::Exp && self.is(&(inner.clone().exp() + 1.0));
            is_sum.then(|| inner.clone())
        })
    }

    pub(super) fn exp(self) -> Self {
        self.function(Function::Exp)
    }

    pub(super) fn log(self) -> Self {
        self.function(Function::Log)
    }

    pub(super) fn abs(self) -> Self {
        if self.is_negative() { (self * -1.0).function(Function::Abs) } else { self.function(Function::Abs) }
    }

    pub(super) fn erf(self) -> Self {
        self.odd(Function::Erf)
    }

    pub(super) fn tanh(self) -> Self {
        self.odd(Function::Tanh)
    }

    /// A function f with f(−x) = −f(x).
    fn odd(self, function: Function) -> Self {
        if self.is_negative() { (self * -1.0).function(function) * -1.0 } else { self.function(function) }
    }

    fn is_negative(&self) -> bool {
        self.terms.iter().all(|term| term.coefficient < 0.0)
    }

    /// `σ(x) = ½ + ½ tanh(x/2)`
    pub(super) fn sigmoid(self) -> Self {
        (self * 0.5).tanh() * 0.5 + 0.5
    }

    /// `ln(1 + exp(x))`
    pub(super) fn softplus(self) -> Self {
        (self.exp() + 1.0).log()
    }

    pub(super) fn relu(self) -> Self {
        self.clip(0.0, f64::INFINITY)
    }

    /// `min(max(x, 0), 1)`
    pub(super) fn ramp(self) -> Self {
        self.clip(0.0, 1.0)
    }

    /// `min(max(x, low), high)` with `low < high`.
    pub(super) fn clip(self, low: f64, high: f64) -> Self {
        if let Some(number) = self.as_number() {
            return Self::number(number.max(low).min(high));
        }
        let (inner, low, high) = match self.as_clip() {
            Some((inner, low2, high2)) if low.max(low2) < high.min(high2) => (inner, low.max(low2), high.min(high2)),
            _ => (self, low, high),
        };
        match (low.is_finite(), high.is_finite()) {
            (true, true) => ((inner + -low) * (high - low).recip()).function(Function::Ramp) * (high - low) + low,
            (true, false) => (inner + -low).rectified() + low,
            (false, true) => (inner * -1.0 + high).rectified() * -1.0 + high,
            (false, false) => inner,
        }
    }

    /// The formula and bounds of which this is the [`clip`](Self::clip).
    pub(super) fn as_clip(&self) -> Option<(Self, f64, f64)> {
        let (shift, rest) = self.split_number();
        let [Term { coefficient: scale, factors }] = &rest.terms[..] else { return None };
        let [(Atom::Of(function, inner), 1.0)] = &factors[..] else { return None };
        let line = inner.clone() * *scale + shift;
        let (low, high) = match (function, *scale > 0.0) {
            (Function::Ramp, true) => (shift, shift + scale),
            (Function::Ramp, false) => (shift + scale, shift),
            (Function::Relu, true) => (shift, f64::INFINITY),
            (Function::Relu, false) => (f64::NEG_INFINITY, shift),
            _ => return None,
        };
        Some((line, low, high))
    }

    /// `max(z, 0)`, from which the scale is taken out: `max(−2x, 0) = 2 (max(x, 0) − x)`.
    fn rectified(self) -> Self {
        let (shift, rest) = self.split_number();
        let leading = match &rest.terms[..] {
            [term] => Some(term),
            terms => terms.iter().find(|term| matches!(term.factors[..], [(Atom::Tensor(_), 1.0)])),
        };
        let Some(coefficient) = leading.map(|term| term.coefficient) else { return self.function(Function::Relu) };
        let scale = coefficient.abs();
        if shift == 0.0 && coefficient < 0.0 {
            let positive = rest * -scale.recip();
            return (positive.clone().function(Function::Relu) - positive) * scale;
        }
        (self * scale.recip()).function(Function::Relu) * scale
    }

    /// The larger of two.
    pub(super) fn max(self, other: Self) -> Self {
        match (self.as_number(), other.as_number()) {
            (_, Some(low)) => self.clip(low, f64::INFINITY),
            (Some(low), _) => other.clip(low, f64::INFINITY),
            _ => (self - other.clone()).relu() + other,
        }
    }

    /// The smaller of two.
    pub(super) fn min(self, other: Self) -> Self {
        match (self.as_number(), other.as_number()) {
            (_, Some(high)) => self.clip(f64::NEG_INFINITY, high),
            (Some(high), _) => other.clip(f64::NEG_INFINITY, high),
            _ => self.clone() - (self - other).relu(),
        }
    }

    /// The mean along axes.
    pub(super) fn mean(&self, axes: &[i64]) -> Self {
        let mut mean = Self { terms: Vec::new() };
        for term in &self.terms {
            let (fixed, varying) = term.split_along(axes);
            let varying = match varying.factors.is_empty() {
                true => Self::of_term(varying),
                false => Self::of_term(varying).function(Function::Mean(axes.to_vec())),
            };
            mean = mean + Self::of_term(fixed) * varying;
        }
        mean
    }

    /// The sum along axes of `count` numbers: so many means, where the count is known.
    pub(super) fn total(&self, axes: &[i64], count: Option<f64>) -> Self {
        if let Some(count) = count {
            return self.mean(axes) * count;
        }
        let mut total = Self { terms: Vec::new() };
        for term in &self.terms {
            let (fixed, varying) = term.split_along(axes);
            total = total + Self::of_term(fixed) * Self::of_term(varying).function(Function::Total(axes.to_vec()));
        }
        total
    }

    /// The maximum along axes.
    pub(super) fn maximum(self, axes: &[i64]) -> Self {
        self.function(Function::Maximum(axes.to_vec()))
    }
}

impl<'a> Term<'a> {
    fn has_factors_of(&self, other: &Self) -> bool {
        self.factors.len() == other.factors.len()
            && self
                .factors
                .iter()
                .all(|(atom, exponent)| other.factors.iter().any(|(other, power)| exponent == power && atom.is(other)))
    }

    fn times(&self, other: &Self) -> Self {
        let mut product = Self { coefficient: self.coefficient * other.coefficient, factors: self.factors.clone() };
        for (atom, exponent) in &other.factors {
            match product.factors.iter().position(|(own, _)| own.is(atom)) {
                None => product.factors.push((atom.clone(), *exponent)),
                Some(at) => {
                    product.factors[at].1 += exponent;
                    if product.factors[at].1 == 0.0 {
                        product.factors.remove(at);
                    }
                }
            }
        }
        product
    }

    /// What does not vary along the axes, with the number, and what does.
    fn split_along(&self, axes: &[i64]) -> (Self, Self) {
        let (fixed, varying) = self.factors.iter().cloned().partition(|(atom, _)| atom.is_fixed_along(axes));
        (Self { coefficient: self.coefficient, factors: fixed }, Self { coefficient: 1.0, factors: varying })
    }
}

impl Atom<'_> {
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Tensor(own), Self::Tensor(other)) | (Self::Known(own), Self::Known(other)) => own == other,
            (Self::Of(function, inner), Self::Of(other, argument)) => function == other && inner.is(argument),
            _ => false,
        }
    }

    fn is_fixed_along(&self, axes: &[i64]) -> bool {
        match self {
            Self::Tensor(_) | Self::Known(_) => false,
            Self::Of(Function::Mean(own) | Function::Total(own) | Function::Maximum(own), _) if own == axes => true,
            Self::Of(_, inner) => {
                inner.terms.iter().flat_map(|term| &term.factors).all(|(atom, _)| atom.is_fixed_along(axes))
            }
        }
    }
}

impl Add for Formula<'_> {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        other.terms.into_iter().for_each(|term| self.push(term));
        self
    }
}

impl Add<f64> for Formula<'_> {
    type Output = Self;

    fn add(self, number: f64) -> Self {
        self + Self::number(number)
    }
}

impl Sub for Formula<'_> {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + other * -1.0
    }
}

impl Mul for Formula<'_> {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let mut product = Self { terms: Vec::new() };
        for term in &self.terms {
            other.terms.iter().for_each(|factor| product.push(term.times(factor)));
        }
        product
    }
}

impl Mul<f64> for Formula<'_> {
    type Output = Self;

    fn mul(mut self, number: f64) -> Self {
        self.terms.iter_mut().for_each(|term| term.coefficient *= number);
        self.terms.retain(|term| term.coefficient != 0.0);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn x() -> Formula<'static> {
        Formula::tensor("x")
    }

    #[test]
    fn sums_and_products_are_multiplied_out() {
        let square = (x() + 1.0).power(2.0).unwrap();
        assert!(square.is(&(x() * x() + x() * 2.0 + 1.0)));
        assert!(!square.is(&(x() * x() + x() * 2.01 + 1.0)));
        assert!((x() - x()).terms.is_empty());
        assert!((x() * x().power(-1.0).unwrap()).is(&Formula::number(1.0)));
    }

    #[test]
    fn roots_of_squares_are_no_numbers() {
        let root = (x() * x()).power(0.5).unwrap();
        assert!(!root.is(&x()));
        assert!((root.clone() * root).terms.len() == 1);
        let quotient = (x() + 1.0).power(0.5).and_then(|root| root.power(-1.0)).unwrap();
        assert!(quotient.is(&(x() + 1.0).power(-0.5).unwrap()));
        assert!(quotient.is(&(x() + 1.0).power(-1.0).and_then(|inverse| inverse.power(0.5)).unwrap()));
    }

    #[test]
    fn even_powers_leave_no_magnitude() {
        let centered = || x() - x().mean(&[-1]);
        assert!(centered().abs().power(2.0).unwrap().is(&centered().power(2.0).unwrap()));
        assert!(!centered().abs().power(3.0).unwrap().is(&centered().power(3.0).unwrap()));
    }

    #[test]
    fn both_forms_of_the_variance_are_one() {
        let axes = [-1];
        let mean = x().mean(&axes);
        let centered = (x() - mean.clone()).power(2.0).unwrap().mean(&axes);
        assert!(centered.is(&((x() * x()).mean(&axes) - mean.clone() * mean.clone())));
        assert!(!centered.is(&((x() * x()).mean(&[-2]) - mean.clone() * mean)));
        assert!((x() * x()).total(&axes, Some(4.0)).is(&((x() * x()).mean(&axes) * 4.0)));
    }

    #[test]
    fn a_sigmoid_is_one_by_the_exponential_and_by_the_hyperbolic_tangent() {
        let quotient = ((x() * -1.0).exp() + 1.0).power(-1.0).unwrap();
        assert!(quotient.is(&x().sigmoid()));
        let doubled = ((x() * -1.0).exp() * 2.0 + 2.0).power(-1.0).unwrap() * 2.0;
        assert!(doubled.is(&x().sigmoid()));
        assert!((x() * -1.0).sigmoid().is(&(x().sigmoid() * -1.0 + 1.0)));
    }

    #[test]
    fn clips_of_clips_are_clips() {
        let six = x().relu().min(Formula::number(6.0));
        assert!(six.is(&x().clip(0.0, 6.0)));
        assert!(six.is(&x().min(Formula::number(6.0)).relu()));
        assert!(six.is(&((x() * (1.0 / 6.0)).ramp() * 6.0)));
        let (inner, low, high) = six.as_clip().unwrap();
        assert!(inner.is(&x()) && low == 0.0 && is_close(high, 6.0));
        assert!((x() * -2.0).relu().is(&(x().relu() * 2.0 - x() * 2.0)));
        assert!((x() * 0.25).max(x()).is(&x().max(x() * 0.25)));
    }

    /// Formulas compute what they say, at numbers of both signs.
    #[test]
    fn the_functions_that_are_expressed_keep_their_values() {
        fn value(formula: &Formula<'_>, x: f64) -> f64 {
            let atom = |atom: &Atom<'_>| match atom {
                Atom::Of(Function::Tanh, inner) => value(inner, x).tanh(),
                Atom::Of(Function::Relu, inner) => value(inner, x).max(0.0),
                Atom::Of(Function::Ramp, inner) => value(inner, x).clamp(0.0, 1.0),
                Atom::Of(..) => panic!("{atom:?}"),
                Atom::Tensor(_) | Atom::Known(_) => x,
            };
            let term = |term: &Term<'_>| {
                term.coefficient
                    * term.factors.iter().map(|(base, exponent)| atom(base).powf(*exponent)).product::<f64>()
            };
            formula.terms.iter().map(term).sum()
        }
        for at in [-7.5, -1.0, -0.25, 0.0, 0.5, 2.0, 9.0f64] {
            for (formula, expected) in [
                (x().sigmoid(), 1.0 / (1.0 + (-at).exp())),
                ((x() * 2.0 + 1.0).clip(-3.0, 5.0), (2.0 * at + 1.0).clamp(-3.0, 5.0)),
                ((x() * -2.0).min(Formula::number(3.0)).max(Formula::number(-1.0)), (-2.0 * at).clamp(-1.0, 3.0)),
                ((x() * -3.0).relu(), (-3.0 * at).max(0.0)),
                ((x() * -3.0 + 1.0).relu(), (1.0 - 3.0 * at).max(0.0)),
                (x().max(x() * 0.1), at.max(0.1 * at)),
                (x().min(x() * 0.1), at.min(0.1 * at)),
                (x().clip(0.0, 6.0).clip(2.0, 9.0) * -1.0 + 2.0, 2.0 - at.clamp(2.0, 6.0)),
            ] {
                let value = value(&formula, at);
                assert!((value - expected).abs() < 1e-12, "{formula:?} at {at}: {value}, and not {expected}");
            }
        }
    }
}
