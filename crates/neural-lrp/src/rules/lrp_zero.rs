//! The basic rule, without a stabilizer.

use relevance::Stabilizer;

use crate::operation::linear::WeightPart;
use crate::rules::terms::{InputPart, Term, Terms};
use crate::rules::{Redistribute, without_settings};

/// The basic rule: relevance in proportion to the contributions.
///
/// ```text
/// R_{i←j} = z_ij / z_j · R_j                               Bach et al. 2015, Eq. (56)
/// Σ_i R_{i←j} = R_j (1 − b_j / z_j)                         Eq. (57)
/// ```
/// * `z_ij = x_i w_ij`, `z_j = Σ_i z_ij + b_j`
///
/// There is no bound to a quotient by a small `z_j`; where `z_j = 0` the relevance is booked as
/// [`Sink::ZeroDenominator`](relevance::Sink::ZeroDenominator), and the bias's share as [`Sink::Bias`](relevance::Sink::Bias).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LrpZero;

impl Redistribute for LrpZero {
    const NAME: &'static str = "lrp-0";

    fn parse(arguments: &[&str]) -> Result<Self, String> {
        without_settings(Self, arguments)
    }

    fn terms(&self) -> Option<Terms> {
        Some(Terms::new([Term::new(1.0, [(InputPart::All, WeightPart::All)])], Stabilizer::NONE))
    }
}
