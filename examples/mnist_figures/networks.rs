//! The four networks of the figures, and what a pixel is to each.

use std::path::Path;

use ndarray::{Array2, Array3, ArrayView2, ArrayView3};
use neural_lrp::{Attribution, Composite, Explainer, Real, Target};

use crate::Outcome;

/// How many digits go through a network together.
const TOGETHER: usize = 64;

/// One of the networks that the paper trains.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Experiments I: 784-400-400-10.
    Small,
    /// Experiments II: 784-1296-1296-1296-10, rectifiers, trained long.
    Rect,
    /// The same with hyperbolic tangents.
    Tanh,
    /// The same with rectifiers, trained for a short time: the paper's rect*.
    RectShort,
}

impl Kind {
    /// What the figures call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "400-400",
            Self::Rect => "rect",
            Self::Tanh => "tanh",
            Self::RectShort => "rect*",
        }
    }

    pub fn file(self) -> &'static str {
        match self {
            Self::Small => "mnist-400-400-tanh.onnx",
            Self::Rect => "mnist-rect-long.onnx",
            Self::Tanh => "mnist-tanh-long.onnx",
            Self::RectShort => "mnist-rect-short.onnx",
        }
    }

    /// Mean and standard deviation, of pixels from 0 to 1, that become 0 and 1.
    fn scale(self) -> (f64, f64) {
        match self {
            // Those of the training digits.
            Self::Small => (0.1307, 0.3081),
            // From −1 to 1.
            Self::Rect | Self::Tanh | Self::RectShort => (0.5, 0.5),
        }
    }

    /// What the network takes for a pixel of this ink.
    fn input(self, ink: u8) -> f64 {
        let (mean, deviation) = self.scale();
        (f64::from(ink) / 255.0 - mean) / deviation
    }

    /// The ink, from 0 to 1, that the network takes for this number.
    pub fn ink(self, input: f64) -> f64 {
        let (mean, deviation) = self.scale();
        input * deviation + mean
    }
}

/// A network, ready to explain its decisions about digits.
pub struct DigitNetwork<F: Real> {
    pub kind: Kind,
    pub explainer: Explainer<F>,
}

impl<F: Real> DigitNetwork<F> {
    pub fn read(folder: &Path, kind: Kind) -> Outcome<Self> {
        let network = model_files::read(folder.join(kind.file()))?.network_with_defaults()?;
        Ok(Self { kind, explainer: Explainer::new(&network)?.samples_together(TOGETHER) })
    }

    /// Digits as the network takes them, (N, 784).
    pub fn inputs(&self, digits: ArrayView3<'_, u8>) -> Array2<F> {
        let shape = (digits.dim().0, digits.dim().1 * digits.dim().2);
        let mut numbers = digits.iter().map(|&ink| F::of(self.kind.input(ink)));
        Array2::from_shape_simple_fn(shape, || numbers.next().unwrap_or_default())
    }

    /// The linear scores, (N, 10).
    pub fn scores(&self, inputs: ArrayView2<'_, F>) -> Outcome<Array2<f64>> {
        let scores = self.explainer.forward(inputs.into_dyn())?.scores();
        Ok(scores.mapv(|score| score.as_()).into_dimensionality()?)
    }

    /// Relevance of pixels, (N, 28, 28).
    pub fn relevance(
        &self,
        inputs: ArrayView2<'_, F>,
        target: Target,
        attribution: &Attribution,
    ) -> Outcome<Array3<f64>> {
        let forward = self.explainer.forward(inputs.into_dyn())?;
        let explained = attribution.explain(&forward, &attribution.initial(target).into())?;
        let relevance = explained.relevance[0].mapv(|relevance| relevance.as_());
        Ok(relevance.into_shape_with_order((inputs.nrows(), 28, 28))?)
    }

    /// Scores of a few digits, and the relevance of their pixels for a class each, by Eq. 56.
    pub fn decompose(&self, digits: ArrayView3<'_, u8>, classes: &[usize]) -> Outcome<Decomposed> {
        let inputs = self.inputs(digits);
        let target = Target::Each(classes.to_vec());
        Ok(Decomposed {
            scores: self.scores(inputs.view())?,
            relevance: self.relevance(inputs.view(), target, &equation_56()?)?,
        })
    }
}

/// Digits, decomposed.
pub struct Decomposed {
    /// The linear scores, (N, 10).
    pub scores: Array2<f64>,
    /// The relevance of their pixels, (N, 28, 28).
    pub relevance: Array3<f64>,
}

/// The rule of the paper's Figs 12 to 24.
pub fn equation_56() -> Outcome<Attribution> {
    Ok(Composite::named("figure-12")?.into())
}
