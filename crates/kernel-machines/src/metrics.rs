//! How good scores are: accuracy, and the area under the ROC curve.
//!
//! linfa's metrics work on labels and on f32 probabilities; scores are neither, and the shares are asked for in f64.

use evaluation::area_under_roc;
use ndarray::ArrayView1;

use super::TrainingError;
use super::error::{check_both_classes, check_length};

/// The share of points on the right side: `f(x) > 0` for positive ones, `f(x) ≤ 0` for negative ones.
///
/// * `scores` — `f(x_i)`, N
/// * `positive` — N
///
/// ```
/// use kernel_machines::accuracy;
/// use ndarray::array;
/// assert_eq!(accuracy(array![1.5, -0.5, 0.25, -2.0].view(), &[true, true, false, false])?, 0.5);
/// # Ok::<(), kernel_machines::TrainingError>(())
/// ```
///
/// # Errors
/// No scores, not as many labels, or a score that is not finite.
pub fn accuracy(scores: ArrayView1<'_, f64>, positive: &[bool]) -> Result<f64, TrainingError> {
    check_scores(scores, positive)?;
    let right = scores.iter().zip(positive).filter(|&(&score, &positive)| (score > 0.0) == positive).count();
    Ok(right as f64 / positive.len() as f64)
}

/// The area under the ROC curve: the share of pairs of a positive and a negative point of which the positive one has
/// the larger score; pairs of equal scores count one half.
///
/// * `scores` — `f(x_i)`, N
/// * `positive` — N
///
/// ```
/// use kernel_machines::area_under_curve;
/// use ndarray::array;
/// // Of the pairs (3, 2), (3, 1), (2, 2), (2, 1), three are in order and one is a tie.
/// assert_eq!(area_under_curve(array![3.0, 2.0, 2.0, 1.0].view(), &[true, true, false, false])?, 0.875);
/// # Ok::<(), kernel_machines::TrainingError>(())
/// ```
///
/// # Errors
/// As for [`accuracy`], and points of one class only.
pub fn area_under_curve(scores: ArrayView1<'_, f64>, positive: &[bool]) -> Result<f64, TrainingError> {
    check_scores(scores, positive)?;
    check_both_classes(positive)?;
    let of_class = |class: bool| -> Vec<f64> {
        scores.iter().zip(positive).filter(|&(_, &positive)| positive == class).map(|(&score, _)| score).collect()
    };
    area_under_roc(&of_class(true), &of_class(false))?.ok_or(TrainingError::Empty)
}

fn check_scores(scores: ArrayView1<'_, f64>, positive: &[bool]) -> Result<(), TrainingError> {
    check_length("labels of the scores", positive.len(), scores.len())?;
    if scores.is_empty() {
        return Err(TrainingError::Empty);
    }
    match scores.iter().position(|score| !score.is_finite()) {
        Some(position) => {
            let value = scores[position];
            Err(TrainingError::NonFinite { what: "the array of scores", position: vec![position], value })
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, array};
    use proptest::prelude::*;

    use super::*;

    fn counted_pairs(scores: &[f64], positive: &[bool]) -> f64 {
        let (mut sum, mut pairs) = (0.0, 0.0);
        for (score, _) in scores.iter().zip(positive).filter(|(_, positive)| **positive) {
            for (other, _) in scores.iter().zip(positive).filter(|(_, positive)| !**positive) {
                pairs += 1.0;
                sum += if score > other {
                    1.0
                } else if score == other {
                    0.5
                } else {
                    0.0
                };
            }
        }
        sum / pairs
    }

    proptest! {
        #[test]
        fn the_area_is_the_share_of_pairs_in_order(points in prop::collection::vec((-3_i8..3, any::<bool>()), 2..40)) {
            let scores: Vec<f64> = points.iter().map(|(score, _)| f64::from(*score) * 0.5).collect();
            let positive: Vec<bool> = points.iter().map(|(_, positive)| *positive).collect();
            let area = area_under_curve(Array1::from(scores.clone()).view(), &positive);
            match area {
                Ok(area) => prop_assert!((area - counted_pairs(&scores, &positive)).abs() < 1e-15),
                Err(error) => {
                    let one_class = matches!(error, TrainingError::OneClass { .. });
                    prop_assert!(one_class, "{error}");
                }
            }
        }
    }

    #[test]
    fn zeros_of_both_signs_are_ties() {
        assert_eq!(area_under_curve(array![-0.0, 0.0].view(), &[true, false]).unwrap(), 0.5);
    }

    #[test]
    fn scores_that_can_not_be_judged_are_errors() {
        let scores = array![1.0, f64::NAN];
        assert!(matches!(accuracy(scores.view(), &[true, false]), Err(TrainingError::NonFinite { .. })));
        assert!(matches!(accuracy(scores.view(), &[true]), Err(TrainingError::Length { .. })));
        assert!(matches!(accuracy(array![].view(), &[]), Err(TrainingError::Empty)));
        let one_class = area_under_curve(array![1.0, 2.0].view(), &[true, true]);
        assert!(matches!(one_class, Err(TrainingError::OneClass { points: 2, class: "positive" })));
    }
}
