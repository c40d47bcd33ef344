//! A network as a classifier that can be explained, beside all others.

use ndarray::{Array2, ArrayD, ArrayViewD, Axis};
use rayon::prelude::*;
use relevance::{ExplainError, ExplainableClassifier, Explanation};

use crate::explain::{Explainer, Forward, Initial, Similarity, Target};
use crate::network::Network;
use crate::{Error, Real};

mod attribution;
mod randomization;

pub use attribution::Attribution;

/// A network of one input, as an [`ExplainableClassifier`] of single samples: what measures of explanations take.
///
/// Samples have the shape of the network's input without the axis of samples. They come and go in f64; the network
/// computes in its own numbers. Targets are classes: where the output has positions, a class's score is its sum over them.
///
/// ```
/// use ndarray::{Axis, array};
/// use neural_lrp::{Composite, NetworkClassifier};
/// use relevance::ExplainableClassifier;
/// # use neural_lrp::operations::Dense;
/// # use neural_lrp::{Explainer, NetworkBuilder};
/// # use std::sync::Arc;
/// # let mut network = NetworkBuilder::new();
/// # network.input("x", [None, Some(2)]).output("scores");
/// # network.node("dense", Arc::new(Dense::new(array![[1.0, 2.0], [3.0, -1.0]], None)?), ["x"], "scores");
/// # let explainer = Explainer::new(&network.build()?)?;
/// // Scores x₁ + 2 x₂ and 3 x₁ − x₂
/// let classifier = NetworkClassifier::new(explainer, &[2], Composite::named("figure-12")?)?;
/// assert_eq!((classifier.targets(), classifier.channel_axis()), (2, None));
/// let x = array![1.0, 0.5].into_dyn();
/// assert_eq!(classifier.scores(&[x.view()]).unwrap(), array![[2.0, 2.5]]);
/// let explanation = classifier.explain(x.view(), 1).unwrap();
/// assert_eq!(explanation.relevance, array![3.0, -0.5].into_dyn());
/// explanation.ledger.check(1e-10)?;
/// # Ok::<(), neural_lrp::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct NetworkClassifier<F: Real> {
    explainer: Explainer<F>,
    /// The same for scores alone: more samples at a time.
    scorer: Explainer<F>,
    shape: Vec<usize>,
    targets: usize,
    attribution: Attribution,
}

/// How many samples are scored in one pass, at most: enough for matrix products to be at their best, …
const SAMPLES_TOGETHER: usize = 128;
/// … and how many numbers they have together, so that large images keep to the memory of one.
const NUMBERS_TOGETHER: usize = 1 << 18;

impl<F: Real> NetworkClassifier<F> {
    /// A network for samples of a shape, and how it is explained: a [`Composite`](crate::Composite) or a [`Method`](crate::methods::Method).
    ///
    /// # Errors
    /// [`Error::Input`] or [`Error::Node`] when the network has several inputs, or does not take such samples; what is
    /// wrong with a composite that does not fit the network.
    pub fn new(explainer: Explainer<F>, shape: &[usize], attribution: impl Into<Attribution>) -> Result<Self, Error> {
        let attribution = attribution.into();
        if let Attribution::Rules(composite) = &attribution {
            composite.assign(explainer.network())?;
        }
        let samples = explainer.fixed_samples().unwrap_or(1);
        let targets = explainer.output_layout(&[&[&[samples], shape].concat()])?.classes();
        let together = (NUMBERS_TOGETHER / shape.iter().product::<usize>().max(1)).clamp(1, SAMPLES_TOGETHER);
        let (explainer, scorer) = (explainer.clone().samples_together(1), explainer.samples_together(together));
        Ok(Self { explainer, scorer, shape: shape.to_vec(), targets, attribution })
    }

    /// What makes the explanations.
    pub fn explainer(&self) -> &Explainer<F> {
        &self.explainer
    }

    /// How the network is explained.
    pub fn attribution(&self) -> &Attribution {
        &self.attribution
    }

    /// Another network, explained in the same way.
    pub(crate) fn with_network(&self, network: &Network<F>) -> Result<Self, Error> {
        let [explainer, scorer] = [&self.explainer, &self.scorer].map(|explainer| explainer.with_network(network));
        Ok(Self { explainer: explainer?, scorer: scorer?, ..self.clone() })
    }

