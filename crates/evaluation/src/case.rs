//! What is judged.

use ndarray::{Array2, ArrayD, ArrayView2, ArrayViewD, Axis};
use relevance::ExplainableClassifier;

use crate::error::{check_finite, check_shape};
use crate::flipping::check_target;
use crate::pixels::{by_pixel, relevance_of_pixels};
use crate::settings::choice;
use crate::walk::{Walk, positions_of_regions};
use crate::{Error, Measure, Randomized, Regions, Replacement};

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
    pub enum Among {
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

    /// The way from one input to another, `taken` together at each step: regions in their order.
    pub(crate) fn walk(
        &self,
        [start, end]: [ArrayViewD<'_, f64>; 2],
        regions: &Regions,
        order: &[usize],
        taken: usize,
    ) -> Result<Walk, Error> {
        let positions = positions_of_regions(regions, self.input.shape(), self.classifier.channel_axis())?;
        let groups = order.chunks(taken.max(1));
        let groups =
            groups.map(|regions| regions.iter().flat_map(|&region| positions[region].iter().copied()).collect());
        Ok(Walk::new(start, end, groups.collect()))
    }
}

impl Among {
    /// The pixels of the order that are meant.
    pub(crate) fn of(self, order: Vec<usize>, case: &Case<'_>, measure: &dyn Measure) -> Result<Vec<usize>, Error> {
        if self == Self::All {
            return Ok(order);
        }
        let mask: Vec<bool> = case.mask(measure)?.iter().copied().collect();
        Ok(order.into_iter().filter(|&pixel| mask[pixel] == (self == Self::InMask)).collect())
    }
}
