//! Plain distances between features and words, and the ranks that they give.

use std::borrow::Cow;
use std::cmp::Ordering;

use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1};

use crate::error::check_descriptors;
use crate::lanes::sum_in_lanes;
use crate::{Codebook, Error};

/// `Σ_r (l_r − b_r)²`
#[inline(always)]
pub(crate) fn squared_distance(descriptor: &[f64], word: &[f64]) -> f64 {
    sum_in_lanes(descriptor, word, |l, b| (l - b) * (l - b))
}

/// `Σ_r (l_r − b_dr)²` of a feature to all words; `words` holds them one after the other.
fn squared_distances(descriptor: &[f64], words: &[f64]) -> impl Iterator<Item = f64> {
    words.chunks_exact(descriptor.len()).map(|word| squared_distance(descriptor, word))
}

/// The values of a row or column one after the other, copied only when they are not.
pub(crate) fn contiguous<T: Clone>(values: ArrayView1<'_, T>) -> Cow<'_, [T]> {
    values.to_slice().map_or_else(|| Cow::Owned(values.to_vec()), Cow::Borrowed)
}

/// The values of a row of an array that was made row by row.
pub(crate) fn contiguous_mut<T>(row: ArrayViewMut1<'_, T>) -> &mut [T] {
    row.into_slice().unwrap_or_else(|| unreachable!("the rows of a new array are contiguous"))
}

/// Nearer first; words at the same distance by their index.
pub(crate) fn nearer_first(one: &(f64, usize), other: &(f64, usize)) -> Ordering {
    one.0.total_cmp(&other.0).then(one.1.cmp(&other.1))
}

/// The rank of every word for every feature, shape (L, V).
///
/// ```text
/// rk_d(l) = position of word d by ascending ‖l − b_d‖        the rank of Bach et al. 2015, Eq. (64)
/// ```
/// * `l` — a row of `descriptors`, (L, D)
/// * `b_d` — a word of `codebook`
///
/// Ranks begin with 1; of words at the same distance, that with the lower index comes first.
///
/// ```
/// use bow_mapping::{Codebook, ranks};
/// use ndarray::array;
/// let codebook = Codebook::new(array![[2.0], [0.0], [1.0], [0.0]])?;
/// assert_eq!(ranks(array![[0.25]].view(), &codebook)?, array![[4, 1, 3, 2]]);
/// # Ok::<(), bow_mapping::Error>(())
/// ```
///
/// # Errors
/// [`Error::Empty`] without descriptors; [`Error::Dimensions`], [`Error::OutOfRange`] when they do not fit or hold an
/// infinity or NaN.
pub fn ranks(descriptors: ArrayView2<'_, f64>, codebook: &Codebook) -> Result<Array2<usize>, Error> {
    check_descriptors(descriptors, codebook.dimensions())?;
    let words = codebook.flat();
    let mut ranks = Array2::zeros((descriptors.nrows(), codebook.word_count()));
    for (descriptor, mut ranks) in descriptors.rows().into_iter().zip(ranks.rows_mut()) {
        let descriptor = contiguous(descriptor);
        let distances = squared_distances(&descriptor, &words).enumerate();
        let mut order: Vec<(f64, usize)> = distances.map(|(word, distance)| (distance, word)).collect();
        order.sort_unstable_by(nearer_first);
        for (position, (_, word)) in order.into_iter().enumerate() {
            ranks[word] = position + 1;
        }
    }
    Ok(ranks)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn ranks_begin_with_one_and_ties_go_to_the_lower_word() {
        let codebook = Codebook::new(array![[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]).unwrap();
        let ranks = ranks(array![[0.0, 0.0], [1.0, 0.0], [0.5, 0.5]].view(), &codebook).unwrap();
        assert_eq!(ranks, array![[1, 2, 3, 4], [1, 4, 3, 2], [1, 4, 2, 3]]);
    }

    #[test]
    fn distances_are_the_sums_of_squares() {
        for length in [1, 3, 8, 19, 100] {
            let one: Vec<f64> = (0..length).map(|index| (index as f64).sin()).collect();
            let other: Vec<f64> = (0..length).map(|index| (index as f64).cos()).collect();
            let plain: f64 = one.iter().zip(&other).map(|(l, b)| (l - b).powi(2)).sum();
            assert!((squared_distance(&one, &other) - plain).abs() <= 1e-14 * plain, "{length}");
            assert_eq!(squared_distance(&one, &one), 0.0);
        }
    }

    #[test]
    fn features_that_do_not_fit_are_named() {
        let codebook = Codebook::new(array![[1.0, 0.0]]).unwrap();
        let error = ranks(array![[1.0, 2.0, 3.0]].view(), &codebook).unwrap_err().to_string();
        assert_eq!(error, "local feature 0 (as all others) has 3 dimensions where 2 are needed");
        let error = ranks(array![[1.0, 2.0], [0.0, f64::NAN]].view(), &codebook).unwrap_err().to_string();
        assert!(error.starts_with("local feature 1 holds NaN at position 1"), "{error}");
        let error = ranks(Array2::zeros((0, 2)).view(), &codebook).unwrap_err().to_string();
        assert!(error.starts_with("local features: there are none"), "{error}");
    }
}
