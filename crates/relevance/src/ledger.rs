//! The ledger: where the relevance of each layer went.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Error;

/// Where relevance goes that does not reach the layer below.
///
/// Each sink is computed from its own formula, never as what is missing, so that the balance of an [`Entry`] is a
/// real check of the step that wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Sink {
    /// The share of a bias: `Σ_j b_j s_j` (Eq. 57).
    Bias,
    /// The share of constants among computed tensors: position codes, class tokens, masks that are added.
    Constant,
    /// The share of the stabilizer: `Σ_j ε sign(z_j) s_j` (Eq. 59).
    Stabilizer,
    /// What a first-order expansion leaves out: `f(x) − f(x₀) − ∇f(x₀)·(x − x₀)` (Eq. 17).
    TaylorResidual,
    /// The value at the expansion point, `f(x₀)`: zero up to rounding at a root (Eq. 18).
    RootValue,
    /// Relevance of units whose denominator is exactly zero (Eq. 56).
    ZeroDenominator,
    /// The share of a sign that no contribution has (Eq. 60).
    AbsentSign,
    /// Relevance of padded positions outside of the input.
    Padding,
    /// Relevance of truth values and positions, which no small change of what they are told of changes.
    Decision,
    /// The share of the error of rounding to a grid of few bits.
    Rounding,
    /// Relevance that a mask keeps from going further down.
    Masked,
    /// What a foreign program makes of relevance beside the formulas, where its numbers are asked for.
    Compatibility,
    /// What averaging overlapping tiles takes away: `Σ_q Σ_t R_t(q) (1 − 1/n(q))`.
    Overlap,
}

impl Sink {
    /// The name that tables and reports use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bias => "bias",
            Self::Constant => "constants",
            Self::Stabilizer => "stabilizer",
            Self::TaylorResidual => "Taylor residual",
            Self::RootValue => "root value",
            Self::ZeroDenominator => "zero denominator",
            Self::AbsentSign => "absent sign",
            Self::Padding => "padding",
            Self::Decision => "decisions",
            Self::Rounding => "rounding",
            Self::Masked => "masked out",
            Self::Compatibility => "compatibility",
            Self::Overlap => "overlap of tiles",
        }
    }
}

impl fmt::Display for Sink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// An amount of relevance: its sum, the sum of its absolute values, and how many of the values were not finite.
///
/// ```
/// use relevance::Amount;
/// let amount: Amount = [1.0, -3.0].into_iter().collect();
/// assert_eq!((amount.total, amount.magnitude, amount.non_finite), (-2.0, 4.0, 0));
/// assert_eq!(Amount::of(f64::NAN).non_finite, 1);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Amount {
    /// `Σ R`
    pub total: f64,
    /// `Σ |R|`
    pub magnitude: f64,
    /// How many of the summed values were infinite or NaN.
    pub non_finite: usize,
}

impl Amount {
    /// The amount of `count` terms. They are added in several lanes at once, in an order that depends on `count` alone.
    ///
    /// ```
    /// use relevance::Amount;
    /// let (weights, values) = ([2.0, -1.0, 0.5], [1.0, 3.0, -4.0]);
    /// let amount = Amount::over(3, |i| weights[i] * values[i]);
    /// assert_eq!((amount.total, amount.magnitude), (-3.0, 7.0));
    /// ```
    #[inline]
    pub fn over(count: usize, term: impl Fn(usize) -> f64) -> Self {
        let (mut totals, mut magnitudes) = ([0.0; LANES], [0.0; LANES]);
        for start in (0..count - count % LANES).step_by(LANES) {
            for lane in 0..LANES {
                let value = term(start + lane);
                totals[lane] += value;
                magnitudes[lane] += value.abs();
            }
        }
        let mut amount = Self { total: totals.iter().sum(), magnitude: magnitudes.iter().sum(), non_finite: 0 };
        for rest in count - count % LANES..count {
            let value = term(rest);
            amount.total += value;
            amount.magnitude += value.abs();
        }
        if !amount.magnitude.is_finite() {
            amount.non_finite = (0..count).filter(|&place| !term(place).is_finite()).count();
        }
        amount
    }

    /// The amount of a single value.
    #[inline]
    pub fn of(value: f64) -> Self {
        Self { total: value, magnitude: value.abs(), non_finite: usize::from(!value.is_finite()) }
    }
}

/// How many sums an [`Amount`] is added up in side by side.
const LANES: usize = 8;

