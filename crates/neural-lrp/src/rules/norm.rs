//! The rule of sums without weights.

use relevance::Stabilizer;

use crate::Real;
use crate::operation::{Accepts, Family, Operation};
use crate::rules::{Backward, Epsilon, Redistribute, parse_stabilizer, stabilizer_arguments, taylor};

/// Shares in proportion to the contributions, for operations without weights: averages, sums, norms.
///
/// ```text
/// R_i = x_i Σ_j ∂y_j/∂x_i · R_j / stabilize(y_j)            Bach et al. 2015, Eq. (58) with h_ij of Eq. (63)
/// ```
/// * `x_i ∂y_j/∂x_i` — the contribution of input i to output j; these add up to `y_j`, as the operation is homogeneous.
///   One that is not has contributions of its own, see [`Reduce`](crate::operations::Reduce)
///
/// On layers with weights it is the ε-rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Norm {
    /// The ε that is added with the sign of the denominator.
    pub stabilizer: Stabilizer,
}

impl Redistribute for Norm {
    const NAME: &'static str = "norm";
    const ACCEPTS: Accepts = Accepts::MovedAxes;
    const OUTPUT_BY_OUTPUT: bool = true;

    fn parse(arguments: &[&str]) -> Result<Self, String> {
        Ok(Self { stabilizer: parse_stabilizer(arguments)? })
    }

    fn arguments(&self) -> Vec<String> {
        stabilizer_arguments(self.stabilizer)
    }

    fn at<'a, F: Real>(&self, operation: &'a dyn Operation<F>) -> Result<Backward<'a, F>, String> {
        let stabilizer = self.stabilizer;
        match operation.family() {
            Family::Linear => Epsilon { stabilizer }.at(operation),
            Family::Sum | Family::Maximum => Ok(Box::new(move |step, upper| {
                let own = operation.by_contributions(step, upper.view(), stabilizer);
                Ok(own.unwrap_or_else(|| taylor::first_order(operation, step, upper, stabilizer)))
            })),
            _ => Err("it is for sums, averages and layers with weights; here pass or taylor can be used".into()),
        }
    }
}
