//! The area under the receiver operating characteristic.

use crate::Error;
use crate::error::check_finite;

/// How often a positive example scores higher than a negative one: the area under the ROC curve.
///
/// ```text
/// AUC = ( #{(p, n) : s_p > s_n} + ½ #{(p, n) : s_p = s_n} ) / (#p · #n)
/// ```
/// * `positives`, `negatives` — the scores `s_p`, `s_n`
///
/// Pairs are counted, not integrated: the result is exact up to one rounding. `None` where there is no pair.
///
/// ```
/// use evaluation::area_under_roc;
/// assert_eq!(area_under_roc(&[2.0, 1.0], &[0.0, 1.0])?, Some(0.875)); // three pairs and a half of four
/// assert_eq!(area_under_roc(&[2.0], &[])?, None);
/// # Ok::<(), evaluation::Error>(())
/// ```
///
/// # Errors
/// [`Error::NonFinite`] when a score is infinite or NaN.
pub fn area_under_roc(positives: &[f64], negatives: &[f64]) -> Result<Option<f64>, Error> {
    check_finite("the scores of the positives", positives)?;
    check_finite("the scores of the negatives", negatives)?;
    if positives.is_empty() || negatives.is_empty() {
        return Ok(None);
    }
    let mut negatives = negatives.to_vec();
    negatives.sort_unstable_by(f64::total_cmp);
    let twice_the_wins: u128 = positives
        .iter()
        .map(|score| {
            let below = negatives.partition_point(|other| other < score);
            let not_above = negatives.partition_point(|other| other <= score);
            (below + not_above) as u128
        })
        .sum();
    let pairs = positives.len() as u128 * negatives.len() as u128;
    Ok(Some(twice_the_wins as f64 / (2 * pairs) as f64))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn signed_zeros_are_ties() -> Result<(), Error> {
        assert_eq!(area_under_roc(&[0.0, -0.0], &[-0.0, 0.0])?, Some(0.5));
        Ok(())
    }

    #[test]
    fn scores_that_are_not_finite_are_errors() {
        let error = area_under_roc(&[1.0], &[0.0, f64::INFINITY]).expect_err("infinite");
        assert_eq!(error.to_string(), "the scores of the negatives: inf at position 1; all values have to be finite");
    }

    fn scores() -> impl Strategy<Value = Vec<f64>> {
        vec((-4_i8..4).prop_map(f64::from), 1..30)
    }

    proptest! {
        #[test]
        fn pairs_are_counted_as_the_definition_has_it(positives in scores(), negatives in scores()) {
            let mut wins = 0.0;
            for positive in &positives {
                for negative in &negatives {
                    if positive > negative { wins += 1.0 } else if positive == negative { wins += 0.5 }
                }
            }
            let expected = wins / (positives.len() * negatives.len()) as f64;
            let forward = area_under_roc(&positives, &negatives).expect("finite").expect("pairs");
            let backward = area_under_roc(&negatives, &positives).expect("finite").expect("pairs");
            prop_assert_eq!(forward, expected);
            prop_assert!((forward + backward - 1.0).abs() < 1e-15);
        }
    }
}