impl std::ops::AddAssign for Amount {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        self.total += other.total;
        self.magnitude += other.magnitude;
        self.non_finite += other.non_finite;
    }
}

impl FromIterator<f64> for Amount {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut amount = Self::default();
        for value in values {
            amount += Self::of(value);
        }
        amount
    }
}

impl<'a> FromIterator<&'a f64> for Amount {
    fn from_iter<I: IntoIterator<Item = &'a f64>>(values: I) -> Self {
        values.into_iter().copied().collect()
    }
}

/// One backward step: what came in from above, what left to the layer below, and what ended in sinks.
///
/// ```text
/// Σ_k R_k^(l+1) = Σ_i R_i^(l) + Σ sinks                     Bach et al. 2015, Eq. (2), with the leaks booked
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The step, as a reader knows it: `"R² local features (Eq. 27)"`.
    pub stage: String,
    /// Relevance that came in from the layer above.
    pub upper: Amount,
    /// Relevance that left to the layer below.
    pub lower: Amount,
    /// Relevance that went elsewhere.
    pub sinks: Vec<(Sink, Amount)>,
}

impl Entry {
    /// A step without sinks.
    pub fn new(stage: impl Into<String>, upper: Amount, lower: Amount) -> Self {
        Self { stage: stage.into(), upper, lower, sinks: Vec::new() }
    }

    /// Books `amount` into `sink`, on top of what is there.
    #[must_use]
    pub fn with_sink(mut self, sink: Sink, amount: Amount) -> Self {
        self.book(sink, amount);
        self
    }

    /// The amount that a sink took; zero when nothing was booked.
    pub fn sink(&self, sink: Sink) -> Amount {
        self.sinks.iter().find(|(name, _)| *name == sink).map(|(_, amount)| *amount).unwrap_or_default()
    }

    /// All sinks together.
    pub fn sunk(&self) -> Amount {
        let mut sum = Amount::default();
        for (_, amount) in &self.sinks {
            sum += *amount;
        }
        sum
    }

    /// `upper − Σ lower − Σ sinks`: zero up to rounding.
    pub fn imbalance(&self) -> f64 {
        self.upper.total - self.lower.total - self.sunk().total
    }

    /// How much of the relevance that the step moved is unaccounted for; zero for a step that moved nothing, infinite
    /// where relevance is not finite.
    ///
    /// ```text
    /// |upper − Σ lower − Σ sinks| / max( Σ|upper|, Σ|lower| + Σ|sinks| )
    /// ```
    ///
    /// Amounts are measured without signs and on both sides, since a sum is as exact as its terms and not as what is left
    /// of them. Under the flat rule, inputs below outputs of opposite relevance get parts that cancel wholly: next to
    /// nothing leaves, though all terms of the sum came in, and their rounding with them.
    ///
    /// The measure is no weaker than one of what leaves alone. A step that loses a share of what comes in has at least the
    /// error that this share has in all that comes in, and one that invents relevance has it in all that leaves. Only an
    /// imbalance below the tolerance's part of what came in passes, which no sum of such terms could tell from rounding.
    ///
    /// ```
    /// use relevance::{Amount, Entry};
    /// let upper: Amount = [0.1, 0.2, -0.3].into_iter().collect();
    /// assert!(upper.total > 0.0); // these cancel up to rounding: one input takes them all, and gets nothing
    /// assert!(Entry::new("flat", upper, Amount::of(0.0)).relative_error() < 1e-15);
    /// assert_eq!(Entry::new("leak", Amount::of(1.0), Amount::of(0.75)).relative_error(), 0.25);
    /// ```
    pub fn relative_error(&self) -> f64 {
        let imbalance = self.imbalance().abs();
        if imbalance == 0.0 {
            return 0.0;
        }
        let error = imbalance / self.upper.magnitude.max(self.lower.magnitude + self.sunk().magnitude);
        if error.is_nan() { f64::INFINITY } else { error }
    }

    fn book(&mut self, sink: Sink, amount: Amount) {
        match self.sinks.iter_mut().find(|(name, _)| *name == sink) {
            Some((_, booked)) => *booked += amount,
            None => self.sinks.push((sink, amount)),
        }
    }
}

/// Adds the amounts of a step that runs beside this one: that of another channel, or of another explanation.
impl std::ops::AddAssign<&Entry> for Entry {
    fn add_assign(&mut self, other: &Entry) {
        self.upper += other.upper;
        self.lower += other.lower;
        for (sink, amount) in &other.sinks {
            self.book(*sink, *amount);
        }
    }
}

