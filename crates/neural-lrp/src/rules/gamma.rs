//! The γ-rule.

use crate::Error;
use crate::operation::linear::WeightPart;
use crate::rules::terms::{BiasPart, Gate, InputPart, Term, Terms};
use crate::rules::{Redistribute, default_stabilizer, parse_number};

/// The γ-rule, generalized to inputs and outputs of both signs: what agrees with the output's sign counts 1 + γ times.
///
/// ```text
/// z_j > 0:  R_{i←j} = (z_ij + γ z⁺_ij) / (Σ_i (z_ij + γ z⁺_ij) + b_j + γ b⁺_j) · R_j
/// z_j < 0:  R_{i←j} = (z_ij + γ z⁻_ij) / (Σ_i (z_ij + γ z⁻_ij) + b_j + γ b⁻_j) · R_j
/// ```
/// * `z_ij = x_i w_ij`; `z_j` — the layer's own output. Where it is 0 the relevance is booked as a zero denominator
/// * `γ` — 0.25 in use; γ = 0 is the ε-rule, γ → ∞ the z⁺-rule
///
/// Not in the paper: Montavon et al. 2019; for both signs as zennit 1.0 has it. The stabilizer is 1e-6.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gamma {
    gamma: f64,
}

impl Gamma {
    /// The rule with a `gamma` of at least 0.
    ///
    /// # Errors
    /// [`Error::Setting`] when `gamma` is negative or not finite.
    pub fn new(gamma: f64) -> Result<Self, Error> {
        if gamma.is_finite() && gamma >= 0.0 {
            return Ok(Self { gamma });
        }
        let reason = "γ should be a number of at least 0; 0.25 is in use".into();
        Err(Error::Setting { what: "rule", given: format!("gamma with γ = {gamma}"), reason })
    }

    /// γ, by how much more agreeing contributions count.
    pub fn gamma(self) -> f64 {
        self.gamma
    }
}

impl Redistribute for Gamma {
    const NAME: &'static str = "gamma";

    fn parse(arguments: &[&str]) -> Result<Self, String> {
        match arguments {
            [gamma] => Self::new(parse_number(gamma)?).map_err(|error| error.to_string()),
            _ => Err("it takes γ, as in gamma=0.25".into()),
        }
    }

    fn arguments(&self) -> Vec<String> {
        vec![self.gamma.to_string()]
    }

    fn terms(&self) -> Option<Terms> {
        let (favored, other) = (WeightPart::FavorPositive(self.gamma), WeightPart::FavorNegative(self.gamma));
        let positive = Term::new(1.0, [(InputPart::Positive, favored), (InputPart::Negative, other)])
            .bias(BiasPart::Like(favored))
            .gate(Gate::PositivePreactivation);
        let negative = Term::new(1.0, [(InputPart::Positive, other), (InputPart::Negative, favored)])
            .bias(BiasPart::Like(other))
            .gate(Gate::NegativePreactivation);
        Some(Terms::new([positive, negative], default_stabilizer()))
    }
}
