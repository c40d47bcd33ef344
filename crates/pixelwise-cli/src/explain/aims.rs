//! What is explained of each sample: classes, contrasts of them, a similarity, or relevance from a file.

use std::ops::Range;
use std::path::Path;

use ndarray::{ArrayD, Axis, Slice};
use neural_lrp::{Forward, Initial, Real, Similarity, Start, Target};

use crate::explain::arguments::Arguments;
use crate::explain::files::file_name;
use crate::explain::record::Measured;
use crate::failure::{Context, Failure};
use crate::inputs::array;
use crate::labels::{Labels, find};
use crate::output::number;
use crate::target::{ClassChoice, Opposed, ReadyRegion, TargetChoice, positions, within};

/// One thing that is explained of every sample.
#[derive(Clone, Debug)]
pub struct Aim<F> {
    /// What it is called; part of the files' names.
    pub name: String,
    what: What<F>,
}

#[derive(Clone, Debug)]
enum What<F> {
    /// A class, at some positions of the output or all.
    Class(Target, Option<ReadyRegion>, Contrast),
    /// Of the whole run, or of one sample for all alike.
    Initial(ArrayD<F>),
    /// How alike two samples are, of which these are the features.
    Similarity(Similarity, ArrayD<F>),
}

/// What the score of a class is counted from.
#[derive(Clone, Debug, Default)]
struct Contrast {
    against: Option<(Opposed, String)>,
    reference: Option<f64>,
}

/// What is explained of some samples.
pub struct Begun<F> {
    /// Where the backward pass begins.
    pub initial: Initial<F>,
    /// The class of each sample with its score; none where relevance begins with something else.
    pub classes: Option<Vec<(usize, f64)>>,
    /// What is explained of each sample where it is more than the score of a class.
    pub measured: Option<Vec<Measured>>,
    /// Over which positions the scores are taken, where there are any.
    pub positions: Option<String>,
}

impl<F: Real> Aim<F> {
    /// All that a command line asks for, for a run of so many samples.
    pub fn all(arguments: &Arguments, labels: &Labels, samples: usize) -> Result<Vec<Self>, Failure> {
        if let Some(path) = &arguments.initial {
            return Ok(vec![Self { name: "initial".to_owned(), what: What::Initial(initial(path, samples)?) }]);
        }
        let contrast = Contrast::of(arguments, labels)?;
        let mut aims: Vec<Self> = Vec::new();
        let predicted = [TargetChoice::PREDICTED];
        let choices = if arguments.target.is_empty() { &predicted[..] } else { &arguments.target };
        for (position, choice) in choices.iter().enumerate().filter(|(at, choice)| !choices[..*at].contains(choice)) {
            let (name, target) = match &choice.class {
                ClassChoice::Predicted => ("predicted".to_owned(), Target::Predicted),
                ClassChoice::Number(class) => (class.to_string(), Target::Class(*class)),
                ClassChoice::Name(name) => (name.clone(), Target::Class(find(labels, name)?)),
                ClassChoice::File(path) => {
                    let stem = path.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
                    (stem.into_owned(), Target::Each(classes(path, samples)?))
                }
            };
            let name = file_name(&(name + &choice.region_name() + &contrast.file_name()));
            let is_taken = aims.iter().any(|aim| aim.name.eq_ignore_ascii_case(&name));
            let name = if is_taken { format!("{name}-{}", position + 1) } else { name };
            aims.push(Self { name, what: What::Class(target, choice.region()?, contrast.clone()) });
        }
        Ok(aims)
    }

    /// How alike two samples are, whose features lie along axis 0.
    pub fn similarity(similarity: Similarity, features: ArrayD<F>) -> Self {
        Self { name: "similarity".to_owned(), what: What::Similarity(similarity, features) }
    }

