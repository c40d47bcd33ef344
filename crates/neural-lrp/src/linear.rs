//! Linear maps, and the parts of weights, inputs and biases that rules speak of.

use ndarray::{ArrayD, ArrayViewD};
use serde::{Deserialize, Serialize};

use crate::Real;

/// Which part of the weights: `W`, `W⁺`, …
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum WeightPart {
    /// `w`
    All,
    /// `w⁺ = max(w, 0)`
    Positive,
    /// `w⁻ = min(w, 0)`
    Negative,
    /// 1 wherever there is a connection.
    Ones,
    /// `w²`
    Squared,
    /// `w + γ w⁺`
    FavorPositive(f64),
    /// `w + γ w⁻`
    FavorNegative(f64),
}

impl WeightPart {
    /// The part of one weight.
    pub fn of<F: Real>(self, w: F) -> F {
        match self {
            Self::All => w,
            Self::Positive => w.max(F::zero()),
            Self::Negative => w.min(F::zero()),
            Self::Ones => F::one(),
            Self::Squared => w * w,
            Self::FavorPositive(gamma) => w + F::of(gamma) * w.max(F::zero()),
            Self::FavorNegative(gamma) => w + F::of(gamma) * w.min(F::zero()),
        }
    }
}

/// `z = W x + b`, whatever its connections: dense, convolution, transposed convolution.
///
/// All that rules need of a layer kind is here; that part `p` of the weights acts like the weights themselves is all
/// that they rely on.
pub trait LinearMap<F: Real>: Send + Sync {
    /// `W_p a` for each part `p` of the weights, over one input `a` and without bias; the input is unfolded once.
    fn apply(&self, parts: &[WeightPart], input: ArrayViewD<'_, F>) -> Vec<ArrayD<F>>;

    /// `Σ_p W_pᵀ s_p`, in the shape of the input.
    fn transposed(&self, messages: &[(WeightPart, ArrayViewD<'_, F>)], input_shape: &[usize]) -> ArrayD<F>;

    /// `b`, in a shape that broadcasts to that of the output and repeats along trailing axes only: one number for each
    /// channel as (C, 1, 1), or for each output; `None` where the layer has no bias.
    fn bias(&self) -> Option<ArrayD<F>>;
}
