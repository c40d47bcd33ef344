//! What is explained of each sample: classes, or relevance from a file.

use std::ops::Range;
use std::path::Path;

use ndarray::{ArrayD, Axis, Slice};
use neural_lrp::{Forward, Initial, Real, Start, Target};

use crate::explain::arguments::{Arguments, TargetChoice};
use crate::explain::files::file_name;
use crate::failure::{Context, Failure};
use crate::inputs::npy;
use crate::labels::Labels;

/// One thing that is explained of every sample.
#[derive(Clone, Debug)]
pub struct Aim<F> {
    /// What it is called; part of the files' names.
    pub name: String,
    what: What<F>,
}

#[derive(Clone, Debug)]
enum What<F> {
    Class(Target),
    /// Of the whole run, or of one sample for all alike.
    Initial(ArrayD<F>),
}

impl<F: Real> Aim<F> {
    /// All that a command line asks for, for a run of so many samples.
    pub fn all(arguments: &Arguments, labels: &Labels, samples: usize) -> Result<Vec<Self>, Failure> {
        if let Some(path) = &arguments.initial {
            return Ok(vec![Self { name: "initial".to_owned(), what: What::Initial(initial(path, samples)?) }]);
        }
        let mut aims: Vec<Self> = Vec::new();
        let predicted = [TargetChoice::Predicted];
        let choices = if arguments.target.is_empty() { &predicted[..] } else { &arguments.target };
        for (position, choice) in choices.iter().enumerate().filter(|(at, choice)| !choices[..*at].contains(choice)) {
            let (name, target) = match choice {
                TargetChoice::Predicted => ("predicted".to_owned(), Target::Predicted),
                TargetChoice::Class(class) => (class.to_string(), Target::Class(*class)),
                TargetChoice::Name(name) => (file_name(name), Target::Class(labels.find(name)?)),
                TargetChoice::File(path) => {
                    let stem = path.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
                    (file_name(&stem), Target::Each(classes(path, samples)?))
                }
            };
            let is_taken = aims.iter().any(|aim| aim.name.eq_ignore_ascii_case(&name));
            let name = if is_taken { format!("{name}-{}", position + 1) } else { name };
            aims.push(Self { name, what: What::Class(target) });
        }
        Ok(aims)
    }

    /// Where the backward pass of some samples of the run begins, and the class of each of them.
    pub fn initial(
        &self,
        forward: &Forward<'_, F>,
        samples: Range<usize>,
        start: Start,
    ) -> Result<(Initial<F>, Option<Vec<usize>>), Failure> {
        let target = match &self.what {
            What::Initial(array) if array.len_of(Axis(0)) == 1 => {
                let shape = forward.scores().raw_dim();
                let alike = array.broadcast(shape).map(|alike| alike.to_owned());
                return Ok((Initial::Array(alike.unwrap_or_else(|| array.clone())), None));
            }
            What::Initial(array) => {
                return Ok((Initial::Array(array.slice_axis(Axis(0), Slice::from(samples)).to_owned()), None));
            }
            What::Class(Target::Each(each)) => Target::Each(each[samples].to_vec()),
            What::Class(target) => target.clone(),
        };
        let classes = forward.classes(&target)?;
        let each = Target::Each(classes.clone());
        Ok((start.at(each), Some(classes)))
    }
}

fn initial<F: Real>(path: &Path, samples: usize) -> Result<ArrayD<F>, Failure> {
    let array: ArrayD<F> = npy::read(path)?;
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
    let array: ArrayD<f64> = npy::read(path)?;
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
