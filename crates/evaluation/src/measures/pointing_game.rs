//! The pointing game.

use crate::settings::settings;
use crate::{Case, Direction, Error, Measure, Outcome, Steps};

settings! {
    /// The pointing game (Zhang et al. 2018): 1 when a pixel of the highest relevance is in the mask, 0 when none is. The
    /// mean over samples is the share of hits.
    ///
    /// Not defined for a mask without any pixel. As Quantus's `PointingGame`; channels are summed before the highest is
    /// looked for.
    pub struct PointingGame = "pointing-game" {}
}

impl Measure for PointingGame {
    fn question(&self) -> &'static str {
        "Is the most relevant pixel on the object?"
    }

    fn better(&self) -> Direction {
        Direction::Higher
    }

    fn needs_mask(&self) -> bool {
        true
    }

    fn judge(&self, case: &Case<'_>, _: &mut Steps<'_>) -> Result<Outcome, Error> {
        let (relevance, mask) = (case.relevance_of_pixels()?, case.mask(self)?);
        let highest = relevance.fold(f64::NEG_INFINITY, |highest, &value| highest.max(value));
        let is_hit = relevance.iter().zip(mask).any(|(&value, &is_inside)| is_inside && value == highest);
        let is_defined = mask.iter().any(|&is_inside| is_inside);
        Ok(is_defined.then_some(if is_hit { 1.0 } else { 0.0 }).into())
    }
}
