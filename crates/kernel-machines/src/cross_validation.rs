//! Choice of the cost `C` by cross-validation.
//!
//! # Which cost is the best
//!
//! The one with the largest mean area under the ROC curve. Classes are often rare: where one photo of 20 shows a bird, a machine
//! that never finds any is right about the other 19. Accuracy takes that for a good machine, and rewards costs at which
//! nothing is learned. Average precision, which PASCAL VOC judges by, does not; but it grows with the share of positive
//! points, so that its mean over classes would be that of the frequent ones, and over the few positive points of a fold it
//! jumps with the rank of the first of them. The area asks of each pair of a positive and a negative point whether it is
//! in order, and means the same for each class.

use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

use super::error::{check_both_classes, check_gram, check_length, check_positive};
use super::{KernelWeights, SvmParams, TrainingError, accuracy, area_under_curve, combined_gram, train_kernel_weights};

/// How points are divided for cross-validation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrossValidation {
    /// How many parts, each of which is held out once; 5, the usual trade of time for certainty.
    pub folds: usize,
    /// Seeds the division; 0.
    pub seed: u64,
}

impl Default for CrossValidation {
    fn default() -> Self {
        Self { folds: 5, seed: 0 }
    }
}

/// What a cost reaches on points that were held out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CostScore {
    /// `C`
    pub cost: f64,
    /// Share of all points that were classified rightly when they were held out.
    pub accuracy: f64,
    /// Mean of the folds' areas under the ROC curve.
    pub area_under_curve: f64,
}

/// The costs that were compared.
#[derive(Clone, Debug, PartialEq)]
pub struct CostSelection {
    /// In the order of the costs that were given.
    pub scores: Vec<CostScore>,
    /// The cost of the largest area under the ROC curve; of several, the smallest.
    pub best: f64,
}

impl CostSelection {
    /// What these scores say for.
    ///
    /// # Errors
    /// [`TrainingError::NoCosts`]
    fn of(scores: Vec<CostScore>) -> Result<Self, TrainingError> {
        let better = |left: &&CostScore, right: &&CostScore| {
            left.area_under_curve.total_cmp(&right.area_under_curve).then(right.cost.total_cmp(&left.cost))
        };
        let best = scores.iter().max_by(better).ok_or(TrainingError::NoCosts)?.cost;
        Ok(Self { scores, best })
    }

    /// One cost for several machines, by the means of their scores.
    ///
    /// * `selections` — for the same costs, one for each machine
    ///
    /// ```
    /// use kernel_machines::{CostScore, CostSelection};
    /// let score = |cost, accuracy, area_under_curve| CostScore { cost, accuracy, area_under_curve };
    /// let bird = CostSelection { scores: vec![score(0.1, 1.0, 0.5), score(1.0, 0.75, 1.0)], best: 1.0 };
    /// let dog = CostSelection { scores: vec![score(0.1, 0.75, 0.75), score(1.0, 0.75, 0.5)], best: 0.1 };
    /// let both = CostSelection::mean(&[bird, dog])?;
    /// assert_eq!(both.scores, [score(0.1, 0.875, 0.625), score(1.0, 0.75, 0.75)]);
    /// assert_eq!(both.best, 1.0); // whose area is the larger one
    /// # Ok::<(), kernel_machines::TrainingError>(())
    /// ```
    ///
    /// # Errors
    /// [`TrainingError::NoCosts`], and [`TrainingError::Length`] for selections among other numbers of costs.
    pub fn mean(selections: &[Self]) -> Result<Self, TrainingError> {
        let first = selections.first().ok_or(TrainingError::NoCosts)?;
        for selection in selections {
            check_length("costs that were compared", selection.scores.len(), first.scores.len())?;
        }
        let mean = |position: usize, figure: fn(&CostScore) -> f64| {
            selections.iter().map(|selection| figure(&selection.scores[position])).sum::<f64>()
                / selections.len() as f64
        };
        let scores = first.scores.iter().enumerate().map(|(position, &CostScore { cost, .. })| CostScore {
            cost,
            accuracy: mean(position, |score| score.accuracy),
            area_under_curve: mean(position, |score| score.area_under_curve),
        });
        Self::of(scores.collect())
    }
}

/// Scores of one fold for one cost.
struct Trial {
    right: f64,
    area_under_curve: f64,
}

impl CrossValidation {
    /// Compares costs on a (combined) Gram matrix; folds and costs run in parallel.
    ///
    /// * `svm` — all but the cost
    /// * `costs` — the values of `C` to compare
    /// * `gram` — (N, N)
    /// * `positive` — N
    ///
    /// ```
    /// use kernel_machines::{CrossValidation, SvmParams};
    /// use ndarray::{Array1, Array2};
    ///
    /// let x: Array1<f64> = (0..20).map(|i| if i < 10 { f64::from(i) - 12.0 } else { f64::from(i) - 7.0 }).collect();
    /// let gram = Array2::from_shape_fn((20, 20), |(i, j)| x[i] * x[j]);
    /// let positive: Vec<bool> = x.iter().map(|&x| x > 0.0).collect();
    /// let validation = CrossValidation { folds: 5, seed: 7 };
    /// let selection = validation.compare_costs(&SvmParams::default(), &[100.0, 10.0], gram.view(), &positive)?;
    /// assert_eq!(selection.best, 10.0); // as good as 100
    /// assert_eq!(selection.scores[1].accuracy, 1.0);
    /// # Ok::<(), kernel_machines::TrainingError>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`SvmParams::fit_gram`]; no costs; fewer than two folds, or more than the smaller class has points.
    pub fn compare_costs(
        &self,
        svm: &SvmParams,
        costs: &[f64],
        gram: ArrayView2<'_, f64>,
        positive: &[bool],
    ) -> Result<CostSelection, TrainingError> {
        self.compare_costs_of_kernels(svm, &KernelWeights::Given(vec![1.0]), costs, &[gram], positive)
    }

