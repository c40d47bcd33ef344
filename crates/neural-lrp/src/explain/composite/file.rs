//! Composites in files.

use relevance::Stabilizer;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::explain::{Composite, Start};
use crate::rules::{DEFAULT_EPSILON, Rules};

/// A composite in a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CompositeFile {
    name: String,
    #[serde(default)]
    starts: Start,
    /// The ε of averages and sums.
    #[serde(default = "default_epsilon")]
    stabilizer: f64,
    #[serde(default, rename = "rule")]
    choices: Vec<ChoiceInFile>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChoiceInFile {
    #[serde(rename = "where")]
    selector: String,
    rule: String,
}

fn default_epsilon() -> f64 {
    DEFAULT_EPSILON
}

impl Composite {
    /// A composite from a TOML file, of the built-in rules: `name`; `starts`, `"score"` if it is not given, or `"one"` as
    /// gradients do; `stabilizer`, the ε of averages and sums, 1e-6 if it is not given; and a list of `[[rule]]` with `where`
    /// (a [`Selector`](crate::Selector)) and `rule` (a [`Rule`](crate::rules::Rule)).
    ///
    /// # Errors
    /// [`Error::Setting`] when it can't be understood.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        Self::from_toml_with(text, &Rules::new())
    }

    /// A composite from a TOML file that may name any of some rules, see [`from_toml`](Self::from_toml).
    ///
    /// # Errors
    /// [`Error::Setting`] when it can't be understood.
    pub fn from_toml_with(text: &str, rules: &Rules) -> Result<Self, Error> {
        let file: CompositeFile = toml::from_str(text).map_err(|error| Error::Setting {
            what: "composite",
            given: wording::shortened(text.lines().next().unwrap_or("")),
            reason: wording::Place::told(text, error.span(), error.message()),
        })?;
        let composite = Self::new(file.name).with_start(file.starts);
        file.choices
            .iter()
            .try_fold(composite.with_stabilizer(Stabilizer::new(file.stabilizer)?), |composite, choice| {
                Ok(composite.with(choice.selector.parse()?, rules.parse(&choice.rule)?))
            })
    }

    /// The composite as a TOML file, which [`from_toml`](Self::from_toml) reads back.
    pub fn to_toml(&self) -> String {
        let choices = self
            .choices
            .iter()
            .map(|choice| ChoiceInFile { selector: choice.selector.to_string(), rule: choice.rule.to_string() });
        let file = CompositeFile {
            name: self.name.clone(),
            starts: self.start,
            stabilizer: self.stabilizer.epsilon(),
            choices: choices.collect(),
        };
        toml::to_string(&file).unwrap_or_else(|_| unreachable!("texts and a number can be written"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::explain::COMPOSITES;

    fn choices() -> impl Strategy<Value = (&'static str, String)> {
        let selectors = [
            "any",
            "linear",
            "convolution",
            "first",
            "first-convolution",
            "first-patch-embedding",
            "layer-normalization",
            "attention-value",
            "attention-score",
            "query-key",
            "last",
            "before:4",
            "sum",
            "op:LRN",
            "optional:op:MaxPool",
            "/features/*",
            "optional:a\"b\\\\c'",
        ];
        let rules = prop_oneof![
            Just("flat".to_owned()),
            any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(|a| format!("alpha-beta={a}")),
            (0.0..f64::MAX).prop_map(|epsilon| format!("epsilon={epsilon}")),
        ];
        (proptest::sample::select(selectors.to_vec()), rules)
    }

    proptest! {
        #[test]
        fn a_composite_comes_back_from_its_file(
            name in ".*",
            one in any::<bool>(),
            epsilon in prop_oneof![Just(1e-300), 0.0..f64::MAX],
            choices in vec(choices(), 0..5),
        ) {
            let start = if one { Start::One } else { Start::Score };
            let composite = Composite::new(name).with_start(start).with_stabilizer(Stabilizer::new(epsilon).unwrap());
            let composite = choices.iter().fold(composite, |composite, (selector, rule)| {
                composite.with(selector.parse().unwrap(), Rules::new().parse(rule).unwrap())
            });
            let read = Composite::from_toml(&composite.to_toml()).unwrap();
            prop_assert_eq!(read.name(), composite.name());
            prop_assert_eq!(read.start(), start);
            prop_assert_eq!(read.stabilizer, composite.stabilizer);
            prop_assert_eq!(read.choices.len(), choices.len());
            for (read, (selector, rule)) in read.choices.iter().zip(&choices) {
                prop_assert_eq!(read.selector.to_string(), *selector);
                prop_assert_eq!(&read.rule, &Rules::new().parse(rule).unwrap());
            }
        }
    }

    #[test]
    fn named_composites_come_back_from_their_files() {
        for named in COMPOSITES {
            let composite = named.composite().unwrap();
            let read = Composite::from_toml(&composite.to_toml()).unwrap();
            assert_eq!(read.to_string(), composite.to_string());
        }
    }

    #[test]
    fn a_file_that_says_little_starts_at_the_score() {
        let composite = Composite::from_toml("name = 'mine'").unwrap();
        assert_eq!((composite.start(), composite.stabilizer.epsilon()), (Start::Score, 1e-6));
        for (wrong, reason) in [
            ("name = 'mine'\nstarts = 'gradient'", "score"),
            ("name = 'mine'\n[[rule]]\nwhere = 'first'", "rule"),
            ("name = 'mine'\n[[rule]]\nwhere = 'first'\nrule = 'nonsense'", "z-plus"),
            ("name = 'mine'\nstabilizer = -1", "-1"),
        ] {
            assert!(Composite::from_toml(wrong).unwrap_err().to_string().contains(reason), "{wrong}");
        }
    }
}
