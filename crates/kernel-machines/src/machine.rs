//! Support vector machines over vectors: linfa's `Fit` and `Predict`, with a kernel for each channel.

use kernels::{Coefficients, ExpansionTerm, Kernel, KernelExpansion, KernelKind, symmetric_gram};
use linfa::ParamGuard;
use linfa::dataset::{AsSingleTargets, DatasetBase};
use linfa::traits::{Fit, PredictInplace};
use ndarray::{Array1, Array2, ArrayBase, ArrayView2, Axis, Data, Ix2};

use super::error::{check_both_classes, check_length};
use super::{
    CostSelection, CrossValidation, KernelWeights, MklSolution, SvmParams, TrainingError, train_kernel_weights,
};

/// Where a channel's kernel comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum KernelChoice {
    /// It is given, with its bandwidth.
    Given(Kernel),
    /// Its bandwidth comes from the mean distance of the training vectors ([`KernelKind::fit`]).
    Fitted(KernelKind),
}

impl From<Kernel> for KernelChoice {
    fn from(kernel: Kernel) -> Self {
        Self::Given(kernel)
    }
}

impl From<KernelKind> for KernelChoice {
    fn from(kind: KernelKind) -> Self {
        Self::Fitted(kind)
    }
}

impl KernelChoice {
    fn fit(self, vectors: ArrayView2<'_, f64>) -> Result<Kernel, kernels::Error> {
        match self {
            Self::Given(kernel) => Ok(kernel),
            Self::Fitted(kind) => kind.fit(vectors),
        }
    }
}

/// A kernel, and how many of the vectors' dimensions are its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KernelChannel {
    /// `k_u`
    pub kernel: KernelChoice,
    /// `V_u`
    pub dimensions: usize,
}

impl KernelChannel {
    /// A [`Kernel`], or a [`KernelKind`] whose bandwidth is fitted, over so many dimensions.
    pub fn new(kernel: impl Into<KernelChoice>, dimensions: usize) -> Self {
        Self { kernel: kernel.into(), dimensions }
    }
}

/// Parameters of a support vector machine over vectors, checked before they are used: kernels, their weights, and the
/// C-SVM.
///
/// Fits to linfa's data sets of vectors, one a record, the channels' dimensions one behind the other; targets say which
/// records are positive (labels of another type become so by linfa's `map_targets`).
///
/// ```
/// use kernel_machines::TrainingError;
/// use kernel_machines::{CrossValidation, KernelChannel, KernelMachineParams, SvmParams};
/// use kernels::KernelKind;
/// use linfa::prelude::*;
/// use ndarray::{Array1, Array2};
///
/// // Two visual words in one channel and one in another, of which the first says what is positive.
/// let records = Array2::from_shape_fn((12, 3), |(i, d)| [0.8 - 0.5 * (i % 2) as f64, 0.3, 0.1 * i as f64][d]);
/// let mut dataset = Dataset::new(records, Array1::from_shape_fn(12, |i| i % 2 == 0));
/// let channels = [KernelChannel::new(KernelKind::ChiSquared, 2), KernelChannel::new(KernelKind::Linear, 1)];
/// let params = KernelMachineParams::new(channels);
///
/// let machine = params.fit(&dataset)?;
/// assert_eq!(machine.expansion.dimensions(), 3);
/// let confusion = machine.predict(&dataset).confusion_matrix(&dataset)?;
/// assert_eq!(confusion.accuracy(), 1.0);
///
/// // linfa's cross-validation: one accuracy for each of the parameters that are compared.
/// let compared = [0.01, 10.0].map(|cost| params.clone().svm(SvmParams::default().cost(cost)));
/// let accuracies: Result<Array1<f32>, TrainingError> = dataset
///     .cross_validate_single(3, &compared, |predicted, truth| Ok(predicted.confusion_matrix(truth)?.accuracy()));
/// assert_eq!(accuracies?[1], 1.0);
///
/// // The same question, answered with stratified folds, and with each kernel evaluated only once.
/// let selection = params.compare_costs(&dataset, &[0.01, 10.0], &CrossValidation { folds: 3, seed: 1 })?;
/// assert_eq!(selection.scores[1].accuracy, 1.0);
/// # Ok::<(), TrainingError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct KernelMachineParams(ValidKernelMachineParams);

/// Checked parameters of a support vector machine over vectors.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidKernelMachineParams {
    channels: Vec<KernelChannel>,
    weights: KernelWeights,
    svm: SvmParams,
}

impl KernelMachineParams {
    /// A machine over these channels, with equal kernel weights that sum to 1 and the C-SVM's default parameters.
    pub fn new(channels: impl Into<Vec<KernelChannel>>) -> Self {
        let channels = channels.into();
        let weights = KernelWeights::Given(vec![1.0 / channels.len() as f64; channels.len()]);
        Self(ValidKernelMachineParams { channels, weights, svm: SvmParams::default() })
    }

