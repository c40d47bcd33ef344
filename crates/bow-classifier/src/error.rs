//! What can go wrong between an image and its explanation.

use std::path::PathBuf;

use crate::tiles::Tile;
use crate::training::TrainingError;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Local features can't be extracted, or their relevance not be handed to the pixels.
    #[error(transparent)]
    Features(#[from] local_features::Error),
    /// A codebook or mixture can't be learned.
    #[error(transparent)]
    Learning(#[from] bow_mapping::learning::LearningError),
    /// Local features can't be mapped, or relevance not be handed to the local features.
    #[error(transparent)]
    Mapping(#[from] bow_mapping::Error),
    /// A kernel or expansion can't be evaluated or decomposed.
    #[error(transparent)]
    Kernels(#[from] kernels::Error),
    /// No root point, or relevance that does not fit.
    #[error(transparent)]
    Relevance(#[from] relevance::Error),
    /// The classifier can't be trained.
    #[error(transparent)]
    Training(#[from] TrainingError),
    /// Not one area for each descriptor.
    #[error("{descriptors} descriptors with {areas} areas: there has to be one area for each descriptor")]
    Areas {
        /// How many descriptors.
        descriptors: usize,
        /// How many areas.
        areas: usize,
    },
    /// The encoders' vectors do not fit the expansion.
    #[error("vectors of {encoded} dimensions for an expansion over {expected}")]
    Dimensions {
        /// What the encoders or candidates have.
        encoded: usize,
        /// What the expansion takes.
        expected: usize,
    },
    /// A bag of another model, or one that was changed.
    #[error("a bag of {found} channels for a model of {expected}, or a vector that is not that of its channels")]
    Bag {
        /// Channels of the bag.
        found: usize,
        /// Channels of the model.
        expected: usize,
    },
    /// Eq. 24 for kernels that are no sums over dimensions.
    #[error("a kernel that is no sum over dimensions (Eq. 23): explain it by Taylor expansion (Eq. 25)")]
    NotSumDecomposable,
    /// Not one extractor for each encoder.
    #[error("{extractors} extractors of local features for {encoders} encoders: each channel has one of both")]
    Channels {
        /// How many extractors.
        extractors: usize,
        /// How many encoders.
        encoders: usize,
    },
    /// Descriptors that the mapping does not take.
    #[error("channel {channel}: descriptors of {found} dimensions, but the codebook has {expected}")]
    Descriptors {
        /// Which channel, from 0.
        channel: usize,
        /// Dimensions of the descriptors.
        found: usize,
        /// Dimensions of the codebook.
        expected: usize,
    },
    /// A layer that does not exist.
    #[error("layer {layer}: this classifier has {layers} layers, counted from 0")]
    Layer {
        /// The layer asked for.
        layer: usize,
        /// How many there are.
        layers: usize,
    },
    /// A class that the classifier does not have.
    #[error("class {class}: the classifier has {}, counted from 0", counted(*classes))]
    Class {
        /// The class that was asked for.
        class: usize,
        /// How many there are.
        classes: usize,
    },
    /// An image that can't be decoded.
    #[error(transparent)]
    Image(#[from] images::Error),
    /// A configuration that is none.
    #[error("the configuration makes no sense: {reason}")]
    Configuration {
        /// What is wrong with it.
        reason: String,
    },
    /// No images that could be learned from.
    #[error("none of the {count} images can be read: {first}")]
    NoImages {
        /// How many there are.
        count: usize,
        /// What is wrong with the first.
        first: String,
    },
    /// A part of an image without a local feature.
    #[error(
        "the image of {height}×{width} pixels is too small: part {part} of its {rows}×{columns} parts has no local \
         feature"
    )]
    EmptyCell {
        /// Rows of the image.
        height: usize,
        /// Columns of the image.
        width: usize,
        /// Rows of parts.
        rows: usize,
        /// Columns of parts.
        columns: usize,
        /// Which of them, counted from 0, row by row.
        part: usize,
    },
    /// A class that can't be learned.
    #[error("class {class}: {reason}")]
    ClassTraining {
        /// The class.
        class: String,
        /// Why.
        #[source]
        reason: TrainingError,
    },
    /// Parts of a classifier that do not belong together.
    #[error("its parts have lengths that do not fit")]
    Parts,
    /// Something that can't be stored.
    #[error("can't be stored: {reason}")]
    Encoding {
        /// Why.
        reason: String,
    },
    /// An input that is no image.
    #[error("an input of shape {shape:?}: an image is height × width × channels")]
    ImageRank {
        /// Its shape.
        shape: Vec<usize>,
    },
    /// Tiles without extent, or that never move on.
    #[error("tiles of side {side} at a step of {step}: both have to be at least 1")]
    Tiling {
        /// Side of a tile.
        side: usize,
        /// Distance of tiles.
        step: usize,
    },
    /// A tile that does not lie in the image.
    #[error("{tile:?} with a map of {map:?} pixels does not fit an image of {image:?}")]
    TileOutside {
        /// The tile.
        tile: Tile,
        /// Size of its map.
        map: (usize, usize),
        /// Size of the image.
        image: (usize, usize),
    },
    /// Not one truth for each image.
    #[error("{found} labels of the class {class} for {images} images: there has to be one for each")]
    Labels {
        /// The class.
        class: String,
        /// How many labels there are.
        found: usize,
        /// How many images there are.
        images: usize,
    },
    /// A file that can't be read.
    #[error("can't read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that can't be written.
    #[error("can't write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of another kind.
    #[error("{} is no Bag-of-Words model of pixelwise", path.display())]
    NotAModel {
        /// The file.
        path: PathBuf,
    },
    /// A file that a newer release wrote.
    #[error(
        "{} is a model file of version {found}; this release reads versions up to {supported}: use a newer release",
        path.display()
    )]
    NewerVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
        /// The newest version that is known.
        supported: u64,
    },
    /// A model file that is cut short, or whose parts do not fit.
    #[error("{} is damaged: {reason}", path.display())]
    DamagedModel {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// "1 class", "7 classes"
fn counted(classes: usize) -> String {
    if classes == 1 { "1 class".to_owned() } else { format!("{classes} classes") }
}

/// An image that is left out, and why.
#[derive(Debug, thiserror::Error)]
#[error("{image}: {reason}")]
pub struct Problem {
    /// How a person finds it: its file.
    pub image: String,
    /// What is wrong with it.
    #[source]
    pub reason: Error,
}