/// The whole way of the relevance from the score down to the pixels, one [`Entry`] for each backward step.
///
/// ```
/// use relevance::{Amount, Entry, Ledger, Sink};
/// let mut ledger = Ledger::default();
/// ledger.push(Entry::new("R³ (Eq. 25)", Amount::of(2.0), Amount::of(1.5)).with_sink(Sink::TaylorResidual, Amount::of(0.5)));
/// ledger.push(Entry::new("R² (Eq. 27)", Amount::of(1.5), Amount::of(1.5)));
/// assert!(ledger.check(1e-10).is_ok());
/// println!("{ledger}");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// From the score downwards.
    pub entries: Vec<Entry>,
    /// How the steps hang together.
    #[serde(default)]
    pub order: Order,
}

/// How the steps of a [`Ledger`] hang together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// One after another: each takes in what the one before handed down.
    #[default]
    Chain,
    /// A graph with branches: what came in at its top leaves at its bottom, or through the sinks of all steps.
    Graph {
        /// The initial relevance.
        upper: Amount,
        /// The relevance of the inputs.
        lower: Amount,
    },
}

impl Ledger {
    /// Steps one after another.
    pub fn chain(entries: Vec<Entry>) -> Self {
        Self { entries, order: Order::Chain }
    }

    /// The steps of a graph, from all of its initial relevance to the relevance of its inputs.
    pub fn graph(entries: Vec<Entry>, upper: Amount, lower: Amount) -> Self {
        Self { entries, order: Order::Graph { upper, lower } }
    }

    /// The books of the whole: all initial relevance, that of the inputs, and the sinks of all steps together.
    pub fn total(&self) -> Entry {
        let (upper, lower) = match self.order {
            Order::Graph { upper, lower } => (upper, lower),
            Order::Chain => {
                let upper = self.entries.first().map(|entry| entry.upper).unwrap_or_default();
                (upper, self.entries.last().map(|entry| entry.lower).unwrap_or_default())
            }
        };
        let mut total = Entry::new("whole", upper, lower);
        for (sink, amount) in self.entries.iter().flat_map(|entry| &entry.sinks) {
            total.book(*sink, *amount);
        }
        total
    }

    /// Adds the next step downwards.
    pub fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// The largest [`relative error`](Entry::relative_error) of all steps.
    pub fn max_relative_error(&self) -> f64 {
        self.entries.iter().map(Entry::relative_error).fold(0.0, f64::max)
    }

    /// Adds the amounts of another explanation's ledger, step by step: the ledger of a set of explanations.
    ///
    /// Steps are matched by position; what the other has beyond this one's end is appended.
    pub fn accumulate(&mut self, other: &Ledger) {
        for (position, entry) in other.entries.iter().enumerate() {
            match self.entries.get_mut(position) {
                Some(sum) => *sum += entry,
                None => self.entries.push(entry.clone()),
            }
        }
        self.order = match (&self.order, &other.order) {
            (Order::Graph { upper, lower }, Order::Graph { upper: more_upper, lower: more_lower }) => {
                let (mut upper, mut lower) = (*upper, *lower);
                upper += *more_upper;
                lower += *more_lower;
                Order::Graph { upper, lower }
            }
            (_, order) => order.clone(),
        };
    }

    /// Conservation between all layers (Eq. 2): every step balances, and takes in what the step above handed down.
    ///
    /// # Errors
    /// [`Error::Imbalance`] names the first step whose relative error exceeds `tolerance`.
    pub fn check(&self, tolerance: f64) -> Result<(), Error> {
        for entry in &self.entries {
            balanced(entry.clone(), tolerance)?;
        }
        match self.order {
            Order::Chain => self
                .entries
                .windows(2)
                .try_for_each(|pair| balanced(Entry::new(&pair[1].stage, pair[0].lower, pair[1].upper), tolerance)),
            Order::Graph { .. } => balanced(self.total(), tolerance),
        }
    }
}

fn balanced(entry: Entry, tolerance: f64) -> Result<(), Error> {
    let error = entry.relative_error();
    if error > tolerance { Err(Error::Imbalance { stage: entry.stage, error, tolerance }) } else { Ok(()) }
}