    /// A forward pass of a sample, to be explained.
    fn forward(&self, input: ArrayViewD<'_, f64>) -> Result<Forward<'_, F>, Error> {
        self.explainer.forward(self.stacked(&[input])?.view())
    }

    /// A batch of samples.
    fn stacked(&self, inputs: &[ArrayViewD<'_, f64>]) -> Result<ArrayD<F>, Error> {
        for input in inputs {
            if input.shape() != self.shape {
                let reason = format!("it has shape {:?}; this classifier takes {:?}", input.shape(), self.shape);
                return Err(Error::Input { input: "sample".into(), reason });
            }
        }
        let mut numbers = inputs.iter().flatten().map(|&number| F::of(number));
        let shape = [&[inputs.len()], self.shape.as_slice()].concat();
        let next = || numbers.next().unwrap_or_else(|| unreachable!("each sample has the shape of all"));
        Ok(ArrayD::from_shape_simple_fn(shape, next))
    }

    /// Explains several targets of a sample from one forward pass.
    ///
    /// # Errors
    /// A sample or a target that is not for this network.
    pub fn explain_all(&self, input: ArrayViewD<'_, f64>, targets: &[Target]) -> Result<Vec<Explanation>, Error> {
        let forward = self.forward(input)?;
        let explain = |target: &Target| {
            let score = forward.target_scores(target)?.first().copied().unwrap_or_default();
            self.explanation(&forward, score, self.attribution.initial(target.clone()))
        };
        targets.iter().map(explain).collect()
    }

    /// Explains how alike two samples are to the network, by the features that its explained output is: the relevance of
    /// each, both of all of the similarity.
    ///
    /// # Errors
    /// A sample that is not for this network; features that have no similarity.
    pub fn explain_similarity(
        &self,
        inputs: [ArrayViewD<'_, f64>; 2],
        similarity: Similarity,
    ) -> Result<[Explanation; 2], Error> {
        let [first, second] = inputs.map(|input| self.forward(input));
        let (first, second) = (first?, second?);
        let start = self.attribution.start();
        let explain = |own: &Forward<'_, F>, other: &Forward<'_, F>| {
            let others = other.scores();
            let values = similarity.of(own.scores().view(), others.view())?;
            let value = values.first().copied().unwrap_or_default();
            self.explanation(own, value, Initial::Alike(start, similarity, others))
        };
        Ok([explain(&first, &second)?, explain(&second, &first)?])
    }

    /// The explanation of a forward pass of one sample.
    fn explanation(&self, forward: &Forward<'_, F>, score: f64, initial: Initial<F>) -> Result<Explanation, Error> {
        let explained = self.attribution.explain(forward, &initial.into())?;
        let relevance = explained.relevance.iter().flatten().map(|relevance| relevance.as_());
        let mut numbers = relevance.take(self.shape.iter().product());
        let relevance = ArrayD::from_shape_simple_fn(self.shape.as_slice(), || numbers.next().unwrap_or_default());
        Ok(Explanation { score, relevance, ledger: explained.ledgers.into_iter().next().unwrap_or_default() })
    }
}

impl<F: Real> ExplainableClassifier for NetworkClassifier<F> {
    fn targets(&self) -> usize {
        self.targets
    }

    /// The first axis, as networks have it; none for vectors.
    fn channel_axis(&self) -> Option<Axis> {
        (self.shape.len() > 1).then_some(Axis(0))
    }

    fn batch(&self) -> usize {
        self.scorer.together(&[&[&[1], self.shape.as_slice()].concat()])
    }

    fn scores(&self, inputs: &[ArrayViewD<'_, f64>]) -> Result<Array2<f64>, ExplainError> {
        let together = self.batch();
        let scores = inputs.par_chunks(together).map(|inputs| {
            let scores = self.scorer.forward_to(&[], &[self.stacked(inputs)?.view()])?.class_scores()?;
            Ok(scores.into_iter().collect())
        });
        let scores = scores.collect::<Result<Vec<Vec<f64>>, Error>>()?;
        Ok(Array2::from_shape_vec((inputs.len(), self.targets), scores.concat())?)
    }

    fn explain(&self, input: ArrayViewD<'_, f64>, target: usize) -> Result<Explanation, ExplainError> {
        let explained = self.explain_all(input, &[Target::Class(target)])?.into_iter().next();
        Ok(explained.unwrap_or_else(|| unreachable!("one target was asked for")))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ndarray::{Array1, IxDyn};

    use super::*;
    use crate::NetworkBuilder;
    use crate::explain::Composite;
    use crate::methods::testing::{assert_close, dense, random, rectifier_network};
    use crate::methods::{DecisionFunction, Method, TaylorDecomposition};
    use crate::operations::{Conv, Flatten, Relu, Window};

    /// Images of 2×3×3, three classes.
    fn convolutional(samples: Option<usize>) -> Explainer<f64> {
        let conv = Conv::new(random::<IxDyn>(&[4, 2, 2, 2], 1), Some(random(&[4], 2)), Window::default(), 1).unwrap();
        let mut network = NetworkBuilder::new();
        network.input("x", [samples, Some(2), Some(3), Some(3)]).output("scores");
        network.node("conv", Arc::new(conv), ["x"], "z");
        network.node("relu", Arc::new(Relu), ["z"], "a");
        network.node("flatten", Arc::new(Flatten { axis: 1 }), ["a"], "row");
        network.node("last", dense(3, 16, 3), ["row"], "scores");
        Explainer::new(&network.build().unwrap()).unwrap()
    }

    fn approaches() -> Vec<Attribution> {
        let taylor = TaylorDecomposition {
            of: DecisionFunction::Margin,
            ..TaylorDecomposition::towards(random::<IxDyn>(&[30, 2, 3, 3], 4) * 3.0)
        };
        let composites = ["epsilon-plus-flat", "figure-12"].map(|name| Composite::named(name).unwrap().into());
        let methods = ["gradient", "integrated-gradients", "smooth-grad", "guided-backprop"];
        let methods = methods.map(|name| name.parse::<Method>().unwrap().into());
        composites.into_iter().chain(methods).chain([Method::Taylor(taylor).into()]).collect()
    }

    #[test]
    fn samples_get_what_the_batch_gets() {
        let batch = random::<IxDyn>(&[5, 2, 3, 3], 5);
        let samples: Vec<ArrayViewD<'_, f64>> = batch.axis_iter(Axis(0)).collect();
        for attribution in approaches() {
            let explainer = convolutional(None);
            let classifier = NetworkClassifier::new(explainer.clone(), &[2, 3, 3], attribution.clone()).unwrap();
            assert_eq!((classifier.targets(), classifier.channel_axis()), (3, Some(Axis(0))));
            let forward = explainer.forward(batch.view()).unwrap();
            assert_close(&classifier.scores(&samples).unwrap().into_dyn(), &forward.scores());
            let question = attribution.initial(Target::Class(1)).into();
            // Noise is drawn by the position in a batch, which is 0 for a single sample.
            let explained = attribution.explain(&forward, &question).unwrap();
            let explanation = classifier.explain(samples[0].view(), 1).unwrap();
            assert_eq!(explanation.relevance.view(), explained.relevance[0].index_axis(Axis(0), 0));
            assert_eq!(explanation.ledger, explained.ledgers[0]);
            assert_eq!(explanation.score, forward.scores()[[0, 1]]);
        }
    }

    #[test]
    fn a_network_of_a_fixed_number_of_samples_is_filled_up() {
        let batch = random::<IxDyn>(&[5, 2, 3, 3], 5);
        let samples: Vec<ArrayViewD<'_, f64>> = batch.axis_iter(Axis(0)).collect();
        for attribution in approaches() {
            let classifier =
                |samples| NetworkClassifier::new(convolutional(samples), &[2, 3, 3], attribution.clone()).unwrap();
            let (one, two) = (classifier(None), classifier(Some(2)));
            assert_close(&one.scores(&samples).unwrap().into_dyn(), &two.scores(&samples).unwrap().into_dyn());
            let (alone, filled) =
                (one.explain(samples[0].view(), 1).unwrap(), two.explain(samples[0].view(), 1).unwrap());
            assert_close(&alone.relevance, &filled.relevance);
            assert!((alone.ledger.total().upper.total - filled.ledger.total().upper.total).abs() < 1e-12);
            assert!((alone.ledger.total().lower.total - filled.ledger.total().lower.total).abs() < 1e-12);
        }
    }

    #[test]
    fn rules_conserve_and_begin_with_the_score() {
        let classifier =
            NetworkClassifier::new(rectifier_network(), &[5], Composite::named("epsilon-plus").unwrap()).unwrap();
        let explanation = classifier.explain(random::<IxDyn>(&[5], 7).view(), 0).unwrap();
        assert_eq!(explanation.ledger.total().upper.total, explanation.score);
        explanation.ledger.check(1e-10).unwrap();
    }

    #[test]
    fn several_targets_come_from_one_pass() {
        let input = random::<IxDyn>(&[2, 3, 3], 9);
        // A root of the Taylor decomposition is not there for each class.
        let is_taylor = |attribution: &Attribution| matches!(attribution, Attribution::Method(Method::Taylor(_)));
        for attribution in approaches().into_iter().filter(|attribution| !is_taylor(attribution)) {
            let is_linear =
                !matches!(&attribution, Attribution::Method(method) if method.to_string().starts_with("guided"));
            let classifier = NetworkClassifier::new(convolutional(None), &[2, 3, 3], attribution).unwrap();
            let targets = [Target::Class(0), Target::Class(2), Target::Class(0).minus(Target::Class(2))];
            let found = classifier.explain_all(input.view(), &targets).unwrap();
            assert_eq!(found[..2], [0, 2].map(|class| classifier.explain(input.view(), class).unwrap()));
            assert!((found[2].score - (found[0].score - found[1].score)).abs() < 1e-12);
            if is_linear {
                assert_close(&found[2].relevance, &(&found[0].relevance - &found[1].relevance));
            }
        }
    }

    #[test]
    fn a_similarity_is_explained_on_both_samples() {
        let [x, y] = [9, 10].map(|seed| random::<IxDyn>(&[2, 3, 3], seed));
        let composite = || Composite::named("epsilon-plus").unwrap();
        for samples in [None, Some(2)] {
            let classifier = NetworkClassifier::new(convolutional(samples), &[2, 3, 3], composite()).unwrap();
            let both = classifier.explain_similarity([x.view(), y.view()], Similarity::Cosine).unwrap();
            let turned = classifier.explain_similarity([y.view(), x.view()], Similarity::Cosine).unwrap();
            assert!((both[0].score - both[1].score).abs() < 1e-12 && both[0].score.abs() <= 1.0);
            assert_eq!((&both[0], &both[1]), (&turned[1], &turned[0]));
            for explanation in &both {
                explanation.ledger.check(1e-10).unwrap();
                assert!((explanation.ledger.total().upper.total - explanation.score).abs() < 1e-12);
            }
            // It is what the features' own maps make together.
            let targets: Vec<Target> = (0..3).map(Target::Class).collect();
            let (of_x, of_y) = (classifier.scores(&[x.view()]).unwrap(), classifier.scores(&[y.view()]).unwrap());
            let norms = of_x.iter().map(|x| x * x).sum::<f64>().sqrt() * of_y.iter().map(|y| y * y).sum::<f64>().sqrt();
            let maps = classifier.explain_all(x.view(), &targets).unwrap();
            let expected = maps.iter().zip(&of_y).map(|(map, weight)| &map.relevance * (*weight / norms));
            assert_close(&both[0].relevance, &expected.reduce(|sum, map| sum + map).unwrap());
        }
    }

    #[test]
    fn what_is_no_sample_or_no_class_is_refused() {
        let composite = Composite::named("epsilon-plus").unwrap();
        let classifier = NetworkClassifier::new(rectifier_network(), &[5], composite.clone()).unwrap();
        let x = random::<IxDyn>(&[5], 8);
        let refused = |x: &ArrayD<f64>, target| classifier.explain(x.view(), target).unwrap_err().to_string();
        assert!(refused(&random(&[4], 8), 0).contains("takes [5]"));
        assert!(refused(&random(&[5, 1], 8), 0).contains("takes [5]"));
        assert!(refused(&x, 3).contains("3 classes"));
        let mut holey: Array1<f64> = Array1::zeros(5);
        holey[2] = f64::NAN;
        assert!(refused(&holey.clone().into_dyn(), 0).contains("finite"));
        assert!(classifier.scores(&[x.view(), holey.view().into_dyn()]).is_err());
        assert_eq!(classifier.scores(&[]).unwrap().dim(), (0, 3));
        assert!(NetworkClassifier::new(rectifier_network(), &[4], composite).is_err());
        // A z^B-rule without a range of inputs can't be used.
        let boxed = Composite::uniform("z-box".parse().unwrap());
        assert!(NetworkClassifier::new(rectifier_network(), &[5], boxed).is_err());
    }
}
