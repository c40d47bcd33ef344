//! Relevance mass accuracy.

use crate::settings::settings;
use crate::{Case, Direction, Error, Measure, Outcome, Steps};

settings! {
    /// Relevance mass accuracy (Arras et al. 2022): the share of the relevance that lies in the mask.
    ///
    /// ```text
    /// Σ_{p in mask} R_p / Σ_p R_p
    /// ```
    /// * `R_p` — the relevance of a pixel, of either sign: the share can be negative, or larger than 1
    ///
    /// Not defined for a mask without any pixel, nor where all relevance sums to 0. As Quantus's `RelevanceMassAccuracy`.
    /// [`share_of_positive`](crate::share_of_positive) counts positive relevance only.
    pub struct RelevanceMassAccuracy = "relevance-mass-accuracy" {}
}

impl Measure for RelevanceMassAccuracy {
    fn question(&self) -> &'static str {
        "How much of the relevance is on the object?"
    }

    fn better(&self) -> Direction {
        Direction::Higher
    }

    fn needs_mask(&self) -> bool {
        true
    }

    fn judge(&self, case: &Case<'_>, _: &mut Steps<'_>) -> Result<Outcome, Error> {
        let (relevance, mask) = (case.relevance_of_pixels()?, case.mask(self)?);
        let within = relevance.iter().zip(mask).filter(|(_, is_inside)| **is_inside).map(|(value, _)| value);
        let (pixels, within) = within.fold((0, 0.0), |(pixels, sum), value| (pixels + 1, sum + value));
        let total: f64 = relevance.iter().sum();
        Ok((pixels > 0 && total != 0.0).then(|| within / total).into())
    }
}
