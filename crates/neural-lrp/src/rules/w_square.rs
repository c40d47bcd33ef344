//! The w²-rule.

use relevance::Stabilizer;

use crate::operation::linear::WeightPart;
use crate::rules::terms::{BiasPart, InputPart, Term, Terms};
use crate::rules::{Redistribute, default_stabilizer, parse_stabilizer, stabilizer_arguments};

/// The w²-rule: by squared weights, whatever the input.
///
/// ```text
/// R_{i←j} = w²_ij / (Σ_i w²_ij + b²_j) · R_j
/// ```
/// * the sum is over connected inputs; padding is no input
///
/// Not in the paper: Montavon et al. 2017; with the bias in the denominator as zennit 1.0 has it. The stabilizer is 1e-6 where none
/// is given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WSquare {
    /// The ε that is added to the denominator.
    pub stabilizer: Stabilizer,
}

impl Default for WSquare {
    fn default() -> Self {
        Self { stabilizer: default_stabilizer() }
    }
}

impl Redistribute for WSquare {
    const NAME: &'static str = "w-square";

    fn parse(arguments: &[&str]) -> Result<Self, String> {
        Ok(Self { stabilizer: parse_stabilizer(arguments)? })
    }

    fn arguments(&self) -> Vec<String> {
        stabilizer_arguments(self.stabilizer)
    }

    fn terms(&self) -> Option<Terms> {
        let squared = WeightPart::Squared;
        let term = Term::new(1.0, [(InputPart::Ones, squared)]).bias(BiasPart::Like(squared));
        Some(Terms::new([term], self.stabilizer))
    }
}
