//! The flat rule.

use crate::operation::linear::WeightPart;
use crate::rules::terms::{BiasPart, InputPart, Term, Terms};
use crate::rules::{Redistribute, default_stabilizer, without_settings};

/// The flat rule: each connected input gets the same.
///
/// ```text
/// R_{i←j} = 1 / n_j · R_j
/// ```
/// * `n_j` — how many inputs output j is connected to; padding is no input
///
/// Not in the paper: Lapuschkin et al. 2019. The stabilizer is 1e-6, on `n_j` as well.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flat;

impl Redistribute for Flat {
    const NAME: &'static str = "flat";

    fn parse(arguments: &[&str]) -> Result<Self, String> {
        without_settings(Self, arguments)
    }

    fn terms(&self) -> Option<Terms> {
        let term = Term::new(1.0, [(InputPart::Ones, WeightPart::Ones)]).bias(BiasPart::None);
        Some(Terms::new([term], default_stabilizer()))
    }
}
