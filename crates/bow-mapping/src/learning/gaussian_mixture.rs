//! Gaussian mixtures with diagonal covariance, by expectation-maximization.

use linfa::ParamGuard;
use ndarray::parallel::prelude::*;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, Zip};

use super::checks::{check_learnable, check_not_negative, check_positive};
use super::learner::join_to_linfa;
use super::{KMeansParams, Learned, Learner, LearningError, Observer, Step};
use crate::error::check_above;
use crate::{Error, GaussianMixture};

/// Into how many parts descriptors are divided for parallel work; more would only cost memory.
const PARTS: usize = 64;

/// A component of a smaller weight would make a Fisher vector's entries, which grow with `1/√w_k` (Eq. 41), too large.
const SMALLEST_WEIGHT: f64 = 1e-9;

/// Expectation-maximization, unchecked: the mixture under which the descriptors are most likely.
///
/// ```text
/// argmax_{w, μ, σ}  1/L Σ_l ln Σ_k w_k g_k(l)          g_k, w_k: Bach et al. 2015, Eqs (39), (40)
/// ```
/// * `l` — the descriptors, (L, D)
/// * `α_k = ln w_k`, (K); `μ`, `σ` — means and standard deviations, (K, D)
///
/// The objective that is reported is this mean log-likelihood; no iteration lowers it. The start are the clusters of
/// k-means with the same seed. Two bounds keep the mixture usable, and the maximum is sought within them: the variance
/// has a floor, and no weight falls below 1e-9. A component that no descriptor belongs to any more keeps its mean and
/// deviations.
///
/// ```
/// use bow_mapping::learning::{GaussianMixtureParams, Learner};
/// use ndarray::array;
///
/// let descriptors = array![[-0.1], [0.0], [0.1], [5.0], [7.0]];
/// let mixture = GaussianMixtureParams::new(2).seed(1).learn(descriptors.view())?.model;
/// let narrow = if mixture.means()[[0, 0]] < 1.0 { 0 } else { 1 };
/// assert!((mixture.weights()[narrow] - 0.6).abs() < 1e-6);
/// assert!((mixture.deviations()[[1 - narrow, 0]] - 1.0).abs() < 1e-6);
/// # Ok::<(), bow_mapping::learning::LearningError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct GaussianMixtureParams(GaussianMixtureValidParams);

/// Expectation-maximization, checked; made by [`check`](linfa::ParamGuard::check).
#[derive(Clone, Debug, PartialEq)]
pub struct GaussianMixtureValidParams {
    components: usize,
    seed: u64,
    max_iterations: usize,
    tolerance: f64,
    variance_floor: f64,
}

impl GaussianMixtureParams {
    /// Expectation-maximization for `components` components (K), by default with seed 1, at most 100 iterations, the
    /// tolerance 1e-3 and the variance floor 1e-4.
    pub fn new(components: usize) -> Self {
        Self(GaussianMixtureValidParams {
            components,
            seed: 1,
            max_iterations: 100,
            tolerance: 1e-3,
            variance_floor: 1e-4,
        })
    }

    /// Seeds the k-means of the start.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.0.seed = seed;
        self
    }

    /// How many iterations there are at most; 100 is scikit-learn's and VLFeat's.
    #[must_use]
    pub fn max_iterations(mut self, max_iterations: usize) -> Self {
        self.0.max_iterations = max_iterations;
        self
    }

    /// The mixture has converged when the mean log-likelihood rises by no more than this; 1e-3 is scikit-learn's.
    #[must_use]
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.0.tolerance = tolerance;
        self
    }

    /// The smallest variance, as a share of the largest variance that the descriptors have in any dimension; 1e-4 is
    /// what VLFeat's recognition experiments train their Fisher encoders with.
    #[must_use]
    pub fn variance_floor(mut self, variance_floor: f64) -> Self {
        self.0.variance_floor = variance_floor;
        self
    }
}

join_to_linfa!(GaussianMixtureParams, GaussianMixtureValidParams);

impl GaussianMixtureValidParams {
    fn validate(&self) -> Result<(), Error> {
        check_positive("the number of components", self.components)?;
        check_positive("the limit of iterations", self.max_iterations)?;
        check_not_negative("the tolerance", self.tolerance)?;
        check_above("the variance floor", self.variance_floor, 0.0, "a finite number above 0")
    }

