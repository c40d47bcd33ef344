//! A network file, read and checked.

use std::fs;
use std::path::Path;

use neural_lrp::Real;

use crate::graph::Graph;
use crate::opset::modernize;
use crate::{Error, InputDeclaration, onnx};

/// A network as a file describes it: for inputs of any shape that the file allows.
#[derive(Clone, Debug)]
pub struct Model<F: Real> {
    graph: Graph<F>,
}

/// Reads a network file: an ONNX model.
///
/// # Errors
/// [`Error::Read`] when the file can't be read; else [`Error::File`] with what is wrong in it.
pub fn read<F: Real>(path: impl AsRef<Path>) -> Result<Model<F>, Error> {
    let path = path.as_ref();
    let bytes = fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Model::from_bytes(&bytes, folder).map_err(|error| error.in_file(path))
}

impl<F: Real> Model<F> {
    /// Reads the bytes of a network file, whose external data lie in `folder`.
    ///
    /// # Errors
    /// What is wrong in the bytes.
    pub fn from_bytes(bytes: &[u8], folder: &Path) -> Result<Self, Error> {
        if !onnx::is_likely(bytes) {
            return Err(Error::NoNetwork { reason: describe(bytes).to_owned() });
        }
        let (mut graph, opset) = onnx::read(bytes, folder)?;
        modernize(&mut graph, opset)?;
        Ok(Self { graph })
    }

    /// What the network takes.
    pub fn inputs(&self) -> &[InputDeclaration] {
        &self.graph.inputs
    }

    /// The names of what the network gives.
    pub fn outputs(&self) -> &[String] {
        &self.graph.outputs
    }
}

/// What a file is that is no network, as far as its first bytes tell.
fn describe(bytes: &[u8]) -> &'static str {
    match bytes {
        [] => "the file is empty",
        [b'P', b'K', ..] => "it is a zip archive, perhaps of PyTorch: export the model with torch.onnx.export",
        [0x89, b'H', b'D', b'F', ..] => "it is an HDF5 file, perhaps of Keras: export the model with tf2onnx",
        [_, _, _, _, b'T', b'F', b'L', b'3', ..] => "it is a TensorFlow Lite file: convert it with tf2onnx",
        [0x80, ..] => "it is a Python pickle: export the model with torch.onnx.export",
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => "it is a numpy array",
        _ => "its first bytes are those of no known format",
    }
}
