//! The z⁺-rule.

use relevance::Stabilizer;

use crate::rules::alpha_beta::activating;
use crate::rules::terms::Terms;
use crate::rules::{Redistribute, parse_stabilizer, stabilizer_arguments};

/// The z⁺-rule: only activating contributions count; the αβ-rule with α = 1, β = 0.
///
/// ```text
/// R_i = Σ_j z⁺_ij / z⁺_j · R_j                              Bach et al. 2015, Eq. (60) with α = 1
/// ```
/// * `z⁺_ij = (x_i w_ij)⁺`: a negative input through a negative weight activates as well; `z⁺_j` includes `b⁺_j`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ZPlus {
    /// The ε that is added to the denominator.
    pub stabilizer: Stabilizer,
}

impl Redistribute for ZPlus {
    const NAME: &'static str = "z-plus";

    fn parse(arguments: &[&str]) -> Result<Self, String> {
        Ok(Self { stabilizer: parse_stabilizer(arguments)? })
    }

    fn arguments(&self) -> Vec<String> {
        stabilizer_arguments(self.stabilizer)
    }

    fn terms(&self) -> Option<Terms> {
        Some(Terms::new([activating()], self.stabilizer))
    }
}
