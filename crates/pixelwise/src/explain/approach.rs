//! How relevance is found: by the rules of a composite, or by a method that it is compared with.

use std::path::Path;

use images::Preprocessing;
use ndarray::{ArrayD, Axis, concatenate};
use neural_lrp::methods::Method;
use neural_lrp::{Composite, Explained, Explainer, Forward, Question, Real, Start};

use crate::explain::arguments::{Arguments, misuse};
use crate::failure::{Context, Failure};
use crate::inputs::{Source, npy, read_image};
use crate::preprocess::input_range;

/// How relevance is found.
pub enum Approach {
    /// By the rules of a composite.
    Rules(Composite),
    /// By a method that it is compared with.
    Method(Method),
}

impl Approach {
    /// What a command line asks for. Photos bring the range of the network's input with them.
    pub fn of(arguments: &Arguments, preprocessing: Option<&Preprocessing>) -> Result<Self, Failure> {
        if let Some(method) = &arguments.rules.method {
            return Ok(Self::Method(match &arguments.candidates {
                Some(path) => method.clone().with_candidates(candidates(path, preprocessing)?),
                None => method.clone(),
            }));
        }
        let composite = arguments.rules.composite()?;
        Ok(Self::Rules(match preprocessing {
            Some(preprocessing) => composite.with_input_range(&input_range(preprocessing)?),
            None => composite,
        }))
    }

    /// Where relevance begins.
    pub fn start(&self) -> Start {
        match self {
            Self::Rules(composite) => composite.start(),
            Self::Method(method) => method.start(),
        }
    }

    /// The composite, if it is one.
    pub fn composite(&self) -> Option<&Composite> {
        match self {
            Self::Rules(composite) => Some(composite),
            Self::Method(_) => None,
        }
    }

    /// Ends the program where a z^B-rule has no range of inputs.
    pub fn check<F: Real>(&self, explainer: &Explainer<F>) -> Result<(), Failure> {
        let Self::Rules(composite) = self else { return Ok(()) };
        composite.choose(explainer.network())?;
        if let Err(error) = composite.assign(explainer.network()) {
            misuse(&format!("{error}: give the range of the network's input by --input-range LOW,HIGH"));
        }
        Ok(())
    }

    /// Explains a batch.
    pub fn explain<F: Real>(&self, forward: &Forward<'_, F>, question: &Question<F>) -> Result<Explained<F>, Failure> {
        Ok(match self {
            Self::Rules(composite) => forward.explain(composite, question)?,
            Self::Method(method) => method.explain(forward, question)?,
        })
    }
}

/// Points towards which roots are searched, one after another along axis 0.
fn candidates(path: &Path, preprocessing: Option<&Preprocessing>) -> Result<ArrayD<f64>, Failure> {
    let read = |source: &Source| match (source, preprocessing) {
        (Source::Array(path), _) => npy::read(path),
        (Source::Image(path), Some(preprocessing)) => Ok(read_image(path, preprocessing)?.network),
        (Source::Image(path), None) => Err(format!("the network takes no images, as {} is one", path.display()).into()),
    };
    let points = Source::all(path)?.iter().map(read).collect::<Result<Vec<_>, Failure>>()?;
    let views: Vec<_> = points.iter().map(ArrayD::view).collect();
    concatenate(Axis(0), &views).context(format!("{}: candidates have to have one size", path.display()))
}
