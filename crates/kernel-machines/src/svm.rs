//! The C-SVM on a precomputed Gram matrix.

use linfa::ParamGuard;
use linfa::dataset::{AsSingleTargets, DatasetBase};
use linfa::traits::Fit;
use ndarray::{Array1, ArrayBase, ArrayView2, Data, Ix2};
use serde::{Deserialize, Serialize};

use super::TrainingError;
use super::error::{check_both_classes, check_gram, check_length, check_positive};
use super::problem::{Problem, State};
use super::{active_set, smo};

/// The largest violation with which pairwise steps hand over to Newton steps.
const START_TOLERANCE: f64 = 1e-3;

/// Pairwise steps for each point at most: what is not optimal by then is left to Newton steps.
const START_STEPS: usize = 20;

/// How much an error on a point of each class costs, relative to `C`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassWeight {
    /// The same for both classes.
    #[default]
    None,
    /// `N / (2 N_class)`: both classes cost the same in total, whatever their sizes.
    Balanced,
    /// As given.
    Given {
        /// Factor of positive points.
        positive: f64,
        /// Factor of negative points.
        negative: f64,
    },
}

/// Parameters of a C-SVM, checked before they are used.
///
/// ```
/// use kernel_machines::{ClassWeight, SvmParams};
/// use ndarray::array;
///
/// let gram = array![[4.0, -2.0, 2.0], [-2.0, 1.0, -1.0], [2.0, -1.0, 1.0]]; // x = 2, −1, 1
/// let svm = SvmParams::default().cost(10.0).class_weight(ClassWeight::Balanced);
/// let dual = svm.fit_gram(gram.view(), &[true, false, true])?;
/// // Only the points −1 and 1 carry the margin: f(x) = ½ (−1)(−1) x + ½ (1)(1) x = x
/// assert!((&dual.coefficients - &array![0.0, -0.5, 0.5]).iter().all(|error| error.abs() < 1e-12));
/// assert!(dual.bias.abs() < 1e-12);
/// assert!(SvmParams::default().cost(-1.0).fit_gram(gram.view(), &[true, false, true]).is_err());
/// # Ok::<(), kernel_machines::TrainingError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SvmParams(ValidSvmParams);

/// Checked parameters of a C-SVM.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidSvmParams {
    cost: f64,
    class_weight: ClassWeight,
    tolerance: f64,
}

impl Default for ValidSvmParams {
    fn default() -> Self {
        Self { cost: 10.0, class_weight: ClassWeight::None, tolerance: 1e-10 }
    }
}

impl SvmParams {
    /// `C`, what an error costs; 10, that of the polygon experiment.
    #[must_use]
    pub fn cost(mut self, cost: f64) -> Self {
        self.0.cost = cost;
        self
    }

    /// Factors of `C` for each class; none.
    #[must_use]
    pub fn class_weight(mut self, class_weight: ClassWeight) -> Self {
        self.0.class_weight = class_weight;
        self
    }

    /// By how much a solution may miss the conditions of Karush, Kuhn and Tucker, in units of the score; 1e-10, at
    /// which solutions do not depend on the way they were found.
    #[must_use]
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.0.tolerance = tolerance;
        self
    }

    /// Checks the parameters, then trains: [`ValidSvmParams::fit_gram`].
    ///
    /// # Errors
    /// [`TrainingError::Parameter`], and those of [`ValidSvmParams::fit_gram`].
    pub fn fit_gram(&self, gram: ArrayView2<'_, f64>, positive: &[bool]) -> Result<DualSolution, TrainingError> {
        self.check_ref()?.fit_gram(gram, positive)
    }
}

impl ParamGuard for SvmParams {
    type Checked = ValidSvmParams;
    type Error = TrainingError;

    fn check_ref(&self) -> Result<&ValidSvmParams, TrainingError> {
        check_positive("cost", self.0.cost)?;
        check_positive("tolerance", self.0.tolerance)?;
        if let ClassWeight::Given { positive, negative } = self.0.class_weight {
            check_positive("class weight of positive points", positive)?;
            check_positive("class weight of negative points", negative)?;
        }
        Ok(&self.0)
    }

    fn check(self) -> Result<ValidSvmParams, TrainingError> {
        self.check_ref()?;
        Ok(self.0)
    }
}

/// The dual solution of a C-SVM: `f(x) = b + Σ_i c_i k(x_i, x)` with `c_i = α_i y_i` (Eq. 20).
#[derive(Clone, Debug, PartialEq)]
pub struct DualSolution {
    /// `α_i y_i`, N; exactly zero for points that are no support vectors.
    pub coefficients: Array1<f64>,
    /// `b`: the mean over the free support vectors; where there is none, the middle of all values that are optimal.
    pub bias: f64,
    /// The largest amount by which a condition of Karush, Kuhn and Tucker is missed, and by which `Σ α_i y_i` is off.
    pub kkt_violation: f64,
    /// Active-set steps that led to the solution.
    pub iterations: usize,
}

