//! Completeness.

use crate::settings::{choice, settings};
use crate::walk::scores_of;
use crate::{Case, Direction, Error, Measure, Outcome, Replacement, Steps};

settings! {
    /// Completeness (Sundararajan et al. 2017), which is the conservation of relevance (Bach et al. 2015, Eqs 1 and 2):
    /// how far the relevance is from summing to the score.
    ///
    /// ```text
    /// value = | Σ_i R_i − d | / max( |Σ_i R_i|, |d| ),   d = f(x) − f(x')
    /// ```
    /// * `x'` — the input, all of it replaced; with `against:nothing`, `d = f(x)` as in Eq. 1
    ///
    /// 0 when nothing is missing, never more than 2. As Quantus's `Completeness`, but: that says true or false, and to be
    /// true takes equality to the last bit, of relevance that it divides by its maximum before. Conservation layer by layer
    /// is in the ledger of each explanation.
    pub struct Completeness = "completeness" {
        /// What the score is compared with: `replaced`, that of the replaced input (as in Quantus), or `nothing`.
        pub against: Reference = Reference::Replaced,
        /// What the replaced input is (its smallest value, Quantus's "black").
        pub replacement: Replacement = Replacement::Black,
    }
}

choice! {
    /// What a score is compared with.
    pub enum Reference {
        /// The score of the replaced input.
        Replaced = "replaced",
        /// Zero.
        Nothing = "nothing",
    }
}

impl Measure for Completeness {
    fn question(&self) -> &'static str {
        "Does the relevance sum to what it explains?"
    }

    fn better(&self) -> Direction {
        Direction::Lower
    }

    fn judge(&self, case: &Case<'_>, _: &mut Steps<'_>) -> Result<Outcome, Error> {
        let total: f64 = case.relevance_of_pixels()?.iter().sum();
        let mut inputs = vec![case.input.to_owned()];
        if self.against == Reference::Replaced {
            inputs.push(case.replaced(&self.replacement)?);
        }
        let scores = scores_of(case.classifier, &inputs)?;
        let of_target: Vec<f64> = scores.column(case.target).to_vec();
        let difference = of_target[0] - of_target.get(1).copied().unwrap_or(0.0);
        let missing = (total - difference).abs();
        let scale = total.abs().max(difference.abs());
        Ok(Some(if missing == 0.0 { 0.0 } else { missing / scale }).into())
    }
}
