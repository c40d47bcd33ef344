//! Linear maps, and the parts of weights, inputs and biases that rules speak of.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use ndarray::{Array2, ArrayD, ArrayViewD};
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

/// A layer's weights, one row for each output, with what is kept of their parts.
///
/// The same network is explained again and again, mostly by rules of `W⁺` and `W⁻`: these are computed once, when first
/// asked for; other parts each time.
#[derive(Clone, Debug)]
pub(crate) struct Weights<F> {
    all: Arc<Array2<F>>,
    positive: OnceLock<Arc<Array2<F>>>,
    negative: OnceLock<Arc<Array2<F>>>,
}

impl<F: Real> Weights<F> {
    /// The weights in the standard layout.
    pub(crate) fn new(weights: Array2<F>) -> Self {
        let all = if weights.is_standard_layout() { weights } else { weights.as_standard_layout().into_owned() };
        Self { all: Arc::new(all), positive: OnceLock::new(), negative: OnceLock::new() }
    }

    /// The weights themselves.
    pub(crate) fn all(&self) -> &Array2<F> {
        &self.all
    }

    /// `W_p`
    pub(crate) fn part(&self, part: WeightPart) -> Cow<'_, Array2<F>> {
        let compute = || self.all.mapv(|weight| part.of(weight));
        match part {
            WeightPart::All => Cow::Borrowed(&*self.all),
            WeightPart::Positive => Cow::Borrowed(&**self.positive.get_or_init(|| Arc::new(compute()))),
            WeightPart::Negative => Cow::Borrowed(&**self.negative.get_or_init(|| Arc::new(compute()))),
            _ => Cow::Owned(compute()),
        }
    }
}
