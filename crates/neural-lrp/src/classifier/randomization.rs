//! Networks whose parameters are drawn anew: explanations that stay the same do not show what was learned.

use std::sync::Arc;

use ndarray::ArrayD;
use rand::SeedableRng;
use rand::distributions::{Distribution, Uniform};
use rand_xoshiro::Xoshiro256PlusPlus;
use relevance::{ExplainError, RandomizableClassifier};

use crate::operation::Operation;
use crate::operation::{Constant, Input};
use crate::operations::read;
use crate::{Error, Network, NetworkClassifier, Real};

impl<F: Real> Network<F> {
    /// The positions of the nodes that have weights, in the order of the network.
    fn weighted(&self) -> Vec<usize> {
        (0..self.nodes().len()).filter(|&node| self.nodes()[node].operation.linear().is_some()).collect()
    }

    /// This network with another operation at one of its nodes.
    fn with_operation(&self, node: usize, operation: Arc<dyn Operation<F>>) -> Result<Self, Error> {
        let output = &self.tensor(self.nodes()[node].output).name;
        let mut builder = self.to_builder();
        let drafts = builder.nodes.iter_mut().filter(|draft| draft.output == *output);
        drafts.for_each(|draft| draft.operation = Arc::clone(&operation));
        builder.build()
    }
}

/// An operation with other weights and biases, drawn evenly from ±1/√n, where n is how many inputs each output has. That
/// is how PyTorch begins a layer.
fn redrawn<F: Real>(
    operation: &dyn Operation<F>,
    random: &mut Xoshiro256PlusPlus,
) -> Result<Arc<dyn Operation<F>>, Error> {
    let mut spec = operation.to_spec();
    let mut bound = None;
    for input in &mut spec.inputs {
        if let Input::Constant(Constant::Real(values)) = input {
            // The weights come first, with one row for each output.
            let fan_in: usize = values.shape().iter().skip(1).product();
            let bound = *bound.get_or_insert(1.0 / (fan_in.max(1) as f64).sqrt());
            let even = Uniform::new_inclusive(-bound, bound);
            let drawn = ArrayD::from_shape_simple_fn(values.raw_dim(), || F::of(even.sample(random)));
            *values = Arc::new(drawn);
        }
    }
    Ok(read(&spec)?.operation)
}

/// Layers are the nodes with weights: dense layers and convolutions, with what is folded into them. New weights and biases
/// are drawn evenly from ±1/√n for n inputs of each output, as PyTorch begins a layer; normalizations that are not folded
/// stay as they are.
///
/// ```
/// use ndarray::array;
/// use neural_lrp::{Composite, NetworkClassifier};
/// use relevance::{ExplainableClassifier, RandomizableClassifier};
/// # use neural_lrp::operations::Dense;
/// # use neural_lrp::{Explainer, NetworkBuilder};
/// # use std::sync::Arc;
/// # let mut network = NetworkBuilder::new();
/// # network.input("x", [None, Some(2)]).output("scores");
/// # network.node("dense", Arc::new(Dense::new(array![[1.0, 2.0], [3.0, -1.0]], None)?), ["x"], "scores");
/// # let explainer = Explainer::new(&network.build()?)?;
/// // Scores x₁ + 2 x₂ and 3 x₁ − x₂
/// let classifier = NetworkClassifier::new(explainer, &[2], Composite::named("figure-12")?)?;
/// assert_eq!(classifier.layers(), ["dense"]);
/// let randomized = classifier.randomized(0, 42).unwrap();
/// let weights = randomized.scores(&[array![1.0, 0.0].into_dyn().view()]).unwrap();
/// assert!(weights.iter().all(|weight| weight.abs() <= 0.5_f64.sqrt()));
/// # Ok::<(), neural_lrp::Error>(())
/// ```
impl<F: Real> RandomizableClassifier for NetworkClassifier<F> {
    fn layers(&self) -> Vec<String> {
        let network = self.explainer().network();
        network.weighted().into_iter().map(|node| network.nodes()[node].name.clone()).collect()
    }

