//! What can be wrong with what a caller hands in, or with the disk.

use std::path::PathBuf;

use crate::ColorMap;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A relevance that is infinite or NaN.
    #[error("the relevance of pixel (row {row}, column {column}) is {value}: every pixel's has to be finite")]
    NonFinite {
        /// Row of the first such pixel.
        row: usize,
        /// Its column.
        column: usize,
        /// Its value.
        value: f64,
    },
    /// A picture or map without pixels.
    #[error("{what} is empty ({height} × {width}): it has to have at least one pixel")]
    Empty {
        /// Which one.
        what: &'static str,
        /// Its rows.
        height: usize,
        /// Its columns.
        width: usize,
    },
    /// A photo that is neither gray nor RGB.
    #[error("the photo has {found} channels: it has to have 1 (gray) or 3 (RGB)")]
    Channels {
        /// How many it has.
        found: usize,
    },
    /// A photo and a map of different sizes.
    #[error("the photo has {} × {} pixels, the relevance {} × {}: they have to be of one size", photo.0, photo.1, relevance.0, relevance.1)]
    Sizes {
        /// Rows and columns of the photo.
        photo: (usize, usize),
        /// Rows and columns of the relevance.
        relevance: (usize, usize),
    },
    /// A picture that would take too much memory.
    #[error(
        "a picture of {height} × {width} pixels is too large: at most {} pixels, and {} along a side",
        crate::canvas::MAX_PIXELS,
        crate::canvas::MAX_SIDE
    )]
    TooLarge {
        /// Rows it would have.
        height: u64,
        /// Columns it would have.
        width: u64,
    },
    /// A name that no color map has.
    #[error(
        "there is no color map \"{name}\": choose one of {}{}",
        ColorMap::names(),
        wording::did_you_mean(name, ColorMap::names().split(", "))
    )]
    ColorMapName {
        /// The name that was given.
        name: String,
    },
    /// An option outside of its range.
    #[error("{option} = {value}: it has to be {expected}")]
    Option {
        /// Which option.
        option: &'static str,
        /// Its value.
        value: f64,
        /// What would be right.
        expected: &'static str,
    },
    /// A picture that could not be encoded as PNG.
    #[error("the picture can't be encoded as PNG: {0}")]
    Encode(#[from] image::ImageError),
    /// A file that could not be written; nothing of it is left behind.
    #[error("can't write {}: {source}; nothing was written", path.display())]
    Write {
        /// Where it should have gone.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}
