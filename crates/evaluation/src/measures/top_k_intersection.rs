//! Top-k intersection.

use std::num::NonZeroUsize;

use crate::settings::settings;
use crate::{Case, Direction, Error, Measure, Outcome, Steps};

settings! {
    /// Top-k intersection (Theiner et al. 2021): of the k most relevant pixels, the share that lies in the mask.
    ///
    /// ```text
    /// |{p_1, …, p_k} ∩ mask| / k,   R_{p_1} ≥ R_{p_2} ≥ …
    /// ```
    ///
    /// Not defined for a mask without any pixel. As Quantus's `TopKIntersection`; of equal relevance, the pixel that comes
    /// first row by row is the more relevant one.
    pub struct TopKIntersection = "top-k-intersection" {
        /// How many pixels (1000, as in Quantus); an input has to have as many.
        pub k: NonZeroUsize = const { NonZeroUsize::new(1000).unwrap() },
    }
}

impl Measure for TopKIntersection {
    fn question(&self) -> &'static str {
        "How many of the k most relevant pixels are on the object?"
    }

    fn better(&self) -> Direction {
        Direction::Higher
    }

    fn needs_mask(&self) -> bool {
        true
    }

    fn judge(&self, case: &Case<'_>, _: &mut Steps<'_>) -> Result<Outcome, Error> {
        let mask = case.mask(self)?;
        let k = self.k.get();
        if k > mask.len() {
            let reason =
                format!("k = {k} is more than the {} pixels of the input: top-k-intersection=k:100", mask.len());
            return Err(Error::Unfit { measure: Self::NAME, reason });
        }
        let hits = case.hits(mask, k)?;
        Ok(mask.iter().any(|&is_inside| is_inside).then(|| hits as f64 / k as f64).into())
    }
}
