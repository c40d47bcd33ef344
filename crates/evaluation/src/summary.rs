//! Means over samples, and how sure they are.

use serde::{Deserialize, Serialize};

/// A mean with its 95 % confidence interval.
///
/// ```text
/// m = 1/n Σ v_i,    s² = 1/(n − 1) Σ (v_i − m)²,    m ± 1.96 s/√n
/// ```
///
/// The normal approximation: for n below some thirty the interval is somewhat too narrow. `None` bounds for a single
/// value, of which nobody can say how it varies.
///
/// ```
/// use evaluation::Estimate;
/// let estimate = Estimate::of([1.0, 2.0, 3.0]).unwrap();
/// assert_eq!((estimate.samples, estimate.mean), (3, 2.0));
/// assert_eq!(estimate.interval.map(|(low, high)| (high - low) / 2.0), Some(1.959963984540054 / 3_f64.sqrt()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// How many values there are.
    pub samples: usize,
    /// Their mean.
    pub mean: f64,
    /// Where the mean of all samples that there could be lies, with a probability of 95 %.
    pub interval: Option<(f64, f64)>,
}

/// The 97.5th percentile of the normal distribution.
const QUANTILE: f64 = 1.959_963_984_540_054;

impl Estimate {
    /// The mean of some values; `None` where there are none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let values: Vec<f64> = values.into_iter().collect();
        let samples = values.len();
        if samples == 0 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / samples as f64;
        let interval = (samples > 1).then(|| {
            let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
            let half = QUANTILE * (squares / (samples - 1) as f64 / samples as f64).sqrt();
            (mean - half, mean + half)
        });
        Some(Self { samples, mean, interval })
    }
}
