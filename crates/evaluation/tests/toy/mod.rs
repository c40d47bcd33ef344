//! A small classifier, and a sample of it with what plain definitions need.

use evaluation::{Case, Measure, Outcome, Randomized};
use ndarray::{Array2, ArrayD, ArrayViewD, Axis};
use relevance::{ExplainError, ExplainableClassifier, Explanation, Ledger, RandomizableClassifier};

/// Inputs: channels × rows × columns.
pub const SHAPE: [usize; 3] = [2, 5, 4];
pub const PIXELS: usize = 20;

/// Scores `tanh(Σ w_t x)` of three targets, explained by `w_t x`. Each target's weights are a layer.
#[derive(Clone)]
pub struct Toy {
    pub weights: Vec<ArrayD<f64>>,
}

impl Toy {
    pub fn new(seed: u64) -> Self {
        Self { weights: (0..3).map(|target| wave(seed as f64 + 10.0 * target as f64)).collect() }
    }
}

/// Numbers that follow no order.
pub fn wave(phase: f64) -> ArrayD<f64> {
    let mut place = phase;
    ArrayD::from_shape_simple_fn(SHAPE.to_vec(), || {
        place += 1.0;
        (place * place * 0.37).sin()
    })
}

impl ExplainableClassifier for Toy {
    fn targets(&self) -> usize {
        self.weights.len()
    }

    fn channel_axis(&self) -> Option<Axis> {
        Some(Axis(0))
    }

    fn scores(&self, inputs: &[ArrayViewD<'_, f64>]) -> Result<Array2<f64>, ExplainError> {
        let score = |(input, target): (usize, usize)| (&self.weights[target] * &inputs[input]).sum().tanh();
        Ok(Array2::from_shape_fn((inputs.len(), self.targets()), score))
    }

    fn explain(&self, input: ArrayViewD<'_, f64>, target: usize) -> Result<Explanation, ExplainError> {
        let relevance = self.weights.get(target).ok_or("no such target")? * &input;
        Ok(Explanation { score: relevance.sum().tanh(), relevance, ledger: Ledger::default() })
    }
}

impl RandomizableClassifier for Toy {
    fn layers(&self) -> Vec<String> {
        (0..self.weights.len()).map(|target| format!("target {target}")).collect()
    }

    fn randomized(&self, layer: usize, seed: u64) -> Result<Box<dyn RandomizableClassifier>, ExplainError> {
        let mut other = self.clone();
        other.weights[layer] = wave(seed as f64 * 1000.0 + layer as f64);
        Ok(Box::new(other))
    }
}

/// A sample of a toy of its own.
pub struct Plain {
    pub toy: Toy,
    pub input: ArrayD<f64>,
    pub target: usize,
    pub mask: Array2<bool>,
    pub relevance: ArrayD<f64>,
    /// Channels summed, row by row.
    pub of_pixels: Vec<f64>,
    /// The mask, row by row.
    pub in_mask: Vec<bool>,
}

impl Plain {
    pub fn new(seed: u64) -> Self {
        let (toy, input, target) = (Toy::new(seed), wave(seed as f64 + 100.0), seed as usize % 3);
        let relevance = toy.explain(input.view(), target).expect("explained").relevance;
        let of_pixels: Vec<f64> = relevance.sum_axis(Axis(0)).iter().copied().collect();
        let mask = Array2::from_shape_fn((5, 4), |(row, column)| (row * 3 + column + seed as usize).is_multiple_of(3));
        let in_mask = mask.iter().copied().collect();
        Self { toy, input, target, mask, relevance, of_pixels, in_mask }
    }

    pub fn outcome(&self, text: &str) -> Outcome {
        let measure: Box<dyn Measure> = text.parse().expect("a measure");
        let randomization = measure.randomization().map(|randomization| randomization.of(&self.toy));
        let randomized = randomization.transpose().expect("randomized").unwrap_or_default();
        measure.evaluate(&self.case(&self.toy, &randomized)).expect("evaluated")
    }

    /// The sample, explained by a classifier that explains as the toy does.
    pub fn case<'a>(&'a self, classifier: &'a dyn ExplainableClassifier, randomized: &'a [Randomized]) -> Case<'a> {
        Case {
            classifier,
            randomized,
            number: 0,
            input: self.input.view(),
            target: self.target,
            relevance: self.relevance.view(),
            mask: Some(self.mask.view()),
        }
    }

    pub fn value(&self, text: &str) -> f64 {
        self.outcome(text).value.expect("defined")
    }

    /// Pixels from the most relevant to the least: each is the largest of what is left.
    pub fn ranking(&self) -> Vec<usize> {
        let mut left: Vec<usize> = (0..PIXELS).collect();
        let mut ranking = Vec::new();
        while !left.is_empty() {
            let mut best = 0;
            for place in 1..left.len() {
                if self.of_pixels[left[place]] > self.of_pixels[left[best]] {
                    best = place;
                }
            }
            ranking.push(left.remove(best));
        }
        ranking
    }

    /// The input with some pixels, counted row by row, changed in all channels.
    pub fn changed(&self, pixels: &[usize], change: impl Fn(f64) -> f64) -> ArrayD<f64> {
        let mut input = self.input.clone();
        for &pixel in pixels {
            for channel in 0..2 {
                let value = &mut input[[channel, pixel / 4, pixel % 4]];
                *value = change(*value);
            }
        }
        input
    }

    pub fn score(&self, input: &ArrayD<f64>) -> f64 {
        (&self.toy.weights[self.target] * input).sum().tanh()
    }

    pub fn smallest(&self) -> f64 {
        self.input.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// Scores with the first 0, 1, 2, … of some pixels changed.
    pub fn scores_along(&self, pixels: &[usize], change: impl Fn(f64) -> f64 + Copy) -> Vec<f64> {
        (0..=pixels.len()).map(|count| self.score(&self.changed(&pixels[..count], change))).collect()
    }
}
