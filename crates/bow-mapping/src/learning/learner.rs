//! What all learners have in common.

use linfa::ParamGuard;
use ndarray::ArrayView2;

use super::LearningError;

/// A model, and how the learner got there.
#[derive(Clone, Debug, PartialEq)]
pub struct Learned<M> {
    /// What was learned.
    pub model: M,
    /// What the learner minimized or maximized, at the model; its parameters say which quantity this is.
    pub objective: f64,
    /// How many iterations it took.
    pub iterations: usize,
    /// Whether the tolerance was reached; otherwise the limit of iterations ended the learning.
    pub converged: bool,
}

/// One iteration, as an observer sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Which iteration has ended, from 1.
    pub iteration: usize,
    /// How many there will be at most.
    pub limit: usize,
    /// The objective as this iteration computed it: after its update, but for k-means before its words moved.
    pub objective: f64,
}

/// What is called after each iteration: a progress bar, a plot of the objective.
pub type Observer<'a> = dyn FnMut(Step) + 'a;

/// Learns a model from descriptors.
///
/// Implemented for checked parameters, and through [`ParamGuard`] for unchecked ones, which are then checked first.
///
/// ```
/// use bow_mapping::learning::{KMeansParams, Learner, LearningError};
/// use ndarray::array;
/// let descriptors = array![[0.0], [1.0], [10.0], [11.0]];
/// let mut objectives = Vec::new();
/// let learned = KMeansParams::new(2).learn_observed(descriptors.view(), &mut |step| objectives.push(step.objective))?;
/// assert!(learned.converged);
/// assert_eq!(learned.iterations, objectives.len());
/// assert!(objectives.is_sorted_by(|before, after| before >= after));
/// // Parameters are checked before anything is learned.
/// assert!(KMeansParams::new(0).learn(descriptors.view()).is_err());
/// # Ok::<(), LearningError>(())
/// ```
pub trait Learner {
    /// What is learned.
    type Model;

    /// Learns from `descriptors`, (L, D), and calls `observer` after each iteration.
    ///
    /// # Errors
    /// Parameters out of range, values that are not finite, too few different descriptors.
    fn learn_observed(
        &self,
        descriptors: ArrayView2<'_, f64>,
        observer: &mut Observer<'_>,
    ) -> Result<Learned<Self::Model>, LearningError>;

    /// Learns from `descriptors`, (L, D).
    ///
    /// # Errors
    /// As for [`learn_observed`](Self::learn_observed).
    fn learn(&self, descriptors: ArrayView2<'_, f64>) -> Result<Learned<Self::Model>, LearningError> {
        self.learn_observed(descriptors, &mut |_| {})
    }
}

impl<P> Learner for P
where
    P: ParamGuard<Error = LearningError>,
    P::Checked: Learner,
{
    type Model = <P::Checked as Learner>::Model;

    fn learn_observed(
        &self,
        descriptors: ArrayView2<'_, f64>,
        observer: &mut Observer<'_>,
    ) -> Result<Learned<Self::Model>, LearningError> {
        self.check_ref()?.learn_observed(descriptors, observer)
    }
}

/// Joins unchecked parameters, which only hold the checked ones, to linfa: `ParamGuard` by the given check, and `Fit`
/// over any dataset of f64 records.
macro_rules! join_to_linfa {
    ($unchecked:ident, $checked:ident) => {
        impl linfa::ParamGuard for $unchecked {
            type Checked = $checked;
            type Error = $crate::learning::LearningError;

            fn check_ref(&self) -> Result<&Self::Checked, Self::Error> {
                self.0.validate()?;
                Ok(&self.0)
            }

            fn check(self) -> Result<Self::Checked, Self::Error> {
                self.0.validate()?;
                Ok(self.0)
            }
        }

        impl<S, T> linfa::traits::Fit<ndarray::ArrayBase<S, ndarray::Ix2>, T, $crate::learning::LearningError>
            for $checked
        where
            S: ndarray::Data<Elem = f64>,
        {
            type Object = $crate::learning::Learned<<Self as $crate::learning::Learner>::Model>;

            fn fit(
                &self,
                dataset: &linfa::DatasetBase<ndarray::ArrayBase<S, ndarray::Ix2>, T>,
            ) -> Result<Self::Object, $crate::learning::LearningError> {
                $crate::learning::Learner::learn(self, dataset.records().view())
            }
        }
    };
}
pub(super) use join_to_linfa;
