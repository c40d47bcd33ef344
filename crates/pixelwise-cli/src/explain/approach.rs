//! How relevance is found: by the rules of a composite, or by a method that it is compared with.

use std::path::Path;

use images::Preprocessing;
use ndarray::{ArrayD, Axis, concatenate};
use neural_lrp::methods::Method;
use neural_lrp::{DefaultComposite, Explained, Explainer, Forward, Network, Question, Real, Start};

use crate::explain::arguments::{Arguments, misuse};
use crate::failure::{Context, Failure};
use crate::inputs::{Source, array, read_image};
use crate::preprocess::input_range;
use crate::rules::ChosenRules;

/// How relevance is found.
pub enum Approach {
    /// By the rules of a composite.
    Rules(ChosenRules),
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
        let rules = arguments.rules.read()?;
        Ok(Self::Rules(match preprocessing {
            Some(preprocessing) => rules.with_input_range(input_range(preprocessing)?),
            None => rules,
        }))
    }

    /// Where relevance begins.
    pub fn start(&self) -> Start {
        match self {
            Self::Rules(rules) => rules.start(),
            Self::Method(method) => method.start(),
        }
    }

    /// The name of the composite for a network, if it is one.
    pub fn composite<F: Real>(&self, network: &Network<F>) -> Result<Option<String>, Failure> {
        match self {
            Self::Rules(rules) => Ok(Some(rules.composite(network)?.name().to_owned())),
            Self::Method(_) => Ok(None),
        }
    }

    /// The default that is taken for a network, if that is what explains.
    pub fn default<F: Real>(&self, network: &Network<F>) -> Option<DefaultComposite> {
        match self {
            Self::Rules(rules) => rules.default(network),
            Self::Method(_) => None,
        }
    }

    /// Ends the program where a z^B-rule has no range of inputs.
    pub fn check<F: Real>(&self, explainer: &Explainer<F>) -> Result<(), Failure> {
        let Self::Rules(rules) = self else { return Ok(()) };
        let composite = rules.composite(explainer.network())?;
        composite.choose(explainer.network())?;
        if let Err(error) = composite.assign(explainer.network()) {
            misuse(&format!("{error}: give the range of the network's input by --input-range LOW,HIGH"));
        }
        Ok(())
    }

    /// Explains a batch.
    pub fn explain<F: Real>(&self, forward: &Forward<'_, F>, question: &Question<F>) -> Result<Explained<F>, Failure> {
        Ok(match self {
            Self::Rules(rules) => forward.explain(&rules.composite(forward.explainer().network())?, question)?,
            Self::Method(method) => method.explain(forward, question)?,
        })
    }
}

/// Points towards which roots are searched, one after another along axis 0.
fn candidates(path: &Path, preprocessing: Option<&Preprocessing>) -> Result<ArrayD<f64>, Failure> {
    let read = |source: &Source| match (source, preprocessing) {
        (Source::Array(path), _) => array::read(path),
        (Source::Image(picture), Some(preprocessing)) => Ok(read_image(picture, preprocessing)?.network),
        (Source::Image(picture), None) => {
            Err(format!("the network takes no images, as {} is one", picture.file.display()).into())
        }
    };
    let points = Source::all(path)?.iter().map(read).collect::<Result<Vec<_>, Failure>>()?;
    let views: Vec<_> = points.iter().map(ArrayD::view).collect();
    concatenate(Axis(0), &views).context(format!("{}: candidates have to have one size", path.display()))
}
