//! Mappings of local features onto visual words: one file each, and one line in the list below.

mod fisher;
mod hard;
mod lasso;
mod rank;
mod ridge;
mod soft;

use ndarray::{Array1, Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

pub use fisher::Fisher;
pub use hard::Hard;
pub use lasso::{Lasso, LassoOptions};
pub use rank::{Rank, RankOptions};
pub use ridge::{Ridge, RidgeOptions};
pub use soft::{Distance, Soft, SoftOptions};

use crate::error::{check_descriptors, check_dimensions, check_range};
use crate::{Assignment, Codebook, Error};

/// A mapping of local features onto visual words.
///
/// ```
/// use bow_mapping::{Codebook, Error, Hard, Map, Ridge, RidgeOptions};
/// use ndarray::{Array1, Axis, array};
///
/// /// How much of each word an image has, by any mapping.
/// fn counts(mapping: &dyn Map) -> Result<Array1<f64>, Error> {
///     let descriptors = array![[1.0, 0.0], [3.0, 0.0], [0.0, 2.0]];
///     assert_eq!(descriptors.ncols(), mapping.descriptor_dimensions());
///     Ok(mapping.assign(descriptors.view())?.to_dense().sum_axis(Axis(0)))
/// }
/// let codebook = Codebook::new(array![[1.0, 0.0], [0.0, 1.0]])?;
/// assert_eq!(counts(&Hard::new(codebook.clone()))?, array![2.0, 1.0]);
/// assert_eq!(counts(&Ridge::new(codebook, RidgeOptions { lambda: 3.0 })?)?, array![1.0, 0.5]); // l / (1 + λ)
/// # Ok::<(), Error>(())
/// ```
pub trait Map {
    /// V: how many words, or dimensions of the Bag of Words, the mapping has.
    fn words(&self) -> usize;

    /// D: how many dimensions a descriptor has to have.
    fn descriptor_dimensions(&self) -> usize;

    /// `m_(d)(l)` for each local feature `l`, a row of `descriptors` (L, D), and each word `d`.
    ///
    /// # Errors
    /// No descriptors; descriptors of another dimension than the words; an infinity or NaN in them; and what the
    /// mapping itself can't do.
    fn assign(&self, descriptors: ArrayView2<'_, f64>) -> Result<Assignment, Error>;
}

macro_rules! mappings {
    ($($(#[$documentation:meta])* $name:ident = $text:literal,)*) => {
        /// Any of the mappings.
        ///
        /// ```
        /// use bow_mapping::{Codebook, Hard, Map, Mapping};
        /// use ndarray::array;
        /// let codebook = Codebook::new(array![[0.0, 0.0], [1.0, 1.0]])?;
        /// let mapping = Mapping::from(Hard::new(codebook));
        /// assert_eq!((mapping.name(), mapping.words()), ("hard", 2));
        /// assert_eq!(mapping.assign(array![[0.9, 0.8]].view())?.to_dense(), array![[0.0, 1.0]]);
        /// # Ok::<(), bow_mapping::Error>(())
        /// ```
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub enum Mapping {
            $($(#[$documentation])* #[serde(rename = $text)] $name($name),)*
        }

        impl Mapping {
            /// The names of all mappings.
            pub const NAMES: &'static [&'static str] = &[$($text),*];

            /// The mapping's name, as files and command lines have it.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => $text,)* }
            }
        }

        impl Map for Mapping {
            fn words(&self) -> usize {
                match self { $(Self::$name(mapping) => mapping.words(),)* }
            }

            fn descriptor_dimensions(&self) -> usize {
                match self { $(Self::$name(mapping) => mapping.descriptor_dimensions(),)* }
            }

            fn assign(&self, descriptors: ArrayView2<'_, f64>) -> Result<Assignment, Error> {
                match self { $(Self::$name(mapping) => mapping.assign(descriptors),)* }
            }
        }

        $(impl From<$name> for Mapping {
            fn from(mapping: $name) -> Self {
                Self::$name(mapping)
            }
        })*
    };
}

mappings! {
    /// The nearest word.
    Hard = "hard",
    /// The n nearest words, weighted by their ranks (Eq. 64).
    Rank = "rank",
    /// All words, weighted by their distances (Eq. 36).
    Soft = "soft",
    /// Reconstruction from few words (Eqs 37, 38).
    Lasso = "lasso",
    /// Reconstruction from all words (Eqs 37, 38).
    Ridge = "ridge",
    /// Fisher vectors of a Gaussian mixture (Eqs 39–41).
    Fisher = "fisher",
}

/// What is stored of a mapping that consists of a codebook and options; the rest is computed anew.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored<Options> {
    codebook: Codebook,
    options: Options,
}

/// Reads and writes such a mapping as [`Stored`], so that what is read is checked.
macro_rules! stored_as_codebook_and_options {
    ($mapping:ident, $options:ident) => {
        impl TryFrom<crate::mapping::Stored<$options>> for $mapping {
            type Error = Error;

            fn try_from(stored: crate::mapping::Stored<$options>) -> Result<Self, Error> {
                Self::new(stored.codebook, stored.options)
            }
        }

        impl From<$mapping> for crate::mapping::Stored<$options> {
            fn from(mapping: $mapping) -> Self {
                Self { codebook: mapping.codebook, options: mapping.options }
            }
        }
    };
}
use stored_as_codebook_and_options;

/// `l − B c` of each feature, (L, D): what a reconstruction leaves out (Eq. 37).
fn residuals(
    codebook: &Codebook,
    descriptors: ArrayView2<'_, f64>,
    codes: ArrayView2<'_, f64>,
) -> Result<Array2<f64>, Error> {
    check_descriptors(descriptors, codebook.dimensions())?;
    check_dimensions("the list of codes", codes.nrows(), descriptors.nrows())?;
    check_dimensions("a code", codes.ncols(), codebook.word_count())?;
    check_range("the code of local feature", codes)?;
    Ok(&descriptors - &codes.dot(&codebook.words()))
}

/// `‖row‖²` of each row.
fn squared_rows(rows: ArrayView2<'_, f64>) -> Array1<f64> {
    rows.map_axis(Axis(1), |row| row.dot(&row))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::GaussianMixture;
    use crate::test_data::random;

    /// One of each.
    fn all() -> Vec<Mapping> {
        let codebook = || Codebook::new(random(7, 3, 1)).unwrap();
        let deviations = random(2, 3, 3).mapv(|value| value.abs() + 0.5);
        vec![
            Hard::new(codebook()).into(),
            Rank::new(codebook(), RankOptions::default()).unwrap().into(),
            Soft::new(codebook(), SoftOptions::default()).unwrap().into(),
            Lasso::new(codebook(), LassoOptions::default()).unwrap().into(),
            Ridge::new(codebook(), RidgeOptions::default()).unwrap().into(),
            Fisher::new(GaussianMixture::new(array![0.1, -0.2], random(2, 3, 2), deviations).unwrap()).into(),
        ]
    }

    #[test]
    fn each_mapping_survives_saving() {
        let descriptors = random(19, 3, 4);
        for mapping in all() {
            let text = serde_json::to_string(&mapping).unwrap();
            assert!(text.starts_with(&format!("{{\"{}\":", mapping.name())), "{text}");
            let read: Mapping = serde_json::from_str(&text).unwrap();
            assert_eq!(read, mapping);
            assert_eq!(read.assign(descriptors.view()).unwrap(), mapping.assign(descriptors.view()).unwrap());
        }
    }

    #[test]
    fn the_list_of_names_is_complete() {
        assert_eq!(all().iter().map(Mapping::name).collect::<Vec<_>>(), Mapping::NAMES);
    }

    #[test]
    fn assignments_have_the_announced_shape_whatever_the_memory_order() {
        let descriptors = random(19, 3, 4);
        let transposed = descriptors.t().as_standard_layout().into_owned();
        for mapping in all() {
            assert_eq!(mapping.descriptor_dimensions(), 3);
            let assignment = mapping.assign(descriptors.view()).unwrap();
            assert_eq!((assignment.features(), assignment.words()), (19, mapping.words()));
            let of_transposed = mapping.assign(transposed.t()).unwrap();
            crate::test_data::assert_close(&of_transposed.to_dense(), &assignment.to_dense(), 1e-14);
        }
    }

    #[test]
    fn each_mapping_refuses_wrong_descriptors() {
        for mapping in all() {
            let name = mapping.name();
            assert!(matches!(mapping.assign(Array2::zeros((0, 3)).view()), Err(Error::Empty { .. })), "{name}");
            let error = mapping.assign(random(2, 4, 5).view()).unwrap_err();
            assert!(matches!(error, Error::Dimensions { found: 4, expected: 3, .. }), "{name}: {error}");
            for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e200] {
                let mut descriptors = random(5, 3, 6);
                descriptors[[2, 1]] = bad;
                let error = mapping.assign(descriptors.view()).unwrap_err();
                assert!(matches!(error, Error::OutOfRange { row: 2, column: 1, .. }), "{name}: {error}");
            }
        }
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bytes() {
        let descriptors = random(3000, 3, 7);
        for mapping in all() {
            let on = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| mapping.assign(descriptors.view()).unwrap())
            };
            assert_eq!(on(1), on(3), "{}", mapping.name());
        }
    }
}
