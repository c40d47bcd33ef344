//! Pixel flipping.

use crate::settings::{StepSize, settings};
use crate::{
    Case, Direction, Error, Extent, FlipOrder, Measure, Outcome, Output, Passes, PixelSubset, Replacement, Steps,
};

settings! {
    /// Pixel flipping (Bach et al. 2015, Figs 18–22): pixels are flipped one after the other in the order of their
    /// relevance, and the scores of all classes are watched.
    ///
    /// ```text
    /// x_0 = x,   x_k = x_{k−1} with the k-th pixel flipped,   value = mean height of f_target(x_k) over k/N
    /// ```
    /// * `N` — the pixels of the input; the curve is integrated by the trapezoidal rule
    ///
    /// The paper's own flipping is `pixel-flipping=replacement:inversion`, for inputs in [−1, 1].
    ///
    /// As Quantus's `PixelFlipping`, but: the curve begins with the input as it is; pixels are flipped with all their
    /// channels; scores are watched as they are (there: `output:softmax`), and those of all targets are kept; the value
    /// is the area under the curve over the share of flipped pixels, of which Quantus's is the multiple by the steps.
    /// Orders other than the highest first, and masks, are the paper's.
    pub struct PixelFlipping = "pixel-flipping" {
        /// How many pixels are flipped at each step, or which share of all (1%, a hundred steps; 1 in Quantus).
        pub features_in_step: StepSize = StepSize::ONE_PERCENT,
        /// In which order: `highest` (as in Quantus), `lowest`, `nearest-zero`, `random` or `random=SEED`.
        pub order: FlipOrder = FlipOrder::HighestFirst,
        /// Which pixels: `all`, `in-mask` or `out-of-mask`. The curve of a part of them ends where they are all flipped.
        pub pixels: PixelSubset = PixelSubset::All,
        /// What flipped pixels become (the smallest value of the input, Quantus's "black").
        pub replacement: Replacement = Replacement::Black,
        /// Which numbers the curve follows: `score` or `softmax`.
        pub output: Output = Output::Score,
    }
}

impl Measure for PixelFlipping {
    fn question(&self) -> &'static str {
        match self.order {
            FlipOrder::HighestFirst => "How fast does the score fall when the most relevant pixels are flipped first?",
            FlipOrder::LowestFirst => "How long does the score last when the least relevant pixels are flipped first?",
            FlipOrder::NearestToZeroFirst => {
                "How long does the score last when pixels whose relevance is near zero are flipped first?"
            }
            FlipOrder::Random { .. } => "How long does the score last when pixels are flipped in any order?",
        }
    }

    /// Low values when the highest relevance is flipped first, high ones for the other orders.
    fn better(&self) -> Direction {
        if self.order == FlipOrder::HighestFirst { Direction::Lower } else { Direction::Higher }
    }

    fn needs_mask(&self) -> bool {
        self.pixels != PixelSubset::All
    }

    fn passes(&self, of: Extent) -> Passes {
        Passes::forward(self.features_in_step.stops(of.count(), of.pixels).len())
    }

    fn judge(&self, case: &Case<'_>, steps: &mut Steps<'_>) -> Result<Outcome, Error> {
        let relevance: Vec<f64> = case.relevance_of_pixels()?.into_iter().collect();
        let order = self.order.for_sample(case.number).of(&relevance);
        let order = self.pixels.of(order, case, self)?;
        let replaced = case.replaced(&self.replacement)?;
        let stops = self.features_in_step.stops(order.len(), case.pixels()?);
        case.outputs_along([case.input.view(), replaced.view()], &order, &stops, self.output, steps)
    }
}
