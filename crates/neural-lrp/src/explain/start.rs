//! The relevance that a backward pass begins with.

use std::fmt;

use ndarray::ArrayD;
use serde::{Deserialize, Serialize};

use crate::explain::similarity::Similarity;
use crate::explain::target::Target;

/// The relevance that a backward pass begins with.
#[derive(Clone, Debug, PartialEq)]
pub enum Initial<F> {
    /// The score of a class (Algorithm 2: `R^(L) = f(x)`), at each position of the target where the output has several.
    Score(Target),
    /// 1 at each of these: where gradients begin.
    One(Target),
    /// How alike each sample's features, which the explained output is, are to given ones: an array of its shape, or with
    /// one sample for all.
    Alike(Start, Similarity, ArrayD<F>),
    /// Anything, in the shape of the explained output.
    Array(ArrayD<F>),
}

/// What a backward pass begins with at a class: it is a property of what explains, not of the question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// The class's score (Algorithm 2: `R^(L) = f(x)`): relevance.
    #[default]
    Score,
    /// 1: gradients.
    One,
}

impl Start {
    /// The beginning at a class of each sample.
    pub fn at<F>(self, target: Target) -> Initial<F> {
        match self {
            Self::Score => Initial::Score(target),
            Self::One => Initial::One(target),
        }
    }
}

impl fmt::Display for Start {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Score => "score",
            Self::One => "one",
        })
    }
}
