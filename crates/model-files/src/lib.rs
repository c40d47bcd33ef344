//! Networks in files: ONNX read and written, and the plain text networks of the LRP toolbox read.
//!
//! [`read()`] gives a [`Model`]: the file, checked, all its operators known. Its [`network`](Model::network) for inputs
//! of certain shapes is a graph of floating-point tensors: whatever exporters compute of shapes (Shape, Gather, Concat
//! and their like) is done by then, operations that they take apart (GELU, layer normalization) are whole again, and
//! operators of opsets 7 to 25 are in one form. Of an If the branch is taken that its condition comes to, if that depends
//! on shapes only, and of a Loop or Scan all rounds, if these do. A detector ends with the scores and boxes before
//! NonMaxSuppression. Networks of one model share their weights. [`read_with()`] takes further operators by name.
//!
//! ```
//! use model_files::InputShapes;
//! use ndarray::array;
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("sum.txt");
//! std::fs::write(&path, "Linear 2 1\n1 1\n0.5\nRect\n")?;
//!
//! let model = model_files::read::<f32>(&path)?;
//! let network = model.network(&InputShapes::new().with("input", [1, 2]))?;
//! assert_eq!(network.forward(vec![array![[1.0, 2.0]].into_dyn()])?.output(), array![[3.5]].into_dyn());
//!
//! model_files::write(&network, folder.path().join("sum.onnx"))?;
//! let again = model_files::read::<f32>(folder.path().join("sum.onnx"))?.network_with_defaults()?;
//! assert_eq!(again.forward(vec![array![[1.0, 2.0]].into_dyn()])?.output(), array![[3.5]].into_dyn());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Why a decoder of its own
//!
//! The messages of an ONNX file are decoded here, and only written through rten-onnx: that crate trusts the lengths in a
//! file before it has seen as many bytes, and a model may come from anywhere. It also leaves out packed attributes and
//! `uint64_data`, which some exporters write. The cost is one file, `messages.rs`, that repeats what ONNX defines.

mod assembly;
mod budget;
mod declaration;
mod error;
mod external;
#[cfg(test)]
mod fixtures;
mod folding;
mod graph;
mod initializer;
mod lowering;
mod messages;
mod model;
mod non_finite;
mod onnx;
mod opset;
mod patterns;
mod rewriting;
mod source;
mod steps;
mod support;
mod toolbox;
mod training;
mod wire;
mod writer;

pub use budget::set_max_constants;
pub use declaration::{Dimension, InputDeclaration, InputShapes};
pub use error::{Error, UnsupportedNode};
pub use model::{Model, read, read_with};
pub use non_finite::NonFinite;
pub use writer::{Place, Precision, WriteOptions, write, write_with};
