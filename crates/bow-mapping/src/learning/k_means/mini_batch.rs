//! K-means over a few descriptors at a time, by linfa's incremental k-means.

use linfa::prelude::*;
use linfa_clustering::{IncrKMeansError, KMeans, KMeansInit};
use ndarray::{ArrayView2, Axis};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::{Moved, Stopping};
use crate::Codebook;
use crate::learning::sampling::draw_rows;
use crate::learning::{LearningError, Observer, Step};

/// How the descriptors of an iteration are drawn.
pub(super) struct MiniBatches {
    /// How many.
    pub size: usize,
    /// What draws them.
    pub random: Xoshiro256PlusPlus,
}

/// Moves words towards the descriptors of one mini-batch after the other.
///
/// The objective that `observer` sees is the batch's inertia, scaled to all descriptors.
///
/// # Errors
/// Whatever linfa reports.
pub(super) fn iterate(
    descriptors: ArrayView2<'_, f64>,
    start: Codebook,
    mut batches: MiniBatches,
    stopping: Stopping,
    observer: &mut Observer<'_>,
) -> Result<Moved, LearningError> {
    let incremental = KMeans::params_with_rng(start.word_count(), batches.random.clone())
        // linfa compares the length itself with its tolerance, and asks for one above zero.
        .tolerance(stopping.threshold.sqrt().max(f64::MIN_POSITIVE))
        .init_method(KMeansInit::Precomputed(start.words().to_owned()));
    let mut moved = Moved { codebook: start, iterations: 0, converged: false };
    let mut state = None;
    while moved.iterations < stopping.limit && !moved.converged {
        let rows = draw_rows(descriptors.nrows(), batches.size, &mut batches.random);
        let batch = DatasetBase::from(descriptors.select(Axis(0), &rows));
        let model = match incremental.fit_with(state, &batch) {
            Ok(model) => {
                moved.converged = true;
                model
            }
            Err(IncrKMeansError::NotConverged(model)) => model,
            Err(IncrKMeansError::LinfaError(error)) => return Err(error.into()),
            Err(IncrKMeansError::InvalidParams(error)) => {
                return Err(linfa::Error::Parameters(error.to_string()).into());
            }
        };
        moved.iterations += 1;
        moved.codebook = Codebook::new(model.centroids().clone())?;
        let objective = model.inertia() * descriptors.nrows() as f64;
        observer(Step { iteration: moved.iterations, limit: stopping.limit, objective });
        state = Some(model);
    }
    Ok(moved)
}
