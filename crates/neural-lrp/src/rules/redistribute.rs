//! The contract: what a rule is.

use ndarray::ArrayViewD;

use crate::Real;
use crate::operation::{Accepts, Operation, Redistribution, Step};
use crate::rules::Terms;

/// The way back through one operation: from the relevance at its output to that of its operands.
///
/// It takes the operation's part of the forward pass and `upper`, the relevance at the output. An error says why the rule
/// can't be used with such numbers, and what would be right.
pub type Backward<'a, F> = Box<dyn Fn(&Step<'_, F>, ArrayViewD<'_, F>) -> Result<Redistribution<F>, String> + 'a>;

/// A rule: how an operation hands its relevance down. An example of one's own stands at the head of this
/// [module](crate::rules).
pub trait Redistribute: Send + Sync + Sized + 'static {
    /// The rule's name in texts, `"epsilon"`.
    const NAME: &'static str;

    /// The orders of memory in which the rule takes its arrays, of operations that accept them too. A rule that is its
    /// [`terms`](Self::terms) takes any.
    const ACCEPTS: Accepts = Accepts::StandardOrder;

    /// Whether each output hands down by itself, in proportion to its relevance: nothing where it has none, whatever its
    /// value. Values that a rectifier cuts away need not be kept then. So it is with a rule that is its
    /// [`terms`](Self::terms).
    const OUTPUT_BY_OUTPUT: bool = false;

    /// The rule of the settings that stand after its name, `epsilon=0.01` → `["0.01"]`.
    ///
    /// # Errors
    /// What would be right.
    fn parse(arguments: &[&str]) -> Result<Self, String>;

    /// The settings, as [`parse`](Self::parse) reads them back to the same rule. They hold no commas.
    fn arguments(&self) -> Vec<String> {
        Vec::new()
    }

    /// The rule as data, where it is one over linear maps.
    fn terms(&self) -> Option<Terms> {
        None
    }

    /// What must still be said before the rule can be used anywhere; `None` for a rule that is complete.
    fn lacks(&self) -> Option<&'static str> {
        None
    }

    /// The way back through an operation. A rule over linear maps is its [`terms`](Self::terms), and need not write it.
    ///
    /// # Errors
    /// Why the rule is not for such an operation, and what is.
    fn at<'a, F: Real>(&self, operation: &'a dyn Operation<F>) -> Result<Backward<'a, F>, String> {
        match (self.terms(), operation.linear()) {
            (Some(terms), Some(layer)) => Ok(Box::new(move |step, upper| terms.redistribute(layer, step, upper))),
            _ => Err("it is for layers with weights; here pass, norm, taylor or gradient can be used".into()),
        }
    }
}

/// A rule that has no settings, of what stands after its name: nothing.
///
/// # Errors
/// When something does.
pub fn without_settings<R>(rule: R, arguments: &[&str]) -> Result<R, String> {
    if arguments.is_empty() { Ok(rule) } else { Err("it takes no settings".into()) }
}
