//! Hard assignment: the nearest word.

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use super::Map;
use crate::{Assignment, Codebook, Error, SparseAssignment, nearest_words};

/// The hard mapping: a feature belongs to its nearest word, and to no other.
///
/// ```text
/// m_(d)(l) = 1 if d = argmin_d' ‖l − b_d'‖², else 0          Bach et al. 2015, Eq. (36) for β → ∞
/// ```
/// * `l` — a row of `descriptors`, (L, D)
/// * `b_d` — a word of the codebook; of words at the same distance, that with the lower index counts
///
/// ```
/// use bow_mapping::{Codebook, Hard, Map};
/// use ndarray::array;
/// let hard = Hard::new(Codebook::new(array![[0.0], [1.0], [2.0]])?);
/// assert_eq!(hard.assign(array![[0.5], [1.75]].view())?.to_dense(), array![[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]);
/// # Ok::<(), bow_mapping::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hard {
    codebook: Codebook,
}

impl Hard {
    /// The hard mapping onto the words of `codebook`.
    pub fn new(codebook: Codebook) -> Self {
        Self { codebook }
    }

    /// The words.
    pub fn codebook(&self) -> &Codebook {
        &self.codebook
    }
}

impl Map for Hard {
    fn words(&self) -> usize {
        self.codebook.word_count()
    }

    fn descriptor_dimensions(&self) -> usize {
        self.codebook.dimensions()
    }

    fn assign(&self, descriptors: ArrayView2<'_, f64>) -> Result<Assignment, Error> {
        let nearest = nearest_words(descriptors, &self.codebook, 1)?;
        let rows = nearest.iter().map(|&word| [(word, 1.0)]);
        Ok(Assignment::Sparse(SparseAssignment::from_rows(self.words(), rows)))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::ranks;
    use crate::test_data::random;

    #[test]
    fn the_first_rank_counts() {
        for (features, words, dimensions) in [(1, 1, 1), (3, 19, 3), (19, 100, 8), (100, 3, 19)] {
            let codebook = Codebook::new(random(words, dimensions, 1)).unwrap();
            let descriptors = random(features, dimensions, 2);
            let ranks = ranks(descriptors.view(), &codebook).unwrap();
            let assignment = Hard::new(codebook).assign(descriptors.view()).unwrap();
            assert_eq!(assignment.to_dense(), ranks.mapv(|rank| if rank == 1 { 1.0 } else { 0.0 }));
        }
    }

    #[test]
    fn no_features_are_an_error() {
        let hard = Hard::new(Codebook::new(random(3, 2, 1)).unwrap());
        assert!(matches!(hard.assign(Array2::zeros((0, 2)).view()), Err(Error::Empty { .. })));
    }
}
