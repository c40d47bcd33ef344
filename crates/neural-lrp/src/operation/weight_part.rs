//! The parts of weights that rules speak of.

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

    /// Writes the part of each of some weights; the choice is made once for all, so that the loop is one over vectors.
    pub(crate) fn write<F: Real>(self, weights: &[F], parts: &mut [F]) {
        fn each<F: Real>(weights: &[F], parts: &mut [F], of: impl Fn(F) -> F) {
            parts.iter_mut().zip(weights).for_each(|(part, &weight)| *part = of(weight));
        }
        match self {
            Self::All => parts.copy_from_slice(weights),
            Self::Positive => each(weights, parts, |w| Self::Positive.of(w)),
            Self::Negative => each(weights, parts, |w| Self::Negative.of(w)),
            Self::Ones => parts.fill(F::one()),
            Self::Squared => each(weights, parts, |w| w * w),
            Self::FavorPositive(_) | Self::FavorNegative(_) => each(weights, parts, |w| self.of(w)),
        }
    }
}
