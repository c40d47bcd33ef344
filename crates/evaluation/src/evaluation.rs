//! Explanations of many samples, judged by several measures.

use ndarray::{Array1, Array2, ArrayView1};
use rayon::prelude::*;
use relevance::{ExplainError, ExplainableClassifier, Explanation, RandomizableClassifier};
use serde::{Deserialize, Serialize};

use crate::steps::Known;
use crate::{Case, CurveAxis, Error, Estimate, Measure, Outcome, Randomized, Sample, Steps};

/// How many samples each thread explains before they are judged, one after the other.
const SAMPLES_A_THREAD: usize = 4;

/// What measures say of one sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The target whose score was explained.
    pub target: usize,
    /// One outcome for each measure.
    pub outcomes: Vec<Outcome>,
}

/// The outcomes of several measures for the explanations of many samples, as far as they are known.
///
/// Each sample is explained once, for all measures. An evaluation can be written to a file at any time and continued
/// later: samples that are judged are not judged again, and of the one that is being judged the steps that are done are
/// not done again. The number of threads does not matter.
///
/// ```
/// use evaluation::{Evaluation, Measure, Sample};
/// use ndarray::array;
/// # use ndarray::{Array2, ArrayViewD, Axis};
/// # use relevance::{ExplainError, ExplainableClassifier, Explanation, Ledger};
/// # struct Linear;
/// # impl ExplainableClassifier for Linear {
/// #     fn targets(&self) -> usize { 1 }
/// #     fn channel_axis(&self) -> Option<Axis> { None }
/// #     fn scores(&self, inputs: &[ArrayViewD<f64>]) -> Result<Array2<f64>, ExplainError> {
/// #         Ok(inputs.iter().map(|input| [input[0] + 4.0 * input[1]]).collect::<Vec<_>>().into())
/// #     }
/// #     fn explain(&self, input: ArrayViewD<f64>, _: usize) -> Result<Explanation, ExplainError> {
/// #         let relevance = array![input[0], 4.0 * input[1]].into_dyn();
/// #         Ok(Explanation { score: relevance.sum(), relevance, ledger: Ledger::default() })
/// #     }
/// # }
/// let classifier = Linear; // f(x) = x₁ + 4 x₂
/// let measures: [Box<dyn Measure>; 2] =
///     ["pixel-flipping=replacement:inversion", "pixel-flipping=replacement:inversion,order:lowest"]
///         .map(|text| text.parse().expect("a measure"));
/// let sample = |number: usize| Ok(Sample { input: array![1.0, number as f64].into_dyn(), target: 0, mask: None });
///
/// let mut evaluation = Evaluation::new(&measures, 3);
/// evaluation.run(&measures, &classifier, &sample, |evaluation| {
///     eprintln!("{} of 3", evaluation.finished()); // a progress bar, and a file to go on from
///     Ok::<(), evaluation::Error>(())
/// })?;
/// // x₂ = 0, 1, 2. With x₂ = 1 the score goes 5, −3, −5 for the highest first, and 5, 3, −5 for the lowest.
/// assert_eq!(evaluation.values(0), [Some(-0.5), Some(-1.5), Some(-3.5)]);
/// assert_eq!(evaluation.values(1), [Some(0.5), Some(1.5), Some(3.5)]);
/// assert_eq!(evaluation.estimate(1).map(|estimate| estimate.mean), Some(5.5 / 3.0));
/// # Ok::<(), evaluation::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The measures, as texts.
    measures: Vec<String>,
    /// The samples; `None` for those that are still to be judged.
    samples: Vec<Option<Score>>,
    /// How many passes were done for the samples that are judged.
    passes: usize,
    /// The sample that is being judged.
    begun: Option<Begun>,
}

/// A sample that is being judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Begun {
    sample: usize,
    target: usize,
    /// For each measure, in their order, the numbers of its steps; the last is not finished.
    steps: Vec<Known>,
}

impl Begun {
    /// The explanation, and all steps.
    fn passes(&self) -> usize {
        1 + self.steps.iter().map(Vec::len).sum::<usize>()
    }
}

impl Evaluation {
    /// An evaluation of so many samples, of which none is judged.
    pub fn new(measures: &[Box<dyn Measure>], samples: usize) -> Self {
        Self { measures: texts(measures), samples: vec![None; samples], passes: 0, begun: None }
    }

    /// The measures, as texts.
    pub fn measures(&self) -> &[String] {
        &self.measures
    }

    /// What is known of each sample.
    pub fn samples(&self) -> &[Option<Score>] {
        &self.samples
    }

    /// How many samples are judged.
    pub fn finished(&self) -> usize {
        self.samples.iter().flatten().count()
    }

