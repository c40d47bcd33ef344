//! Layer-wise relevance propagation for neural networks (Bach et al. 2015, Eqs 50–63, Algorithm 2).

mod arrays;
mod classifier;
mod error;
mod explain;
pub mod methods;
pub mod network;
pub mod operation;
pub mod operations;
mod real;
pub mod rules;
mod settings;

pub use classifier::{Attribution, NetworkClassifier};
pub use error::Error;
pub use explain::{
    COMPOSITES, Choice, Composite, Explained, Explainer, Forward, Initial, Keep, Mask, NamedComposite, Propagation,
    Question, Relevances, Selector, Start, Target,
};
pub use network::{Activations, Canonizer, Network, NetworkBuilder, NetworkInput, Node, Tensor, TensorId};
pub use operation::{Family, LinearMap, Operation, Redistribution, Step, WeightPart};
pub use real::Real;
