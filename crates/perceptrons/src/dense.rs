//! The fully connected layer, while it learns.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView2, Axis, Zip};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use neural_lrp::Real;

/// How many outputs, or inputs on the way back, one task takes.
const BLOCK: usize = 216;

/// `z_j = Σ_i x_i w_ij + b_j` (Eqs 50, 51), with the momentum of its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound(serialize = "F: Serialize", deserialize = "F: Deserialize<'de>"))]
pub struct Dense<F> {
    /// One row for each output.
    pub weights: Array2<F>,
    /// One for each output.
    pub bias: Array1<F>,
    weight_momentum: Array2<F>,
    bias_momentum: Array1<F>,
}

impl<F: Real> Dense<F> {
    /// A layer of no bias, and of normal weights whose variance is `gain / inputs`.
    pub(super) fn random(inputs: usize, outputs: usize, gain: f64, random: &mut impl Rng) -> Self {
        let scale = (gain / inputs as f64).sqrt();
        let mut weight = || {
            let normal: f64 = StandardNormal.sample(random);
            F::of(scale * normal)
        };
        Self {
            weights: Array2::from_shape_simple_fn((outputs, inputs), &mut weight),
            bias: Array1::zeros(outputs),
            weight_momentum: Array2::zeros((outputs, inputs)),
            bias_momentum: Array1::zeros(outputs),
        }
    }

    pub(super) fn forward(&self, input: ArrayView2<'_, F>) -> Array2<F> {
        let mut output = Array2::zeros((input.nrows(), self.bias.len()));
        let blocks = output.axis_chunks_iter_mut(Axis(1), BLOCK).into_par_iter();
        let blocks = blocks.zip(self.weights.axis_chunks_iter(Axis(0), BLOCK));
        blocks.zip(self.bias.axis_chunks_iter(Axis(0), BLOCK)).for_each(|((mut output, weights), bias)| {
            output.assign(&bias);
            general_mat_mul(F::one(), &input, &weights.t(), F::one(), &mut output);
        });
        output
    }

    /// The gradient by the inputs, from that by the outputs.
    pub(super) fn lower(&self, upper: ArrayView2<'_, F>) -> Array2<F> {
        let mut lower = Array2::zeros((upper.nrows(), self.weights.ncols()));
        let blocks = lower.axis_chunks_iter_mut(Axis(1), BLOCK).into_par_iter();
        blocks.zip(self.weights.axis_chunks_iter(Axis(1), BLOCK)).for_each(|(mut lower, weights)| {
            general_mat_mul(F::one(), &upper, &weights, F::zero(), &mut lower);
        });
        lower
    }

    /// One step down the gradient, which is `upperᵀ · input`: `m ← momentum · m − rate · gradient; w ← w + m`.
    ///
    /// The gradient is added to the momentum as it is formed, so that no array of its own is written and read again.
    pub(super) fn learn(&mut self, input: ArrayView2<'_, F>, upper: ArrayView2<'_, F>, rate: F, momentum: F) {
        let weights = self.weights.axis_chunks_iter_mut(Axis(0), BLOCK).into_par_iter();
        let weights = weights.zip(self.weight_momentum.axis_chunks_iter_mut(Axis(0), BLOCK));
        weights.zip(upper.axis_chunks_iter(Axis(1), BLOCK)).for_each(|((mut weights, mut steps), upper)| {
            general_mat_mul(-rate, &upper.t(), &input, momentum, &mut steps);
            weights += &steps;
        });
        let gradient = upper.sum_axis(Axis(0));
        Zip::from(&mut self.bias).and(&mut self.bias_momentum).and(&gradient).for_each(|bias, step, &gradient| {
            *step = momentum * *step - rate * gradient;
            *bias += *step;
        });
    }
}
