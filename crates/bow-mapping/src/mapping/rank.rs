//! Rank mapping: the n nearest words, weighted by their ranks (Eq. 64).

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use super::{Map, Stored, stored_as_codebook_and_options};
use crate::error::check_above;
use crate::nearest::check_count;
use crate::{Assignment, Codebook, Error, SparseAssignment, nearest_words};

/// How [`Rank`] weights the nearest words.
///
/// The example of [`Rank`] sets them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RankOptions {
    /// `p` > 1: each rank weighs p times less than the one before. Default 2, the paper's synthetic experiment; its
    /// VOC experiment has 2.4.
    pub base: f64,
    /// `n` ≥ 1: how many words a feature reaches. Default 4, the paper's synthetic experiment; its VOC experiment has 8.
    pub neighbors: usize,
}

impl Default for RankOptions {
    fn default() -> Self {
        Self { base: 2.0, neighbors: 4 }
    }
}

/// The rank mapping.
///
/// ```text
/// m_(d)(l) = p^(−rk_d(l)) if rk_d(l) ≤ n, else 0             Bach et al. 2015, Eq. (64)
/// ```
/// * `l` — a row of `descriptors`, (L, D)
/// * `rk_d(l)` — the rank of word `d` by ascending distance from `l`; it begins with 1, and ties go to the lower index
/// * `p`, `n` — [`RankOptions::base`], [`RankOptions::neighbors`]
///
/// The assignment is sparse: n values for each feature.
///
/// ```
/// use bow_mapping::{Codebook, Map, Rank, RankOptions};
/// use ndarray::array;
/// let codebook = Codebook::new(array![[0.0], [1.0], [2.0]])?;
/// let rank = Rank::new(codebook, RankOptions { base: 2.0, neighbors: 2 })?;
/// assert_eq!(rank.assign(array![[1.75]].view())?.to_dense(), array![[0.0, 0.25, 0.5]]);
/// # Ok::<(), bow_mapping::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored<RankOptions>", into = "Stored<RankOptions>")]
pub struct Rank {
    codebook: Codebook,
    options: RankOptions,
}

stored_as_codebook_and_options!(Rank, RankOptions);

impl Rank {
    /// The rank mapping onto the words of `codebook`.
    ///
    /// # Errors
    /// [`Error::Parameter`] when `p` is not above 1 or `n` is 0; [`Error::TooFew`] when there are fewer than n words.
    pub fn new(codebook: Codebook, options: RankOptions) -> Result<Self, Error> {
        check_above("the base p of the rank mapping", options.base, 1.0, "a finite number above 1")?;
        check_above("the number n of neighbors of the rank mapping", options.neighbors as f64, 0.0, "at least 1")?;
        check_count(options.neighbors, &codebook)?;
        Ok(Self { codebook, options })
    }

    /// The words.
    pub fn codebook(&self) -> &Codebook {
        &self.codebook
    }

    /// The options.
    pub fn options(&self) -> RankOptions {
        self.options
    }
}

impl Map for Rank {
    fn words(&self) -> usize {
        self.codebook.word_count()
    }

    fn descriptor_dimensions(&self) -> usize {
        self.codebook.dimensions()
    }

    fn assign(&self, descriptors: ArrayView2<'_, f64>) -> Result<Assignment, Error> {
        let nearest = nearest_words(descriptors, &self.codebook, self.options.neighbors)?;
        let weights: Vec<f64> =
            (1..=self.options.neighbors).map(|rank| self.options.base.powf(-(rank as f64))).collect();
        let mut rows: Vec<(usize, f64)> = nearest.into_iter().zip(weights.iter().copied().cycle()).collect();
        rows.chunks_exact_mut(weights.len()).for_each(|row| row.sort_unstable_by_key(|&(word, _)| word));
        let rows = rows.chunks_exact(weights.len()).map(|row| row.iter().copied());
        Ok(Assignment::Sparse(SparseAssignment::from_rows(self.words(), rows)))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;
    use crate::ranks;
    use crate::test_data::random;

    #[test]
    fn weights_are_powers_of_ranks() {
        for (features, words, dimensions) in [(1, 1, 1), (3, 19, 3), (19, 100, 8), (100, 3, 19)] {
            let codebook = Codebook::new(random(words, dimensions, 1)).unwrap();
            let descriptors = random(features, dimensions, 2);
            let ranks = ranks(descriptors.view(), &codebook).unwrap();
            for neighbors in [1, 3, words].into_iter().filter(|&neighbors| neighbors <= words) {
                let options = RankOptions { base: 2.4, neighbors };
                let assignment = Rank::new(codebook.clone(), options).unwrap().assign(descriptors.view()).unwrap();
                let expected = ranks.mapv(|rank| if rank <= neighbors { 2.4_f64.powf(-(rank as f64)) } else { 0.0 });
                assert_eq!(assignment.to_dense(), expected);
                let Assignment::Sparse(rows) = assignment else { panic!("a dense rank assignment") };
                assert_eq!(rows.stored(), features * neighbors);
            }
        }
    }

    #[test]
    fn wrong_options_are_refused() {
        let rank = |base, neighbors| {
            let codebook = Codebook::new(array![[0.0], [1.0]]).unwrap();
            Rank::new(codebook, RankOptions { base, neighbors })
        };
        for base in [1.0, 0.5, -2.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(rank(base, 1), Err(Error::Parameter { .. })), "{base}");
        }
        assert!(matches!(rank(2.0, 0), Err(Error::Parameter { .. })));
        assert!(matches!(rank(2.0, 3), Err(Error::TooFew { wanted: 3, available: 2, .. })));
        assert!(matches!(rank(2.0, 2).unwrap().assign(Array2::zeros((4, 2)).view()), Err(Error::Dimensions { .. })));
    }

    #[test]
    fn a_saved_mapping_is_checked_when_it_is_read() {
        let rank =
            Rank::new(Codebook::new(array![[0.1], [0.7]]).unwrap(), RankOptions { base: 2.4, neighbors: 2 }).unwrap();
        let text = serde_json::to_string(&rank).unwrap();
        assert_eq!(serde_json::from_str::<Rank>(&text).unwrap(), rank);
        let broken = text.replace("\"neighbors\":2", "\"neighbors\":3");
        let error = serde_json::from_str::<Rank>(&broken).unwrap_err().to_string();
        assert!(error.contains("only 2"), "{error}");
    }
}
