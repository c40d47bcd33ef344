//! Deletion.

use std::num::NonZeroUsize;

use crate::settings::settings;
use crate::walk::even_stops;
use crate::{Case, Direction, Error, Extent, Measure, Outcome, Output, Passes, Replacement, Steps};

settings! {
    /// Deletion (Petsiuk et al. 2018): the most relevant pixels are replaced step by step until none is left; the value is
    /// the area under the curve of the target's score over the share of replaced pixels.
    ///
    /// ```text
    /// value = mean height of f_target(x_k) over k/K,   x_k = x with the first ⌊k N/K⌋ of N pixels replaced
    /// ```
    ///
    /// Not in Quantus, nor in the paper: it is pixel flipping of all pixels in few steps. The authors replace pixels by 0,
    /// take as many steps as the input has rows, and watch the softmax function of the scores (`output:softmax`).
    pub struct Deletion = "deletion" {
        /// In how many steps the pixels are replaced (100).
        pub steps: NonZeroUsize = const { NonZeroUsize::new(100).unwrap() },
        /// What pixels become (the mean color of the input).
        pub replacement: Replacement = Replacement::MeanColor,
        /// Which numbers the curve follows: `score` or `softmax`.
        pub output: Output = Output::Score,
    }
}

impl Measure for Deletion {
    fn question(&self) -> &'static str {
        "How fast does the score fall when the most relevant pixels are taken away?"
    }

    fn better(&self) -> Direction {
        Direction::Lower
    }

    fn passes(&self, of: Extent) -> Passes {
        Passes::forward(even_stops(of.count(), self.steps).len())
    }

    fn judge(&self, case: &Case<'_>, steps: &mut Steps<'_>) -> Result<Outcome, Error> {
        let replaced = case.replaced(&self.replacement)?;
        case.outputs_by_relevance([case.input.view(), replaced.view()], self.steps, self.output, steps)
    }
}
