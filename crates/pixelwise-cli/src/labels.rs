//! `--labels` and `--class-axis`: the names of classes, and where an output has them.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use neural_lrp::ClassAxis;
use serde_json::{Value, json};

use crate::failure::{Context, Failure};

/// What the classes of a network are called, and where its output has them.
#[derive(Args, Clone, Debug)]
pub struct ClassOptions {
    /// Names of the classes, class k on line k + 1
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,

    /// The axis of the explained output that holds the classes; axis 0 holds the samples (default: the one that is as long as --labels, else that of the network's channels, else 1)
    #[arg(long, value_name = "AXIS")]
    pub class_axis: Option<usize>,
}

impl ClassOptions {
    /// The names.
    pub fn labels(&self) -> Result<Labels, Failure> {
        Labels::read(self.labels.as_deref())
    }

    /// Where the classes are.
    pub fn axis(&self, labels: &Labels) -> ClassAxis {
        match (self.class_axis, labels.names.len()) {
            (Some(axis), _) => ClassAxis::Given(axis),
            (None, 0) => ClassAxis::OfNetwork,
            (None, classes) => ClassAxis::Of(classes),
        }
    }

    /// Says so on standard error where there are not as many names as classes.
    pub fn check_count(&self, labels: &Labels, classes: usize) {
        if let (Some(path), Some(word)) = (&self.labels, labels.miscount(classes)) {
            eprintln!("Warning: {} {word}", path.display());
        }
    }
}

/// Names of classes; class k has the name on line k + 1 of their file.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    names: Vec<String>,
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

impl Labels {
    /// Reads a file of one name per line; no file, no names.
    pub fn read(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = fs::read_to_string(path).context(format!("can't read {}", path.display()))?;
        Ok(Self::parse(&text))
    }

    /// A name on each line; a byte order mark before the first and empty lines behind the last are none.
    fn parse(text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_end();
        Self { names: text.lines().map(|line| line.trim().to_owned()).collect() }
    }

    /// Names that come with the classifier.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self { names: names.into_iter().map(str::to_owned).collect() }
    }

    /// The name of a class, if it has one.
    pub fn name(&self, class: usize) -> Option<&str> {
        self.names.get(class).map(String::as_str).filter(|name| !name.is_empty())
    }

    /// A class as a person reads it: `207 golden retriever`, or its number alone.
    pub fn describe(&self, class: usize) -> String {
        self.name(class).map_or_else(|| class.to_string(), |name| format!("{class} {name}"))
    }

    /// The classes of the largest scores, the first of equals first.
    pub fn top(&self, scores: impl IntoIterator<Item = f64>, count: usize) -> Vec<Scored> {
        let mut ranked: Vec<(usize, f64)> = scores.into_iter().enumerate().collect();
        ranked.sort_by(|(_, score), (_, other)| other.total_cmp(score));
        let scored = |(class, score)| Scored { class, score, description: self.describe(class) };
        ranked.into_iter().take(count).map(scored).collect()
    }

    /// The class of a name: of the whole line, or of one of several names with commas between them.
    pub fn find(&self, name: &str) -> Result<usize, Failure> {
        let same = |other: &str| other.trim().eq_ignore_ascii_case(name.trim());
        let classes = |is_called: &dyn Fn(&str) -> bool| {
            let classes = self.names.iter().enumerate().filter(|(_, line)| is_called(line));
            classes.map(|(class, _)| class).collect::<Vec<_>>()
        };
        let mut found = classes(&same);
        if found.is_empty() {
            found = classes(&|line| line.split(',').any(same));
        }
        match (found.as_slice(), self.names.first()) {
            (&[class], _) => Ok(class),
            ([], Some(first)) => Err(format!(
                "no class is named {name:?}; there are {} names, the first is {first:?}, or give the class's number",
                self.names.len()
            )
            .into()),
            ([], None) => Err(format!("{name:?} is no class: give its number, or a file of names by --labels").into()),
            (several, _) => {
                let numbers: Vec<String> = several.iter().map(ToString::to_string).collect();
                let numbers = numbers.join(", ");
                Err(format!("several classes are named {name:?}: {numbers}; give the number of the one that is meant")
                    .into())
            }
        }
    }

    /// What is to be said where there are not as many names as classes.
    fn miscount(&self, classes: usize) -> Option<String> {
        let names = self.names.len();
        let hint =
            if names == classes + 1 { "; is the first one for a background that the network has not?" } else { "" };
        let differs = names != 0 && names != classes;
        let plural = |count, one, many| if count == 1 { one } else { many };
        differs.then(|| {
            format!(
                "has {names} {}, and the network {classes} {}: names may stand at the wrong classes{hint}",
                plural(names, "name", "names"),
                plural(classes, "class", "classes"),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_found_by_any_of_their_names() {
        let labels = Labels::of(["tench, Tinca tinca", "goldfish", ""]);
        assert_eq!(labels.find("Goldfish").unwrap(), 1);
        assert_eq!(labels.find("tinca tinca").unwrap(), 0);
        assert!(labels.find("dog").unwrap_err().to_string().contains("\"dog\""));
        assert_eq!((labels.describe(1), labels.describe(2)), ("1 goldfish".to_owned(), "2".to_owned()));
        let top: Vec<usize> = labels.top([0.5, 2.0, 0.5], 2).iter().map(|scored| scored.class).collect();
        assert_eq!(top, [1, 0]);
        assert!(Labels::default().find("dog").unwrap_err().to_string().contains("--labels"));
    }

    #[test]
    fn a_name_of_several_classes_is_refused_with_their_numbers() {
        let labels = Labels::of(["crane", "hen", "Crane", "maillot, tank suit", "maillot", "bikini, tank suit"]);
        assert!(labels.find("crane").unwrap_err().to_string().contains("\"crane\": 0, 2;"));
        assert!(labels.find("tank suit").unwrap_err().to_string().contains(": 3, 5;"));
        // The whole line goes before a part of one.
        assert_eq!(labels.find("maillot").unwrap(), 4);
    }

    #[test]
    fn a_byte_order_mark_and_empty_lines_at_the_end_are_no_names() {
        let labels = Labels::parse("\u{feff}tench\r\nhen\r\n\r\n");
        assert_eq!((labels.find("tench").unwrap(), labels.find("hen").unwrap(), labels.names.len()), (0, 1, 2));
    }

    #[test]
    fn names_that_are_not_as_many_as_classes_deserve_a_word() {
        let labels = Labels::of(["background", "tench", "hen"]);
        assert_eq!(labels.miscount(3), None);
        assert_eq!(Labels::default().miscount(3), None);
        assert!(labels.miscount(2).unwrap().contains("3 names, and the network 2 classes"));
        assert!(labels.miscount(2).unwrap().contains("background"));
        assert!(!labels.miscount(4).unwrap().contains("background"));
    }
}