    /// The mixture of k-means' clusters: its words, the clusters' shares, and the deviations from the words.
    fn start(&self, descriptors: ArrayView2<'_, f64>, floor: f64) -> Result<GaussianMixture, LearningError> {
        let clustering =
            KMeansParams::new(self.components).seed(self.seed).check()?.cluster(descriptors, &mut |_| {})?;
        let words = clustering.codebook.words();
        let mut counts = Array1::zeros(self.components);
        let mut variances = Array2::zeros(words.raw_dim());
        for (descriptor, nearest) in descriptors.rows().into_iter().zip(&clustering.nearest) {
            counts[nearest.word] += 1.0;
            let difference = &descriptor - &words.row(nearest.word);
            let mut sum = variances.row_mut(nearest.word);
            sum += &(&difference * &difference);
        }
        for (mut variance, &count) in variances.rows_mut().into_iter().zip(&counts) {
            variance.mapv_inplace(|sum| (sum / f64::max(count, 1.0)).max(floor));
        }
        let weights = bounded_weights(counts.view());
        Ok(GaussianMixture::from_weights(weights, words.to_owned(), variances.mapv(f64::sqrt))?)
    }
}

impl Learner for GaussianMixtureValidParams {
    type Model = GaussianMixture;

    fn learn_observed(
        &self,
        descriptors: ArrayView2<'_, f64>,
        observer: &mut Observer<'_>,
    ) -> Result<Learned<GaussianMixture>, LearningError> {
        check_learnable(descriptors)?;
        let floor = self.variance_floor * largest_variance(descriptors);
        check_above("the smallest allowed variance", floor, 0.0, "above 0: all local features are the same")?;
        let mut model = self.start(descriptors, floor)?;
        let mut statistics = Statistics::collect(&model, descriptors)?;
        let mut iterations = 0;
        let mut converged = false;
        while iterations < self.max_iterations && !converged {
            model = statistics.maximize(&model, floor)?;
            let next = Statistics::collect(&model, descriptors)?;
            converged = next.mean_log_likelihood() - statistics.mean_log_likelihood() <= self.tolerance;
            statistics = next;
            iterations += 1;
            let objective = statistics.mean_log_likelihood();
            observer(Step { iteration: iterations, limit: self.max_iterations, objective });
        }
        Ok(Learned { model, objective: statistics.mean_log_likelihood(), iterations, converged })
    }
}

fn largest_variance(descriptors: ArrayView2<'_, f64>) -> f64 {
    descriptors.var_axis(Axis(0), 0.0).fold(0.0, |largest, &variance| largest.max(variance))
}

/// What the maximization needs to know of the descriptors, and their log-likelihood.
struct Statistics {
    /// `Σ_l γ[l](k)`, (K)
    counts: Array1<f64>,
    /// `Σ_l γ[l](k) (l_r − μ_kr)`, (K, D), about the means that the posteriors `γ` were computed with
    differences: Array2<f64>,
    /// `Σ_l γ[l](k) (l_r − μ_kr)²`, (K, D)
    squares: Array2<f64>,
    log_likelihood: f64,
    descriptors: usize,
}

impl Statistics {
    /// The expectation: posteriors (Eq. 40) of all descriptors, summed up.
    ///
    /// The descriptors are divided into [`PARTS`], whatever the number of threads, and the parts added in order.
    fn collect(mixture: &GaussianMixture, descriptors: ArrayView2<'_, f64>) -> Result<Self, Error> {
        let parts: Vec<Self> = descriptors
            .axis_chunks_iter(Axis(0), descriptors.nrows().div_ceil(PARTS))
            .into_par_iter()
            .map(|part| Self::of_part(mixture, part))
            .collect::<Result<_, _>>()?;
        let mut sum = Self::zeros(mixture);
        parts.iter().for_each(|part| sum.add(part));
        Ok(sum)
    }

