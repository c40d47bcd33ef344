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

use relevance::Stabilizer;
use serde::{Deserialize, Serialize};

use crate::Real;
use crate::operation::linear::WeightPart;
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
    /// How far each input lies above the smallest value that it can take: `x − l`.
    AboveLow(Bound),
    /// How far each input lies below the largest value that it can take: `x − h`.
    BelowHigh(Bound),
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
    /// Whether the term applies to an output.
    pub fn is_open<F: Real>(self, z: F) -> bool {
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
    /// All contributions have one sign: there are none, and the term's share is booked as
    /// [`Sink::AbsentSign`](relevance::Sink::AbsentSign).
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

    /// Whether the denominator is the sum of all contributions above 0, and of the bias if it is.
    pub(super) fn is_activating(&self) -> bool {
        use InputPart::{Negative, Positive};
        let all = [(Positive, WeightPart::Positive), (Negative, WeightPart::Negative)];
        self.contributions == all && self.bias == BiasPart::Like(WeightPart::Positive)
    }

    /// Whether the denominator is the sum of all contributions below 0, and of the bias if it is: what an activating term
    /// leaves of the layer's own output.
    pub(super) fn is_inhibiting(&self) -> bool {
        use InputPart::{Negative, Positive};
        let all = [(Positive, WeightPart::Negative), (Negative, WeightPart::Positive)];
        self.contributions == all && self.bias == BiasPart::Like(WeightPart::Negative)
    }

    /// Whether the denominator is the layer's own output.
    pub(super) fn is_preactivation(&self) -> bool {
        self.shares_as_the_layer() && self.bias == BiasPart::Like(WeightPart::All)
    }

    /// Whether the contributions are the layer's own.
    fn shares_as_the_layer(&self) -> bool {
        self.contributions == [(InputPart::All, WeightPart::All)]
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

    /// The ε of a rule that shares by the layer's own contributions (Eqs 56, 58): sums without weights can have the same.
    pub(crate) fn stabilizer_of_sums(&self) -> Option<Stabilizer> {
        matches!(self.terms.as_slice(), [term] if term.shares_as_the_layer()).then_some(self.stabilizer)
    }
}
