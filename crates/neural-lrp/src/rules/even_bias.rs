//! The ε-rule that conserves exactly.

use relevance::Stabilizer;

use crate::operation::linear::WeightPart;
use crate::rules::terms::{BiasShare, InputPart, Term, Terms};
use crate::rules::{Redistribute, parse_number, stabilizer};

/// The ε-rule with the bias's and the stabilizer's share spread evenly over the inputs: nothing is lost.
///
/// ```text
/// R_{i←j} = (z_ij + (b_j + ε sign(z_j)) / n_j) / (z_j + ε sign(z_j)) · R_j      Bach et al. 2015, text after Eq. (57)
/// Σ_i R_{i←j} = R_j                                                             Eq. (55)
/// ```
/// * `z_ij = x_i w_ij`, `z_j = Σ_i z_ij + b_j`
/// * `n_j` — how many inputs output j is connected to; padding is no input
/// * `ε` — [`stabilizer`](Self::stabilizer), 0 unless given
///
/// Only where ε = 0 and `z_j` is zero there is no quotient, and the relevance is booked as a zero denominator. What
/// rounding leaves of terms that cancel is zero here: an output within 32 units of rounding of `Σ_i |z_ij| + |b_j|`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EvenBias {
    /// The ε that is added with the sign of the denominator.
    pub stabilizer: Stabilizer,
}

impl Redistribute for EvenBias {
    const NAME: &'static str = "even-bias";

    fn parse(arguments: &[&str]) -> Result<Self, String> {
        match arguments {
            [] => Ok(Self { stabilizer: Stabilizer::NONE }),
            [epsilon] => Ok(Self { stabilizer: stabilizer(parse_number(epsilon)?)? }),
            _ => Err("it takes one number, ε".into()),
        }
    }

    fn arguments(&self) -> Vec<String> {
        if self.stabilizer == Stabilizer::NONE { Vec::new() } else { vec![self.stabilizer.epsilon().to_string()] }
    }

    fn terms(&self) -> Option<Terms> {
        let terms = Terms::new([Term::new(1.0, [(InputPart::All, WeightPart::All)])], self.stabilizer);
        Some(Terms { bias_share: BiasShare::SharedEvenly, ..terms })
    }
}
