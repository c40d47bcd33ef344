//! Lloyd's iteration over all descriptors.

use ndarray::parallel::prelude::*;
use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::plus_plus::approach;
use super::{Moved, Stopping};
use crate::learning::distance::{Nearest, nearest_word};
use crate::learning::{Observer, Step};
use crate::{Codebook, Error};

/// Moves the words to the means of their descriptors until they hardly move.
///
/// # Errors
/// As for [`nearest_word`].
pub(super) fn iterate(
    descriptors: ArrayView2<'_, f64>,
    mut codebook: Codebook,
    stopping: Stopping,
    observer: &mut Observer<'_>,
) -> Result<Moved, Error> {
    for iteration in 1..=stopping.limit {
        let nearest = nearest_word(descriptors, &codebook)?;
        let inertia = nearest.iter().map(|nearest| nearest.squared_distance).sum();
        let moved = means(descriptors, &members(descriptors, &nearest, codebook.word_count()), codebook.words());
        let shift: f64 = (&moved - &codebook.words()).iter().map(|change| change * change).sum();
        codebook = Codebook::new(moved)?;
        observer(Step { iteration, limit: stopping.limit, objective: inertia });
        if shift <= stopping.threshold {
            return Ok(Moved { codebook, iterations: iteration, converged: true });
        }
    }
    Ok(Moved { codebook, iterations: stopping.limit, converged: false })
}

/// The rows of each word's descriptors, ascending; none is empty if there are as many different descriptors as words.
fn members(descriptors: ArrayView2<'_, f64>, nearest: &[Nearest], words: usize) -> Vec<Vec<usize>> {
    let mut members = vec![Vec::new(); words];
    for (row, nearest) in nearest.iter().enumerate() {
        members[nearest.word].push(row);
    }
    if members.iter().any(Vec::is_empty) {
        fill_empty(descriptors, nearest, &mut members);
    }
    members
}

/// Gives each empty cluster the descriptor that is farthest from all words, those just placed included.
///
/// Descriptors that are a cluster of their own stay where they are. Nothing is moved when all others lie at a word.
fn fill_empty(descriptors: ArrayView2<'_, f64>, nearest: &[Nearest], members: &mut [Vec<usize>]) {
    let mut owners: Vec<usize> = nearest.iter().map(|nearest| nearest.word).collect();
    let mut distances: Vec<f64> = nearest.iter().map(|nearest| nearest.squared_distance).collect();
    for empty in 0..members.len() {
        if !members[empty].is_empty() {
            continue;
        }
        let Some(farthest) = farthest_with_company(&distances, &owners, members) else { return };
        members[owners[farthest]].retain(|&row| row != farthest);
        members[empty].push(farthest);
        owners[farthest] = empty;
        approach(descriptors, farthest, &mut distances);
    }
}

/// The row of the largest distance above zero, the first of equal ones, among the clusters of several descriptors.
fn farthest_with_company(distances: &[f64], owners: &[usize], members: &[Vec<usize>]) -> Option<usize> {
    let mut farthest = (None, 0.0);
    for (row, (&distance, &owner)) in distances.iter().zip(owners).enumerate() {
        if distance > farthest.1 && members[owner].len() > 1 {
            farthest = (Some(row), distance);
        }
    }
    farthest.0
}

/// The means of clusters; a cluster that is empty keeps its word.
///
/// Each is summed by one thread, in the order of rows.
fn means(descriptors: ArrayView2<'_, f64>, members: &[Vec<usize>], words: ArrayView2<'_, f64>) -> Array2<f64> {
    let mut means = words.to_owned();
    means.axis_iter_mut(Axis(0)).into_par_iter().zip(members).filter(|(_, rows)| !rows.is_empty()).for_each(
        |(mut mean, rows)| {
            let mut sum = Array1::zeros(descriptors.ncols());
            rows.iter().for_each(|&row| sum += &descriptors.row(row));
            mean.assign(&(sum / rows.len() as f64));
        },
    );
    means
}
