//! Right and wrong decisions, and which of them are the clearest.

/// What a decision by the sign of a score is, where the truth is known.
///
/// ```
/// use evaluation::Verdict;
/// assert_eq!(Verdict::of(0.3, false), Verdict::FalsePositive);
/// assert_eq!(Verdict::of(0.0, true), Verdict::FalseNegative); // f > 0 is a yes, as in the paper; f = 0 is none
/// assert_eq!(Verdict::FalseNegative.to_string(), "false negative");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// `f > 0`, and the class is there.
    TruePositive,
    /// `f > 0`, and it is not.
    FalsePositive,
    /// `f ≤ 0`, and it is there.
    FalseNegative,
    /// `f ≤ 0`, and it is not.
    TrueNegative,
}

impl Verdict {
    /// The verdict on a score `f`.
    pub fn of(score: f64, present: bool) -> Self {
        match (score > 0.0, present) {
            (true, true) => Self::TruePositive,
            (true, false) => Self::FalsePositive,
            (false, true) => Self::FalseNegative,
            (false, false) => Self::TrueNegative,
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::TruePositive => "true positive",
            Self::FalsePositive => "false positive",
            Self::FalseNegative => "false negative",
            Self::TrueNegative => "true negative",
        })
    }
}

/// The samples of a verdict, those farthest from the threshold first; equal ones in their order.
///
/// * `scores` — `f`, N
/// * `present` — whether the class is there, N; samples of which that is unknown have no verdict
///
/// ```
/// use evaluation::{Verdict, clearest};
/// let (scores, present) = ([0.1, -0.4, 0.7, -0.2, 0.9], [Some(true), Some(true), Some(true), Some(true), None]);
/// assert_eq!(clearest(Verdict::TruePositive, &scores, &present), [2, 0]);
/// assert_eq!(clearest(Verdict::FalseNegative, &scores, &present), [1, 3]);
/// ```
pub fn clearest(verdict: Verdict, scores: &[f64], present: &[Option<bool>]) -> Vec<usize> {
    let judged = scores.iter().zip(present).enumerate();
    let mut found: Vec<usize> = judged
        .filter(|(_, (score, present))| present.map(|present| Verdict::of(**score, present)) == Some(verdict))
        .map(|(sample, _)| sample)
        .collect();
    found.sort_by(|&one, &other| scores[other].abs().total_cmp(&scores[one].abs()));
    found
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const ALL: [Verdict; 4] =
        [Verdict::TruePositive, Verdict::FalsePositive, Verdict::FalseNegative, Verdict::TrueNegative];

    #[test]
    fn equal_scores_stay_in_their_order() {
        assert_eq!(clearest(Verdict::FalsePositive, &[0.5, 1.0, 0.5, 1.0], &[Some(false); 4]), [1, 3, 0, 2]);
    }

    proptest! {
        #[test]
        fn each_sample_whose_truth_is_known_has_one_verdict(
            samples in vec(((-5_i8..6).prop_map(f64::from), proptest::option::of(any::<bool>())), 0..30),
        ) {
            let (scores, present): (Vec<f64>, Vec<Option<bool>>) = samples.iter().copied().unzip();
            let mut judged = Vec::new();
            for verdict in ALL {
                let found = clearest(verdict, &scores, &present);
                prop_assert!(found.windows(2).all(|pair| scores[pair[0]].abs() >= scores[pair[1]].abs()));
                let said_yes = matches!(verdict, Verdict::TruePositive | Verdict::FalsePositive);
                let right = matches!(verdict, Verdict::TruePositive | Verdict::TrueNegative);
                for &sample in &found {
                    prop_assert_eq!(scores[sample] > 0.0, said_yes);
                    prop_assert_eq!(present[sample] == Some(said_yes), right);
                }
                judged.extend(found);
            }
            judged.sort_unstable();
            let known: Vec<usize> = (0..samples.len()).filter(|&sample| present[sample].is_some()).collect();
            prop_assert_eq!(judged, known);
        }
    }
}
