//! Relevance rank accuracy.

use crate::settings::settings;
use crate::{Case, Direction, Error, Measure, Outcome, Steps};

settings! {
    /// Relevance rank accuracy (Arras et al. 2022): of the K most relevant pixels, the share that lies in a mask of K
    /// pixels.
    ///
    /// ```text
    /// |{p_1, …, p_K} ∩ mask| / K,   R_{p_1} ≥ R_{p_2} ≥ …,   K = |mask|
    /// ```
    ///
    /// Not defined for a mask without any pixel. As Quantus's `RelevanceRankAccuracy`; of equal relevance, the pixel that
    /// comes first row by row is the more relevant one.
    pub struct RelevanceRankAccuracy = "relevance-rank-accuracy" {}
}

impl Measure for RelevanceRankAccuracy {
    fn question(&self) -> &'static str {
        "Are the most relevant pixels, as many as the object has, those of the object?"
    }

    fn better(&self) -> Direction {
        Direction::Higher
    }

    fn needs_mask(&self) -> bool {
        true
    }

    fn judge(&self, case: &Case<'_>, _: &mut Steps<'_>) -> Result<Outcome, Error> {
        let mask = case.mask(self)?;
        let count = mask.iter().filter(|&&is_inside| is_inside).count();
        let hits = case.hits(mask, count)?;
        Ok((count > 0).then(|| hits as f64 / count as f64).into())
    }
}