    fn of_part(mixture: &GaussianMixture, descriptors: ArrayView2<'_, f64>) -> Result<Self, Error> {
        let log_densities = mixture.log_joint_densities(descriptors)?;
        let mut part = Self::zeros(mixture);
        part.descriptors = descriptors.nrows();
        for (descriptor, log_densities) in descriptors.rows().into_iter().zip(log_densities.rows()) {
            let log_likelihood = log_sum_exp(log_densities);
            part.log_likelihood += log_likelihood;
            for (component, log_density) in log_densities.iter().enumerate() {
                let posterior = (log_density - log_likelihood).exp();
                if posterior > 0.0 {
                    part.count(component, posterior, descriptor, mixture.means().row(component));
                }
            }
        }
        Ok(part)
    }

    fn zeros(mixture: &GaussianMixture) -> Self {
        let shape = mixture.means().raw_dim();
        Self {
            counts: Array1::zeros(mixture.component_count()),
            differences: Array2::zeros(shape),
            squares: Array2::zeros(shape),
            log_likelihood: 0.0,
            descriptors: 0,
        }
    }

    fn count(&mut self, component: usize, posterior: f64, descriptor: ArrayView1<'_, f64>, mean: ArrayView1<'_, f64>) {
        self.counts[component] += posterior;
        Zip::from(self.differences.row_mut(component))
            .and(self.squares.row_mut(component))
            .and(descriptor)
            .and(mean)
            .for_each(|differences, squares, value, mean| {
                let difference = value - mean;
                *differences += posterior * difference;
                *squares += posterior * difference * difference;
            });
    }

    fn add(&mut self, part: &Self) {
        self.counts += &part.counts;
        self.differences += &part.differences;
        self.squares += &part.squares;
        self.log_likelihood += part.log_likelihood;
        self.descriptors += part.descriptors;
    }

    fn mean_log_likelihood(&self) -> f64 {
        self.log_likelihood / self.descriptors as f64
    }

    /// The maximization: weights, means and deviations under which the posteriors' expected log-likelihood is largest.
    ///
    /// ```text
    /// w_k = n_k / L,   μ_kr = Σ_l γ[l](k) l_r / n_k,   σ_kr² = Σ_l γ[l](k) (l_r − μ_kr)² / n_k,   n_k = Σ_l γ[l](k)
    /// ```
    /// * `previous` — the mixture of the posteriors, whose means the statistics are about
    /// * `floor` — of the variance; in each component and dimension a variance clipped to it is the best one allowed
    fn maximize(&self, previous: &GaussianMixture, floor: f64) -> Result<GaussianMixture, Error> {
        let mut means = previous.means().to_owned();
        let mut deviations = previous.deviations().to_owned();
        for (component, &count) in self.counts.iter().enumerate() {
            if count < SMALLEST_WEIGHT {
                continue;
            }
            Zip::from(means.row_mut(component))
                .and(deviations.row_mut(component))
                .and(self.differences.row(component))
                .and(self.squares.row(component))
                .for_each(|mean, deviation, differences, squares| {
                    let shift = differences / count;
                    *mean += shift;
                    *deviation = (squares / count - shift * shift).max(floor).sqrt();
                });
        }
        GaussianMixture::from_weights(bounded_weights(self.counts.view()), means, deviations)
    }
}

/// `ln Σ_k exp(v_k)`
fn log_sum_exp(values: ArrayView1<'_, f64>) -> f64 {
    let largest = values.fold(f64::NEG_INFINITY, |largest, &value| largest.max(value));
    largest + values.iter().map(|value| (value - largest).exp()).sum::<f64>().ln()
}

/// Weights in proportion to `counts`, none below [`SMALLEST_WEIGHT`], summing to one: of all such weights those of the
/// largest `Σ_k n_k ln w_k`.
fn bounded_weights(counts: ArrayView1<'_, f64>) -> Array1<f64> {
    let shares = &counts / counts.sum();
    let raised = shares.iter().filter(|&&share| share < SMALLEST_WEIGHT).count();
    let kept: f64 = shares.iter().filter(|&&share| share >= SMALLEST_WEIGHT).sum();
    let scale = (1.0 - raised as f64 * SMALLEST_WEIGHT) / kept;
    shares.mapv(|share| if share < SMALLEST_WEIGHT { SMALLEST_WEIGHT } else { share * scale })
}

#[cfg(test)]
mod tests;
