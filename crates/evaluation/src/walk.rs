//! From one input to another, pixel by pixel, while the scores are watched.

use std::num::NonZeroUsize;
use std::ops::Range;

use ndarray::{Array2, ArrayD, ArrayView1, ArrayViewD, Axis, Ix3, s};
use relevance::ExplainableClassifier;

use crate::error::{check_finite, check_shape};
use crate::pixels::by_pixel;
use crate::settings::choice;
use crate::{Error, Regions, Steps};

/// How many numbers the copies of an input that are scored at a time have together, …
const NUMBERS_TOGETHER: usize = 1 << 20;
/// … and how many copies they are at most. Enough for matrix products to be at their best.
const COPIES_TOGETHER: usize = 256;

/// The way from one input to another, on which groups of numbers change one after the other.
///
/// Flipping goes from the input to what replaces it; insertion the other way.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    start: ArrayD<f64>,
    end: ArrayD<f64>,
    /// The positions of numbers, in row-major order, that change together.
    groups: Vec<Vec<usize>>,
}

impl Walk {
    /// From `start` to `end`, arrays of one shape, along groups of positions.
    pub(crate) fn new(start: ArrayViewD<'_, f64>, end: ArrayViewD<'_, f64>, groups: Vec<Vec<usize>>) -> Self {
        let standard = |array: ArrayViewD<'_, f64>| array.as_standard_layout().into_owned();
        Self { start: standard(start), end: standard(end), groups }
    }

    /// The inputs on the way.
    pub(crate) fn inputs(&self) -> Inputs<'_> {
        Inputs { walk: self, current: self.start.clone(), done: 0 }
    }

    /// The scores of all targets at each of the ascending stops, (stops, targets).
    pub(crate) fn scores(
        &self,
        classifier: &dyn ExplainableClassifier,
        stops: &[usize],
        steps: &mut Steps<'_>,
    ) -> Result<Array2<f64>, Error> {
        let mut inputs = self.inputs();
        let rows = steps.all(stops.len(), copies_together(classifier, self.start.len()), |now| {
            let copies: Vec<ArrayD<f64>> = stops[now].iter().map(|&stop| inputs.at(stop).clone()).collect();
            Ok(scores_of(classifier, &copies)?.outer_iter().map(|row| row.to_vec()).collect())
        })?;
        let expected = [stops.len(), classifier.targets()];
        Array2::from_shape_vec(expected, rows.concat()).map_err(|_| Error::Shape {
            what: "the array of scores",
            found: vec![rows.len(), rows.first().map_or(0, Vec::len)],
            expected: expected.to_vec(),
        })
    }
}

/// How many copies of an input are scored at a time: whole batches of the classifier, one for each thread or more.
/// Their boundaries are the same for any number of threads.
fn copies_together(classifier: &dyn ExplainableClassifier, numbers: usize) -> usize {
    let copies = (NUMBERS_TOGETHER / numbers.max(1)).clamp(1, COPIES_TOGETHER);
    copies.next_multiple_of(classifier.batch().max(1) * rayon::current_num_threads())
}

/// The inputs on a [`Walk`], as more and more of it is changed.
pub(crate) struct Inputs<'a> {
    walk: &'a Walk,
    current: ArrayD<f64>,
    done: usize,
}

impl Inputs<'_> {
    /// The input after so many changed groups, which are no fewer than those before.
    pub(crate) fn at(&mut self, stop: usize) -> &ArrayD<f64> {
        let now: Range<usize> = self.done..stop.clamp(self.done, self.walk.groups.len());
        self.done = now.end;
        let end = self.walk.end.as_slice().unwrap_or_default();
        let numbers = self.current.as_slice_mut().unwrap_or_default();
        self.walk.groups[now].iter().flatten().for_each(|&position| numbers[position] = end[position]);
        &self.current
    }
}

/// The scores of a batch, checked: a finite number for each input and target.
pub(crate) fn scores_of(classifier: &dyn ExplainableClassifier, inputs: &[ArrayD<f64>]) -> Result<Array2<f64>, Error> {
    let batch: Vec<ArrayViewD<'_, f64>> = inputs.iter().map(ArrayD::view).collect();
    let scores = classifier.scores(&batch).map_err(Error::Classifier)?;
    check_shape("the array of scores", scores.shape(), &[inputs.len(), classifier.targets()])?;
    check_finite("the array of scores", &scores)?;
    Ok(scores)
}

/// The positions of each region's numbers, all channels of its pixels, in an input of a shape.
pub(crate) fn positions_of_regions(
    regions: &Regions,
    shape: &[usize],
    channel_axis: Option<Axis>,
) -> Result<Vec<Vec<usize>>, Error> {
    let mut position = 0..;
    let positions = ArrayD::from_shape_simple_fn(shape, || position.next().unwrap_or_default());
    let positions: ndarray::Array<usize, Ix3> = by_pixel(positions, channel_axis)?;
    Ok((0..regions.count())
        .map(|region| {
            let (rows, columns) = regions.area(region);
            positions.slice(s![rows, columns, ..]).iter().copied().collect()
        })
        .collect())
}

choice! {
    /// Which numbers of a classifier a curve follows.
    pub enum Output {
        /// Its scores, as they are.
        Score = "score",
        /// The softmax function of its scores, for classifiers of several classes.
        Softmax = "softmax",
    }
}

impl Output {
    /// Turns scores, (inputs, targets), into this output.
    pub(crate) fn of(self, mut scores: Array2<f64>) -> Array2<f64> {
        if self == Self::Softmax {
            for mut row in scores.outer_iter_mut() {
                let largest = row.fold(f64::NEG_INFINITY, |largest, &score| largest.max(score));
                row.mapv_inplace(|score| (score - largest).exp());
                let sum = row.sum();
                row /= sum;
            }
        }
        scores
    }
}

/// After how many of `count` pixels the steps of a curve are: from none to all, as evenly as whole numbers allow.
pub(crate) fn even_stops(count: usize, steps: NonZeroUsize) -> Vec<usize> {
    let share = |step: usize| (step as u128 * count as u128 / steps.get() as u128) as usize;
    let mut stops: Vec<usize> = (0..=steps.get()).map(share).collect();
    stops.dedup();
    stops
}

/// The mean height of a curve whose steps are at ascending places, by the trapezoidal rule; that of its only step where
/// there is one.
///
/// ```text
/// 1/(x_K − x_0) Σ_k ½ (y_k + y_{k+1}) (x_{k+1} − x_k)
/// ```
pub(crate) fn mean_height(places: &[f64], values: ArrayView1<'_, f64>) -> Option<f64> {
    let (first, last) = (places.first()?, places.last()?);
    if first == last {
        return values.first().copied();
    }
    let pairs = places.windows(2).zip(values.windows(2));
    let area: f64 = pairs.map(|(x, y)| (x[1] - x[0]) * 0.5 * (y[0] + y[1])).sum();
    Some(area / (last - first))
}
