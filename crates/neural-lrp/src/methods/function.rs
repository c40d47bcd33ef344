//! Networks as functions of several variables.

use ndarray::{Array1, ArrayD, ArrayView1};
use relevance::Differentiable;

use crate::explain::{Explainer, Forward, Initial};
use crate::{Composite, Error, Real};

/// What a network decides about a sample, as one number.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// The sum of all scores, each times its weight: for the score of a class, weight 1 there and 0 elsewhere.
    Score(Array1<f64>),
    /// The score of a class less the best of the others.
    Margin(usize),
}

impl Decision {
    /// `v`, where the decision is `v · s` about a point with scores `s`.
    fn weights(&self, scores: ArrayView1<'_, f64>) -> Array1<f64> {
        let class = match self {
            Self::Score(weights) => return weights.clone(),
            Self::Margin(class) => *class,
        };
        let others = scores.iter().enumerate().filter(|(other, _)| *other != class);
        let best = others.reduce(|best, other| if other.1 > best.1 { other } else { best });
        let mut weights = Array1::zeros(scores.len());
        weights[class] = 1.0;
        if let Some((other, _)) = best {
            weights[other] = -1.0;
        }
        weights
    }

    /// The decision for these scores.
    pub(super) fn value(&self, scores: ArrayView1<'_, f64>) -> f64 {
        self.weights(scores).dot(&scores)
    }

    /// Fails when it is not about so many scores.
    fn check(&self, scores: usize) -> Result<(), Error> {
        let (given, fits) = match self {
            Self::Score(weights) => (format!("weights of {} scores", weights.len()), weights.len() == scores),
            Self::Margin(class) => (format!("the margin of class {class}"), *class < scores && scores > 1),
        };
        if fits {
            return Ok(());
        }
        let reason = format!("the network gives {scores} scores, counted from 0; a margin takes at least two");
        Err(Error::Setting { what: "decision", given, reason })
    }
}

/// The decision of a network about one sample, as a function of the sample's numbers in a row.
///
/// It is what [`TaylorDecomposition`](crate::methods::TaylorDecomposition) searches roots of; with it, a decomposition
/// about any point of one's own can be made, as in the paper's Fig 11. It computes in the numbers of the network.
///
/// ```
/// use ndarray::array;
/// use neural_lrp::methods::{Decision, NetworkFunction};
/// use relevance::taylor_decomposition;
/// # use neural_lrp::operations::Dense;
/// # use neural_lrp::{Explainer, NetworkBuilder};
/// # use std::sync::Arc;
/// # let mut network = NetworkBuilder::new();
/// # network.input("x", [None, Some(2)]).output("scores");
/// # network.node("dense", Arc::new(Dense::new(array![[1.0, 2.0], [3.0, -1.0]], None)?), ["x"], "scores");
/// # let explainer = Explainer::new(&network.build()?)?;
/// // Scores x₁ + 2 x₂ and 3 x₁ − x₂
/// let margin = NetworkFunction::new(&explainer, &[2], Decision::Margin(0))?;
/// let decomposition = taylor_decomposition(&margin, array![1.0, 2.0].view(), array![0.0, 0.0].view())?;
/// assert_eq!((decomposition.value, decomposition.relevance), (4.0, array![-2.0, 6.0])); // −2 x₁ + 3 x₂
/// # Ok::<(), neural_lrp::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct NetworkFunction<'a, F: Real> {
    pub(super) network: FlatNetwork<'a, F>,
    pub(super) decision: Decision,
}

impl<'a, F: Real> NetworkFunction<'a, F> {
    /// The decision of a network about samples of a shape, which is that of its input without the axis of samples.
    ///
    /// # Errors
    /// [`Error::Input`] when the network has several inputs, or takes no such samples; [`Error::Setting`] when it does not
    /// have the scores that the decision is about.
    pub fn new(explainer: &'a Explainer<F>, shape: &[usize], decision: Decision) -> Result<Self, Error> {
        let network = FlatNetwork::new(explainer, shape)?;
        decision.check(network.outputs)?;
        Ok(Self { network, decision })
    }
}

impl<F: Real> Differentiable for NetworkFunction<'_, F> {
    fn dimensions(&self) -> usize {
        self.network.dimensions()
    }

    /// NaN where the network can't be evaluated.
    fn value(&self, x: ArrayView1<'_, f64>) -> f64 {
        self.network.scores(x).map_or(f64::NAN, |scores| self.decision.value(scores.view()))
    }

    fn gradient(&self, x: ArrayView1<'_, f64>) -> Array1<f64> {
        let gradient = self.network.gradient(x, &self.decision);
        gradient.unwrap_or_else(|_| Array1::from_elem(self.dimensions(), f64::NAN))
    }
}

/// A network of one input, over the numbers of one sample in a row.
#[derive(Clone, Debug)]
pub(super) struct FlatNetwork<'a, F: Real> {
    explainer: &'a Explainer<F>,
    composite: Composite,
    /// The shape of a batch: of one sample, or of as many copies of it as the network takes.
    shape: Vec<usize>,
    outputs: usize,
}

impl<'a, F: Real> FlatNetwork<'a, F> {
    pub(super) fn new(explainer: &'a Explainer<F>, sample: &[usize]) -> Result<Self, Error> {
        let samples = explainer.fixed_samples().unwrap_or(1);
        let shape = [&[samples], sample].concat();
        let shapes = explainer.network().shapes(&[&shape])?;
        let outputs = shapes[explainer.explained().index()].iter().product::<usize>() / samples;
        Ok(Self { explainer, composite: Composite::named("gradient")?, shape, outputs })
    }

    fn dimensions(&self) -> usize {
        self.shape[1..].iter().product()
    }

    /// A point, as often as the network takes samples.
    fn batch(&self, point: ArrayView1<'_, f64>) -> ArrayD<F> {
        let mut numbers = point.iter().cycle().map(|&number| F::of(number));
        let next = || numbers.next().unwrap_or_else(|| unreachable!("a point has as many numbers as a sample"));
        ArrayD::from_shape_simple_fn(self.shape.as_slice(), next)
    }

    /// All scores at a point.
    pub(super) fn scores(&self, point: ArrayView1<'_, f64>) -> Result<Array1<f64>, Error> {
        Ok(self.first_scores(&self.explainer.forward_to(&[], &[self.batch(point).view()])?))
    }

    /// The scores of the first copy.
    fn first_scores(&self, forward: &Forward<'_, F>) -> Array1<f64> {
        forward.scores().iter().take(self.outputs).map(|score| score.as_()).collect()
    }

    /// The gradient of a decision at a point.
    fn gradient(&self, point: ArrayView1<'_, f64>, decision: &Decision) -> Result<Array1<f64>, Error> {
        let forward = self.explainer.forward(self.batch(point).view())?;
        let mut initial = ArrayD::zeros(forward.scores().raw_dim());
        let weights = decision.weights(self.first_scores(&forward).view());
        initial.iter_mut().zip(&weights).for_each(|(initial, &weight)| *initial = F::of(weight));
        let explained = forward.explain(&self.composite, &Initial::Array(initial).into())?;
        Ok(explained.relevance.iter().flatten().take(self.dimensions()).map(|slope| slope.as_()).collect())
    }
}