    /// How many passes of the classifier are done: explanations of samples, and steps of measures.
    pub fn passes(&self) -> usize {
        self.passes + self.begun.as_ref().map_or(0, Begun::passes)
    }

    /// The sample that is being judged, and how far a measure's curve has come: the target's score at each step.
    pub fn growing(&self, measure: usize) -> Option<(usize, Vec<f64>)> {
        let begun = self.begun.as_ref()?;
        let of_target = |numbers: &Vec<f64>| numbers.get(if numbers.len() == 1 { 0 } else { begun.target }).copied();
        Some((begun.sample, begun.steps.get(measure)?.iter().filter_map(of_target).collect()))
    }

    /// Judges the samples that are not judged yet.
    ///
    /// * `measures` — the same as when the evaluation was begun
    /// * `classifier` — what is explained, and explains
    /// * `sample` — gives the sample of a number
    /// * `after` — is called after every few steps and after every sample; an error of it ends the run
    ///
    /// # Errors
    /// [`Error::OtherEvaluation`] for other measures; [`Error::Sample`] for the first sample that can't be had, explained
    /// or judged; [`Error::NotRandomizable`] for measures that need other parameters
    /// ([`run_randomizable`](Self::run_randomizable) takes classifiers that have them); the error of `after`.
    pub fn run<E: From<Error>>(
        &mut self,
        measures: &[Box<dyn Measure>],
        classifier: &dyn ExplainableClassifier,
        sample: &(dyn Fn(usize) -> Result<Sample, ExplainError> + Sync),
        after: impl FnMut(&Self) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Some(measure) = measures.iter().find(|measure| measure.randomization().is_some()) {
            return Err(Error::NotRandomizable { measure: measure.name() }.into());
        }
        let randomized = measures.iter().map(|_| Vec::new()).collect();
        self.judge_all(&Judge { measures, classifier, randomized, sample }, after)
    }

    /// The same, for a classifier whose parameters can be drawn anew.
    ///
    /// # Errors
    /// As for [`run`](Self::run), and [`Error::Classifier`] when parameters can't be replaced.
    pub fn run_randomizable<E: From<Error>>(
        &mut self,
        measures: &[Box<dyn Measure>],
        classifier: &dyn RandomizableClassifier,
        sample: &(dyn Fn(usize) -> Result<Sample, ExplainError> + Sync),
        after: impl FnMut(&Self) -> Result<(), E>,
    ) -> Result<(), E> {
        let randomized = measures.iter().map(|measure| match measure.randomization() {
            Some(randomization) => randomization.of(classifier),
            None => Ok(Vec::new()),
        });
        let randomized = randomized.collect::<Result<Vec<_>, Error>>()?;
        self.judge_all(&Judge { measures, classifier, randomized, sample }, after)
    }

    fn judge_all<E: From<Error>>(
        &mut self,
        judge: &Judge<'_>,
        mut after: impl FnMut(&Self) -> Result<(), E>,
    ) -> Result<(), E> {
        let expected = texts(judge.measures);
        if expected != self.measures {
            let (found, expected) = (self.measures.join(" and "), expected.join(" and "));
            return Err(Error::OtherEvaluation { found, expected }.into());
        }
        let waiting: Vec<usize> = (0..self.samples.len()).filter(|&number| self.samples[number].is_none()).collect();
        for numbers in waiting.chunks(SAMPLES_A_THREAD * rayon::current_num_threads()) {
            let explained: Vec<_> = numbers.par_iter().map(|&number| judge.explain(number)).collect();
            for (&number, explained) in numbers.iter().zip(explained) {
                let explained = explained.map_err(|error| at_sample(number, error))?;
                self.judge_one(judge, number, &explained, &mut after)?;
                after(self)?;
            }
        }
        Ok(())
    }

    fn judge_one<E: From<Error>>(
        &mut self,
        judge: &Judge<'_>,
        number: usize,
        explained: &(Sample, Explanation),
        after: &mut impl FnMut(&Self) -> Result<(), E>,
    ) -> Result<(), E> {
        let target = explained.0.target;
        let known = match self.begun.take() {
            Some(begun) if (begun.sample, begun.target) == (number, target) => begun.steps,
            _ => Vec::new(),
        };
        self.begun = Some(Begun { sample: number, target, steps: known.clone() });
        let mut outcomes = Vec::with_capacity(judge.measures.len());
        for measure in 0..judge.measures.len() {
            let known = known.get(measure).map_or(&[][..], Vec::as_slice);
            let mut ended = None;
            let mut hear = |new: &[Vec<f64>]| {
                if let Some(begun) = &mut self.begun {
                    begun.steps.resize_with(begun.steps.len().max(measure + 1), Vec::new);
                    begun.steps[measure].extend_from_slice(new);
                }
                after(self).map_err(|error| {
                    ended = Some(error);
                    Error::Ended
                })
            };
            let outcome = judge.outcome(measure, number, explained, &mut Steps::watched(known, &mut hear));
            match (outcome, ended) {
                (_, Some(error)) => return Err(error),
                (Ok(outcome), None) => outcomes.push(outcome),
                (Err(error), None) => return Err(at_sample(number, error.into()).into()),
            }
        }
        self.passes += self.begun.take().as_ref().map_or(0, Begun::passes);
        self.samples[number] = Some(Score { target, outcomes });
        Ok(())
    }

