//! Complexity.

use crate::settings::settings;
use crate::{Case, Direction, Error, Measure, Outcome, Steps};

settings! {
    /// Complexity (Bhatt et al. 2020): the entropy of how the magnitudes of the relevance are distributed. 0 when a single
    /// one is not 0, `ln n` when all are equal.
    ///
    /// ```text
    /// H = −Σ_i p_i ln p_i,   p_i = |R_i| / Σ_j |R_j|,   0 ln 0 = 0
    /// ```
    /// * `i` — all `n` numbers of the relevance, those of each channel where it has channels
    ///
    /// Not defined where all relevance is 0. As Quantus's `Complexity`, which adds 1e-12 within the logarithm.
    pub struct Complexity = "complexity" {}
}

impl Measure for Complexity {
    fn question(&self) -> &'static str {
        "Is there little in the heatmap that has to be looked at?"
    }

    fn better(&self) -> Direction {
        Direction::Lower
    }

    fn judge(&self, case: &Case<'_>, _: &mut Steps<'_>) -> Result<Outcome, Error> {
        let magnitudes = case.magnitudes()?;
        let total: f64 = magnitudes.iter().sum();
        let shares = magnitudes.iter().map(|magnitude| magnitude / total).filter(|&share| share > 0.0);
        Ok((total > 0.0).then(|| shares.map(|share| -share * share.ln()).sum()).into())
    }
}
