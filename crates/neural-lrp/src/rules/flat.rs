//! The flat rule.

use relevance::Stabilizer;

use crate::operation::linear::WeightPart;
use crate::rules::terms::{BiasPart, InputPart, Term, Terms};
use crate::rules::{Redistribute, default_stabilizer, parse_stabilizer, stabilizer_arguments};

/// The flat rule: each connected input gets the same.
///
/// ```text
/// R_{i←j} = 1 / n_j · R_j
/// ```
/// * `n_j` — how many inputs output j is connected to; padding is no input
///
/// Not in the paper: Lapuschkin et al. 2019. The stabilizer, on `n_j` as well, is 1e-6 where none is given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flat {
    /// The ε that is added to the denominator.
    pub stabilizer: Stabilizer,
}

impl Default for Flat {
    fn default() -> Self {
        Self { stabilizer: default_stabilizer() }
    }
}

impl Redistribute for Flat {
    const NAME: &'static str = "flat";

    fn parse(arguments: &[&str]) -> Result<Self, String> {
        Ok(Self { stabilizer: parse_stabilizer(arguments)? })
    }

    fn arguments(&self) -> Vec<String> {
        stabilizer_arguments(self.stabilizer)
    }

    fn terms(&self) -> Option<Terms> {
        let term = Term::new(1.0, [(InputPart::Ones, WeightPart::Ones)]).bias(BiasPart::None);
        Some(Terms::new([term], self.stabilizer))
    }
}
