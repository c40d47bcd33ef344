//! Multiple kernel learning: one support vector machine over a weighted sum of kernels.

use linfa::ParamGuard;
use ndarray::{Array1, Array2, ArrayBase, Data, Ix2};
use serde::{Deserialize, Serialize};

use super::error::{check_gram, check_length, check_positive};
use super::{DualSolution, SvmParams, TrainingError, ValidSvmParams};

/// Where the kernels' weights `β_u` come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KernelWeights {
    /// They are given, one for each kernel, and are not scaled.
    Given(Vec<f64>),
    /// They are learned.
    Learned(LpNorm),
}

impl KernelWeights {
    /// Fails when these can't be the weights of so many kernels.
    pub(super) fn check(&self, kernels: usize) -> Result<(), TrainingError> {
        match self {
            Self::Given(weights) => check_weights(weights, kernels),
            Self::Learned(learning) => learning.check(),
        }
    }
}

/// How kernel weights are learned: under `‖β‖_p ≤ 1`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LpNorm {
    /// `p`, above 1: weights are the sparser the nearer it is to 1. 2, as good a choice as any between sparse and
    /// uniform weights (Kloft et al. 2011).
    pub norm: f64,
    /// Iterations end when no weight changes by more; 1e-12.
    pub tolerance: f64,
    /// An error after so many iterations; 10,000, enough for p ≥ 1.01.
    pub max_iterations: usize,
}

impl Default for LpNorm {
    fn default() -> Self {
        Self { norm: 2.0, tolerance: 1e-12, max_iterations: 10_000 }
    }
}

/// A support vector machine over several kernels: `f(x) = b + Σ_i c_i Σ_u β_u k_u(x_i(u), x(u))` (Eq. 21).
#[derive(Clone, Debug, PartialEq)]
pub struct MklSolution {
    /// `β_u`, one for each kernel.
    pub weights: Vec<f64>,
    /// The support vector machine over `Σ_u β_u K_u`.
    pub dual: DualSolution,
    /// How many support vector machines were trained on the way.
    pub iterations: usize,
}

/// The Gram matrix of a weighted sum of kernels.
///
/// ```text
/// K = Σ_u β_u K_u                                         the kernel of Bach et al. 2015, Eq. (21)
/// ```
/// * `grams` — `K_u`, each (N, M)
/// * `weights` — `β_u`
///
/// ```
/// use kernel_machines::combined_gram;
/// use ndarray::array;
/// let grams = [array![[1.0, 0.5], [0.5, 1.0]], array![[2.0, -2.0], [-2.0, 4.0]]];
/// assert_eq!(combined_gram(&grams, &[1.0, 0.25])?, array![[1.5, 0.0], [0.0, 2.0]]);
/// # Ok::<(), kernel_machines::TrainingError>(())
/// ```
///
/// # Errors
/// No matrices, not one weight for each, matrices of different shapes, or a weight that is negative or not finite.
pub fn combined_gram<S: Data<Elem = f64>>(
    grams: &[ArrayBase<S, Ix2>],
    weights: &[f64],
) -> Result<Array2<f64>, TrainingError> {
    check_weights(weights, grams.len())?;
    let first = grams.first().ok_or(TrainingError::Empty)?;
    for gram in grams {
        check_length("rows of a Gram matrix", gram.nrows(), first.nrows())?;
        check_length("columns of a Gram matrix", gram.ncols(), first.ncols())?;
    }
    Ok(weighted_sum(grams, weights))
}

/// Trains a support vector machine over several kernels, whose weights are given or learned.
///
/// Learned weights solve
/// ```text
/// min over β ≥ 0, ‖β‖_p ≤ 1  of  max over α of  Σ_i α_i − ½ Σ_ij α_i α_j y_i y_j Σ_u β_u k_u(x_i, x_j)
/// ```
/// by turns: the machine for the present weights, then the weights that are best for its
/// `‖w_u‖² = β_u² Σ_ij c_i c_j k_u(x_i, x_j)` (Kloft et al. 2011, "ℓp-norm multiple kernel learning"),
/// ```text
/// β_u = ‖w_u‖^(2/(p+1)) / ( Σ_v ‖w_v‖^(2p/(p+1)) )^(1/p)
/// ```
/// * `grams` — `K_u` of all training points with themselves, each (N, N)
/// * `positive` — N
///
/// ```
/// use kernel_machines::{KernelWeights, LpNorm, SvmParams, train_kernel_weights};
/// use ndarray::array;
///
/// // The first kernel tells the classes apart, the second knows nothing.
/// let grams = [array![[1.0, -1.0], [-1.0, 1.0]], array![[1.0, 1.0], [1.0, 1.0]]];
/// let learned = KernelWeights::Learned(LpNorm::default());
/// let solution = train_kernel_weights(&grams, &[true, false], &learned, &SvmParams::default())?;
/// assert_eq!(solution.weights, [1.0, 0.0]);
///
/// let given = KernelWeights::Given(vec![0.5, 0.5]);
/// let solution = train_kernel_weights(&grams, &[true, false], &given, &SvmParams::default())?;
/// assert_eq!(solution.dual.coefficients, array![1.0, -1.0]);
/// # Ok::<(), kernel_machines::TrainingError>(())
/// ```
///
/// # Errors
/// Those of [`combined_gram`] and of [`SvmParams::fit_gram`]; `p` ≤ 1; [`TrainingError::NotConverged`] when the weights
/// still change after all iterations.
pub fn train_kernel_weights<S: Data<Elem = f64>>(
    grams: &[ArrayBase<S, Ix2>],
    positive: &[bool],
    weights: &KernelWeights,
    svm: &SvmParams,
) -> Result<MklSolution, TrainingError> {
    match weights {
        KernelWeights::Given(weights) => {
            let dual = svm.fit_gram(combined_gram(grams, weights)?.view(), positive)?;
            Ok(MklSolution { weights: weights.clone(), dual, iterations: 1 })
        }
        KernelWeights::Learned(learning) => learning.train(grams, positive, svm.check_ref()?),
    }
}

