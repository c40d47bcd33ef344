//! Precision, recall, and the average precision that challenges of image classification are judged by.

use crate::Error;
use crate::error::check_finite;

/// What a threshold on the score finds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PrecisionAndRecall {
    /// Examples count as found from this score on.
    pub threshold: f64,
    /// Share of the positives among all that are found.
    pub precision: f64,
    /// Share of all positives that are found.
    pub recall: f64,
}

/// How precision falls as recall grows, and the average precisions that are made of it.
///
/// Examples of equal scores are found together, so that nothing depends on the order in which they are given.
///
/// ```
/// use evaluation::PrecisionRecallCurve;
/// // By descending score: positive, negative, positive, negative.
/// let curve = PrecisionRecallCurve::new(&[4.0, 2.0], &[3.0, 1.0])?.expect("there are positives");
/// let found: Vec<_> = curve.points().iter().map(|point| (point.precision, point.recall)).collect();
/// assert_eq!(found, [(1.0, 0.5), (0.5, 0.5), (2.0 / 3.0, 1.0), (0.5, 1.0)]);
/// assert!((curve.average_precision() - (1.0 + 2.0 / 3.0) / 2.0).abs() < 1e-15);
/// assert!((curve.eleven_point_precision() - (6.0 + 5.0 * 2.0 / 3.0) / 11.0).abs() < 1e-15);
/// # Ok::<(), evaluation::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct PrecisionRecallCurve {
    points: Vec<PrecisionAndRecall>,
}

impl PrecisionRecallCurve {
    /// The curve of these scores; `None` without positives, since there is nothing to find then.
    ///
    /// # Errors
    /// [`Error::NonFinite`] when a score is infinite or NaN.
    pub fn new(positives: &[f64], negatives: &[f64]) -> Result<Option<Self>, Error> {
        check_finite("the scores of the positives", positives)?;
        check_finite("the scores of the negatives", negatives)?;
        if positives.is_empty() {
            return Ok(None);
        }
        let (positive, negative) =
            (positives.iter().map(|&score| (score, 1)), negatives.iter().map(|&score| (score, 0)));
        let mut scores: Vec<(f64, usize)> = positive.chain(negative).collect();
        scores.sort_unstable_by(|one, other| other.0.total_cmp(&one.0));
        let (mut right, mut found) = (0, 0);
        let points = scores
            .chunk_by(|one, other| one.0 == other.0)
            .map(|equals| {
                found += equals.len();
                right += equals.iter().map(|(_, positive)| positive).sum::<usize>();
                PrecisionAndRecall {
                    threshold: equals[0].0,
                    precision: right as f64 / found as f64,
                    recall: right as f64 / positives.len() as f64,
                }
            })
            .collect();
        Ok(Some(Self { points }))
    }

    /// One point for each score that occurs, the highest first; recall ascends to 1.
    pub fn points(&self) -> &[PrecisionAndRecall] {
        &self.points
    }

    /// The average precision, not interpolated.
    ///
    /// ```text
    /// AP = Σ_n (R_n − R_{n−1}) P_n
    /// ```
    /// * `P_n`, `R_n` — precision and recall at the n-th threshold, `R_0 = 0`
    pub fn average_precision(&self) -> f64 {
        self.area_under(self.points.iter().map(|point| point.precision))
    }

    /// The average precision of PASCAL VOC from 2010 on: precision is interpolated before.
    ///
    /// ```text
    /// AP = Σ_n (R_n − R_{n−1}) max_{m ≥ n} P_m
    /// ```
    pub fn interpolated_precision(&self) -> f64 {
        self.area_under(self.envelope().into_iter())
    }

    /// The average precision of PASCAL VOC up to 2009: the mean of the interpolated precision at eleven recalls.
    ///
    /// ```text
    /// AP = 1/11 Σ_{r ∈ {0, 0.1, …, 1}} max_{n : R_n ≥ r} P_n
    /// ```
    pub fn eleven_point_precision(&self) -> f64 {
        let envelope = self.envelope();
        let at = |tenths: u32| {
            let first = self.points.partition_point(|point| point.recall < f64::from(tenths) / 10.0);
            envelope.get(first).copied().unwrap_or(0.0)
        };
        (0..=10).map(at).sum::<f64>() / 11.0
    }