/// The table that a person reads.
impl fmt::Display for Ledger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.entries.iter().map(|entry| entry.stage.chars().count()).max().unwrap_or(0).max(5);
        writeln!(
            formatter,
            "{:<width$}  {:>13}  {:>13}  {:>13}  {:>9}  where it went",
            "stage", "from above", "to below", "into sinks", "error"
        )?;
        for entry in &self.entries {
            write!(
                formatter,
                "{:<width$}  {:>13.6}  {:>13.6}  {:>13.6}  {:>9.1e}  ",
                entry.stage,
                entry.upper.total,
                entry.lower.total,
                entry.sunk().total,
                entry.relative_error()
            )?;
            let sinks: Vec<String> =
                entry.sinks.iter().map(|(sink, amount)| format!("{sink} {:.6}", amount.total)).collect();
            writeln!(formatter, "{}", if sinks.is_empty() { "all below".to_owned() } else { sinks.join(", ") })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaky() -> Entry {
        Entry::new("step", Amount::of(1.0), [0.75, -0.25].iter().collect()).with_sink(Sink::Bias, Amount::of(0.5))
    }

    #[test]
    fn a_balanced_step_has_no_error() {
        assert_eq!(leaky().imbalance(), 0.0);
        assert_eq!(leaky().relative_error(), 0.0);
        assert_eq!(leaky().sink(Sink::Bias).total, 0.5);
        assert_eq!(leaky().sink(Sink::Padding), Amount::default());
    }

    #[test]
    fn amounts_in_lanes_count_everything_once() {
        for count in [0, 1, 7, 8, 9, 100] {
            let amount = Amount::over(count, |place| place as f64 - 3.0);
            let plain: Amount = (0..count).map(|place| place as f64 - 3.0).collect();
            assert_eq!(amount, plain);
        }
        assert_eq!(Amount::over(20, |place| if place % 5 == 0 { f64::NAN } else { 1.0 }).non_finite, 4);
        assert_eq!(Amount::over(2, |_| f64::MAX).non_finite, 0);
    }

    #[test]
    fn relevance_that_nobody_booked_is_an_error() {
        let mut ledger = Ledger::default();
        ledger.push(Entry::new("leak", Amount::of(1.0), Amount::of(0.9)));
        assert!(matches!(ledger.check(1e-10), Err(Error::Imbalance { stage, .. }) if stage == "leak"));
        assert!((ledger.max_relative_error() - 0.1).abs() < 1e-15);
    }

    #[test]
    fn a_gap_between_two_balanced_steps_is_an_error() {
        let mut ledger = Ledger::default();
        ledger.push(Entry::new("upper", Amount::of(1.0), Amount::of(1.0)));
        ledger.push(Entry::new("lower", Amount::of(2.0), Amount::of(2.0)));
        assert!(matches!(ledger.check(1e-10), Err(Error::Imbalance { stage, .. }) if stage == "lower"));
    }

    #[test]
    fn a_graph_balances_as_a_whole() {
        let branch = |share: f64| Entry::new("branch", Amount::of(share), Amount::of(share));
        let entries = vec![branch(0.75), leaky(), branch(-0.25)];
        let books = |lower: f64| Ledger::graph(entries.clone(), Amount::of(1.0), Amount::of(lower));
        assert!(books(0.5).check(1e-10).is_ok());
        assert_eq!(books(0.5).total().sink(Sink::Bias).total, 0.5);
        assert!(matches!(books(0.75).check(1e-10), Err(Error::Imbalance { stage, .. }) if stage == "whole"));
    }

    #[test]
    fn relevance_that_is_not_finite_never_balances() {
        let entry = Entry::new("step", Amount::of(f64::NAN), Amount::of(1.0));
        assert_eq!(entry.relative_error(), f64::INFINITY);
        assert_eq!(entry.upper.non_finite, 1);
    }

    #[test]
    fn ledgers_accumulate_step_by_step() {
        let mut sum = Ledger::default();
        for _ in 0..3 {
            sum.accumulate(&Ledger::chain(vec![leaky()]));
        }
        assert_eq!(sum.entries.len(), 1);
        assert_eq!(sum.entries[0].upper.total, 3.0);
        assert_eq!(sum.entries[0].sink(Sink::Bias).magnitude, 1.5);
        assert!(sum.check(1e-12).is_ok());
    }

    #[test]
    fn the_table_names_every_stage_and_sink() {
        let table = Ledger::chain(vec![leaky()]).to_string();
        assert!(table.contains("step") && table.contains("bias 0.5"), "{table}");
    }
}
