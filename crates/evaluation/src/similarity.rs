//! How alike two lines of numbers are.

use crate::Error;
use crate::error::{check_finite, check_shape};

/// Spearman's rank correlation: Pearson's, of ranks. Equal numbers share the mean of their ranks.
///
/// ```text
/// ρ = Σ_i (r_i − r̄)(s_i − s̄) / √( Σ_i (r_i − r̄)² Σ_i (s_i − s̄)² )
/// ```
/// * `r_i`, `s_i` — the rank of the `i`-th number among its own
///
/// `None` where either line is everywhere the same.
///
/// ```
/// use evaluation::rank_correlation;
/// assert_eq!(rank_correlation(&[1.0, 5.0, 30.0], &[-3.0, -2.0, 0.0])?, Some(1.0));
/// assert_eq!(rank_correlation(&[1.0, 1.0, 2.0], &[0.0, 7.0, 3.0])?, Some(0.0));
/// # Ok::<(), evaluation::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`] when one is longer; [`Error::NonFinite`] when a number is infinite or NaN.
pub fn rank_correlation(one: &[f64], other: &[f64]) -> Result<Option<f64>, Error> {
    check_lines(one, other)?;
    // The mean of all ranks is the same for both, with ties or without.
    let middle = (one.len() as f64 + 1.0) / 2.0;
    let (one, other) = (ranks(one), ranks(other));
    let product = |left: &[f64], right: &[f64]| -> f64 {
        left.iter().zip(right).map(|(left, right)| (left - middle) * (right - middle)).sum()
    };
    let (one_squared, other_squared) = (product(&one, &one), product(&other, &other));
    let is_defined = one_squared > 0.0 && other_squared > 0.0;
    Ok(is_defined.then(|| product(&one, &other) / (one_squared * other_squared).sqrt()))
}

/// The rank of each number, counted from 1.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&left, &right| values[left].total_cmp(&values[right]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for tied in order.chunk_by(|&left, &right| values[left] == values[right]) {
        let shared = before as f64 + (tied.len() as f64 + 1.0) / 2.0;
        tied.iter().for_each(|&position| ranks[position] = shared);
        before += tied.len();
    }
    ranks
}

/// How many neighboring numbers are compared at a time.
const WINDOW: usize = 7;

/// The structural similarity (Wang et al. 2004) of two lines of numbers: the mean over all windows of 7 of
///
/// ```text
/// (2 μ_x μ_y + c₁)(2 σ_xy + c₂) / ((μ_x² + μ_y² + c₁)(σ_x² + σ_y² + c₂)),   c₁ = (0.01 D)², c₂ = (0.03 D)²
/// ```
/// * `μ`, `σ` — means, variances and covariance within the window, those with n − 1
/// * `D` — the range of all numbers of both
///
/// As scikit-image has it for one axis. `None` where all numbers are the same; a line of less than 7 is one window.
///
/// ```
/// use evaluation::structural_similarity;
/// let line = [1.0, 2.0, 4.0, 2.0, 1.0, 0.0, 1.0, 3.0];
/// assert_eq!(structural_similarity(&line, &line)?, Some(1.0));
/// assert!(structural_similarity(&line, &line.map(|value| 4.0 - value))?.is_some_and(|value| value < 0.0));
/// # Ok::<(), evaluation::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`] when one is longer; [`Error::NonFinite`] when a number is infinite or NaN.
pub fn structural_similarity(one: &[f64], other: &[f64]) -> Result<Option<f64>, Error> {
    check_lines(one, other)?;
    let all = || one.iter().chain(other).copied();
    let (smallest, largest) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
    let range = largest - smallest;
    if range.is_nan() || range <= 0.0 {
        return Ok(None);
    }
    let constants = [(0.01 * range).powi(2), (0.03 * range).powi(2)];
    let length = WINDOW.min(one.len());
    let windows = one.windows(length).zip(other.windows(length));
    let count = one.len() - length + 1;
    Ok(Some(windows.map(|(one, other)| similarity_within(one, other, constants)).sum::<f64>() / count as f64))
}

fn similarity_within(one: &[f64], other: &[f64], [c1, c2]: [f64; 2]) -> f64 {
    let count = one.len() as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / count;
    let (mean_one, mean_other) = (mean(one), mean(other));
    let covariance = |left: (&[f64], f64), right: (&[f64], f64)| {
        let products = left.0.iter().zip(right.0).map(|(a, b)| (a - left.1) * (b - right.1));
        products.sum::<f64>() / (count - 1.0).max(1.0)
    };
    let (one, other) = ((one, mean_one), (other, mean_other));
    let spread = covariance(one, one) + covariance(other, other);
    (2.0 * mean_one * mean_other + c1) * (2.0 * covariance(one, other) + c2)
        / ((mean_one.powi(2) + mean_other.powi(2) + c1) * (spread + c2))
}

fn check_lines(one: &[f64], other: &[f64]) -> Result<(), Error> {
    check_shape("the second line of numbers", &[other.len()], &[one.len()])?;
    check_finite("the first line of numbers", one)?;
    check_finite("the second line of numbers", other)
}
