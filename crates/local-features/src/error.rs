//! What can be wrong with what a caller hands in.

use crate::Area;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An image whose number of channels is neither 1 nor 3.
    #[error("the image has {found} channels: it has to have 1 (gray) or 3 (red, green, blue)")]
    ImageChannels {
        /// Channels that it has.
        found: usize,
    },
    /// A pixel that is infinite, NaN, or far out of any range of gray values.
    #[error("pixel ({row}, {column}) is {value}: pixels have to be finite numbers of a magnitude up to {limit:e}")]
    Pixel {
        /// Its row.
        row: usize,
        /// Its column.
        column: usize,
        /// Its value.
        value: f64,
        /// The largest magnitude that is allowed.
        limit: f64,
    },
    /// An image into which no descriptor fits.
    #[error(
        "the image is {height}×{width} pixels, a descriptor of scale {scale} covers {side}×{side}: \
         give a larger image or a smaller scale"
    )]
    ImageTooSmall {
        /// Rows of the image.
        height: usize,
        /// Columns of the image.
        width: usize,
        /// The scale.
        scale: f64,
        /// The side of a descriptor of that scale.
        side: f64,
    },
    /// An image with more pixels than an array can hold.
    #[error("an image of {height}×{width} pixels is too large: its pixels can't be counted")]
    ImageTooLarge {
        /// Rows of the image.
        height: usize,
        /// Columns of the image.
        width: usize,
    },
    /// A parameter out of its range.
    #[error("{name} = {value}: it has to be {expected}")]
    Parameter {
        /// The parameter's name.
        name: &'static str,
        /// The value that was given.
        value: f64,
        /// What would be right.
        expected: &'static str,
    },
    /// An extractor without any channel to work on.
    #[error("the list of channels is empty: name at least one, for example gray")]
    NoChannel,
    /// A grid without a point inside of the image.
    #[error("no grid point lies inside of the {height}×{width} image: the step of {step} pixels is too large")]
    NoGridPoint {
        /// Rows of the image.
        height: usize,
        /// Columns of the image.
        width: usize,
        /// The step.
        step: usize,
    },
    /// Relevance and areas that do not belong together.
    #[error("{relevance} relevances for {areas} areas: there has to be one for each local feature")]
    FeatureCount {
        /// Entries of the relevance.
        relevance: usize,
        /// Areas.
        areas: usize,
    },
    /// A relevance that is infinite or NaN.
    #[error("the relevance of local feature {feature} is {value}: it has to be finite")]
    NonFiniteRelevance {
        /// The local feature.
        feature: usize,
        /// Its relevance.
        value: f64,
    },
    /// A local feature whose relevance would be lost.
    #[error(
        "local feature {feature} covers no pixel of the {height}×{width} image, its relevance would be lost; \
         its area is {area:?}"
    )]
    NoPixel {
        /// The local feature.
        feature: usize,
        /// Its area.
        area: Area,
        /// Rows of the image.
        height: usize,
        /// Columns of the image.
        width: usize,
    },
    /// What the shared vocabulary of relevance reports.
    #[error(transparent)]
    Relevance(#[from] relevance::Error),
}