    /// `β_u`, or how they are learned; equal ones that sum to 1.
    #[must_use]
    pub fn weights(mut self, weights: KernelWeights) -> Self {
        self.0.weights = weights;
        self
    }

    /// Cost and class weights; [`SvmParams::default`].
    #[must_use]
    pub fn svm(mut self, svm: SvmParams) -> Self {
        self.0.svm = svm;
        self
    }

    /// Compares costs by cross-validation. Learned kernel weights are learned anew without each fold; bandwidths are
    /// those of all vectors (they do not depend on the labels).
    ///
    /// * `dataset` — records (N, V), and which of them are positive
    /// * `costs` — the values of `C` to compare
    ///
    /// # Errors
    /// As for `fit`, and those of [`CrossValidation::compare_costs`].
    pub fn compare_costs<D: Data<Elem = f64>, T: AsSingleTargets<Elem = bool>>(
        &self,
        dataset: &DatasetBase<ArrayBase<D, Ix2>, T>,
        costs: &[f64],
        validation: &CrossValidation,
    ) -> Result<CostSelection, TrainingError> {
        let params = self.check_ref()?;
        let positive = checked_labels(dataset)?;
        let kernels = evaluate_kernels(&params.channels, dataset.records().view(), || {})?;
        let selection =
            validation.compare_costs_of_kernels(&params.svm, &params.weights, costs, &grams(&kernels), &positive)?;
        Ok(selection)
    }
}

impl ParamGuard for KernelMachineParams {
    type Checked = ValidKernelMachineParams;
    type Error = TrainingError;

    fn check_ref(&self) -> Result<&ValidKernelMachineParams, TrainingError> {
        let at_least_one = |name| TrainingError::Parameter { name, value: 0.0, expected: "at least 1" };
        if self.0.channels.is_empty() {
            return Err(at_least_one("number of channels"));
        }
        if self.0.channels.iter().any(|channel| channel.dimensions == 0) {
            return Err(at_least_one("number of dimensions of a channel"));
        }
        self.0.weights.check(self.0.channels.len())?;
        self.0.svm.check_ref()?;
        Ok(&self.0)
    }

    fn check(self) -> Result<ValidKernelMachineParams, TrainingError> {
        self.check_ref()?;
        Ok(self.0)
    }
}

/// A channel's kernel on the training vectors.
pub struct EvaluatedKernel<'a> {
    kernel: Kernel,
    /// (N, V_u)
    vectors: ArrayView2<'a, f64>,
    /// (N, N)
    gram: Array2<f64>,
}

impl EvaluatedKernel<'_> {
    /// `k_u`
    pub fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// Its Gram matrix of some of the vectors.
    pub fn gram_of(&self, rows: &[usize]) -> Array2<f64> {
        match rows.len() == self.gram.nrows() {
            true => self.gram.clone(),
            false => self.gram.select(Axis(0), rows).select(Axis(1), rows),
        }
    }
}

/// Evaluates each channel's kernel on all pairs of vectors, (N, V), and calls `evaluated` after each channel.
///
/// # Errors
/// Vectors of other dimensions than the channels, or that the kernels do not take.
pub fn evaluate_kernels<'a>(
    channels: &[KernelChannel],
    vectors: ArrayView2<'a, f64>,
    evaluated: impl Fn(),
) -> Result<Vec<EvaluatedKernel<'a>>, TrainingError> {
    let dimensions = channels.iter().map(|channel| channel.dimensions).fold(0, usize::saturating_add);
    check_length("dimensions of the vectors, all channels together", vectors.ncols(), dimensions)?;
    let mut kernels = Vec::with_capacity(channels.len());
    let mut rest = vectors;
    for channel in channels {
        let first_column = vectors.ncols() - rest.ncols();
        let (part, others) = rest.split_at(Axis(1), channel.dimensions);
        rest = others;
        let kernel = evaluate_kernel(channel.kernel, part);
        kernels.push(kernel.map_err(|error| with_columns_from(first_column, error))?);
        evaluated();
    }
    Ok(kernels)
}

