//! Layer-wise relevance propagation for neural networks (Bach et al. 2015, Eqs 50–63, Algorithm 2).
//!
//! A network is a graph of operations. Its forward pass keeps what every operation took and gave; the pass back hands the
//! score of a class down, node by node, each by a rule, until it lies on the input: which numbers speak for the class,
//! which against it, and in a ledger where the rest went.
//!
//! ```
//! use ndarray::array;
//! use neural_lrp::operations::{Dense, Relu};
//! use neural_lrp::{Composite, Explainer, Initial, NetworkBuilder, Target};
//! use std::sync::Arc;
//!
//! let mut network = NetworkBuilder::new();
//! network.input("x", [None, Some(2)]).output("scores");
//! network.node("hidden", Arc::new(Dense::new(array![[1.0, 2.0], [3.0, -1.0]], None)?), ["x"], "z");
//! network.node("rectifier", Arc::new(Relu), ["z"], "a");
//! network.node("scores", Arc::new(Dense::new(array![[1.0, 1.0]], None)?), ["a"], "scores");
//!
//! let explainer = Explainer::new(&network.build()?)?;
//! let forward = explainer.forward(array![[1.0, 1.0]].into_dyn().view())?; // z = (3, 2), one score: 5
//! let explained = forward.explain(&Composite::named("figure-12")?, &Initial::Score(Target::Class(0)).into())?;
//! assert_eq!(explained.relevance[0], array![[4.0, 1.0]].into_dyn()); // 1/3 · 3 + 3/2 · 2, and 2/3 · 3 − 1/2 · 2
//! explained.ledgers[0].check(1e-10)?;
//! # Ok::<(), neural_lrp::Error>(())
//! ```
//!
//! # Why not automatic differentiation
//!
//! Most tools for relevance change the gradients of a framework by hooks: a rule is a backward function put in the place
//! of the right one. That inherits all layers and all speed of the framework. Here the graph is our own, and the pass
//! back is written for relevance. What it costs is an operation for each operator that networks have. What it buys:
//!
//! * a rule sees its operation, what went in, what came out, and what comes down, with no layer type it was not told of;
//! * where relevance goes is known: each rule books what no operand gets, from its own formula, so that the books balance
//!   or show a mistake;
//! * one forward pass serves any number of rules and classes, and no state is hidden in modules;
//! * the network can be rewritten into the one that rules are about ([`Canonizer`]), however its exporter spelled it.
//!
//! # The wings
//!
//! Each knows those before it, and none that come after it.
//!
//! | wing | what is in it |
//! | --- | --- |
//! | `arrays` | loops over arrays: broadcasting, axes, planes, products; nothing of relevance |
//! | [`operation`] | the contract: [`Operation`], its [`Family`], its step forward and back, its words in a file |
//! | [`operations`] | the operations, one folder for each family: the folder says what becomes of relevance |
//! | [`rules`] | how a layer hands its relevance down; most rules are data, a list of terms |
//! | [`network`] | the graph, its forward pass, the canonizers |
//! | explaining | Algorithm 2 ([`Propagation`]), [`Composite`], [`Explainer`] |
//! | [`methods`] | what rules are compared with: gradients, integrated gradients, Taylor decomposition |
//! | classifying | a network among other classifiers: [`NetworkClassifier`], [`Attribution`] |

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
    COMPOSITES, Choice, ClassAxis, Composite, DefaultComposite, Explained, Explainer, Forward, Initial, Keep, Mask,
    NamedComposite, OutputLayout, Propagation, Question, Region, Relevances, Selector, Similarity, Start, Target,
    halved,
};
pub use network::{
    Activations, Canonizer, Network, NetworkBuilder, NetworkInput, Node, NodeTime, Stopwatch, Tensor, TensorId,
};
pub use operation::{Family, LinearMap, Operation, Redistribution, Step, WeightPart};
pub use real::Real;
