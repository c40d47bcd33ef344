//! What every extractor of local features gives, and the list of those that there are.

use ndarray::{Array2, ArrayView3};
use serde::{Deserialize, Serialize};

use crate::{Area, ColorQuantiles, DenseSift, Error};

/// The local features of an image: `l_j` and `area(l_j)`.
///
/// ```
/// use local_features::DenseSift;
/// use ndarray::Array2;
/// let features = DenseSift::default().describe(Array2::zeros((102, 102)).view())?;
/// assert_eq!(features.len(), 289);
/// assert_eq!((features.descriptors.nrows(), features.areas.len()), (289, 289));
/// # Ok::<(), local_features::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LocalFeatures {
    /// One row for each local feature, (L, D).
    pub descriptors: Array2<f32>,
    /// The pixels that each of them covers, L of them.
    pub areas: Vec<Area>,
}

impl LocalFeatures {
    /// L, how many local features there are.
    pub fn len(&self) -> usize {
        self.areas.len()
    }

    /// Whether there is no local feature.
    pub fn is_empty(&self) -> bool {
        self.areas.is_empty()
    }
}

/// Computes local features of an image.
///
/// ```
/// use local_features::{Area, Error, FeatureExtractor, LocalFeatures};
/// use ndarray::{Array2, Array3, ArrayView3};
///
/// /// Each pixel's channels are a descriptor of their own.
/// struct Colors;
/// impl FeatureExtractor for Colors {
///     fn dimensions(&self) -> usize { 3 }
///     fn extract(&self, image: ArrayView3<f64>) -> Result<LocalFeatures, Error> {
///         let (height, width, _) = image.dim();
///         let color = |(pixel, channel)| image[[pixel / width, pixel % width, channel]] as f32;
///         let area = |pixel: usize| {
///             let (top, left) = ((pixel / width) as i64, (pixel % width) as i64);
///             Area::Rectangle { top, left, bottom: top + 1, right: left + 1 }
///         };
///         let descriptors = Array2::from_shape_fn((height * width, 3), color);
///         Ok(LocalFeatures { descriptors, areas: (0..height * width).map(area).collect() })
///     }
/// }
/// let features = Colors.extract(Array3::from_elem((2, 5, 3), 0.5).view())?;
/// assert_eq!(features.descriptors, Array2::from_elem((10, Colors.dimensions()), 0.5));
/// assert!(features.areas[7].covers((1, 2)));
/// # Ok::<(), Error>(())
/// ```
pub trait FeatureExtractor {
    /// D, how many numbers each descriptor has.
    fn dimensions(&self) -> usize;

    /// How many rows and columns an image needs at least; 1 unless the extractor needs more.
    fn smallest_image(&self) -> usize {
        1
    }

    /// The local features of an image H×W×C with values in [0, 1]; C is 1, or 3 for red, green and blue.
    ///
    /// # Errors
    /// An image that does not fit the extractor, or parameters that make no sense.
    fn extract(&self, image: ArrayView3<'_, f64>) -> Result<LocalFeatures, Error>;
}

/// Makes [`Extractor`] out of the list of all extractors.
macro_rules! extractors {
    ($($(#[$documentation:meta])* $name:ident,)+) => {
        /// Any of the extractors, as a model file stores it.
        ///
        /// ```
        /// use local_features::{DenseSift, Extractor, FeatureExtractor};
        /// let extractor = Extractor::from(DenseSift::default());
        /// assert_eq!(extractor.dimensions(), 128);
        /// ```
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        #[non_exhaustive]
        pub enum Extractor {
            $($(#[$documentation])* $name($name),)+
        }

        impl FeatureExtractor for Extractor {
            fn dimensions(&self) -> usize {
                match self {
                    $(Self::$name(extractor) => extractor.dimensions(),)+
                }
            }

            fn smallest_image(&self) -> usize {
                match self {
                    $(Self::$name(extractor) => extractor.smallest_image(),)+
                }
            }

            fn extract(&self, image: ArrayView3<'_, f64>) -> Result<LocalFeatures, Error> {
                match self {
                    $(Self::$name(extractor) => extractor.extract(image),)+
                }
            }
        }

        $(impl From<$name> for Extractor {
            fn from(extractor: $name) -> Self {
                Self::$name(extractor)
            }
        })+
    };
}

// A new extractor is a file of its own and one line here.
extractors! {
    /// Dense SIFT.
    DenseSift,
    /// Quantiles of color intensities.
    ColorQuantiles,
}
