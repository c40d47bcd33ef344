//! The z⁺-rule that conserves.

use ndarray::{ArrayD, ArrayViewD};
use relevance::Stabilizer;

use crate::Real;
use crate::operation::amount::amount;
use crate::operation::linear::LinearMap;
use crate::operation::{Accepts, Operation, Redistribution, Step};
use crate::rules::{Backward, Redistribute, Terms, ZPlus, parse_stabilizer, stabilizer_arguments};

/// The z⁺-rule, of which a layer's inputs get all: what biases would take is theirs, in proportion to what they have.
///
/// ```text
/// R_i = Σ_j c(R_j) · z⁺_ij / z⁺_j · R_j,     c(R_j) = Σ_{k: R_k R_j > 0} R_k / Σ_{k: R_k R_j > 0} (1 − b⁺_k / z⁺_k) R_k
/// ```
/// * `z⁺_ij`, `z⁺_j`, `b⁺_j` — as in [`ZPlus`], with its bias in the denominator
/// * `c` — two numbers for a layer and a sample, at least 1, one for relevance above 0 and one for that below, so that
///   neither makes the other larger
///
/// The bias still says which outputs their inputs account for; but the sum stays (Eq. 2 of Bach et al. 2015), through any
/// number of layers. A map has the shape that z⁺ gives it, and the scale of the score. A layer of which no output has an
/// activating contribution keeps the sinks of z⁺.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConservingZPlus {
    /// The ε that is added to the denominator.
    pub stabilizer: Stabilizer,
}

impl Redistribute for ConservingZPlus {
    const NAME: &'static str = "conserving-z-plus";
    const ACCEPTS: Accepts = Accepts::AnyOrder;
    const OUTPUT_BY_OUTPUT: bool = true;

    fn parse(arguments: &[&str]) -> Result<Self, String> {
        Ok(Self { stabilizer: parse_stabilizer(arguments)? })
    }

    fn arguments(&self) -> Vec<String> {
        stabilizer_arguments(self.stabilizer)
    }

    fn at<'a, F: Real>(&self, operation: &'a dyn Operation<F>) -> Result<Backward<'a, F>, String> {
        let z_plus = ZPlus { stabilizer: self.stabilizer };
        let (terms, layer) = z_plus.terms().zip(operation.linear()).ok_or("it is for layers with weights")?;
        Ok(Box::new(move |step, upper| {
            let zero = F::zero();
            let is_mixed = upper.iter().any(|&r| r > zero) && upper.iter().any(|&r| r < zero);
            if !is_mixed {
                return of_one_sign(&terms, layer, step, upper);
            }
            let mut both = of_one_sign(&terms, layer, step, upper.mapv(|r| r.max(zero)).view())?;
            let negative = of_one_sign(&terms, layer, step, upper.mapv(|r| r.min(zero)).view())?;
            for (sum, negative) in both.lower.iter_mut().zip(&negative.lower) {
                *sum += negative;
            }
            let sinks = both.sinks.into_iter().chain(negative.sinks).flatten();
            Ok(Redistribution::with_sinks(both.lower, sinks.collect::<Vec<_>>()))
        }))
    }
}

/// What z⁺ hands down of relevance of one sign, enlarged to all of it.
fn of_one_sign<F: Real>(
    terms: &Terms,
    layer: &dyn LinearMap<F>,
    step: &Step<'_, F>,
    upper: ArrayViewD<'_, F>,
) -> Result<Redistribution<F>, String> {
    let whole = amount(&upper).total;
    let handed = terms.redistribute(layer, step, upper)?;
    let total = |lower: &ArrayD<F>| amount(&lower.view()).total;
    let factor = whole / handed.lower.iter().map(total).sum::<f64>();
    if !factor.is_finite() || factor < 1.0 {
        return Ok(handed);
    }
    let lower = handed.lower.into_iter().map(|lower| lower * F::of(factor)).collect();
    Ok(Redistribution::with_sinks(lower, []))
}
