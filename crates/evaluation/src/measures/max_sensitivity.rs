//! Max-sensitivity.

use std::num::NonZeroUsize;

use ndarray::ArrayViewD;

use crate::noise::{Noise, explanations_nearby};
use crate::settings::{NonNegative, settings};
use crate::{Case, Direction, Error, Extent, Measure, Outcome, Passes, Steps};

settings! {
    /// Max-sensitivity (Yeh et al. 2019): how much an explanation changes, at most, when the input changes a little.
    ///
    /// ```text
    /// max_k ‖R(x) − R(x + u_k)‖₂ / ‖R(x)‖₂,   u_k drawn evenly from [−r, r] for each number of the input
    /// ```
    /// * `r` — [`lower_bound`](Self::lower_bound), in Quantus's words
    /// * each term is the [`relative_change`]
    ///
    /// Not defined where all relevance is 0. As Quantus's `MaxSensitivity`, with other random numbers.
    pub struct MaxSensitivity = "max-sensitivity" {
        /// How many changed inputs are explained (50; 200 in Quantus).
        pub nr_samples: NonZeroUsize = const { NonZeroUsize::new(50).unwrap() },
        /// How far each number is changed, at most (0.2, as in Quantus).
        pub lower_bound: NonNegative = const { NonNegative::new(0.2).unwrap() },
        /// Where the changes are drawn from; each sample has its own.
        pub seed: u64 = 0,
    }
}

impl Measure for MaxSensitivity {
    fn question(&self) -> &'static str {
        "How much does the explanation change, at most, when the input changes a little?"
    }

    fn better(&self) -> Direction {
        Direction::Lower
    }

    fn passes(&self, _: Extent) -> Passes {
        Passes::explanations(self.nr_samples.get())
    }

    fn judge(&self, case: &Case<'_>, steps: &mut Steps<'_>) -> Result<Outcome, Error> {
        let noise = Noise::Uniform { largest: self.lower_bound.get() };
        let changes = explanations_nearby(case, steps, noise, self.nr_samples, self.seed, |_, relevance| {
            relative_change(case.relevance.view(), relevance)
        })?;
        Ok(changes.into_iter().reduce(f64::max).into())
    }
}

/// How much an explanation changed.
///
/// ```text
/// ‖R − R'‖₂ / ‖R‖₂
/// ```
/// * `relevance`, `changed` — `R` and `R'`, of one shape
///
/// `None` where `R` is 0.
///
/// ```
/// use evaluation::measures::relative_change;
/// use ndarray::array;
/// let (relevance, changed) = (array![3.0, 4.0].into_dyn(), array![3.0, 2.0].into_dyn());
/// assert_eq!(relative_change(relevance.view(), changed.view()), Some(0.4));
/// ```
pub fn relative_change(relevance: ArrayViewD<'_, f64>, changed: ArrayViewD<'_, f64>) -> Option<f64> {
    let change: f64 = relevance.iter().zip(&changed).map(|(before, after)| (before - after).powi(2)).sum();
    let length: f64 = relevance.iter().map(|value| value.powi(2)).sum();
    (length > 0.0).then(|| change.sqrt() / length.sqrt())
}
