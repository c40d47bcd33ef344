//! The rules that texts can name.

use std::str::FromStr;

use crate::rules::{BUILT_IN, Redistribute, Rule};
use crate::{Error, settings};

/// The rules that texts and composite files can name: the built-in ones, and one's own.
///
/// ```
/// use neural_lrp::rules::Rules;
/// let rules = Rules::new();
/// assert_eq!(rules.parse("epsilon=0.01")?.name(), "epsilon");
/// assert!(rules.parse("my-rule=0.5").is_err()); // before `.with::<MyRule>()`
/// # Ok::<(), neural_lrp::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Rules {
    known: Vec<KnownRule>,
}

/// A rule's name, and how it is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct KnownRule {
    name: &'static str,
    parse: fn(&[&str]) -> Result<Rule, String>,
}

impl KnownRule {
    pub(super) const fn of<R: Redistribute>() -> Self {
        Self { name: R::NAME, parse: |arguments| R::parse(arguments).map(Rule::new) }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self::new()
    }
}

impl Rules {
    /// The built-in rules.
    pub fn new() -> Self {
        Self { known: BUILT_IN.to_vec() }
    }

    /// With another rule; it takes the place of one that has the same name.
    #[must_use]
    pub fn with<R: Redistribute>(mut self) -> Self {
        self.known.retain(|known| known.name != R::NAME);
        self.known.push(KnownRule::of::<R>());
        self
    }

    /// The rules' names.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.known.iter().map(|known| known.name)
    }

    /// The rule of a text: its name, and its settings after a `=`.
    ///
    /// # Errors
    /// [`Error::Setting`] for a name that is not known or settings that make no sense, with what would be right.
    pub fn parse(&self, text: &str) -> Result<Rule, Error> {
        let (name, arguments) = settings::split(text);
        let rule = match self.known.iter().find(|known| wording::is_same(known.name, name)) {
            Some(known) => (known.parse)(&arguments),
            None => {
                let names = self.names().collect::<Vec<_>>().join(", ");
                Err(format!("there are {names}{}", wording::did_you_mean(name, self.names())))
            }
        };
        rule.map_err(|reason| Error::Setting { what: "rule", given: text.to_owned(), reason })
    }
}

impl FromStr for Rule {
    type Err = Error;

    /// One of the built-in rules.
    fn from_str(text: &str) -> Result<Self, Error> {
        Rules::new().parse(text)
    }
}