    /// The values of a measure, by its position among the measures: `None` for samples that are not judged, and where
    /// the measure is not defined.
    pub fn values(&self, measure: usize) -> Vec<Option<f64>> {
        let value = |judged: &Score| judged.outcomes.get(measure)?.value;
        self.samples.iter().map(|judged| judged.as_ref().and_then(value)).collect()
    }

    /// The mean of the values of a measure; `None` where there is none.
    pub fn estimate(&self, measure: usize) -> Option<Estimate> {
        Estimate::of(self.values(measure).into_iter().flatten())
    }

    /// The mean of the curves of a measure, as far as all of them go; `None` where there is none, or none of a number
    /// that is to be followed.
    pub fn mean_curve(&self, measure: usize, follow: CurveTarget) -> Option<MeanCurve> {
        let curves: Vec<(&CurveAxis, Array1<f64>)> = self
            .samples
            .iter()
            .flatten()
            .filter_map(|judged| {
                let curve = judged.outcomes.get(measure)?.curve.as_ref()?;
                Some((&curve.along, follow.of(&curve.values, judged.target)?))
            })
            .collect();
        let (along, _) = curves.iter().min_by_key(|(_, values)| values.len())?;
        let steps = curves.iter().map(|(_, values)| values.len()).min()?;
        let at_step = |step: usize| Estimate::of(curves.iter().map(|(_, values)| values[step]));
        Some(MeanCurve { along: (*along).clone(), values: (0..steps).filter_map(at_step).collect() })
    }
}

/// Which of a curve's numbers are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CurveTarget {
    /// Those of the target that was explained; the only ones, where a curve has a single number at each step.
    Target,
    /// Those of one class, the same for all samples (the named others of Figs 18–21).
    Class(usize),
    /// The largest of all but the target's, at each step (Fig 22).
    BestOther,
}

impl CurveTarget {
    fn of(self, values: &Array2<f64>, target: usize) -> Option<Array1<f64>> {
        match self {
            Self::Target if values.ncols() == 1 => Some(values.column(0).to_owned()),
            Self::Target => (target < values.ncols()).then(|| values.column(target).to_owned()),
            Self::Class(class) => (class < values.ncols()).then(|| values.column(class).to_owned()),
            Self::BestOther => (values.ncols() > 1).then(|| {
                let others = |row: ArrayView1<'_, f64>| {
                    let others = row.iter().enumerate().filter(|(class, _)| *class != target);
                    others.fold(f64::NEG_INFINITY, |best, (_, &score)| best.max(score))
                };
                values.outer_iter().map(others).collect()
            }),
        }
    }
}

/// A mean of curves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeanCurve {
    /// What it goes along.
    pub along: CurveAxis,
    /// The mean at each step.
    pub values: Vec<Estimate>,
}

/// All that is needed to judge a sample.
struct Judge<'a> {
    measures: &'a [Box<dyn Measure>],
    classifier: &'a dyn ExplainableClassifier,
    /// For each measure, what it compares with.
    randomized: Vec<Vec<Randomized>>,
    sample: &'a (dyn Fn(usize) -> Result<Sample, ExplainError> + Sync),
}

impl Judge<'_> {
    fn explain(&self, number: usize) -> Result<(Sample, Explanation), ExplainError> {
        let sample = (self.sample)(number)?;
        let explanation = self.classifier.explain(sample.input.view(), sample.target)?;
        Ok((sample, explanation))
    }

    fn outcome(
        &self,
        measure: usize,
        number: usize,
        (sample, explanation): &(Sample, Explanation),
        steps: &mut Steps<'_>,
    ) -> Result<Outcome, Error> {
        let case = Case {
            classifier: self.classifier,
            randomized: &self.randomized[measure],
            number,
            input: sample.input.view(),
            target: sample.target,
            relevance: explanation.relevance.view(),
            mask: sample.mask.as_ref().map(|mask| mask.view()),
        };
        self.measures[measure].judge(&case, steps)
    }
}

fn texts(measures: &[Box<dyn Measure>]) -> Vec<String> {
    measures.iter().map(|measure| measure.to_string()).collect()
}

fn at_sample(sample: usize, source: ExplainError) -> Error {
    Error::Sample { sample, source }
}
