//! The ε-rule.

use relevance::Stabilizer;

use crate::operation::linear::WeightPart;
use crate::rules::terms::{InputPart, Term, Terms};
use crate::rules::{Redistribute, parse_stabilizer, stabilizer_arguments};

/// The ε-rule: the basic rule with a stabilizer that keeps the quotient bounded.
///
/// ```text
/// R_{i←j} = z_ij / (z_j + ε sign(z_j)) · R_j                Bach et al. 2015, Eq. (58)
/// Σ_i R_{i←j} = R_j (1 − (b_j + ε) / (z_j + ε))             Eq. (59), for z_j ≥ 0
/// ```
/// * `z_ij = x_i w_ij`, `z_j = Σ_i z_ij + b_j`; sign(0) = +1
/// * `ε` — [`stabilizer`](Self::stabilizer), absolute; the paper uses 0.01 and 100
///
/// ```
/// use ndarray::array;
/// use neural_lrp::operations::Dense;
/// use neural_lrp::rules::{Epsilon, Rule};
/// use neural_lrp::{Operation, Step};
/// use relevance::{Sink, Stabilizer};
///
/// let layer = Dense::new(array![[1.0, -1.0]], Some(array![-1.0]))?;
/// let (x, z) = (array![[1.0, 1.0]].into_dyn(), array![[-1.0]].into_dyn());
/// let step = Step { operands: vec![x.view()], output: z.view() };
/// let rule = Rule::from(Epsilon { stabilizer: Stabilizer::new(1.0)? });
/// let down = rule.redistribute(&layer, &step, z.view())?; // R_j = z_j = −1
/// assert_eq!(down.lower[0], array![[0.5, -0.5]].into_dyn()); // ±1 / (−1 − 1) · (−1)
/// let sinks = down.sinks.unwrap_or_default();
/// assert_eq!(sinks.iter().map(|(sink, amount)| (*sink, amount.total)).collect::<Vec<_>>(), [(Sink::Bias, -0.5), (Sink::Stabilizer, -0.5)]);
/// # Ok::<(), neural_lrp::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epsilon {
    /// The ε that is added with the sign of the denominator.
    pub stabilizer: Stabilizer,
}

impl Redistribute for Epsilon {
    const NAME: &'static str = "epsilon";

    fn parse(arguments: &[&str]) -> Result<Self, String> {
        Ok(Self { stabilizer: parse_stabilizer(arguments)? })
    }

    fn arguments(&self) -> Vec<String> {
        stabilizer_arguments(self.stabilizer)
    }

    fn terms(&self) -> Option<Terms> {
        Some(Terms::new([Term::new(1.0, [(InputPart::All, WeightPart::All)])], self.stabilizer))
    }
}
