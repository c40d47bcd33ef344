//! What every extractor of local features gives, and the list of those that there are.

use ndarray::{Array2, ArrayView3};
use serde::{Deserialize, Serialize};

use crate::{Area, DenseSift, Error};

/// The local features of an image: `l_j` and `area(l_j)`.
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
pub trait FeatureExtractor {
    /// D, how many numbers each descriptor has.
    fn dimensions(&self) -> usize;

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
}
