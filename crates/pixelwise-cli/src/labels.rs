//! `--labels` and `--class-axis`: the names of classes, and where an output has them.

use std::path::PathBuf;

use clap::Args;
pub use datasets::Labels;
use datasets::UnclearName;
use neural_lrp::ClassAxis;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::messages;

/// What the classes of a network are called, and where its output has them.
#[derive(Args, Clone, Debug)]
pub struct ClassOptions {
    /// Names of the classes: class k on line k + 1, or JSON (a list, {"0": "tench"}, or a config.json with id2label)
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,

    /// The axis of the explained output that holds the classes; axis 0 holds the samples (default: the one that is as long as --labels, else that of the network's channels, else 1)
    #[arg(long, value_name = "AXIS")]
    pub class_axis: Option<usize>,
}

impl ClassOptions {
    /// The names.
    pub fn labels(&self) -> Result<Labels, Failure> {
        Ok(self.labels.as_deref().map(Labels::read).transpose()?.unwrap_or_default())
    }

    /// Where the classes are.
    pub fn axis(&self, labels: &Labels) -> ClassAxis {
        match (self.class_axis, labels.len()) {
            (Some(axis), _) => ClassAxis::Given(axis),
            (None, 0) => ClassAxis::OfNetwork,
            (None, classes) => ClassAxis::Of(classes),
        }
    }

    /// Says so on standard error where there are not as many names as classes.
    ///
    /// # Errors
    /// The same, where a target is given `by_name`: it may be that of another class.
    pub fn check_count(&self, labels: &Labels, classes: usize, by_name: bool) -> Result<(), Failure> {
        match (&self.labels, labels.miscount(classes)) {
            (Some(path), Some(word)) if by_name => {
                Err(format!("{} {word}; give the target by its number", path.display()).into())
            }
            (Some(path), Some(word)) => {
                messages::warn(format!("{} {word}", path.display()));
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// The class of a network that a name means.
pub fn find(labels: &Labels, name: &str) -> Result<usize, Failure> {
    labels.find(name).map_err(|unclear| match unclear {
        UnclearName::NoNames { .. } => format!("{unclear}, or named by a file for --labels").into(),
        unclear => unclear.into(),
    })
}

/// A class with its score.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// The class.
    pub class: usize,
    /// Its score.
    pub score: f64,
    /// Its number and its name, if it has one.
    pub description: String,
}

impl Scored {
    /// For a program.
    pub fn json(&self) -> Value {
        json!({ "class": self.class, "score": self.score, "description": self.description })
    }
}

/// The classes of the largest scores, the first of equals first.
pub fn best(labels: &Labels, scores: impl IntoIterator<Item = f64>, count: usize) -> Vec<Scored> {
    let mut ranked: Vec<(usize, f64)> = scores.into_iter().enumerate().collect();
    ranked.sort_by(|(_, score), (_, other)| other.total_cmp(score));
    let scored = |(class, score)| Scored { class, score, description: labels.describe(class) };
    ranked.into_iter().take(count).map(scored).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_scores_come_first_and_of_equals_the_first() {
        let labels = Labels::of(["tench", "goldfish", "hen"]);
        let best: Vec<_> = best(&labels, [0.5, 2.0, 0.5], 2).into_iter().map(|best| best.description).collect();
        assert_eq!(best, ["1 goldfish", "0 tench"]);
    }

    #[test]
    fn a_target_by_name_is_refused_where_names_are_not_as_many_as_classes() {
        let classes = ClassOptions { labels: Some("names.txt".into()), class_axis: None };
        let labels = Labels::of(["tench", "hen"]);
        assert!(classes.check_count(&labels, 2, true).is_ok() && classes.check_count(&labels, 3, false).is_ok());
        let refusal = classes.check_count(&labels, 3, true).unwrap_err().to_string();
        assert!(
            refusal.starts_with("names.txt has 2 names, from \"tench\" to \"hen\", and the network 3"),
            "{refusal}"
        );
    }
}
