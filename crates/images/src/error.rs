//! What can be wrong with a file that should be a photo.

use std::path::PathBuf;

use crate::read::{FORMATS, MAX_DECODED_BYTES, MAX_SIDE};

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that can't be opened or read.
    #[error("can't read {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Bytes that are no image of a supported format.
    #[error("{} is no image that can be read: supported are {FORMATS}", path.display())]
    Format {
        /// Which file.
        path: PathBuf,
    },
    /// An image of a supported format that is damaged, cut short, or of an unusual kind.
    #[error("{} can't be decoded: {source}; supported are {FORMATS}", path.display())]
    Decode {
        /// Which file.
        path: PathBuf,
        /// What the decoder says.
        source: image::ImageError,
    },
    /// An image that claims to be larger than any photo.
    #[error(
        "{} is too large: at most {MAX_SIDE} pixels along a side and {} MiB decoded",
        path.display(),
        MAX_DECODED_BYTES >> 20
    )]
    TooLarge {
        /// Which file.
        path: PathBuf,
    },
    /// An image without pixels.
    #[error("{} is empty ({height} × {width}): it has to have at least one pixel", path.display())]
    Empty {
        /// Which file.
        path: PathBuf,
        /// Its rows.
        height: u32,
        /// Its columns.
        width: u32,
    },
}
