//! Any rule, whatever its type.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use ndarray::ArrayViewD;
use serde::{Deserialize, Serialize};

use crate::operation::{Accepts, Operation, Redistribution, Step, arranged};
use crate::rules::{Backward, Redistribute, Terms};
use crate::{Error, Real, settings};

/// Any rule: one of those that stand in this crate, or one's own.
///
/// It reads as its text, `epsilon=0.01`, and equals any other rule of the same text. `parse` and deserialization know the
/// built-in rules, [`Rules`](crate::rules::Rules) others too. A built-in rule becomes a `Rule` by `from`, any other by [`new`](Self::new).
#[derive(Clone, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Rule {
    /// The same rule twice, since a trait object is for one kind of numbers.
    single: Arc<dyn AnyRule<f32>>,
    double: Arc<dyn AnyRule<f64>>,
}

/// What is the same for all kinds of numbers.
trait Described: Any + Send + Sync {
    fn name(&self) -> &'static str;
    fn arguments(&self) -> Vec<String>;
    fn terms(&self) -> Option<Terms>;
    fn lacks(&self) -> Option<&'static str>;
    fn accepts(&self) -> Accepts;
    fn hands_down_by_output(&self) -> bool;
}

impl<R: Redistribute> Described for R {
    fn name(&self) -> &'static str {
        R::NAME
    }

    fn arguments(&self) -> Vec<String> {
        Redistribute::arguments(self)
    }

    fn terms(&self) -> Option<Terms> {
        Redistribute::terms(self)
    }

    fn lacks(&self) -> Option<&'static str> {
        Redistribute::lacks(self)
    }

    fn hands_down_by_output(&self) -> bool {
        R::OUTPUT_BY_OUTPUT || Redistribute::terms(self).is_some()
    }

    fn accepts(&self) -> Accepts {
        if Redistribute::terms(self).is_some() { R::ACCEPTS.max(Accepts::AnyOrder) } else { R::ACCEPTS }
    }
}

/// [`Redistribute`] for one kind of numbers, as a trait object can have it.
trait AnyRule<F: Real>: Described {
    fn at<'a>(&self, operation: &'a dyn Operation<F>) -> Result<Backward<'a, F>, String>;
}

impl<F: Real, R: Redistribute> AnyRule<F> for R {
    fn at<'a>(&self, operation: &'a dyn Operation<F>) -> Result<Backward<'a, F>, String> {
        Redistribute::at(self, operation)
    }
}

impl Rule {
    /// Any rule of a type of one's own.
    pub fn new<R: Redistribute>(rule: R) -> Self {
        let rule = Arc::new(rule);
        Self { single: rule.clone(), double: rule }
    }

    /// The names of the built-in rules.
    pub const NAMES: &[&str] = super::BUILT_IN_NAMES;

    /// The rule's name, without its settings.
    pub fn name(&self) -> &'static str {
        self.double.name()
    }

    /// The rule as data, where it is one over linear maps.
    pub fn terms(&self) -> Option<Terms> {
        self.double.terms()
    }

    /// What must still be said before the rule can be used; `None` for a rule that is complete.
    pub fn lacks(&self) -> Option<&'static str> {
        self.double.lacks()
    }

    /// The orders of memory in which the rule takes its arrays, of operations that do.
    pub fn accepts(&self) -> Accepts {
        self.double.accepts()
    }

    /// Whether each output hands down by itself: see [`Redistribute::OUTPUT_BY_OUTPUT`].
    pub(crate) fn hands_down_by_output(&self) -> bool {
        self.double.hands_down_by_output()
    }

    /// The rule itself, if it is of that type.
    pub fn downcast_ref<R: Redistribute>(&self) -> Option<&R> {
        let rule: &dyn Any = self.double.as_ref();
        rule.downcast_ref()
    }

    /// Checks that the rule is for such an operation.
    ///
    /// # Errors
    /// [`Error::Rule`] when it is not.
    pub fn applies_to<F: Real>(&self, operation: &dyn Operation<F>) -> Result<(), Error> {
        self.at(operation).map(drop)
    }

    /// Hands `upper`, the relevance at an operation's output, down to its operands.
    ///
    /// # Errors
    /// [`Error::Rule`] when the rule is not for such operations, or is not complete.
    pub fn redistribute<F: Real>(
        &self,
        operation: &dyn Operation<F>,
        step: &Step<'_, F>,
        upper: ArrayViewD<'_, F>,
    ) -> Result<Redistribution<F>, Error> {
        if let Some(lack) = self.lacks() {
            return Err(self.refused(lack.into()));
        }
        let backward = self.at(operation)?;
        let accepts = self.accepts().min(operation.accepts());
        arranged::hand_down(accepts, step, &upper, backward).map_err(|reason| self.refused(reason))
    }

    fn at<'a, F: Real>(&self, operation: &'a dyn Operation<F>) -> Result<Backward<'a, F>, Error> {
        let both: [&dyn Any; 2] = [&self.single, &self.double];
        let mut fitting = both.into_iter().filter_map(|rule| rule.downcast_ref::<Arc<dyn AnyRule<F>>>());
        let rule = fitting.next().unwrap_or_else(|| unreachable!("numbers are f32 or f64"));
        rule.at(operation).map_err(|reason| self.refused(reason))
    }

    fn refused(&self, reason: String) -> Error {
        Error::Rule { rule: self.to_string(), reason }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&settings::text(self.name(), &self.double.arguments()))
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Rule({self})")
    }
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl From<Rule> for String {
    fn from(rule: Rule) -> Self {
        rule.to_string()
    }
}

impl TryFrom<String> for Rule {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}