impl DualSolution {
    /// The dual objective, `Σ_i α_i − ½ Σ_ij α_i α_j y_i y_j k(x_i, x_j)`: larger is better.
    ///
    /// * `gram` — the training points' Gram matrix, (N, N)
    ///
    /// # Errors
    /// [`TrainingError::Length`] when the matrix is not (N, N).
    pub fn objective(&self, gram: ArrayView2<'_, f64>) -> Result<f64, TrainingError> {
        check_length("rows of the Gram matrix", gram.nrows(), self.coefficients.len())?;
        check_length("columns of the Gram matrix", gram.ncols(), self.coefficients.len())?;
        let of_points = self.coefficients.iter().map(|coefficient| coefficient.abs()).sum::<f64>();
        Ok(of_points - 0.5 * self.coefficients.dot(&gram.dot(&self.coefficients)))
    }
}

impl ValidSvmParams {
    /// Trains a C-SVM.
    ///
    /// ```text
    /// max Σ_i α_i − ½ Σ_ij α_i α_j y_i y_j k(x_i, x_j),   0 ≤ α_i ≤ C_i,   Σ_i α_i y_i = 0
    /// ```
    /// * `gram` — `k(x_i, x_j)` of all training points with themselves, (N, N)
    /// * `positive` — which points are positive examples, N; the score is positive for their like
    ///
    /// # Errors
    /// A matrix that is not square, not symmetric, not finite or not as large as there are labels; labels of one class;
    /// [`TrainingError::NotConverged`] for a matrix that is far from positive semi-definite.
    pub fn fit_gram(&self, gram: ArrayView2<'_, f64>, positive: &[bool]) -> Result<DualSolution, TrainingError> {
        check_gram(gram)?;
        check_length("labels of the Gram matrix", positive.len(), gram.nrows())?;
        check_both_classes(positive)?;
        let gram = gram.as_standard_layout();
        let problem = Problem::new(gram.view(), positive, self.costs(positive));
        let mut start = State::origin(&problem);
        smo::descend(&problem, &mut start, START_TOLERANCE, START_STEPS * problem.points());
        self.solve(&problem, start)
    }

    /// Trains from the coefficients of a similar Gram matrix; everything has been checked.
    pub(super) fn refit(
        &self,
        gram: ArrayView2<'_, f64>,
        positive: &[bool],
        start: Array1<f64>,
    ) -> Result<DualSolution, TrainingError> {
        let problem = Problem::new(gram, positive, self.costs(positive));
        let start = State::at(&problem, start);
        self.solve(&problem, start)
    }

    /// The same with a tolerance of at most `tolerance`.
    pub(super) fn at_least_as_exact_as(&self, tolerance: f64) -> Self {
        Self { tolerance: self.tolerance.min(tolerance), ..self.clone() }
    }

    fn solve(&self, problem: &Problem<'_>, start: State) -> Result<DualSolution, TrainingError> {
        let solution = active_set::polish(problem, start, self.tolerance)?;
        Ok(DualSolution {
            coefficients: solution.state.coefficients,
            bias: solution.bias,
            kkt_violation: solution.violation,
            iterations: solution.iterations,
        })
    }

    /// `C_i` of positive and of negative points.
    fn costs(&self, positive: &[bool]) -> [f64; 2] {
        let points = positive.len() as f64;
        let positives = positive.iter().filter(|&&positive| positive).count() as f64;
        let weights = match self.class_weight {
            ClassWeight::None => [1.0, 1.0],
            ClassWeight::Balanced => [0.5 * points / positives, 0.5 * points / (points - positives)],
            ClassWeight::Given { positive, negative } => [positive, negative],
        };
        weights.map(|weight| self.cost * weight)
    }
}

/// Trains on a data set whose records are a Gram matrix.
///
/// Labels of another type become "is it positive?" by linfa's `map_targets(|label| *label == "polygon")`.
///
/// ```
/// use kernel_machines::SvmParams;
/// use linfa::dataset::Dataset;
/// use linfa::traits::Fit;
/// use ndarray::array;
///
/// let gram = array![[1.0, -1.0], [-1.0, 1.0]]; // x = 1, −1
/// let polygons = Dataset::new(gram, array!["polygon", "circle"]).map_targets(|label| *label == "polygon");
/// let dual = SvmParams::default().fit(&polygons)?;
/// assert_eq!(dual.coefficients, array![0.5, -0.5]);
/// # Ok::<(), kernel_machines::TrainingError>(())
/// ```
impl<D: Data<Elem = f64>, T: AsSingleTargets<Elem = bool>> Fit<ArrayBase<D, Ix2>, T, TrainingError> for ValidSvmParams {
    type Object = DualSolution;

    fn fit(&self, dataset: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<DualSolution, TrainingError> {
        self.fit_gram(dataset.records().view(), &dataset.as_single_targets().to_vec())
    }
}
