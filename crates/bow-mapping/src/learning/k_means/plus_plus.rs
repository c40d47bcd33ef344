//! The start of k-means: words drawn far from each other.

use ndarray::ArrayView2;
use ndarray::parallel::prelude::*;
use rand::distributions::{Distribution, WeightedIndex};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::Error;
use crate::learning::checks::too_few_descriptors;
use crate::learning::distance::{ROWS_OF_A_THREAD, squared_distance};

/// Rows of `words` different descriptors, by k-means++.
///
/// The first is drawn with equal probabilities, each further one with probabilities in proportion to the squared
/// distance from the nearest one drawn so far. The draws are those of linfa's k-means++ for the same generator; linfa
/// computes all distances again for each draw, V²LD/2 steps instead of VLD: for 127 words 64 times as many.
///
/// # Errors
/// [`Error::TooFew`] when there are fewer than `words` different descriptors.
pub(in crate::learning) fn draw(
    descriptors: ArrayView2<'_, f64>,
    words: usize,
    random: &mut Xoshiro256PlusPlus,
) -> Result<Vec<usize>, Error> {
    let mut weights = vec![1.0; descriptors.nrows()];
    let mut distances = vec![f64::INFINITY; descriptors.nrows()];
    let mut rows = Vec::with_capacity(words);
    while rows.len() < words {
        // No index over weights that are all zero: each descriptor lies where a word is.
        let Ok(index) = WeightedIndex::new(&weights) else {
            return Err(too_few_descriptors(words, rows.len()));
        };
        let drawn = index.sample(random);
        rows.push(drawn);
        approach(descriptors, drawn, &mut distances);
        weights.copy_from_slice(&distances);
    }
    Ok(rows)
}

/// Lowers the distances from the nearest word to those from the word at row `drawn`, where that is nearer.
pub(super) fn approach(descriptors: ArrayView2<'_, f64>, drawn: usize, distances: &mut [f64]) {
    let word = descriptors.row(drawn);
    (distances.par_iter_mut().with_min_len(ROWS_OF_A_THREAD).enumerate())
        .for_each(|(row, distance)| *distance = distance.min(squared_distance(descriptors.row(row), word)));
}