    fn randomized(&self, layer: usize, seed: u64) -> Result<Box<dyn RandomizableClassifier>, ExplainError> {
        let network = self.explainer().network();
        let weighted = network.weighted();
        let Some(&node) = weighted.get(layer) else {
            let reason = format!("the network has {} layers with weights, counted from 0", weighted.len());
            return Err(Error::Setting { what: "layer", given: layer.to_string(), reason }.into());
        };
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        (0..layer).for_each(|_| random.jump()); // each layer has numbers of its own
        let operation = redrawn(network.nodes()[node].operation.as_ref(), &mut random)?;
        Ok(Box::new(self.with_network(&network.with_operation(node, operation)?)?))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::IxDyn;
    use relevance::ExplainableClassifier;

    use super::*;
    use crate::Composite;
    use crate::methods::testing::{random, rectifier_network};

    fn classifier() -> NetworkClassifier<f64> {
        NetworkClassifier::new(rectifier_network(), &[5], Composite::named("epsilon-plus").unwrap()).unwrap()
    }

    fn weights(classifier: &NetworkClassifier<f64>, layer: usize) -> Vec<f64> {
        let network = classifier.explainer().network();
        let spec = network.nodes()[network.weighted()[layer]].operation.to_spec();
        let numbers = spec.inputs.iter().filter_map(|input| match input {
            Input::Constant(Constant::Real(values)) => Some(values.iter().copied().collect::<Vec<_>>()),
            _ => None,
        });
        numbers.flatten().collect()
    }

    /// The same by hand: the classifier with one layer's operation redrawn.
    fn by_hand(classifier: &NetworkClassifier<f64>, layer: usize, seed: u64) -> NetworkClassifier<f64> {
        let network = classifier.explainer().network();
        let node = network.weighted()[layer];
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        (0..layer).for_each(|_| random.jump());
        let operation = redrawn(network.nodes()[node].operation.as_ref(), &mut random).unwrap();
        classifier.with_network(&network.with_operation(node, operation).unwrap()).unwrap()
    }

    #[test]
    fn one_layer_is_drawn_anew_and_all_others_stay() {
        let classifier = classifier();
        let layers = classifier.layers().len();
        assert!(layers >= 2);
        for layer in 0..layers {
            let randomized = by_hand(&classifier, layer, 42);
            for other in 0..layers {
                assert_eq!(weights(&classifier, other) == weights(&randomized, other), layer != other);
            }
            let fan_in = match &classifier.explainer().network().nodes()
                [classifier.explainer().network().weighted()[layer]]
                .operation
                .to_spec()
                .inputs[1]
            {
                Input::Constant(Constant::Real(values)) => values.shape()[1],
                other => panic!("{other:?}"),
            };
            let bound = 1.0 / (fan_in as f64).sqrt();
            assert!(weights(&randomized, layer).iter().all(|weight| weight.abs() <= bound));
        }
    }

    #[test]
    fn the_seed_and_the_layer_say_it_all() {
        let (classifier, x) = (classifier(), random::<IxDyn>(&[5], 3));
        let scores = |randomized: &dyn RandomizableClassifier| randomized.scores(&[x.view()]).unwrap();
        let plain = classifier.scores(&[x.view()]).unwrap();
        let first = classifier.randomized(0, 42).unwrap();
        assert_ne!(scores(first.as_ref()), plain);
        assert_eq!(scores(first.as_ref()), scores(classifier.randomized(0, 42).unwrap().as_ref()));
        assert_ne!(scores(first.as_ref()), scores(classifier.randomized(0, 43).unwrap().as_ref()));
        // In whatever order layers are replaced, and however often.
        let upward = first.randomized(1, 42).unwrap();
        let downward = classifier.randomized(1, 42).unwrap().randomized(0, 7).unwrap().randomized(0, 42).unwrap();
        assert_eq!(scores(upward.as_ref()), scores(downward.as_ref()));
        assert_eq!(first.layers(), classifier.layers());
        assert_eq!(scores(first.as_ref()), by_hand(&classifier, 0, 42).scores(&[x.view()]).unwrap());
    }

    #[test]
    fn a_layer_that_is_none_is_refused() {
        let error = classifier().randomized(17, 0).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("17") && error.contains("layers with weights"), "{error}");
    }
}