    /// [`compare_costs`](Self::compare_costs) with several kernels, whose weights, where they are learned, are learned
    /// anew without each fold.
    ///
    /// * `weights` — of the kernels
    /// * `grams` — one for each kernel, each (N, N)
    ///
    /// # Errors
    /// As for [`compare_costs`](Self::compare_costs), and those of [`train_kernel_weights`].
    pub fn compare_costs_of_kernels(
        &self,
        svm: &SvmParams,
        weights: &KernelWeights,
        costs: &[f64],
        grams: &[ArrayView2<'_, f64>],
        positive: &[bool],
    ) -> Result<CostSelection, TrainingError> {
        for gram in grams {
            check_gram(*gram)?;
            check_length("labels of the Gram matrix", positive.len(), gram.nrows())?;
        }
        for &cost in costs {
            check_positive("cost", cost)?;
        }
        let folds = self.stratified_folds(positive)?;
        let pairs: Vec<(f64, usize)> =
            costs.iter().flat_map(|&cost| (0..self.folds).map(move |fold| (cost, fold))).collect();
        let trials = pairs
            .into_par_iter()
            .map(|(cost, fold)| {
                let (held_out, kept) = (0..folds.len()).partition(|&point| folds[point] == fold);
                Division { held_out, kept }.try_machine(&svm.clone().cost(cost), weights, grams, positive)
            })
            .collect::<Result<Vec<Trial>, TrainingError>>()?;
        let scores = costs
            .iter()
            .zip(trials.chunks(self.folds))
            .map(|(&cost, trials)| CostScore {
                cost,
                accuracy: trials.iter().map(|trial| trial.right).sum::<f64>() / positive.len() as f64,
                area_under_curve: trials.iter().map(|trial| trial.area_under_curve).sum::<f64>() / self.folds as f64,
            })
            .collect();
        CostSelection::of(scores)
    }

    /// The fold of each point: random, with as equal shares of both classes as can be.
    ///
    /// # Errors
    /// Points of one class only; fewer than two folds, or more than the smaller class has points.
    pub fn stratified_folds(&self, positive: &[bool]) -> Result<Vec<usize>, TrainingError> {
        check_both_classes(positive)?;
        if self.folds < 2 {
            return Err(TrainingError::Parameter {
                name: "number of folds",
                value: self.folds as f64,
                expected: "at least 2",
            });
        }
        let mut generator = Xoshiro256PlusPlus::seed_from_u64(self.seed);
        let mut folds = vec![0; positive.len()];
        let mut next = 0;
        for (label, class) in [(true, "positive"), (false, "negative")] {
            let mut points: Vec<usize> = (0..positive.len()).filter(|&point| positive[point] == label).collect();
            if points.len() < self.folds {
                return Err(TrainingError::Folds { folds: self.folds, points: points.len(), class });
            }
            points.shuffle(&mut generator);
            for point in points {
                folds[point] = next;
                next = (next + 1) % self.folds;
            }
        }
        Ok(folds)
    }
}

/// Points that are held out, and points to train on.
struct Division {
    held_out: Vec<usize>,
    kept: Vec<usize>,
}

impl Division {
    /// Trains without the points that are held out, and scores them.
    fn try_machine(
        &self,
        svm: &SvmParams,
        weights: &KernelWeights,
        grams: &[ArrayView2<'_, f64>],
        positive: &[bool],
    ) -> Result<Trial, TrainingError> {
        let labels = |points: &[usize]| -> Vec<bool> { points.iter().map(|&point| positive[point]).collect() };
        let columns: Vec<Array2<f64>> = grams.iter().map(|gram| gram.select(Axis(1), &self.kept)).collect();
        let rows = |points: &[usize]| -> Vec<Array2<f64>> {
            columns.iter().map(|columns| columns.select(Axis(0), points)).collect()
        };
        let solution = train_kernel_weights(&rows(&self.kept), &labels(&self.kept), weights, svm)?;
        let gram = combined_gram(&rows(&self.held_out), &solution.weights)?;
        let scores: Array1<f64> = gram.dot(&solution.dual.coefficients) + solution.dual.bias;
        let truth = labels(&self.held_out);
        Ok(Trial {
            right: accuracy(scores.view(), &truth)? * truth.len() as f64,
            area_under_curve: area_under_curve(scores.view(), &truth)?,
        })
    }
}
