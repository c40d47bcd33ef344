//! K-means: the words of a codebook as the means of clusters.

mod lloyd;
mod mini_batch;
mod plus_plus;

use mini_batch::MiniBatches;
use ndarray::{ArrayView2, Axis};
pub(super) use plus_plus::draw as draw_far_apart;
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

use super::checks::{check_learnable, check_not_negative, check_positive};
use super::distance::{Nearest, nearest_word};
use super::learner::join_to_linfa;
use super::{Learned, Learner, LearningError, Observer};
use crate::error::check_dimensions;
use crate::{Codebook, Error};

/// Which descriptors an iteration sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Batches {
    /// All of them (Lloyd's algorithm).
    #[default]
    Full,
    /// A random few: linfa's incremental k-means (Sculley 2010), for more descriptors than one would go through many
    /// times.
    ///
    /// A word that is never the nearest stays at the descriptor that it started from.
    Mini {
        /// How many descriptors an iteration draws; scikit-learn takes 1024.
        size: usize,
    },
}

/// K-means, unchecked: a codebook whose words are the means of the descriptors nearest to them.
///
/// ```text
/// argmin_{b_1 … b_V}  Σ_l min_d ‖l − b_d‖²
/// ```
/// * `l` — the descriptors, (L, D); `b_d` — the words, (V, D)
///
/// The words start at descriptors drawn by k-means++ (Arthur and Vassilvitskii 2007): each with a probability in
/// proportion to its squared distance from the words drawn before; draw by draw what linfa's `KMeansPlusPlus` picks.
///
/// The objective that is reported ("inertia") is this sum, not its mean, at the words that are returned.
///
/// A word that is the nearest of no descriptor is moved to the descriptor that is farthest from its own word (of
/// equally far ones to the first; several such words one after the other, each counted as a word for those that
/// follow). The objective never increases by that.
///
/// ```
/// use bow_mapping::learning::{KMeansParams, Learner};
/// use linfa::prelude::*;
/// use ndarray::array;
///
/// let descriptors = array![[0.0, 0.0], [0.0, 2.0], [10.0, 0.0], [10.0, 4.0]];
/// let learned = KMeansParams::new(2).seed(1).learn(descriptors.view())?;
/// assert_eq!(learned.objective, 10.0); // 2 · 1² + 2 · 2²
///
/// let fitted = KMeansParams::new(2).seed(1).fit(&DatasetBase::from(descriptors))?; // as linfa's own estimators
/// assert_eq!(fitted, learned);
/// # Ok::<(), bow_mapping::learning::LearningError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct KMeansParams(KMeansValidParams);

/// K-means, checked; made by [`check`](linfa::ParamGuard::check).
#[derive(Clone, Debug, PartialEq)]
pub struct KMeansValidParams {
    words: usize,
    seed: u64,
    /// Words to start from, where k-means++ does not draw them.
    start: Option<Codebook>,
    batches: Batches,
    max_iterations: usize,
    tolerance: f64,
}

impl KMeansParams {
    /// K-means for `words` words (V), by default with seed 1, a k-means++ start, full batches, at most 300 iterations and
    /// the tolerance 1e-4.
    pub fn new(words: usize) -> Self {
        Self(KMeansValidParams {
            words,
            seed: 1,
            start: None,
            batches: Batches::default(),
            max_iterations: 300,
            tolerance: 1e-4,
        })
    }

    /// Seeds the start and the draws of mini-batches.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.0.seed = seed;
        self
    }

    /// Words to start from, in place of those that k-means++ draws.
    #[must_use]
    pub fn start(mut self, words: Codebook) -> Self {
        self.0.start = Some(words);
        self
    }

    /// Which descriptors an iteration sees.
    #[must_use]
    pub fn batches(mut self, batches: Batches) -> Self {
        self.0.batches = batches;
        self
    }

    /// How many iterations there are at most; 300 is linfa's and scikit-learn's, the reference of the paper's synthetic
    /// experiment takes 50.
    #[must_use]
    pub fn max_iterations(mut self, max_iterations: usize) -> Self {
        self.0.max_iterations = max_iterations;
        self
    }

    /// The words have converged when `Σ_d ‖b_d(new) − b_d(old)‖²` is at most this times the descriptors' variance,
    /// averaged over dimensions (scikit-learn's convention, independent of units; so is the value, 1e-4). With 0,
    /// iterations go on until no word moves.
    #[must_use]
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.0.tolerance = tolerance;
        self
    }
}

