//! Pixel flipping.

use std::num::NonZeroUsize;

use crate::settings::settings;
use crate::walk::mean_height;
use crate::{Along, Among, Better, Case, Curve, Error, FlipOrder, Measure, Outcome, Output, Regions, Replacement};

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
        /// How many pixels are flipped at each step (1, as in Quantus).
        pub features_in_step: NonZeroUsize = NonZeroUsize::MIN,
        /// In which order (the highest first, as in Quantus).
        pub order: FlipOrder = FlipOrder::HighestFirst,
        /// Which pixels (all). The curve of a part of them ends where they are all flipped.
        pub pixels: Among = Among::All,
        /// What flipped pixels become (the smallest value of the input, Quantus's "black").
        pub replacement: Replacement = Replacement::Black,
        /// Which numbers the curve follows (the scores).
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
    fn better(&self) -> Better {
        if self.order == FlipOrder::HighestFirst { Better::Lower } else { Better::Higher }
    }

    fn needs_mask(&self) -> bool {
        self.pixels != Among::All
    }

    fn evaluate(&self, case: &Case<'_>) -> Result<Outcome, Error> {
        let relevance = case.relevance_of_pixels()?;
        let order = self.order.for_sample(case.number).of(&relevance.iter().copied().collect::<Vec<_>>());
        let order = self.pixels.of(order, case, self)?;
        let replaced = case.replaced(&self.replacement)?;
        let regions = Regions::new(1, case.pixels()?)?;
        let taken = self.features_in_step.get();
        let walk = case.walk([case.input.view(), replaced.view()], &regions, &order, taken)?;
        let stops: Vec<usize> = (0..=order.len().div_ceil(taken)).collect();
        let values = self.output.of(walk.scores(case.classifier, &stops)?);
        let flipped = |stop: &usize| (stop * taken).min(order.len()) as f64 / relevance.len() as f64;
        let shares: Vec<f64> = stops.iter().map(flipped).collect();
        let value = mean_height(&shares, values.column(case.target));
        Ok(Outcome { value, curve: Some(Curve { along: Along::Share(shares), values }) })
    }
}