impl ValidKernelMachineParams {
    /// Trains with these kernels.
    fn train(&self, kernels: &[EvaluatedKernel<'_>], positive: &[bool]) -> Result<KernelMachine, TrainingError> {
        let solution = train_kernel_weights(&grams(kernels), positive, &self.weights, &self.svm)?;
        let terms = kernels
            .iter()
            .zip(&solution.weights)
            .map(|(EvaluatedKernel { kernel, vectors, .. }, &weight)| ExpansionTerm {
                kernel: *kernel,
                weight,
                support: vectors.to_shared(),
            })
            .collect();
        let coefficients = Coefficients::Shared(solution.dual.coefficients.clone());
        let expansion = KernelExpansion::new(terms, coefficients, solution.dual.bias)?.sparsified();
        Ok(KernelMachine { expansion, solution })
    }
}

fn evaluate_kernel(choice: KernelChoice, vectors: ArrayView2<'_, f64>) -> Result<EvaluatedKernel<'_>, kernels::Error> {
    let kernel = choice.fit(vectors)?;
    Ok(EvaluatedKernel { kernel, vectors, gram: symmetric_gram(&kernel, vectors)? })
}

fn grams<'a>(kernels: &'a [EvaluatedKernel<'_>]) -> Vec<ArrayView2<'a, f64>> {
    kernels.iter().map(|kernel| kernel.gram.view()).collect()
}

/// The error of a channel that begins at column `first`, with the columns of the whole vectors.
fn with_columns_from(first: usize, mut error: kernels::Error) -> kernels::Error {
    use kernels::Error::{Negative, NotFinite};
    if let Negative { column, .. } | NotFinite { column, .. } = &mut error {
        *column += first;
    }
    error
}

/// Which records are positive: as many as there are records, and of both classes.
fn checked_labels<D: Data<Elem = f64>, T: AsSingleTargets<Elem = bool>>(
    dataset: &DatasetBase<ArrayBase<D, Ix2>, T>,
) -> Result<Vec<bool>, TrainingError> {
    let positive = dataset.as_single_targets().to_vec();
    check_length("labels of the records", positive.len(), dataset.records().nrows())?;
    check_both_classes(&positive)?;
    Ok(positive)
}

/// Trains on a data set of vectors, (N, V).
///
/// # Errors
/// Not one label for each record; labels of one class; vectors of other dimensions than the channels, or that the
/// kernels do not take; those of [`train_kernel_weights`].
impl<D: Data<Elem = f64>, T: AsSingleTargets<Elem = bool>> Fit<ArrayBase<D, Ix2>, T, TrainingError>
    for ValidKernelMachineParams
{
    type Object = KernelMachine;

    fn fit(&self, dataset: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<KernelMachine, TrainingError> {
        let positive = checked_labels(dataset)?;
        let kernels = evaluate_kernels(&self.channels, dataset.records().view(), || {})?;
        self.train(&kernels, &positive)
    }
}

/// A support vector machine over vectors.
///
/// Its [`expansion`](Self::expansion) is what the rest of the workspace explains.
#[derive(Clone, Debug, PartialEq)]
pub struct KernelMachine {
    /// `f(x)`, with the support vectors only.
    pub expansion: KernelExpansion,
    /// The kernels' weights, and the dual solution over all training vectors.
    pub solution: MklSolution,
}

impl KernelMachine {
    /// `f` of each record, (M, V).
    ///
    /// # Errors
    /// Records of other dimensions than the channels, or that the kernels do not take; the first such value is named.
    pub fn scores(&self, records: ArrayView2<'_, f64>) -> Result<Array1<f64>, TrainingError> {
        Ok(self.expansion.values(records)?)
    }
}

/// Predicts `f(x) > 0` for each record: linfa's `predict`, on records and on data sets.
///
/// # Records that have no score
/// linfa's trait has no room for an error. A record that the kernels do not take (of other dimensions, not finite, or
/// negative where they take histograms only) is predicted `false`: nothing speaks for its being positive. The others
/// keep their predictions. That beats a panic in the middle of somebody's experiment, but it is a silent mistake;
/// whoever does not know the records asks for [`scores`](KernelMachine::scores), which says what is wrong where. In a
/// cross-validation such a record does not go unnoticed: it is among the training records of another fold, where `fit`
/// refuses it.
///
/// The targets that `predict_inplace` writes to may have any length before: they are replaced.
///
/// ```
/// use kernel_machines::{KernelChannel, KernelMachineParams};
/// use kernels::KernelKind;
/// use linfa::prelude::*;
/// use ndarray::array;
///
/// let dataset = Dataset::new(array![[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]], array![true, false, true]);
/// let channels = [KernelChannel::new(KernelKind::HistogramIntersection, 2)];
/// let machine = KernelMachineParams::new(channels).fit(&dataset)?;
/// let records = array![[0.8, 0.2], [0.8, -0.2], [0.1, 0.9]];
/// assert_eq!(machine.predict(&records), array![true, false, false]);
/// let error = machine.scores(records.view()).unwrap_err().to_string();
/// assert!(error.contains("row 1, column 1 holds -0.2"), "{error}");
/// # Ok::<(), kernel_machines::TrainingError>(())
/// ```
impl<D: Data<Elem = f64>> PredictInplace<ArrayBase<D, Ix2>, Array1<bool>> for KernelMachine {
    fn predict_inplace(&self, records: &ArrayBase<D, Ix2>, targets: &mut Array1<bool>) {
        *targets = match self.expansion.values(records.view()) {
            Ok(scores) => scores.mapv(|score| score > 0.0),
            Err(_) => records.rows().into_iter().map(|row| self.expansion.value(row).is_ok_and(|f| f > 0.0)).collect(),
        };
    }

    fn default_target(&self, records: &ArrayBase<D, Ix2>) -> Array1<bool> {
        Array1::default(records.nrows())
    }
}

#[cfg(test)]
mod tests;
