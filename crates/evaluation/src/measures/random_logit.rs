//! The random logit test.

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::order::seed_of_sample;
use crate::pixels::largest_magnitude;
use crate::settings::settings;
use crate::similarity::structural_similarity;
use crate::{Case, Direction, Error, Extent, Measure, Outcome, Passes, Steps};

settings! {
    /// The random logit test (Sixt et al. 2020): how alike the explanations of the target and of another class are.
    ///
    /// ```text
    /// SSIM( R_target / max|R_target|, R_other / max|R_other| ),   other ≠ target drawn evenly
    /// ```
    /// * SSIM — [`structural_similarity`], over the relevance as one line of numbers
    ///
    /// Not defined where both are 0. As Quantus's `RandomLogit`, with other random numbers; there the number of classes has
    /// to be given, and the maximum is that of a whole batch of explanations.
    pub struct RandomLogit = "random-logit" {
        /// Where the other class is drawn from (42, as in Quantus); each sample has its own.
        pub seed: u64 = 42,
    }
}

impl Measure for RandomLogit {
    fn question(&self) -> &'static str {
        "Does the explanation differ from that of another class?"
    }

    fn better(&self) -> Direction {
        Direction::Lower
    }

    fn passes(&self, _: Extent) -> Passes {
        Passes::explanations(1)
    }

    fn judge(&self, case: &Case<'_>, _: &mut Steps<'_>) -> Result<Outcome, Error> {
        case.relevance_of_pixels()?;
        let targets = case.classifier.targets();
        if targets < 2 {
            let reason = "the classifier has a single target, and no other class to compare with".into();
            return Err(Error::Unfit { measure: Self::NAME, reason });
        }
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed_of_sample(self.seed, case.number));
        let other = (case.target + random.gen_range(1..targets)) % targets;
        let others = case.explain(case.input.view(), other)?;
        let scaled = |relevance: ndarray::ArrayViewD<'_, f64>| {
            let scale = largest_magnitude(relevance.view());
            relevance.iter().map(|value| value / scale).collect::<Vec<f64>>()
        };
        Ok(structural_similarity(&scaled(case.relevance.view()), &scaled(others.view()))?.into())
    }
}
