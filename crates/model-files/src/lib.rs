//! Networks in files: ONNX, and the plain text networks of the LRP toolbox.

mod assembly;
mod declaration;
mod error;
mod evaluation;
mod external;
#[cfg(test)]
mod fixtures;
mod graph;
mod initializer;
mod lowering;
mod messages;
mod model;
mod onnx;
mod opset;
mod patterns;
mod rewriting;
mod support;
mod toolbox;
mod wire;
mod writer;

pub use declaration::{Dimension, InputDeclaration, InputShapes};
pub use error::{Error, UnsupportedNode};
pub use model::{Model, read};
pub use writer::{Place, Precision, WriteOptions, write, write_with};
