//! What is explained of each sample: classes, or relevance from a file.

use std::ops::Range;
use std::path::Path;

use ndarray::{ArrayD, Axis, Slice};
use neural_lrp::{Forward, Initial, Real, Start, Target};

use crate::explain::arguments::Arguments;
use crate::explain::files::file_name;
use crate::failure::{Context, Failure};
use crate::inputs::array;
use crate::labels::{Labels, find};
use crate::target::{ClassChoice, ReadyRegion, TargetChoice, positions, within};

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
    Class(Target, Option<ReadyRegion>),
    /// Of the whole run, or of one sample for all alike.
    Initial(ArrayD<F>),
}

/// What is explained of some samples.
pub struct Begun<F> {
    /// Where the backward pass begins.
    pub initial: Initial<F>,
    /// The class of each sample with its score; none where relevance begins with an array.
    pub classes: Option<Vec<(usize, f64)>>,
    /// Over which positions the scores are taken, where there are any.
    pub positions: Option<String>,
}

impl<F: Real> Aim<F> {
    /// All that a command line asks for, for a run of so many samples.
    pub fn all(arguments: &Arguments, labels: &Labels, samples: usize) -> Result<Vec<Self>, Failure> {
        if let Some(path) = &arguments.initial {
            return Ok(vec![Self { name: "initial".to_owned(), what: What::Initial(initial(path, samples)?) }]);
        }
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
            let name = file_name(&(name + &choice.region_name()));
            let is_taken = aims.iter().any(|aim| aim.name.eq_ignore_ascii_case(&name));
            let name = if is_taken { format!("{name}-{}", position + 1) } else { name };
            aims.push(Self { name, what: What::Class(target, choice.region()?) });
        }
        Ok(aims)
    }

    /// Where the backward pass of some samples of the run begins, and with which classes.
    pub fn begin(&self, forward: &Forward<'_, F>, samples: Range<usize>, start: Start) -> Result<Begun<F>, Failure> {
        let of_array = |array| Begun { initial: Initial::Array(array), classes: None, positions: None };
        let (target, region) = match &self.what {
            What::Initial(array) if array.len_of(Axis(0)) == 1 => {
                let shape = forward.scores().raw_dim();
                let alike = array.broadcast(shape).map(|alike| alike.to_owned());
                return Ok(of_array(alike.unwrap_or_else(|| array.clone())));
            }
            What::Initial(array) => return Ok(of_array(array.slice_axis(Axis(0), Slice::from(samples)).to_owned())),
            What::Class(Target::Each(each), region) => (Target::Each(each[samples].to_vec()), region.as_ref()),
            What::Class(target, region) => (target.clone(), region.as_ref()),
        };
        let classes = forward.classes(&within(target, region))?;
        let each = within(Target::Each(classes.clone()), region);
        let scores = forward.target_scores(&each)?;
        Ok(Begun {
            initial: start.at(each),
            classes: Some(classes.into_iter().zip(scores).collect()),
            positions: positions(&forward.layout()?, region),
        })
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
