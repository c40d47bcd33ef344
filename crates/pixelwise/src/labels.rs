//! `--labels`: the names of classes.

use std::fs;
use std::path::Path;

use neural_lrp::Target;
use serde_json::{Value, json};

use crate::failure::{Context, Failure};

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
        Ok(Self { names: text.lines().map(|line| line.trim().to_owned()).collect() })
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

    /// The class that is to be explained: `predicted`, its number, or its name.
    pub fn target(&self, text: &str) -> Result<Target, Failure> {
        match (text, text.parse()) {
            ("predicted", _) => Ok(Target::Predicted),
            (_, Ok(class)) => Ok(Target::Class(class)),
            (name, Err(_)) => self.find(name).map(Target::Class),
        }
    }

    /// The class of a name: of the whole line, or of one of several names with commas between them.
    pub fn find(&self, name: &str) -> Result<usize, Failure> {
        let same = |other: &str| other.trim().eq_ignore_ascii_case(name.trim());
        let whole = self.names.iter().position(|line| same(line));
        let found = whole.or_else(|| self.names.iter().position(|line| line.split(',').any(same)));
        found.ok_or_else(|| match self.names.first() {
            Some(first) => format!(
                "no class is named {name:?}; there are {} names, the first is {first:?}, or give the class's number",
                self.names.len()
            )
            .into(),
            None => format!("{name:?} is no class: give its number, or a file of names by --labels").into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_found_by_any_of_their_names() {
        let labels = Labels { names: ["tench, Tinca tinca", "goldfish", ""].map(str::to_owned).to_vec() };
        assert_eq!(labels.find("Goldfish").unwrap(), 1);
        assert_eq!(labels.find("tinca tinca").unwrap(), 0);
        assert!(labels.find("dog").unwrap_err().to_string().contains("\"dog\""));
        assert_eq!((labels.describe(1), labels.describe(2)), ("1 goldfish".to_owned(), "2".to_owned()));
        let top: Vec<usize> = labels.top([0.5, 2.0, 0.5], 2).iter().map(|scored| scored.class).collect();
        assert_eq!(top, [1, 0]);
        assert!(Labels::default().find("dog").unwrap_err().to_string().contains("--labels"));
    }
}
