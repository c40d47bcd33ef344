//! What can be wrong with a file that should be a photo, and with its preprocessing.

use std::path::PathBuf;

use crate::presets::PRESETS;
use crate::read::{FORMATS, MAX_DECODED_BYTES, MAX_SIDE};
use crate::settings::Extent;

/// What a file of another format is.
fn kind(found: Option<&str>) -> String {
    match found {
        Some(name) if name.starts_with(['A', 'i']) => format!("is an {name}, which can't be read"),
        Some(name) => format!("is a {name}, which can't be read"),
        None => "is no image that can be read".to_owned(),
    }
}

/// What is read of photos, and what would read a larger one.
fn allowed(height: u32, width: u32, most: u64) -> String {
    match height.max(width) <= MAX_SIDE {
        true => {
            format!("at most {most} pixels are read; --max-pixels {} takes it", u64::from(height) * u64::from(width))
        }
        false => format!("a side has at most {MAX_SIDE}; make it smaller"),
    }
}

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What a model's file says about its images and can't be understood.
    #[error(
        "the model's file says {key} = {value:?}, which can't be followed: {reason}; a preprocessing of one's own overrides it"
    )]
    Declaration {
        /// The key.
        key: String,
        /// What stands there.
        value: String,
        /// Why not, or what would be right.
        reason: String,
    },
    /// A file that can't be opened or read.
    #[error("can't read {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Bytes that are no image of a supported format.
    #[error("{} {}: supported are {FORMATS}", path.display(), kind(*found))]
    Format {
        /// Which file.
        path: PathBuf,
        /// What they are, where that is known.
        found: Option<&'static str>,
    },
    /// An image of a supported format that is damaged, cut short, or of an unusual kind.
    #[error("{} can't be decoded: {source}; supported are {FORMATS}", path.display())]
    Decode {
        /// Which file.
        path: PathBuf,
        /// What the decoder says.
        source: image::ImageError,
    },
    /// A JPEG file without its end.
    #[error("{} is cut short: a JPEG file has the bytes FF D9 at its end; get the file again", path.display())]
    CutShort {
        /// Which file.
        path: PathBuf,
    },
    /// An image that claims to be larger than any photo.
    #[error("{} is too large, {height} × {width} pixels: {}", path.display(), allowed(*height, *width, *most))]
    TooLarge {
        /// Which file.
        path: PathBuf,
        /// Its rows.
        height: u32,
        /// Its columns.
        width: u32,
        /// The most pixels that are read.
        most: u64,
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
    /// A preprocessing that nobody knows.
    #[error(
        "there is no preprocessing {name:?}: known are {}{}",
        PRESETS.join(", "),
        wording::did_you_mean(name, PRESETS.iter().copied())
    )]
    Preset {
        /// What it was called.
        name: String,
    },
    /// A text that describes no preprocessing.
    #[error("no description of a preprocessing: {reason}")]
    Toml {
        /// What is wrong, and where.
        reason: String,
        /// What the parser says.
        source: Box<toml::de::Error>,
    },
    /// A description by another program that can't be followed.
    #[error("a preprocessing of {program} that can't be followed: {reason}; describe it in TOML")]
    Foreign {
        /// Whose it is.
        program: &'static str,
        /// What can't be followed.
        reason: String,
    },
    /// A setting with a value that it can't have.
    #[error("preprocessing: {setting} is {found}: it has to be {expected}")]
    Setting {
        /// Which setting.
        setting: &'static str,
        /// Its value.
        found: String,
        /// What would be right.
        expected: String,
    },
    /// An array that is no photo.
    #[error(
        "no photo: {height} × {width} pixels of {channels} channels; it has to have 1 to {MAX_SIDE} pixels along a \
         side, and 1 or 3 channels"
    )]
    Shape {
        /// Its rows.
        height: usize,
        /// Its columns.
        width: usize,
        /// Its channels.
        channels: usize,
    },
    /// A photo that would become larger than any photo.
    #[error(
        "a photo of {photo} pixels is too large to prepare: it would become {prepared}, over {} MiB; crop it, or \
         resize it to something smaller",
        MAX_DECODED_BYTES >> 20
    )]
    TooLargeToPrepare {
        /// Its size.
        photo: Extent,
        /// The size it would have.
        prepared: Extent,
    },
}
