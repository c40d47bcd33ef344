//! The dictionary of regularized coding (Eq. 37), by alternating minimization.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

use super::checks::{check_learnable, check_not_negative, check_positive};
use super::k_means::draw_far_apart;
use super::learner::join_to_linfa;
use super::{Learned, Learner, LearningError, Observer, Step};
use crate::{Codebook, Error, Lasso, LassoOptions, Map, Ridge, RidgeOptions};

/// `Q` of Eq. 37: what a code costs apart from its error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Penalty {
    /// `Q(c) = λ‖c‖₁`: few words for each descriptor.
    Lasso(LassoOptions),
    /// `Q(c) = λ‖c‖²`: all words, with small coefficients.
    Ridge(RidgeOptions),
}

impl Default for Penalty {
    /// The lasso with its default `λ`.
    fn default() -> Self {
        Self::Lasso(LassoOptions::default())
    }
}

/// Dictionary learning, unchecked: words from which descriptors can be put together with small or few coefficients.
///
/// ```text
/// argmin_{B, C}  Σ_j ‖l_j − B c_j‖² + Q(c_j),   ‖b_d‖ = 1          Bach et al. 2015, Eq. (37)
/// ```
/// * `l_j` — the descriptors, (L, D)
/// * `B` — the words as columns, (D, V); they are returned as the rows of a codebook
/// * `c_j` — the codes, (V), those of the mappings [`Lasso`] and [`Ridge`]
/// * `Q` — a [`Penalty`] with its `λ`
///
/// The length of words is not in the paper; without it, long words with small coefficients would cost nothing.
///
/// The objective that is reported is the whole sum. Each iteration minimizes it over the codes with the words fixed, and
/// over the words, one after the other, with the codes fixed; none of these steps increases it. The start are directions
/// of descriptors, drawn far from each other by k-means++. A word that no code uses takes the direction of the descriptor
/// with the largest error (of equal ones the first; each descriptor once in an iteration).
///
/// ```
/// use bow_mapping::LassoOptions;
/// use bow_mapping::learning::{DictionaryParams, Learner, Penalty};
/// use ndarray::array;
///
/// let penalty = Penalty::Lasso(LassoOptions { lambda: 0.1, ..Default::default() });
/// let descriptors = array![[3.0, 4.0], [-1.5, -2.0], [0.0, 2.0]];
/// let learned = DictionaryParams::new(2).penalty(penalty).learn(descriptors.view())?;
/// // Two directions explain everything: what is left is close to the price of coefficients 5, 2.5 and 2.
/// assert!((learned.objective - 0.1 * 9.5).abs() < 0.01);
/// # Ok::<(), bow_mapping::learning::LearningError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DictionaryParams(DictionaryValidParams);

/// Dictionary learning, checked; made by [`check`](linfa::ParamGuard::check).
#[derive(Clone, Debug, PartialEq)]
pub struct DictionaryValidParams {
    words: usize,
    penalty: Penalty,
    seed: u64,
    max_iterations: usize,
    tolerance: f64,
}

impl DictionaryParams {
    /// Dictionary learning for `words` words (V), by default with the lasso, seed 1, at most 100 iterations and the
    /// tolerance 1e-4.
    pub fn new(words: usize) -> Self {
        Self(DictionaryValidParams {
            words,
            penalty: Penalty::default(),
            seed: 1,
            max_iterations: 100,
            tolerance: 1e-4,
        })
    }

    /// `Q` of Eq. 37, with its weight.
    #[must_use]
    pub fn penalty(mut self, penalty: Penalty) -> Self {
        self.0.penalty = penalty;
        self
    }

    /// Seeds the start.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.0.seed = seed;
        self
    }

    /// How many iterations there are at most; 100 is our choice: the objective hardly falls after some ten.
    #[must_use]
    pub fn max_iterations(mut self, max_iterations: usize) -> Self {
        self.0.max_iterations = max_iterations;
        self
    }

    /// The dictionary has converged when an iteration lowers the objective by no more than this share of it; 1e-4 is
    /// our choice.
    #[must_use]
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.0.tolerance = tolerance;
        self
    }
}

join_to_linfa!(DictionaryParams, DictionaryValidParams);

impl Learner for DictionaryValidParams {
    type Model = Codebook;

    fn learn_observed(
        &self,
        descriptors: ArrayView2<'_, f64>,
        observer: &mut Observer<'_>,
    ) -> Result<Learned<Codebook>, LearningError> {
        check_learnable(descriptors)?;
        let mut words = self.start(descriptors)?;
        let mut coding = self.penalty.code(&words, descriptors)?;
        let mut iterations = 0;
        let mut converged = false;
        while iterations < self.max_iterations && !converged {
            fit_words(&mut words, coding.codes.view(), descriptors);
            let next = self.penalty.code(&words, descriptors)?;
            converged = coding.objective - next.objective <= self.tolerance * coding.objective;
            coding = next;
            iterations += 1;
            observer(Step { iteration: iterations, limit: self.max_iterations, objective: coding.objective });
        }
        Ok(Learned { model: Codebook::new(words)?, objective: coding.objective, iterations, converged })
    }
}

