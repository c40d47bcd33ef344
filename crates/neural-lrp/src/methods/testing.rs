//! Networks for the tests of methods.

use std::sync::Arc;

use ndarray::{Array1, Array2, ArrayD, Dimension};

use crate::explain::{Explainer, Initial, Question, Target};
use crate::network::NetworkBuilder;
use crate::operation::Operation;
use crate::operations::testing::numbers;
use crate::operations::{Dense, Pow, Relu};

/// Numbers in [−1, 1) of any number of axes.
pub(crate) fn random<D: Dimension>(shape: &[usize], seed: u64) -> ndarray::Array<f64, D> {
    numbers(shape, seed).into_dimensionality().unwrap()
}

/// One layer of weights and one of biases.
pub(crate) fn dense(outputs: usize, inputs: usize, seed: u64) -> Arc<dyn Operation<f64>> {
    let weights: Array2<f64> = random(&[outputs, inputs], seed);
    let bias: Array1<f64> = random(&[outputs], seed + 100);
    Arc::new(Dense::new(weights, Some(bias)).unwrap())
}

/// `W₂ g(W₁ x + b₁) + b₂`, 5 → 7 → 3.
pub(crate) fn perceptron(activation: Arc<dyn Operation<f64>>) -> Explainer<f64> {
    let mut network = NetworkBuilder::new();
    network.input("x", [None, Some(5)]).output("scores");
    network.node("first", dense(7, 5, 1), ["x"], "z");
    network.node("activation", activation, ["z"], "a");
    network.node("last", dense(3, 7, 2), ["a"], "scores");
    Explainer::new(&network.build().unwrap()).unwrap()
}

/// A perceptron of rectifiers.
pub(crate) fn rectifier_network() -> Explainer<f64> {
    perceptron(Arc::new(Relu))
}

/// [`rectifier_network`] in f32.
pub(crate) fn single_precision() -> Explainer<f32> {
    let layer = |outputs, inputs, seed| {
        let weights: Array2<f64> = random(&[outputs, inputs], seed);
        let bias: Array1<f64> = random(&[outputs], seed + 100);
        Arc::new(Dense::new(weights.mapv(|w| w as f32), Some(bias.mapv(|b| b as f32))).unwrap())
    };
    let mut network = NetworkBuilder::new();
    network.input("x", [None, Some(5)]).output("scores");
    network.node("first", layer(7, 5, 1), ["x"], "z");
    network.node("activation", Arc::new(Relu), ["z"], "a");
    network.node("last", layer(3, 7, 2), ["a"], "scores");
    Explainer::new(&network.build().unwrap()).unwrap()
}

/// A perceptron whose scores are polynomials of degree two.
pub(crate) fn quadratic_network() -> Explainer<f64> {
    perceptron(Arc::new(Pow { exponent: 2.0 }))
}

/// One layer of the given weights and bias.
pub(crate) fn linear_network(weights: Array2<f64>, bias: Array1<f64>) -> Explainer<f64> {
    let mut network = NetworkBuilder::new();
    network.input("x", [None, Some(weights.ncols())]).output("scores");
    network.node("dense", Arc::new(Dense::new(weights, Some(bias)).unwrap()), ["x"], "scores");
    Explainer::new(&network.build().unwrap()).unwrap()
}

/// The score of a class, beginning with 1.
pub(crate) fn class(class: usize) -> Question<f64> {
    Initial::One(Target::Class(class)).into()
}

/// Two arrays that agree to 1e-9 of the larger of their largest number and one.
pub(crate) fn assert_close(found: &ArrayD<f64>, expected: &ArrayD<f64>) {
    assert_eq!(found.shape(), expected.shape());
    let scale = expected.iter().fold(1.0, |scale: f64, number| scale.max(number.abs()));
    let error = found.iter().zip(expected).map(|(found, expected)| (found - expected).abs()).fold(0.0, f64::max);
    assert!(error <= 1e-9 * scale, "they differ by {error}:\n{found}\n{expected}");
}
