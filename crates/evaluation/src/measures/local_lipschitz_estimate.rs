//! The local Lipschitz estimate.

use std::num::NonZeroUsize;

use ndarray::ArrayViewD;

use crate::noise::{Noise, explanations_nearby};
use crate::pixels::largest_magnitude;
use crate::settings::{NonNegative, settings};
use crate::{Case, Direction, Error, Extent, Measure, Outcome, Passes, Steps};

settings! {
    /// The local Lipschitz estimate (Alvarez-Melis and Jaakkola 2018): how steeply an explanation changes, at most, near an
    /// input.
    ///
    /// ```text
    /// max_k ‖R̂(x) − R̂(x + u_k)‖₂ / ‖u_k‖₂,   R̂ = R / max|R|,   u_k normal with mean 0 and deviation s
    /// ```
    /// * `s` — [`perturb_std`](Self::perturb_std), in Quantus's words
    /// * each term is the [`slope`]
    ///
    /// As Quantus's `LocalLipschitzEstimate`, with other random numbers; there the maximum is that of a whole batch of
    /// explanations, here of each. Relevance that is all 0 stays as it is.
    pub struct LocalLipschitzEstimate = "local-lipschitz-estimate" {
        /// How many changed inputs are explained (50; 200 in Quantus).
        pub nr_samples: NonZeroUsize = const { NonZeroUsize::new(50).unwrap() },
        /// The standard deviation of the changes (0.1, as in Quantus).
        pub perturb_std: NonNegative = const { NonNegative::new(0.1).unwrap() },
        /// Where the changes are drawn from; each sample has its own.
        pub seed: u64 = 0,
    }
}

impl Measure for LocalLipschitzEstimate {
    fn question(&self) -> &'static str {
        "How steeply does the explanation change, at most, near the input?"
    }

    fn better(&self) -> Direction {
        Direction::Lower
    }

    fn passes(&self, _: Extent) -> Passes {
        Passes::explanations(self.nr_samples.get())
    }

    fn judge(&self, case: &Case<'_>, steps: &mut Steps<'_>) -> Result<Outcome, Error> {
        let noise = Noise::Normal { deviation: self.perturb_std.get() };
        let slopes = explanations_nearby(case, steps, noise, self.nr_samples, self.seed, |input, relevance| {
            Some(slope([case.input.view(), input.view()], [case.relevance.view(), relevance.view()]))
        })?;
        Ok(slopes.into_iter().reduce(f64::max).into())
    }
}

/// How much two explanations differ for the difference of their inputs.
///
/// ```text
/// ‖R/max|R| − R'/max|R'|‖₂ / (‖x − x'‖₂ + 1e-10)
/// ```
/// * `inputs` — `x` and `x'`, of one shape
/// * `relevances` — `R` and `R'`, of one shape
///
/// ```
/// use evaluation::measures::slope;
/// use ndarray::array;
/// let inputs = [array![0.0, 0.0].into_dyn(), array![0.3, 0.4].into_dyn()];
/// let relevances = [array![2.0, 1.0].into_dyn(), array![3.0, -3.0].into_dyn()];
/// let slope = slope([inputs[0].view(), inputs[1].view()], [relevances[0].view(), relevances[1].view()]);
/// assert_eq!(slope, 1.5 / (0.5 + 1e-10));
/// ```
pub fn slope(inputs: [ArrayViewD<'_, f64>; 2], relevances: [ArrayViewD<'_, f64>; 2]) -> f64 {
    /// Quantus's: keeps equal inputs from a division by 0.
    const LEAST: f64 = 1e-10;
    let distance = |[left, right]: [ArrayViewD<'_, f64>; 2], scales: [f64; 2]| {
        let differences = left.iter().zip(&right).map(|(left, right)| left / scales[0] - right / scales[1]);
        differences.map(|difference| difference.powi(2)).sum::<f64>().sqrt()
    };
    let scales = relevances.each_ref().map(|relevance| largest_magnitude(relevance.view()));
    distance(relevances, scales) / (distance(inputs, [1.0, 1.0]) + LEAST)
}