impl DictionaryValidParams {
    fn validate(&self) -> Result<(), Error> {
        check_positive("the number of words", self.words)?;
        check_positive("the limit of iterations", self.max_iterations)?;
        check_not_negative("the tolerance", self.tolerance)?;
        // The mapping knows what its options may be; it asks for a codebook, any one.
        self.penalty.code(&Array2::ones((1, 1)), Array2::ones((1, 1)).view()).map(|_| ())
    }

    /// Directions of different descriptors, (V, D).
    fn start(&self, descriptors: ArrayView2<'_, f64>) -> Result<Array2<f64>, Error> {
        let lengths = descriptors.map_axis(Axis(1), length);
        let rows: Vec<usize> = (0..lengths.len()).filter(|&row| lengths[row].is_normal()).collect();
        let lengths = lengths.select(Axis(0), &rows).insert_axis(Axis(1));
        let directions = descriptors.select(Axis(0), &rows) / lengths;
        let mut random = Xoshiro256PlusPlus::seed_from_u64(self.seed);
        let rows = draw_far_apart(directions.view(), self.words, &mut random)?;
        Ok(directions.select(Axis(0), &rows))
    }
}

/// The best codes for given words, and what they cost.
struct Coding {
    /// (L, V)
    codes: Array2<f64>,
    /// Eq. 37
    objective: f64,
}

impl Penalty {
    /// Minimizes Eq. 37 over the codes.
    fn code(self, words: &Array2<f64>, descriptors: ArrayView2<'_, f64>) -> Result<Coding, Error> {
        let codebook = Codebook::new(words.clone())?;
        let (codes, objectives) = match self {
            Self::Lasso(options) => {
                let lasso = Lasso::new(codebook, options)?;
                let codes = lasso.assign(descriptors)?.to_dense();
                let objectives = lasso.objective(descriptors, codes.view())?;
                (codes, objectives)
            }
            Self::Ridge(options) => {
                let ridge = Ridge::new(codebook, options)?;
                let codes = ridge.assign(descriptors)?.to_dense();
                let objectives = ridge.objective(descriptors, codes.view())?;
                (codes, objectives)
            }
        };
        Ok(Coding { codes, objective: objectives.sum() })
    }
}

/// Sweeps over all words with the same codes; they cost little beside a coding.
const SWEEPS: usize = 10;

/// Minimizes Eq. 37 over the words, one after the other.
///
/// ```text
/// b_d ← the direction of  Σ_j c_jd (l_j − Σ_{e ≠ d} b_e c_je)
/// ```
/// That is the minimum over words of length one, since the error grows equally in all directions from the minimum over
/// all words.
fn fit_words(words: &mut Array2<f64>, codes: ArrayView2<'_, f64>, descriptors: ArrayView2<'_, f64>) {
    let moments = codes.t().dot(&codes); // Σ_j c_j c_jᵀ, (V, V)
    let targets = codes.t().dot(&descriptors); // Σ_j c_j l_jᵀ, (V, D)
    for _ in 0..SWEEPS {
        for word in 0..words.nrows() {
            let gradient = &targets.row(word) - &moments.row(word).dot(words);
            let wanted = gradient + &words.row(word) * moments[[word, word]];
            if let Some(direction) = direction(wanted.view()) {
                words.row_mut(word).assign(&direction);
            }
        }
    }
    replace_unused(words, moments.diag(), codes, descriptors);
}

/// Gives words without a code the directions of the descriptors that are coded worst.
fn replace_unused(
    words: &mut Array2<f64>,
    usage: ArrayView1<'_, f64>,
    codes: ArrayView2<'_, f64>,
    descriptors: ArrayView2<'_, f64>,
) {
    let unused = usage.iter().enumerate().filter(|&(_, &used)| used == 0.0).map(|(word, _)| word);
    let mut unused = unused.peekable();
    if unused.peek().is_none() {
        return;
    }
    let errors = (&descriptors - &codes.dot(words)).map_axis(Axis(1), |residual| residual.dot(&residual));
    let mut worst: Vec<usize> = (0..errors.len()).filter(|&row| errors[row] > 0.0).collect();
    worst.sort_by(|&left, &right| errors[right].total_cmp(&errors[left]));
    for (word, row) in unused.zip(worst) {
        if let Some(direction) = direction(descriptors.row(row)) {
            words.row_mut(word).assign(&direction);
        }
    }
}

/// The vector of length one; `None` where there is no direction up to rounding.
fn direction(vector: ArrayView1<'_, f64>) -> Option<Array1<f64>> {
    let length = length(vector);
    length.is_normal().then(|| &vector / length)
}

fn length(vector: ArrayView1<'_, f64>) -> f64 {
    vector.dot(&vector).sqrt()
}

#[cfg(test)]
mod tests;