impl LpNorm {
    fn train<S: Data<Elem = f64>>(
        &self,
        grams: &[ArrayBase<S, Ix2>],
        positive: &[bool],
        svm: &ValidSvmParams,
    ) -> Result<MklSolution, TrainingError> {
        self.check()?;
        for gram in grams {
            check_gram(gram.view())?;
        }
        // Weights settle to their tolerance only if the machines do.
        let svm = svm.at_least_as_exact_as(self.tolerance);
        let uniform = (1.0 / grams.len() as f64).powf(1.0 / self.norm);
        let mut weights = vec![uniform; grams.len()];
        let mut dual = svm.fit_gram(combined_gram(grams, &weights)?.view(), positive)?;
        let mut change = f64::INFINITY;
        for iteration in 1..=self.max_iterations {
            let updated = self.update(&weights, &squared_norms(grams, &weights, &dual.coefficients));
            change = weights.iter().zip(&updated).map(|(old, new)| (new - old).abs()).fold(0.0, f64::max);
            weights = updated;
            dual = svm.refit(weighted_sum(grams, &weights).view(), positive, dual.coefficients)?;
            if change <= self.tolerance {
                return Ok(MklSolution { weights, dual, iterations: iteration + 1 });
            }
        }
        Err(TrainingError::NotConverged {
            what: "learning of kernel weights",
            iterations: self.max_iterations,
            remaining: change,
            tolerance: self.tolerance,
        })
    }

    fn check(&self) -> Result<(), TrainingError> {
        check_positive("tolerance of kernel weights", self.tolerance)?;
        if self.norm.is_finite() && self.norm > 1.0 {
            Ok(())
        } else {
            let expected = "a finite number above 1";
            Err(TrainingError::Parameter { name: "norm p of the kernel weights", value: self.norm, expected })
        }
    }

    /// The best weights for these `‖w_u‖²`.
    fn update(&self, weights: &[f64], squared_norms: &[f64]) -> Vec<f64> {
        // Only their proportions matter: divided by the largest, powers neither overflow nor vanish.
        let largest = squared_norms.iter().copied().fold(0.0, f64::max);
        if largest == 0.0 {
            return weights.to_vec(); // no kernel says anything: all weights are as good
        }
        let raw: Vec<f64> = squared_norms.iter().map(|norm| (norm / largest).powf(1.0 / (self.norm + 1.0))).collect();
        let total = raw.iter().map(|weight| weight.powf(self.norm)).sum::<f64>().powf(1.0 / self.norm);
        raw.iter().map(|weight| weight / total).collect()
    }
}

/// `‖w_u‖² = β_u² Σ_ij c_i c_j k_u(x_i, x_j)`
fn squared_norms<S: Data<Elem = f64>>(
    grams: &[ArrayBase<S, Ix2>],
    weights: &[f64],
    coefficients: &Array1<f64>,
) -> Vec<f64> {
    // Rounding, or a matrix that is not positive semi-definite, can take a square below zero.
    let square = |(gram, weight): (&ArrayBase<S, Ix2>, &f64)| {
        (weight * weight * coefficients.dot(&gram.dot(coefficients))).max(0.0)
    };
    grams.iter().zip(weights).map(square).collect()
}

fn weighted_sum<S: Data<Elem = f64>>(grams: &[ArrayBase<S, Ix2>], weights: &[f64]) -> Array2<f64> {
    let shape = grams.first().map_or((0, 0), |gram| gram.dim());
    let mut sum = Array2::zeros(shape);
    for (gram, &weight) in grams.iter().zip(weights) {
        sum.scaled_add(weight, gram);
    }
    sum
}

fn check_weights(weights: &[f64], kernels: usize) -> Result<(), TrainingError> {
    check_length("kernel weights", weights.len(), kernels)?;
    match weights.iter().find(|weight| !(weight.is_finite() && **weight >= 0.0)) {
        Some(&value) => {
            Err(TrainingError::Parameter { name: "kernel weight", value, expected: "a finite number, 0 or larger" })
        }
        None => Ok(()),
    }
}
