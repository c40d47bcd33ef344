//! A rule: shares by positive weights, whatever the input.

use neural_lrp::WeightPart;
use neural_lrp::rules::terms::{BiasPart, InputPart, Term};
use neural_lrp::rules::{Redistribute, Terms, without_settings};
use relevance::Stabilizer;

/// `R_{i←j} = w⁺_ij / Σ_i w⁺_ij · R_j`
pub struct PositiveWeights;

impl Redistribute for PositiveWeights {
    const NAME: &'static str = "positive-weights";

    fn parse(arguments: &[&str]) -> Result<Self, String> {
        without_settings(Self, arguments)
    }

    fn terms(&self) -> Option<Terms> {
        let term = Term::new(1.0, [(InputPart::Ones, WeightPart::Positive)]).bias(BiasPart::None);
        Some(Terms::new([term], Stabilizer::NONE))
    }
}
