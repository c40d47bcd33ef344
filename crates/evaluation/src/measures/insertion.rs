//! Insertion.

use std::num::NonZeroUsize;

use crate::replacement::BLUR_SIDE;
use crate::settings::settings;
use crate::walk::even_stops;
use crate::{Case, Direction, Error, Extent, Measure, Outcome, Output, Passes, Replacement, Steps};

settings! {
    /// Insertion (Petsiuk et al. 2018): from an input without any content, the most relevant pixels are brought back step
    /// by step; the value is the area under the curve of the target's score over the share of pixels that are there.
    ///
    /// ```text
    /// value = mean height of f_target(x_k) over k/K,   x_k = replaced input with the first ⌊k N/K⌋ of N pixels of x
    /// ```
    ///
    /// Not in Quantus, nor in the paper. The authors begin with a Gaussian blur, take as many steps as the input has rows,
    /// and watch the softmax function of the scores (`output:softmax`).
    pub struct Insertion = "insertion" {
        /// In how many steps the pixels come back (100).
        pub steps: NonZeroUsize = const { NonZeroUsize::new(100).unwrap() },
        /// What the pixels are before (the blurred input).
        pub replacement: Replacement = Replacement::Blur { side: BLUR_SIDE },
        /// Which numbers the curve follows: `score` or `softmax`.
        pub output: Output = Output::Score,
    }
}

impl Measure for Insertion {
    fn question(&self) -> &'static str {
        "How fast does the score rise when the most relevant pixels are brought back?"
    }

    fn better(&self) -> Direction {
        Direction::Higher
    }

    fn passes(&self, of: Extent) -> Passes {
        Passes::forward(even_stops(of.count(), self.steps).len())
    }

    fn judge(&self, case: &Case<'_>, steps: &mut Steps<'_>) -> Result<Outcome, Error> {
        let replaced = case.replaced(&self.replacement)?;
        case.outputs_by_relevance([replaced.view(), case.input.view()], self.steps, self.output, steps)
    }
}
