//! What can be wrong with what a caller asks for.

use std::path::PathBuf;

use crate::mnist::IdxError;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A picture without pixels, or one that is too large to be made.
    #[error("a tile of {height}×{width} pixels: each side has to be between 1 and {largest} pixels")]
    Size {
        /// Rows asked for.
        height: usize,
        /// Columns asked for.
        width: usize,
        /// The longest side that is possible.
        largest: usize,
    },
    /// A file of MNIST that is not there.
    #[error(
        "there is neither {name} nor {name}.gz in {folder:?}: data/get-mnist.sh brings the training digits of MNIST"
    )]
    MnistMissing {
        /// The name of the file.
        name: String,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// A file of MNIST that can't be read.
    #[error("{path:?}: {source}")]
    MnistRead {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file of MNIST that is damaged, cut short or something else.
    #[error("{path:?} is no file of MNIST: {source}")]
    MnistFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: IdxError,
    },
    /// Not one label for each picture.
    #[error("{images} pictures and {labels} labels in {folder:?}: they do not belong together")]
    MnistCount {
        /// How many pictures there are.
        images: usize,
        /// How many labels there are.
        labels: usize,
        /// Where they are.
        folder: PathBuf,
    },
}
