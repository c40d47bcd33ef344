//! Explaining: one backward pass (Algorithm 2), composites that say which rule is where, batches and targets.

mod composite;
mod explainer;
mod propagation;
mod start;

pub use composite::{COMPOSITES, Choice, Composite, NamedComposite, Selector};
pub(crate) use explainer::stack;
pub use explainer::{Explained, Explainer, Forward, Initial, Question, Target};
pub use propagation::{Keep, Mask, Propagation, Relevances};
pub use start::Start;
