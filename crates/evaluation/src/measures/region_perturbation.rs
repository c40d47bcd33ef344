//! Region perturbation.

use std::num::NonZeroUsize;

use crate::settings::settings;
use crate::{
    Case, Curve, CurveAxis, Direction, Error, Extent, FlipOrder, Measure, Outcome, Output, Passes, Regions,
    Replacement, Steps,
};

settings! {
    /// Region perturbation (Samek et al. 2017): squares of pixels are replaced in the order of their relevance; the value
    /// is the area over the perturbation curve.
    ///
    /// ```text
    /// AOPC = 1/(K + 1) Σ_{k=0..K} ( f_target(x_0) − f_target(x_k) )
    /// ```
    /// * `x_k` — the input with the first `k` squares replaced; they are [centered](Regions::centered), and a square has
    ///   the sum of its pixels' relevance
    ///
    /// As Quantus's `RegionPerturbation`, which gives the differences one by one, without the one of k = 0; there the
    /// output is the softmax function of the scores (`output:softmax`).
    pub struct RegionPerturbation = "region-perturbation" {
        /// The side of the squares in pixels (8, as in Quantus).
        pub patch_size: NonZeroUsize = const { NonZeroUsize::new(8).unwrap() },
        /// In which order: `highest` or `morf` (as in Quantus), `lowest` or `lerf`, `nearest-zero`, `random`.
        pub order: FlipOrder = FlipOrder::HighestFirst,
        /// How many squares are replaced, at most (100, as in Quantus).
        pub regions_evaluation: usize = 100,
        /// What they become (the smallest value of the input, Quantus's "black").
        pub replacement: Replacement = Replacement::Black,
        /// Which numbers the curve follows: `score` or `softmax`.
        pub output: Output = Output::Score,
    }
}

impl Measure for RegionPerturbation {
    fn question(&self) -> &'static str {
        match self.order {
            FlipOrder::HighestFirst => {
                "How much does the score fall when the most relevant regions are replaced first?"
            }
            FlipOrder::LowestFirst => {
                "How much does the score fall when the least relevant regions are replaced first?"
            }
            FlipOrder::NearestToZeroFirst => {
                "How much does the score fall when regions whose relevance is near zero are replaced first?"
            }
            FlipOrder::Random { .. } => "How much does the score fall when regions are replaced in any order?",
        }
    }

    /// High values when the highest relevance is replaced first, low ones for the other orders.
    fn better(&self) -> Direction {
        if self.order == FlipOrder::HighestFirst { Direction::Higher } else { Direction::Lower }
    }

    fn passes(&self, of: Extent) -> Passes {
        let regions = Regions::centered(self.patch_size.get(), of.pixels).map_or(0, |regions| regions.count());
        Passes::forward(regions.min(self.regions_evaluation) + 1)
    }

    fn judge(&self, case: &Case<'_>, steps: &mut Steps<'_>) -> Result<Outcome, Error> {
        let relevance = case.relevance_of_pixels()?;
        let regions = Regions::centered(self.patch_size.get(), relevance.dim())?;
        let order = self.order.for_sample(case.number).of(&regions.sums(relevance.view())?.to_vec());
        let replaced = case.replaced(&self.replacement)?;
        let walk = case.walk([case.input.view(), replaced.view()], &regions, &order)?;
        let stops: Vec<usize> = (0..=order.len().min(self.regions_evaluation)).collect();
        let values = self.output.of(walk.scores(case.classifier, &stops, steps)?);
        let of_target = values.column(case.target);
        let value = of_target.iter().map(|score| of_target[0] - score).sum::<f64>() / of_target.len() as f64;

        let mut replaced_pixels = 0;
        let pixels_of = |region: &usize| {
            let (rows, columns) = regions.area(*region);
            replaced_pixels += rows.len() * columns.len();
            replaced_pixels as f64 / relevance.len() as f64
        };
        let shares = std::iter::once(0.0).chain(order.iter().map(pixels_of)).take(stops.len()).collect();
        Ok(Outcome { value: Some(value), curve: Some(Curve { along: CurveAxis::Share(shares), values }) })
    }
}
