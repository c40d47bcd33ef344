//! Explaining: one backward pass (Algorithm 2), composites that say which rule is where, batches and targets.

mod composite;
mod explainer;
mod halved;
mod handing;
mod input_range;
mod propagation;
mod similarity;
mod start;
mod target;

pub use composite::{COMPOSITES, Choice, Composite, DefaultComposite, NamedComposite, Selector};
pub(crate) use explainer::stack;
pub use explainer::{Explained, Explainer, Forward, Question};
pub use halved::halved;
pub use propagation::{Keep, Mask, Propagation, Relevances};
pub use similarity::Similarity;
pub use start::{Initial, Start};
pub use target::{ClassAxis, OutputLayout, Region, Target};
