//! A network that is asked about one picture at a time.

use std::sync::Arc;

use datasets::Labels;
use ndarray::{ArrayD, ArrayViewD};
use neural_lrp::rules::InputRange;
use neural_lrp::{Attribution, Composite, Explained, Explainer, Forward, Question, Target};
use pixelwise::Networks;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::ways::{self, By, Way};

/// A network that is asked about one picture at a time.
#[derive(Debug)]
pub struct Subject {
    networks: Networks<f32>,
    /// The shape of a batch of one picture.
    shape: Vec<usize>,
    range: InputRange,
    candidates: Option<Arc<ArrayD<f64>>>,
    /// The names of its classes.
    pub labels: Labels,
}

/// A class that another is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Against {
    /// A class.
    Class(usize),
    /// The mean of all others.
    Others(Others),
}

/// The word `others`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Others {
    /// The mean of all other classes.
    Others,
}

/// A tensor that relevance can be asked for at.
#[derive(Clone, Debug, Serialize)]
pub struct Layer {
    tensor: String,
    node: String,
    kind: String,
    shape: Vec<usize>,
}

impl Subject {
    /// A network, with what its input can be.
    ///
    /// * `shape` — of one picture, without the axis of samples
    ///
    /// # Errors
    /// A network that does not take one picture of that shape.
    pub fn new(
        networks: Networks<f32>,
        shape: &[usize],
        range: InputRange,
        labels: Labels,
    ) -> Result<Self, pixelwise::Error> {
        let subject = Self { networks, shape: [&[1], shape].concat(), range, candidates: None, labels };
        subject.networks.explainer(&[&subject.shape])?.output_layout(&[&subject.shape])?;
        Ok(subject)
    }

    /// With points towards which roots are searched, along axis 0.
    #[must_use]
    pub fn with_candidates(self, candidates: ArrayD<f64>) -> Self {
        Self { candidates: Some(Arc::new(candidates)), ..self }
    }

    /// The shape of a picture.
    pub fn shape(&self) -> &[usize] {
        &self.shape[1..]
    }

    /// What explains.
    pub fn explainer(&self) -> Result<Arc<Explainer<f32>>, Failure> {
        Ok(self.networks.explainer(&[&self.shape])?)
    }

    /// How many classes there are.
    pub fn classes(&self) -> Result<usize, Failure> {
        Ok(self.explainer()?.output_layout(&[&self.shape])?.classes())
    }

    /// A picture, with the axis of samples.
    pub fn batch(&self, picture: ArrayViewD<'_, f32>) -> Result<ArrayD<f32>, Failure> {
        let batch = picture.to_shape(self.shape.as_slice()).map(|batch| batch.to_owned());
        batch.map_err(|_| {
            Failure::Model(format!(
                "The picture became {:?}, and the network takes {:?}.",
                picture.shape(),
                self.shape()
            ))
        })
    }

    /// What explains by such a name, and how it is called.
    pub fn attribution(&self, by: Option<&By>) -> Result<(Attribution, String), Failure> {
        let Some(by) = by else {
            let composite = Composite::default_for(self.explainer()?.network()).composite()?;
            let name = composite.name().to_owned();
            return Ok((composite.with_input_range(&self.range).into(), name));
        };
        let attribution = match (by.attribution(&self.range)?, &self.candidates) {
            (Attribution::Method(method), Some(candidates)) => {
                method.with_candidates(candidates.as_ref().clone()).into()
            }
            (attribution, _) => attribution,
        };
        Ok((attribution, by.to_string()))
    }

    /// The ways that it can be explained in.
    pub fn ways(&self) -> Result<Vec<Way>, Failure> {
        Ok(ways::offered(self.explainer()?.network(), &self.range, self.candidates.is_some()))
    }

    /// What it computes on the way, from the input to the score.
    pub fn layers(&self) -> Result<Vec<Layer>, Failure> {
        let explainer = self.explainer()?;
        let network = explainer.network();
        let shapes = network.shapes(&[&self.shape])?;
        let passed = network.nodes().iter().filter(|node| !explainer.skipped().contains(&node.name));
        let layers = passed.filter(|node| network.tensor(node.output).constant.is_none()).map(|node| Layer {
            tensor: network.tensor(node.output).name.clone(),
            node: node.name.clone(),
            kind: node.operation.kind().to_owned(),
            shape: shapes[node.output.index()].get(1..).unwrap_or_default().to_vec(),
        });
        Ok(layers.collect())
    }

    /// A class, rather than another, as the network's target.
    pub fn target(&self, class: usize, against: Option<Against>) -> Result<Target, Failure> {
        let classes = self.classes()?;
        let known = |class| match class < classes {
            true => Ok(Target::Class(class)),
            false => Err(Failure::Request(format!(
                "There is no class {class}: the network has classes from 0 to {}.",
                classes.saturating_sub(1)
            ))),
        };
        Ok(match against {
            None => known(class)?,
            Some(Against::Class(other)) => known(class)?.minus(known(other)?),
            Some(Against::Others(Others::Others)) => known(class)?.minus_others(),
        })
    }

    /// Explains a target.
    pub fn explain(
        forward: &Forward<'_, f32>,
        attribution: &Attribution,
        target: Target,
    ) -> Result<Explained<f32>, Failure> {
        let question = Question::from(attribution.initial(target));
        Ok(attribution.explain(forward, &question)?)
    }
}

/// The class with the largest score, the first of equals.
pub fn best(scores: &[f64]) -> usize {
    let larger = |best: (usize, f64), next: (usize, f64)| if next.1 > best.1 { next } else { best };
    scores.iter().copied().enumerate().fold((0, f64::NEG_INFINITY), larger).0
}

/// All classes, the one with the largest score first.
pub fn ranked(scores: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&left, &right| scores[right].total_cmp(&scores[left]));
    order
}

/// `exp(s) / Σ exp(s)`
pub fn softmax(scores: &[f64]) -> Vec<f64> {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}
