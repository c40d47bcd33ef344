//! What is judged.

use std::num::NonZeroUsize;

use ndarray::{Array2, ArrayD, ArrayView2, ArrayViewD, Axis};
use relevance::ExplainableClassifier;

use crate::error::{check_finite, check_shape};
use crate::flipping::check_target;
use crate::pixels::{by_pixel, relevance_of_pixels};
use crate::settings::choice;
use crate::walk::{Walk, even_stops, mean_height, positions_of_regions};
use crate::{Curve, CurveAxis, Error, FlipOrder, Measure, Outcome, Output, Randomized, Regions, Replacement, Steps};

/// A sample on which explanations are judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The input, in the classifier's layout.
    pub input: ArrayD<f64>,
    /// The target whose score is explained.
    pub target: usize,
    /// The pixels, rows × columns, where the relevance should be, for the measures that need it.
    pub mask: Option<Array2<bool>>,
}

/// An explanation to be judged, with all that was explained.
#[derive(Clone)]
pub struct Case<'a> {
    /// The classifier whose score was explained.
    pub classifier: &'a dyn ExplainableClassifier,
    /// What [`Measure::randomization`] asked for; nothing where it did not ask.
    pub randomized: &'a [Randomized],
    /// The sample's number among others: what is drawn, is drawn anew for each.
    pub number: usize,
    /// The input, in the classifier's layout.
    pub input: ArrayViewD<'a, f64>,
    /// The target whose score was explained.
    pub target: usize,
    /// The relevance: the shape of the input, or that without the axis of channels.
    pub relevance: ArrayViewD<'a, f64>,
    /// The pixels, rows × columns, where the relevance should be.
    pub mask: Option<ArrayView2<'a, bool>>,
}

choice! {
    /// Which pixels are flipped.
    pub enum PixelSubset {
        /// All.
        All = "all",
        /// Those in the sample's mask.
        InMask = "in-mask",
        /// Those out of the sample's mask (Fig 18, with the digit as the mask).
        OutOfMask = "out-of-mask",
    }
}

impl<'a> Case<'a> {
    /// The relevance of each pixel, rows × columns, once all of the case is known to fit.
    pub(crate) fn relevance_of_pixels(&self) -> Result<Array2<f64>, Error> {
        check_target(self.classifier, self.target)?;
        check_finite("the input", &self.input)?;
        relevance_of_pixels(self.relevance.view(), self.input.shape(), self.classifier.channel_axis())
    }

    /// The pixels, the most relevant first.
    fn highest_first(&self) -> Result<Vec<usize>, Error> {
        let relevance: Vec<f64> = self.relevance_of_pixels()?.into_iter().collect();
        Ok(FlipOrder::HighestFirst.of(&relevance))
    }

    /// How many of the `count` most relevant pixels lie in the mask.
    pub(crate) fn hits(&self, mask: ArrayView2<'_, bool>, count: usize) -> Result<usize, Error> {
        let mask: Vec<bool> = mask.iter().copied().collect();
        Ok(self.highest_first()?.into_iter().take(count).filter(|&pixel| mask[pixel]).count())
    }

    /// The magnitude of each number of the relevance, channels and all.
    pub(crate) fn magnitudes(&self) -> Result<Vec<f64>, Error> {
        self.relevance_of_pixels()?;
        Ok(self.relevance.iter().map(|value| value.abs()).collect())
    }

    /// The relevance of another input or target, of the same shape as the case's own.
    pub(crate) fn explain(&self, input: ArrayViewD<'_, f64>, target: usize) -> Result<ArrayD<f64>, Error> {
        let relevance = self.classifier.explain(input, target).map_err(Error::Classifier)?.relevance;
        check_shape("the relevance", relevance.shape(), self.relevance.shape())?;
        check_finite("the relevance", &relevance)?;
        Ok(relevance)
    }

    /// The mask, of the shape of the pixels.
    pub(crate) fn mask(&self, measure: &dyn Measure) -> Result<ArrayView2<'a, bool>, Error> {
        let mask = self.mask.ok_or_else(|| Error::NoMask { measure: measure.name(), sample: self.number })?;
        check_shape("the mask", mask.shape(), &<[usize; 2]>::from(self.pixels()?))?;
        Ok(mask)
    }

    /// How many rows and columns of pixels there are.
    pub(crate) fn pixels(&self) -> Result<(usize, usize), Error> {
        let pixels = by_pixel(self.input.view(), self.classifier.channel_axis())?;
        Ok((pixels.len_of(Axis(0)), pixels.len_of(Axis(1))))
    }

    /// The input, all of it replaced.
    pub(crate) fn replaced(&self, replacement: &Replacement) -> Result<ArrayD<f64>, Error> {
        replacement.for_sample(self.number).replaced(self.input.view(), self.classifier.channel_axis())
    }

    /// The way from one input to another: regions in their order.
    pub(crate) fn walk(
        &self,
        [start, end]: [ArrayViewD<'_, f64>; 2],
        regions: &Regions,
        order: &[usize],
    ) -> Result<Walk, Error> {
        let mut positions = positions_of_regions(regions, self.input.shape(), self.classifier.channel_axis())?;
        let groups = order.iter().map(|&region| std::mem::take(&mut positions[region]));
        Ok(Walk::new(start, end, groups.collect()))
    }

    /// The outputs on the way from one input to another, the most relevant pixels first, in even steps.
    pub(crate) fn outputs_by_relevance(
        &self,
        ends: [ArrayViewD<'_, f64>; 2],
        count: NonZeroUsize,
        output: Output,
        steps: &mut Steps<'_>,
    ) -> Result<Outcome, Error> {
        let order = self.highest_first()?;
        self.outputs_along(ends, &order, &even_stops(order.len(), count), output, steps)
    }

    /// The outputs on the way from one input to another along pixels in their order, after so many of them as the
    /// ascending `stops` say, and the mean height of the target's.
    pub(crate) fn outputs_along(
        &self,
        ends: [ArrayViewD<'_, f64>; 2],
        order: &[usize],
        stops: &[usize],
        output: Output,
        steps: &mut Steps<'_>,
    ) -> Result<Outcome, Error> {
        let pixels = self.pixels()?;
        let walk = self.walk(ends, &Regions::new(1, pixels)?, order)?;
        let values = output.of(walk.scores(self.classifier, stops, steps)?);
        let shares: Vec<f64> = stops.iter().map(|&stop| stop as f64 / (pixels.0 * pixels.1) as f64).collect();
        let value = mean_height(&shares, values.column(self.target));
        Ok(Outcome { value, curve: Some(Curve { along: CurveAxis::Share(shares), values }) })
    }
}

impl PixelSubset {
    /// The pixels of the order that are meant.
    pub(crate) fn of(self, order: Vec<usize>, case: &Case<'_>, measure: &dyn Measure) -> Result<Vec<usize>, Error> {
        if self == Self::All {
            return Ok(order);
        }
        let mask: Vec<bool> = case.mask(measure)?.iter().copied().collect();
        Ok(order.into_iter().filter(|&pixel| mask[pixel] == (self == Self::InMask)).collect())
    }
}
