//! The rule of sums without weights.

use ndarray::ArrayViewD;
use relevance::Stabilizer;

use crate::Real;
use crate::operation::{Family, Operation, Redistribution, Step};
use crate::rules::{Epsilon, Redistribute, parse_stabilizer, stabilizer_arguments, taylor};

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
    fn parse(arguments: &[&str]) -> Result<Self, String> {
        Ok(Self { stabilizer: parse_stabilizer(arguments)? })
    }

    fn arguments(&self) -> Vec<String> {
        stabilizer_arguments(self.stabilizer)
    }

    fn redistribute<F: Real>(
        &self,
        operation: &dyn Operation<F>,
        step: &Step<'_, F>,
        upper: ArrayViewD<'_, F>,
    ) -> Result<Redistribution<F>, String> {
        match operation.family() {
            Family::Linear => Epsilon { stabilizer: self.stabilizer }.redistribute(operation, step, upper),
            Family::Sum | Family::Maximum => {
                let own = operation.by_contributions(step, upper.view(), self.stabilizer);
                Ok(own.unwrap_or_else(|| taylor::first_order(operation, step, upper, self.stabilizer)))
            }
            _ => Err("it is for sums, averages and layers with weights; here pass or taylor can be used".into()),
        }
    }
}