    /// `Σ_n (R_n − R_{n−1}) p_n`
    fn area_under(&self, precisions: impl Iterator<Item = f64>) -> f64 {
        let mut previous = 0.0;
        let steps = self.points.iter().map(|point| point.recall - std::mem::replace(&mut previous, point.recall));
        steps.zip(precisions).map(|(step, precision)| step * precision).sum()
    }

    /// `max_{m ≥ n} P_m`
    fn envelope(&self) -> Vec<f64> {
        let mut envelope: Vec<f64> = self.points.iter().map(|point| point.precision).collect();
        for n in (1..envelope.len()).rev() {
            envelope[n - 1] = envelope[n - 1].max(envelope[n]);
        }
        envelope
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn curve(positives: &[f64], negatives: &[f64]) -> PrecisionRecallCurve {
        PrecisionRecallCurve::new(positives, negatives).expect("finite").expect("positives")
    }

    /// All three definitions, from thresholds one by one.
    fn slow(positives: &[f64], negatives: &[f64]) -> [f64; 3] {
        let mut thresholds: Vec<f64> = positives.iter().chain(negatives).copied().collect();
        thresholds.sort_by(|one, other| other.total_cmp(one));
        thresholds.dedup();
        let count = |scores: &[f64], threshold: f64| scores.iter().filter(|&&score| score >= threshold).count() as f64;
        let recall = |threshold| count(positives, threshold) / positives.len() as f64;
        let precision =
            |threshold| count(positives, threshold) / (count(positives, threshold) + count(negatives, threshold));
        let best_from = |least: f64| {
            let enough = thresholds.iter().filter(|&&threshold| recall(threshold) >= least);
            enough.map(|&threshold| precision(threshold)).fold(0.0, f64::max)
        };
        let (mut plain, mut interpolated, mut before) = (0.0, 0.0, 0.0);
        for &threshold in &thresholds {
            plain += (recall(threshold) - before) * precision(threshold);
            interpolated += (recall(threshold) - before) * best_from(recall(threshold));
            before = recall(threshold);
        }
        let eleven = (0..=10).map(|tenths| best_from(f64::from(tenths) / 10.0)).sum::<f64>() / 11.0;
        [plain, interpolated, eleven]
    }

    #[test]
    fn all_first_is_one_and_all_last_is_little() {
        let first = curve(&[3.0, 2.0], &[1.0, 0.0]);
        for average in [first.average_precision(), first.interpolated_precision(), first.eleven_point_precision()] {
            assert!((average - 1.0).abs() < 1e-15, "{average}");
        }
        let last = curve(&[0.0], &[3.0, 2.0, 1.0]);
        assert_eq!(last.average_precision(), 0.25);
    }

    #[test]
    fn equal_scores_are_found_together() {
        let ties = curve(&[0.0, -0.0], &[0.0, -0.0, 0.0, 0.0]);
        assert_eq!(ties.points().len(), 1, "{ties:?}");
        assert_eq!(ties.average_precision(), 1.0 / 3.0);
    }

    #[test]
    fn what_is_no_score_is_an_error() {
        assert!(PrecisionRecallCurve::new(&[1.0], &[f64::NAN]).is_err());
        assert!(PrecisionRecallCurve::new(&[f64::INFINITY], &[]).is_err());
        assert_eq!(PrecisionRecallCurve::new(&[], &[1.0]).expect("finite"), None);
    }

    proptest! {
        #[test]
        fn the_definitions_are_met(
            positives in vec((-6_i8..6).prop_map(f64::from), 1..20),
            negatives in vec((-6_i8..6).prop_map(f64::from), 0..30),
        ) {
            let curve = curve(&positives, &negatives);
            let found =
                [curve.average_precision(), curve.interpolated_precision(), curve.eleven_point_precision()];
            for (found, expected) in found.into_iter().zip(slow(&positives, &negatives)) {
                prop_assert!((found - expected).abs() < 1e-12, "{found}, {expected}");
            }
        }
    }
}
