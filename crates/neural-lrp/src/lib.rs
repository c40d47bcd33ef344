//! Layer-wise relevance propagation for neural networks (Bach et al. 2015, Eqs 50–63, Algorithm 2).

pub mod definition;
pub mod methods;
pub mod operations;
pub mod rules;
pub mod training;

mod activations;
mod canonizer;
mod classifier;
mod composite;
mod contiguous;
mod error;
mod explainer;
mod linear;
mod matrix_product;
mod network;
mod operation;
mod propagation;
mod randomization;
mod real;

pub use activations::Activations;
pub use canonizer::Canonizer;
pub use classifier::{Approach, NetworkClassifier};
pub use composite::{COMPOSITES, Choice, Composite, Selector};
pub use error::Error;
pub use explainer::{Explained, Explainer, Forward, Initial, Question, Target};
pub use linear::{LinearMap, WeightPart};
pub use network::{
    LARGEST_TENSOR, Network, NetworkBuilder, NetworkInput, Node, NodeDraft, ShapeDisplay, Tensor, TensorId, bounded,
    output_shape,
};
pub use operation::{Character, Operation, Reading, Redistribution, Step};
pub use propagation::{Keep, Mask, Propagation, Relevances};
pub use real::Real;
