//! Local features of images, the pixels each of them covers, and the relevance of those pixels.
//!
//! Forward: [`DenseSift`] and [`ColorQuantiles`] turn an image into [`LocalFeatures`], descriptors `l_j` with the pixels `area(l_j)` that they
//! were computed from. Backward: [`pixel_relevance`] hands the relevance of local features down to those pixels
//! (Bach et al. 2015, Eqs 33 and 34), and books it in the ledger.
//!
//! ```
//! use local_features::{DenseSift, pixel_relevance};
//! use ndarray::{Array1, Array2};
//!
//! let image = Array2::from_shape_fn((102, 102), |(row, column)| if row + column < 102 { 0.2 } else { 0.8 });
//! let features = DenseSift::default().describe(image.view())?;
//! assert_eq!(features.descriptors.dim(), (289, 128));
//!
//! let relevance = Array1::from_elem(features.len(), 1.0); // R^(2), here the same for every feature
//! let (pixels, entry) = pixel_relevance(relevance.view(), &features.areas, image.dim())?;
//! assert!((pixels.sum() - 289.0).abs() < 1e-9);
//! assert!(entry.relative_error() < 1e-12);
//! # Ok::<(), local_features::Error>(())
//! ```
//!
//! # A descriptor's pixels
//!
//! A descriptor is computed from samples of a smoothed image, so it depends on pixels beyond its square, if only a
//! little. Its area is the square itself, clipped to the image: the paper's "area(l)" is the support over which the
//! descriptor counts gradients, and spreading relevance wider would blur the map without adding to what it says.

mod area;
mod channel;
mod color_quantiles;
mod dense_sift;
mod error;
mod features;
mod grid;
mod plane;
mod raster;
mod relevance;

pub use crate::relevance::{coverage, covering, pixel_relevance};
pub use area::{Area, Span};
pub use channel::Channel;
pub use color_quantiles::ColorQuantiles;
pub use dense_sift::{DenseSift, Rotation};
pub use error::Error;
pub use features::{Extractor, FeatureExtractor, LocalFeatures};
