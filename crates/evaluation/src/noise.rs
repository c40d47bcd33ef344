//! Explanations of inputs near an input.

use std::num::NonZeroUsize;

use ndarray::{ArrayD, ArrayViewD};
use rand::{Rng, RngCore, SeedableRng};
use rand_distr::{StandardNormal, Uniform};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

use crate::order::seed_of_sample;
use crate::{Case, Error, Steps};

/// How inputs are changed a little.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Noise {
    /// Each number by at most so much, evenly.
    Uniform { largest: f64 },
    /// Each number by a normal distribution around 0.
    Normal { deviation: f64 },
}

impl Noise {
    /// Adds noise to an input.
    fn added_to(self, input: ArrayViewD<'_, f64>, seed: u64) -> ArrayD<f64> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        match self {
            Self::Uniform { largest } => {
                let even = Uniform::new_inclusive(-largest, largest);
                input.mapv(|value| value + random.sample(even))
            }
            Self::Normal { deviation } => {
                input.mapv(|value| value + deviation * random.sample::<f64, _>(StandardNormal))
            }
        }
    }
}

/// How many explanations each thread makes between two times that whoever watches hears of them.
const EXPLANATIONS_A_THREAD: usize = 4;

/// Explains the case's target for several changed inputs; `judge` sees each with its relevance, and what it finds is
/// returned.
pub(crate) fn explanations_nearby(
    case: &Case<'_>,
    steps: &mut Steps<'_>,
    noise: Noise,
    count: NonZeroUsize,
    seed: u64,
    judge: impl Fn(ArrayViewD<'_, f64>, ArrayViewD<'_, f64>) -> Option<f64> + Sync,
) -> Result<Vec<f64>, Error> {
    case.relevance_of_pixels()?;
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed_of_sample(seed, case.number));
    let seeds: Vec<u64> = (0..count.get()).map(|_| random.next_u64()).collect();
    let judged = steps.all(seeds.len(), EXPLANATIONS_A_THREAD * rayon::current_num_threads(), |now| {
        let judged = seeds[now].par_iter().map(|&seed| {
            let input = noise.added_to(case.input.view(), seed);
            let relevance = case.explain(input.view(), case.target)?;
            Ok(judge(input.view(), relevance.view()).into_iter().collect())
        });
        judged.collect()
    })?;
    Ok(judged.concat())
}

#[cfg(test)]
mod tests {
    use ndarray::ArrayD;

    use super::*;

    #[test]
    fn noise_has_the_moments_of_its_distribution() {
        let input = ArrayD::from_elem(vec![100, 100], 2.0);
        for (noise, variance) in
            [(Noise::Uniform { largest: 0.3 }, 0.3_f64.powi(2) / 3.0), (Noise::Normal { deviation: 0.2 }, 0.04)]
        {
            let changes = noise.added_to(input.view(), 7) - &input;
            // Four standard deviations of the mean, and of the variance.
            let mean = changes.mean().unwrap_or(f64::NAN);
            assert!(mean.abs() < 4.0 * (variance / 1e4).sqrt(), "{noise:?} {mean}");
            let found = changes.mapv(|change| change * change).mean().unwrap_or(f64::NAN);
            assert!((found / variance - 1.0).abs() < 4.0 * (2.0_f64 / 1e4).sqrt(), "{noise:?} {found}");
            if let Noise::Uniform { largest } = noise {
                assert!(changes.iter().all(|change| change.abs() <= largest + 1e-15));
            }
        }
    }
}
