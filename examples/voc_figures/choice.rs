//! Which photos a figure shows.

use std::fmt;

use evaluation::{Verdict, clearest};

/// Why a photo is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The classifier is right or wrong about it.
    Judged(Verdict),
    /// `f > 0`; whether that is right is unknown.
    Positive,
    /// No photo is positive, and few have a higher score.
    Highest,
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Judged(verdict) => verdict.fmt(formatter),
            Self::Positive => formatter.write_str("positive"),
            Self::Highest => formatter.write_str("highest score"),
        }
    }
}

/// A photo, by its position, and why it is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    pub photo: usize,
    pub kind: Kind,
    /// `f`
    pub score: f64,
    /// Whether it shows the class; `None` where that is unknown.
    pub shows: Option<bool>,
}

/// The strongest true positives, false positives and false negatives; where no truth is known, the strongest positives.
/// Where nothing is positive, the photos with the highest scores stand in for what is.
///
/// * `shows` — photos whose truth is unknown are left out where any is known
/// * `rows` — of each kind at most
pub fn choose(scores: &[f64], shows: &[Option<bool>], rows: usize) -> Vec<Choice> {
    use Verdict::{FalseNegative, FalsePositive, TruePositive};
    let is_judged = shows.iter().any(Option::is_some);
    let mut highest: Vec<usize> = (0..scores.len()).filter(|&photo| !is_judged || shows[photo].is_some()).collect();
    highest.sort_by(|&one, &other| scores[other].total_cmp(&scores[one]));
    let any_positive = highest.first().is_some_and(|&first| scores[first] > 0.0);

    let judged = |verdict| (Kind::Judged(verdict), clearest(verdict, scores, shows));
    let kinds = match (any_positive, is_judged) {
        (true, true) => vec![judged(TruePositive), judged(FalsePositive), judged(FalseNegative)],
        (true, false) => vec![(Kind::Positive, highest.into_iter().filter(|&photo| scores[photo] > 0.0).collect())],
        (false, _) => {
            let (shown, others) = highest.split_at(rows.min(highest.len()));
            let (kind, mut missed) = judged(FalseNegative);
            missed.retain(|photo| others.contains(photo));
            vec![(Kind::Highest, shown.to_vec()), (kind, missed)]
        }
    };
    let rows_of = |(kind, photos): (Kind, Vec<usize>)| {
        photos.into_iter().take(rows).map(move |photo| Choice {
            photo,
            kind,
            score: scores[photo],
            shows: shows[photo],
        })
    };
    kinds.into_iter().flat_map(rows_of).collect()
}

/// How many photos there are of each kind.
pub fn tally(scores: &[f64], shows: &[Option<bool>]) -> String {
    use Verdict::{FalseNegative, FalsePositive, TruePositive};
    let photos = scores.len();
    let positive = match scores.iter().filter(|&&score| score > 0.0).count() {
        0 => format!("None of {photos} photos is positive (f > 0): those with the highest scores are shown"),
        positive => format!("Positive photos (f > 0): {positive} of {photos}"),
    };
    if shows.iter().any(Option::is_some) {
        let counts = [TruePositive, FalsePositive, FalseNegative]
            .map(|verdict| format!("{verdict}s: {}", clearest(verdict, scores, shows).len()));
        return format!("{positive}; {}.", counts.join(", "));
    }
    format!("{positive}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(scores: &[f64], shows: &[Option<bool>], rows: usize) -> Vec<(usize, String)> {
        let choices = choose(scores, shows, rows);
        assert!(
            choices.iter().all(|choice| choice.score == scores[choice.photo] && choice.shows == shows[choice.photo])
        );
        choices.iter().map(|choice| (choice.photo, choice.kind.to_string())).collect()
    }

    fn named(expected: &[(usize, &str)]) -> Vec<(usize, String)> {
        expected.iter().map(|&(photo, kind)| (photo, kind.to_owned())).collect()
    }

    const YES: Option<bool> = Some(true);
    const NO: Option<bool> = Some(false);

    #[test]
    fn right_and_wrong_ones_are_chosen_by_strength() {
        let scores = [0.2, 0.9, -0.3, 0.5, -0.8, 0.1, 9.0, -0.9];
        let shows = [YES, YES, YES, NO, YES, NO, None, NO];
        let expected = [
            (1, "true positive"),
            (0, "true positive"),
            (3, "false positive"),
            (5, "false positive"),
            (4, "false negative"),
            (2, "false negative"),
        ];
        assert_eq!(chosen(&scores, &shows, 2), named(&expected));
        assert_eq!(chosen(&scores, &shows, 1), named(&[expected[0], expected[2], expected[4]]));
        assert_eq!(
            tally(&scores, &shows),
            "Positive photos (f > 0): 5 of 8; true positives: 2, false positives: 2, false negatives: 2."
        );
    }

    #[test]
    fn without_a_truth_the_positives_are_shown() {
        let scores = [0.2, -0.1, 0.3];
        assert_eq!(chosen(&scores, &[None; 3], 3), named(&[(2, "positive"), (0, "positive")]));
        assert_eq!(tally(&scores, &[None; 3]), "Positive photos (f > 0): 2 of 3.");
    }

    #[test]
    fn without_positives_the_highest_scores_are_shown() {
        let scores = [-0.2, -0.1, -0.9, -0.8];
        let expected = named(&[(1, "highest score"), (0, "highest score"), (2, "false negative")]);
        assert_eq!(chosen(&scores, &[YES, NO, YES, NO], 2), expected);
        assert_eq!(chosen(&scores, &[None; 4], 1), named(&[(1, "highest score")]));
        assert!(tally(&scores, &[None; 4]).starts_with("None of 4 photos is positive"));
        assert_eq!(chosen(&[], &[], 3), []);
    }
}