    /// Where the backward pass of some samples of the run begins, and with which classes.
    pub fn begin(&self, forward: &Forward<'_, F>, samples: Range<usize>, start: Start) -> Result<Begun<F>, Failure> {
        let beginning = |initial| Begun { initial, classes: None, measured: None, positions: None };
        let (target, region, contrast) = match &self.what {
            What::Initial(array) if array.len_of(Axis(0)) == 1 => {
                let shape = forward.scores().raw_dim();
                let alike = array.broadcast(shape).map(|alike| alike.to_owned());
                return Ok(beginning(Initial::Array(alike.unwrap_or_else(|| array.clone()))));
            }
            What::Initial(array) => {
                return Ok(beginning(Initial::Array(array.slice_axis(Axis(0), Slice::from(samples)).to_owned())));
            }
            What::Similarity(similarity, features) => {
                let partners: Vec<usize> = samples.map(|sample| 1 - sample).collect();
                let others = features.select(Axis(0), &partners);
                let how = format!("{similarity} similarity");
                let values = similarity.of(forward.scores().view(), others.view())?;
                let measured = values.into_iter().map(|value| Measured { how: how.clone(), value }).collect();
                let begun = beginning(Initial::Alike(start, *similarity, others));
                return Ok(Begun { measured: Some(measured), ..begun });
            }
            What::Class(Target::Each(each), region, contrast) => {
                (Target::Each(each[samples].to_vec()), region.as_ref(), contrast)
            }
            What::Class(target, region, contrast) => (target.clone(), region.as_ref(), contrast),
        };
        let classes = forward.classes(&within(target, region))?;
        let each = Target::Each(classes.clone());
        let scores = forward.target_scores(&within(each.clone(), region))?;
        let explained = within(contrast.apply(each, &classes)?, region);
        let measured = contrast.describe().map(|how| {
            let values = forward.target_scores(&explained)?.into_iter();
            Ok::<_, Failure>(values.map(|value| Measured { how: how.clone(), value }).collect())
        });
        Ok(Begun {
            initial: start.at(explained),
            classes: Some(classes.into_iter().zip(scores).collect()),
            measured: measured.transpose()?,
            positions: positions(&forward.layout()?, region),
        })
    }
}

impl Contrast {
    fn of(arguments: &Arguments, labels: &Labels) -> Result<Self, Failure> {
        let against = arguments.against.as_ref().map(|against| {
            let opposed = against.read(labels)?;
            Ok::<_, Failure>((opposed, opposed.describe(labels)))
        });
        Ok(Self { against: against.transpose()?, reference: arguments.reference })
    }

    /// What is explained of a class, the one of each sample.
    fn apply(&self, mut target: Target, classes: &[usize]) -> Result<Target, Failure> {
        if let Some(reference) = self.reference {
            target = target.counted_from(reference);
        }
        match self.against {
            Some((Opposed::Class(class), _)) if classes.contains(&class) => {
                Err(format!("--against {class}: this is the explained class itself, and nothing is left").into())
            }
            Some((opposed, _)) => Ok(opposed.to(target)),
            None => Ok(target),
        }
    }

    /// In words, behind the class; none where its score is explained as it is.
    fn describe(&self) -> Option<String> {
        let from = self.reference.map(|reference| format!("counted from {}", number(reference)));
        let against = self.against.as_ref().map(|(_, words)| words.clone());
        let words: Vec<String> = from.into_iter().chain(against).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }

    fn file_name(&self) -> String {
        let against = self.against.as_ref().map_or_else(String::new, |(opposed, _)| opposed.file_name());
        let reference = self.reference.map_or_else(String::new, |reference| format!("-from-{reference}"));
        against + &reference
    }
}

fn initial<F: Real>(path: &Path, samples: usize) -> Result<ArrayD<F>, Failure> {
    let array: ArrayD<F> = array::read(path)?;
    match array.shape().first() {
        Some(&rows) if rows == samples || rows == 1 => Ok(array),
        _ => Err(format!(
            "{} has shape {:?}, and there are {samples} samples: it should have the shape of the explained output, \
             with {samples} rows, or with one for all samples",
            path.display(),
            array.shape()
        )
        .into()),
    }
}

fn classes(path: &Path, samples: usize) -> Result<Vec<usize>, Failure> {
    let array: ArrayD<f64> = array::read(path)?;
    if array.len() != samples {
        let (path, given) = (path.display(), array.len());
        return Err(
            format!("{path} holds {given} classes, and there are {samples} samples: one for each is needed").into()
        );
    }
    let class = |&number: &f64| {
        let whole = number >= 0.0 && number.fract() == 0.0 && number < f64::from(u32::MAX);
        if whole { Ok(number as usize) } else { Err(format!("{number} is no class; classes are counted from 0")) }
    };
    array.iter().map(class).collect::<Result<_, _>>().context(path.display())
}
