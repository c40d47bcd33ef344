//! A network of layers one behind the other.

use std::sync::Arc;

use ndarray::{Array2, ArrayView2, Zip};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use crate::{Dense, Error, random};
use neural_lrp::{Network, NetworkBuilder, Operation, Real, operations};

/// A layer that is to be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum LayerPlan {
    /// A fully connected layer of so many outputs.
    Dense(usize),
    /// The hyperbolic tangent.
    Tanh,
    /// `max(0, x)`
    Rectifier,
    /// Gaussian noise of this standard deviation, added while training.
    Noise(f64),
}

/// A layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound(serialize = "F: Serialize", deserialize = "F: Deserialize<'de>"))]
pub enum Layer<F> {
    /// A fully connected layer.
    Dense(Box<Dense<F>>),
    /// The hyperbolic tangent.
    Tanh,
    /// `max(0, x)`
    Rectifier,
    /// Gaussian noise of this standard deviation, added while training.
    Noise(f64),
}

impl<F: Real> Layer<F> {
    /// What the layer gives, `input` taken over; without `random`, as after training.
    fn forward(&self, input: ArrayView2<'_, F>, random: Option<&mut impl Rng>) -> Array2<F> {
        match (self, random) {
            (Self::Dense(dense), _) => dense.forward(input),
            (Self::Tanh, _) => input.mapv(F::tanh),
            (Self::Rectifier, _) => input.mapv(|x| x.max(F::zero())),
            (Self::Noise(_), None) => input.to_owned(),
            (Self::Noise(deviation), Some(random)) => input.mapv(|x| {
                let normal: f64 = StandardNormal.sample(random);
                x + F::of(deviation * normal)
            }),
        }
    }

    /// The gradient by the input, from that by the output.
    fn lower(&self, output: ArrayView2<'_, F>, mut upper: Array2<F>) -> Array2<F> {
        match self {
            Self::Dense(dense) => return dense.lower(upper.view()),
            Self::Tanh => Zip::from(&mut upper).and(output).for_each(|upper, &y| *upper *= F::one() - y * y),
            Self::Rectifier => Zip::from(&mut upper).and(output).for_each(|upper, &y| {
                if y <= F::zero() {
                    *upper = F::zero();
                }
            }),
            Self::Noise(_) => {}
        }
        upper
    }
}

/// A network of layers one behind the other, over inputs that are vectors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound(serialize = "F: Serialize", deserialize = "F: Deserialize<'de>"))]
pub struct Perceptron<F> {
    inputs: usize,
    pub(super) layers: Vec<Layer<F>>,
}

impl<F: Real> Perceptron<F> {
    /// A network with random weights: of variance 2/inputs in front of a rectifier, else 1/inputs.
    ///
    /// # Errors
    /// [`Error::Layer`] for a dense layer without inputs or outputs, or noise of no deviation; and when the last layer is
    /// not dense, whose outputs are the classes' scores.
    pub fn new(inputs: usize, plan: &[LayerPlan], seed: u64) -> Result<Self, Error> {
        let refuse = |position, reason: &str| Err(Error::Layer { position, reason: reason.to_owned() });
        if !matches!(plan.last(), Some(LayerPlan::Dense(_))) {
            return refuse(plan.len().saturating_sub(1), "the last one has to be dense: it gives the scores");
        }
        let mut random = random(seed, 0, 0);
        let (mut width, mut layers) = (inputs, Vec::with_capacity(plan.len()));
        for (position, layer) in plan.iter().enumerate() {
            layers.push(match *layer {
                LayerPlan::Dense(outputs) if width == 0 || outputs == 0 => {
                    return refuse(
                        position,
                        &format!("{outputs} outputs of {width} inputs: both have to be at least 1"),
                    );
                }
                LayerPlan::Dense(outputs) => {
                    let gain = if plan.get(position + 1) == Some(&LayerPlan::Rectifier) { 2.0 } else { 1.0 };
                    let dense = Dense::random(width, outputs, gain, &mut random);
                    width = outputs;
                    Layer::Dense(Box::new(dense))
                }
                LayerPlan::Tanh => Layer::Tanh,
                LayerPlan::Rectifier => Layer::Rectifier,
                LayerPlan::Noise(deviation) if deviation.is_finite() && deviation > 0.0 => Layer::Noise(deviation),
                LayerPlan::Noise(deviation) => {
                    return refuse(position, &format!("noise of deviation {deviation}: it has to be above 0"));
                }
            });
        }
        Ok(Self { inputs, layers })
    }

    /// The layers, the first one first.
    pub fn layers(&self) -> &[Layer<F>] {
        &self.layers
    }

    /// How many numbers an input has.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// How many classes have a score.
    pub fn classes(&self) -> usize {
        self.layers
            .iter()
            .rev()
            .find_map(|layer| if let Layer::Dense(dense) = layer { Some(dense.bias.len()) } else { None })
            .unwrap_or(0)
    }

    /// The scores (samples × classes) of inputs (samples × inputs), without noise.
    pub fn forward(&self, inputs: ArrayView2<'_, F>) -> Array2<F> {
        let no_noise = || None::<&mut rand_xoshiro::Xoshiro256PlusPlus>;
        self.layers.iter().fold(inputs.to_owned(), |input, layer| layer.forward(input.view(), no_noise()))
    }

    /// What each layer gives, noise included, behind the inputs themselves.
    pub(super) fn activations(&self, inputs: Array2<F>, random: &mut impl Rng) -> Vec<Array2<F>> {
        let mut activations = vec![inputs];
        for layer in &self.layers {
            let output = layer.forward(activations[activations.len() - 1].view(), Some(&mut *random));
            activations.push(output);
        }
        activations
    }

    /// Takes one step down the gradient, given the gradient by the scores.
    pub(super) fn learn(&mut self, activations: &[Array2<F>], scores_gradient: Array2<F>, rate: F, momentum: F) {
        let first = self.layers.iter().position(|layer| matches!(layer, Layer::Dense(_))).unwrap_or(0);
        let mut upper = scores_gradient;
        for (position, layer) in self.layers.iter_mut().enumerate().skip(first).rev() {
            // Nothing below the first dense layer learns.
            let lower = (position > first).then(|| layer.lower(activations[position + 1].view(), upper.clone()));
            if let Layer::Dense(dense) = layer {
                dense.learn(activations[position].view(), upper.view(), rate, momentum);
            }
            upper = lower.unwrap_or_default();
        }
    }

    /// The network, to be explained or written: input `pixels` of shape [batch, inputs], output `scores`, without the
    /// layers that are there only while training.
    ///
    /// # Errors
    /// None that could be met: the layers fit each other.
    pub fn network(&self) -> Result<Network<F>, neural_lrp::Error> {
        let mut builder = NetworkBuilder::new();
        builder.input("pixels", vec![None, Some(self.inputs)]);
        let mut below = "pixels".to_owned();
        for (position, layer) in self.layers.iter().enumerate() {
            let operation: Arc<dyn Operation<F>> = match layer {
                Layer::Dense(dense) => {
                    Arc::new(operations::Dense::new(dense.weights.clone(), Some(dense.bias.clone()))?)
                }
                Layer::Tanh => Arc::new(operations::Tanh),
                Layer::Rectifier => Arc::new(operations::Relu),
                Layer::Noise(_) => continue,
            };
            let name =
                if position + 1 == self.layers.len() { "scores".into() } else { format!("layer-{}", position + 1) };
            builder.node(&name, operation, [below], &name);
            below = name;
        }
        builder.output(below);
        builder.build()
    }
}
