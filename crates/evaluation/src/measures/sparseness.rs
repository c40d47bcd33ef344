//! Sparseness.

use crate::settings::settings;
use crate::{Case, Direction, Error, Measure, Outcome, Steps};

settings! {
    /// Sparseness (Chalasani et al. 2020): the Gini index of the magnitudes of the relevance. 0 when all are equal, near 1
    /// when a single one is not 0.
    ///
    /// ```text
    /// G = Σ_i (2 i − n − 1) a_i / (n Σ_i a_i),   a_1 ≤ … ≤ a_n the sorted |R|
    /// ```
    /// * `n` — all numbers of the relevance, those of each channel where it has channels
    ///
    /// Not defined where all relevance is 0. As Quantus's `Sparseness`, which adds 1e-7 to each magnitude.
    pub struct Sparseness = "sparseness" {}
}

impl Measure for Sparseness {
    fn question(&self) -> &'static str {
        "Is the relevance in few places?"
    }

    fn better(&self) -> Direction {
        Direction::Higher
    }

    fn judge(&self, case: &Case<'_>, _: &mut Steps<'_>) -> Result<Outcome, Error> {
        let mut magnitudes = case.magnitudes()?;
        magnitudes.sort_unstable_by(f64::total_cmp);
        let count = magnitudes.len() as f64;
        let total: f64 = magnitudes.iter().sum();
        let rank = |index: usize| 2.0 * (index + 1) as f64 - count - 1.0;
        let weighted: f64 = magnitudes.iter().enumerate().map(|(index, magnitude)| rank(index) * magnitude).sum();
        Ok((total > 0.0).then(|| weighted / (count * total)).into())
    }
}