join_to_linfa!(KMeansParams, KMeansValidParams);

impl Learner for KMeansValidParams {
    type Model = Codebook;

    fn learn_observed(
        &self,
        descriptors: ArrayView2<'_, f64>,
        observer: &mut Observer<'_>,
    ) -> Result<Learned<Codebook>, LearningError> {
        let clustering = self.cluster(descriptors, observer)?;
        Ok(Learned {
            objective: clustering.nearest.iter().map(|nearest| nearest.squared_distance).sum(),
            model: clustering.codebook,
            iterations: clustering.iterations,
            converged: clustering.converged,
        })
    }
}

/// Words, and the descriptors that are nearest to them.
pub(super) struct Clustering {
    pub codebook: Codebook,
    pub nearest: Vec<Nearest>,
    iterations: usize,
    converged: bool,
}

/// When the words have moved enough.
#[derive(Clone, Copy)]
struct Stopping {
    /// Iterations, at most.
    limit: usize,
    /// The squared length that the words may move altogether and still count as converged.
    threshold: f64,
}

/// Words that have moved until they hardly did any more.
struct Moved {
    codebook: Codebook,
    iterations: usize,
    converged: bool,
}

impl KMeansValidParams {
    fn validate(&self) -> Result<(), Error> {
        check_positive("the number of words", self.words)?;
        check_positive("the limit of iterations", self.max_iterations)?;
        check_not_negative("the tolerance", self.tolerance)?;
        match self.batches {
            Batches::Full => Ok(()),
            Batches::Mini { size } => check_positive("the size of mini-batches", size),
        }
    }

    /// The words, as an array, and where each descriptor belongs.
    pub(super) fn cluster(
        &self,
        descriptors: ArrayView2<'_, f64>,
        observer: &mut Observer<'_>,
    ) -> Result<Clustering, LearningError> {
        check_learnable(descriptors)?;
        let descriptors = descriptors.as_standard_layout();
        let descriptors = descriptors.view();
        let mut random = Xoshiro256PlusPlus::seed_from_u64(self.seed);
        let start = self.start_words(descriptors, &mut random)?;
        let variance = descriptors.var_axis(Axis(0), 0.0).mean().unwrap_or_default();
        let stopping = Stopping { limit: self.max_iterations, threshold: self.tolerance * variance };
        let Moved { codebook, iterations, converged } = match self.batches {
            Batches::Full => lloyd::iterate(descriptors, start, stopping, observer)?,
            Batches::Mini { size } => {
                mini_batch::iterate(descriptors, start, MiniBatches { size, random }, stopping, observer)?
            }
        };
        let nearest = nearest_word(descriptors, &codebook)?;
        Ok(Clustering { codebook, nearest, iterations, converged })
    }

    fn start_words(
        &self,
        descriptors: ArrayView2<'_, f64>,
        random: &mut Xoshiro256PlusPlus,
    ) -> Result<Codebook, Error> {
        match &self.start {
            None => {
                let rows = plus_plus::draw(descriptors, self.words, random)?;
                Codebook::new(descriptors.select(Axis(0), &rows))
            }
            Some(codebook) => {
                check_dimensions("a visual word to start from", codebook.dimensions(), descriptors.ncols())?;
                if codebook.word_count() != self.words {
                    return Err(Error::TooFew {
                        what: "visual words to start from",
                        wanted: self.words,
                        available: codebook.word_count(),
                    });
                }
                Ok(codebook.clone())
            }
        }
    }
}

#[cfg(test)]
mod tests;
