//! Errors of files that should hold a network.

use std::fmt;
use std::path::PathBuf;

use crate::support;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that can't be opened or read.
    #[error("can't read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file that can't be written.
    #[error("can't write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Something is wrong in a file; the source says what.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error in it.
        source: Box<Error>,
    },
    /// Bytes that are no ONNX file, or no longer one.
    #[error("this is no whole ONNX file: at byte {offset} of {length}, {reason}; download or export it again")]
    Damaged {
        /// The byte where it stops making sense.
        offset: u64,
        /// The number of bytes.
        length: u64,
        /// The error there.
        reason: String,
    },
    /// A file of another kind.
    #[error("this is no network: {reason}; expected is an ONNX model or a text network of the LRP toolbox (.txt)")]
    NoNetwork {
        /// The contents that were found.
        reason: String,
    },
    /// Operators of a version that is not known.
    #[error(
        "the model uses opset {version}, and the operators of opsets {} to {} are known: export it with one of them, \
         opset_version=17",
        support::OPSETS.start(),
        support::OPSETS.end()
    )]
    Opset {
        /// The model's version.
        version: i64,
    },
    /// A constant tensor that can't be used.
    #[error("tensor {tensor:?}: {reason}")]
    Tensor {
        /// The tensor's name.
        tensor: String,
        /// The error in it, and what would be right.
        reason: String,
    },
    /// A tensor whose numbers stand in another file that can't be used.
    #[error("tensor {tensor:?} with its data in {location:?}: {reason}")]
    ExternalData {
        /// The tensor's name.
        tensor: String,
        /// The place of the data, as the model says it.
        location: String,
        /// The error in that, and what would be right.
        reason: String,
    },
    /// A graph that does not hang together.
    #[error("the graph is broken: {0}")]
    Graph(String),
    /// A node that can't be understood.
    #[error("node {node:?} ({kind}): {reason}")]
    Node {
        /// The node's name.
        node: String,
        /// Its operator.
        kind: String,
        /// The error, and what would be right.
        reason: String,
    },
    /// Nodes whose operators are not supported, all of them.
    #[error("{}", support::unsupported_message(.0))]
    Unsupported(Vec<UnsupportedNode>),
    /// An input of the network without a shape, or with one that does not fit.
    #[error("input {input:?}: {reason}")]
    Input {
        /// The input's name.
        input: String,
        /// The error, and what would be right.
        reason: String,
    },
    /// A text network that can't be understood.
    #[error("line {line}: {reason}")]
    Text {
        /// The line, from 1.
        line: usize,
        /// The error there, and what would be right.
        reason: String,
    },
    /// From the network itself.
    #[error(transparent)]
    Network(#[from] neural_lrp::Error),
}

/// A node that there is no operation for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsupportedNode {
    /// The node's name.
    pub node: String,
    /// Its operator, and what of it is not supported.
    pub kind: String,
}

impl fmt::Display for UnsupportedNode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} ({})", self.node, self.kind)
    }
}

impl Error {
    /// The error, with the file where it arose.
    pub(crate) fn in_file(self, path: impl Into<PathBuf>) -> Self {
        Self::File { path: path.into(), source: Box::new(self) }
    }
}
