//! What can go wrong between photos and a classifier of them.

use std::path::PathBuf;

use bow_classifier::training::TrainingError;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A photo can't be decoded.
    #[error(transparent)]
    Image(#[from] images::Error),
    /// A classifier can't be learned, evaluated or explained.
    #[error(transparent)]
    Classifier(#[from] bow_classifier::Error),
    /// A file or folder can't be read.
    #[error("can't read {}", path.display())]
    Read {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file or folder can't be written.
    #[error("can't write {}", path.display())]
    Write {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A configuration that is none.
    #[error("the configuration makes no sense: {reason}")]
    Configuration {
        /// What is wrong with it.
        reason: String,
    },
    /// No photos that could be learned from.
    #[error("none of the {count} photos can be read: {first}")]
    NoPhotos {
        /// How many there are.
        count: usize,
        /// What is wrong with the first.
        first: String,
    },
    /// A part of a photo without a local feature.
    #[error(
        "the photo of {height}×{width} pixels is too small: part {part} of its {rows}×{columns} parts has no local \
         feature"
    )]
    EmptyCell {
        /// Rows of the photo.
        height: usize,
        /// Columns of the photo.
        width: usize,
        /// Rows of parts.
        rows: usize,
        /// Columns of parts.
        columns: usize,
        /// Which of them, counted from 0, row by row.
        part: usize,
    },
    /// Not one truth for each photo.
    #[error("{found} labels of the class {class} for {photos} photos: there has to be one for each")]
    Labels {
        /// The class.
        class: String,
        /// How many labels there are.
        found: usize,
        /// How many photos there are.
        photos: usize,
    },
    /// A class that the classifier does not have.
    #[error("class {class}: the classifier has {classes} classes, counted from 0")]
    Class {
        /// The class that was asked for.
        class: usize,
        /// How many there are.
        classes: usize,
    },
    /// A class that can't be learned.
    #[error("class {class}: {reason}")]
    Learning {
        /// The class.
        class: String,
        /// Why.
        #[source]
        reason: TrainingError,
    },
    /// Something that can't be stored.
    #[error("can't be stored: {reason}")]
    Encoding {
        /// Why.
        reason: String,
    },
    /// A file that is no classifier of photos.
    #[error("{} is no model of photos, or it is damaged: {reason}", path.display())]
    Model {
        /// Its path.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// The crates below say what went wrong in the words of the joined classifier.
macro_rules! from_below {
    ($($source:ty),+) => {
        $(impl From<$source> for Error {
            fn from(source: $source) -> Self {
                Self::Classifier(source.into())
            }
        })+
    };
}
from_below!(
    local_features::Error,
    bow_mapping::Error,
    bow_mapping::learning::LearningError,
    kernels::Error,
    relevance::Error,
    bow_classifier::training::TrainingError
);

/// A photo that is left out, and why.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", path.display())]
pub struct Problem {
    /// Its file.
    pub path: PathBuf,
    /// What is wrong with it.
    #[source]
    pub reason: Error,
}
