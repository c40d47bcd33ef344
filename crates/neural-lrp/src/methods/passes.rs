//! Several passes over the parts of a batch.

use std::ops::Range;

use ndarray::{ArrayD, ArrayViewD, Axis, Slice};
use rayon::prelude::*;
use relevance::{Amount, Ledger};

use crate::explain::{Explained, Explainer, Forward, Initial, Question};
use crate::{Composite, Error, Real};

/// How many gradients are kept until they are summed.
const GRADIENTS_KEPT: usize = 64;

/// What one part of a batch gets: relevance of each input, and where it went.
pub(super) type PartExplained<F> = (Vec<ArrayD<F>>, Ledger);

/// One part of a batch, and the function of it that is explained: the explained output times the initial relevance,
/// which stays the same wherever the network is evaluated.
pub(super) struct Part<'a, F: Real> {
    explainer: &'a Explainer<F>,
    composite: &'a Composite,
    /// The inputs that are explained.
    pub(super) inputs: Vec<ArrayViewD<'a, F>>,
    /// The part's samples, as positions in the batch.
    pub(super) samples: Range<usize>,
    question: Question<F>,
    weights: ArrayD<F>,
}

/// Explains each part of a batch by itself, on all threads.
pub(super) fn explain_parts<F: Real>(
    forward: &Forward<'_, F>,
    question: &Question<F>,
    explain: impl Fn(&Part<'_, F>) -> Result<PartExplained<F>, Error> + Sync,
) -> Result<Explained<F>, Error> {
    if let Some(name) = question.at.first() {
        let reason = "a method of several passes has relevance at the inputs only; rules have it everywhere".into();
        return Err(Error::Setting { what: "tensor", given: name.clone(), reason });
    }
    let explainer = forward.explainer();
    let network = explainer.network();
    let composite = Composite::named("gradient")?;
    let mut start = 0;
    let parts = forward.parts().iter().zip(forward.initial(&question.initial)?).map(|(activations, weights)| {
        let inputs: Vec<_> = network.inputs().iter().map(|input| activations.value(input.tensor)).collect();
        let end = start + inputs.first().and_then(|input| input.shape().first().copied()).unwrap_or(1);
        let samples = std::mem::replace(&mut start, end)..end;
        let initial = Initial::Array(weights.clone());
        let question = Question { initial, masks: question.masks.clone(), at: Vec::new() };
        Part { explainer, composite: &composite, inputs, samples, question, weights }
    });
    let parts: Vec<Part<'_, F>> = parts.collect();
    let explained = parts.par_iter().map(&explain).collect::<Result<Vec<_>, _>>()?;
    let mut relevance: Vec<Vec<ArrayD<F>>> = network.inputs().iter().map(|_| Vec::new()).collect();
    let mut ledgers = Vec::new();
    for (inputs, ledger) in explained {
        relevance.iter_mut().zip(inputs).for_each(|(parts, part)| parts.push(part));
        ledgers.push(ledger);
    }
    Ok(Explained {
        relevance: relevance.into_iter().map(|parts| forward.joined(parts)).collect(),
        at: Default::default(),
        ledgers,
        rules: composite.assign(network)?,
    })
}

impl<F: Real> Part<'_, F> {
    /// What an array over the whole batch, filled up, has for this part.
    pub(super) fn of_batch<'b>(&self, whole: &'b ArrayD<F>) -> ArrayViewD<'b, F> {
        whole.slice_axis(Axis(0), Slice::from(self.samples.clone()))
    }

    /// `f` at a point.
    pub(super) fn value(&self, point: &[ArrayViewD<'_, F>]) -> Result<Amount, Error> {
        let scores = self.explainer.forward_all(point)?.scores();
        Ok(self.weights.iter().zip(&scores).map(|(&weight, &score)| weight.as_() * score.as_()).collect())
    }

    /// `Σ_k factor_k ∇f(point_k)` in f64, for each input.
    ///
    /// The gradients are computed on all threads and summed in their order.
    pub(super) fn sum_of_gradients(
        &self,
        factors: &[f64],
        point: impl Fn(usize) -> Vec<ArrayD<F>> + Sync,
    ) -> Result<Vec<ArrayD<f64>>, Error> {
        let mut sums: Vec<ArrayD<f64>> = self.inputs.iter().map(|input| ArrayD::zeros(input.raw_dim())).collect();
        let gradient = |index| {
            let point = point(index);
            let views: Vec<_> = point.iter().map(ArrayD::view).collect();
            Ok(self.explainer.forward_all(&views)?.explain(self.composite, &self.question)?.relevance)
        };
        for start in (0..factors.len()).step_by(GRADIENTS_KEPT) {
            let group = start..(start + GRADIENTS_KEPT).min(factors.len());
            let gradients = group.clone().into_par_iter().map(gradient).collect::<Result<Vec<_>, Error>>()?;
            for (&factor, gradients) in factors[group].iter().zip(&gradients) {
                for (sum, gradient) in sums.iter_mut().zip(gradients) {
                    sum.zip_mut_with(gradient, |sum, slope| *sum += factor * slope.as_());
                }
            }
        }
        Ok(sums)
    }
}
