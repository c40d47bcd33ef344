//! Explaining: one backward pass (Algorithm 2), composites that say which rule is where, batches and targets.

mod composite;
mod explainer;
mod input_range;
mod propagation;
mod target;

pub use composite::{COMPOSITES, Choice, Composite, Selector};
pub(crate) use explainer::stack;
pub use explainer::{Explained, Explainer, Forward, Initial, Question};
pub use propagation::{Keep, Mask, Propagation, Relevances};
pub use target::{ClassAxis, OutputLayout, Region, Target};
