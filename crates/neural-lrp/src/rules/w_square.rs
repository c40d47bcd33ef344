//! The w²-rule.

use crate::operation::linear::WeightPart;
use crate::rules::terms::{BiasPart, InputPart, Term, Terms};
use crate::rules::{Redistribute, default_stabilizer, without_settings};

/// The w²-rule: by squared weights, whatever the input.
///
/// ```text
/// R_{i←j} = w²_ij / (Σ_i w²_ij + b²_j) · R_j
/// ```
/// * the sum is over connected inputs; padding is no input
///
/// Not in the paper: Montavon et al. 2017; with the bias in the denominator as zennit 1.0 has it. The stabilizer is 1e-6.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WSquare;

impl Redistribute for WSquare {
    const NAME: &'static str = "w-square";

    fn parse(arguments: &[&str]) -> Result<Self, String> {
        without_settings(Self, arguments)
    }

    fn terms(&self) -> Option<Terms> {
        let squared = WeightPart::Squared;
        let term = Term::new(1.0, [(InputPart::Ones, squared)]).bias(BiasPart::Like(squared));
        Some(Terms::new([term], default_stabilizer()))
    }
}
