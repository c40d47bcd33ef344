//! Flipping: does the score fall when what is said to be important is taken away?

use ndarray::{ArrayD, ArrayViewD, Axis};
use relevance::ExplainableClassifier;
use serde::{Deserialize, Serialize};

use crate::error::check_finite;
use crate::pixels::{by_pixel, relevance_of_pixels};
use crate::walk::{Walk, positions_of_regions};
use crate::{Error, FlipOrder, Regions, Replacement, Steps};

/// What is flipped, how, and how much of it.
///
/// The default is the block flipping of the polygons-versus-circles data: blocks of 6 pixels, which divide a tile of
/// 102, and the background's color, which the median of a tile mostly is. The paper's flipping of MNIST pixels is a
/// side of 1, [`Replacement::Inversion`] and fractions in steps of 0.01.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FlipOptions {
    /// The side of the squares that are flipped as one, in pixels (default 6); 1 for single pixels. A square has the
    /// mean relevance of its pixels.
    pub region_side: usize,
    /// In which order (default: the most relevant first).
    pub order: FlipOrder,
    /// What flipped pixels become (default: the median color, as 8 bits hold it).
    pub replacement: Replacement,
    /// Which fractions of the regions, ascending (default 0.05, 0.1, 0.2, 0.3).
    pub fractions: Vec<f64>,
}

impl Default for FlipOptions {
    fn default() -> Self {
        Self {
            region_side: 6,
            order: FlipOrder::HighestFirst,
            replacement: Replacement::EightBitMedianColor,
            fractions: vec![0.05, 0.1, 0.2, 0.3],
        }
    }
}

/// The score of an input of which more and more is flipped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlipCurve {
    /// Which fractions of the regions are flipped. The first is 0: the input as it is.
    pub fractions: Vec<f64>,
    /// `f` of the input with that much flipped.
    pub scores: Vec<f64>,
}

impl FlipCurve {
    /// `f(x) − f(flipped)`: how far the score has fallen. `None` for a fraction that is not on the curve.
    ///
    /// ```
    /// use evaluation::FlipCurve;
    /// let curve = FlipCurve { fractions: vec![0.0, 0.1, 0.2], scores: vec![2.0, 1.5, -0.5] };
    /// assert_eq!(curve.drop_at(0.2), Some(2.5));
    /// assert_eq!(curve.drop_at(0.15), None);
    /// ```
    pub fn drop_at(&self, fraction: f64) -> Option<f64> {
        let position = self.fractions.iter().position(|&other| other == fraction)?;
        Some(self.scores.first()? - self.scores.get(position)?)
    }
}

/// Flips more and more of an input and follows the score of `target`.
///
/// * `input` — as the classifier takes it: H×W×C, C×H×W, H×W or a vector, with its
///   [`channel_axis`](ExplainableClassifier::channel_axis)
/// * `relevance` — of the same shape, or of that shape without the axis of channels; channels are summed
///
/// For each fraction, the first `⌊fraction · regions⌋` regions in the order of the options are flipped; the curve starts
/// with fraction 0, whether or not the options name it. All inputs are scored as one batch.
///
/// An example stands at the head of the [crate](crate).
///
/// # Errors
/// Everything that [`flipped_inputs`] refuses; [`Error::Target`] when the classifier has no such target;
/// [`Error::Classifier`] when it can't score the inputs; [`Error::Shape`] and [`Error::NonFinite`] when its scores are
/// not one finite number for each input and target.
pub fn flip_curve(
    classifier: &dyn ExplainableClassifier,
    input: ArrayViewD<'_, f64>,
    relevance: ArrayViewD<'_, f64>,
    target: usize,
    options: &FlipOptions,
) -> Result<FlipCurve, Error> {
    check_target(classifier, target)?;
    let (walk, stops) = options.walk(input, relevance, classifier.channel_axis())?;
    let scores = walk.scores(classifier, &stops, &mut Steps::unwatched())?;
    Ok(FlipCurve { fractions: from_zero(&options.fractions)?, scores: scores.column(target).to_vec() })
}

/// Fails when the classifier has no such target.
pub(crate) fn check_target(classifier: &dyn ExplainableClassifier, target: usize) -> Result<(), Error> {
    let targets = classifier.targets();
    if target < targets { Ok(()) } else { Err(Error::Target { target, targets }) }
}

/// The inputs that [`flip_curve`] scores, one for each fraction (the paper's Figs 23 and 24 show them): the first is
/// the input as it is.
///
/// ```
/// use evaluation::{FlipOptions, Replacement, flipped_inputs};
/// use ndarray::array;
/// let (input, relevance) = (array![[0.2, 0.4], [0.6, 0.8]].into_dyn(), array![[1.0, -1.0], [3.0, 0.0]].into_dyn());
/// let options = FlipOptions {
///     region_side: 1,
///     replacement: Replacement::Color(vec![0.0]),
///     fractions: vec![0.25, 0.5],
///     ..FlipOptions::default()
/// };
/// let flipped = flipped_inputs(input.view(), relevance.view(), None, &options)?;
/// assert_eq!(flipped[1], array![[0.2, 0.4], [0.0, 0.8]].into_dyn());
/// assert_eq!(flipped[2], array![[0.0, 0.4], [0.0, 0.8]].into_dyn());
/// # Ok::<(), evaluation::Error>(())
/// ```
///
/// # Errors
/// [`Error::Pixels`] for an input that is neither a map nor a line of pixels, [`Error::RelevanceShape`] for relevance
/// of another shape, [`Error::NonFinite`] where either holds an infinity or NaN; [`Error::Fractions`],
/// [`Error::RegionSide`] and [`Error::Color`] for options that make no sense.
pub fn flipped_inputs(
    input: ArrayViewD<'_, f64>,
    relevance: ArrayViewD<'_, f64>,
    channel_axis: Option<Axis>,
    options: &FlipOptions,
) -> Result<Vec<ArrayD<f64>>, Error> {
    let (walk, stops) = options.walk(input, relevance, channel_axis)?;
    let mut inputs = walk.inputs();
    Ok(stops.iter().map(|&stop| inputs.at(stop).clone()).collect())
}

impl FlipOptions {
    /// The way from the input to the flipped one, and how many regions are flipped at each fraction.
    fn walk(
        &self,
        input: ArrayViewD<'_, f64>,
        relevance: ArrayViewD<'_, f64>,
        channel_axis: Option<Axis>,
    ) -> Result<(Walk, Vec<usize>), Error> {
        let fractions = from_zero(&self.fractions)?;
        check_finite("the input", &input)?;
        let pixels = by_pixel(input.view(), channel_axis)?;
        let regions = Regions::new(self.region_side, (pixels.len_of(Axis(0)), pixels.len_of(Axis(1))))?;
        let relevance = relevance_of_pixels(relevance, input.shape(), channel_axis)?;
        let order = self.order.of(&regions.means(relevance.view())?.to_vec());
        let stops = fractions.iter().map(|fraction| (fraction * order.len() as f64) as usize).collect();
        let mut positions = positions_of_regions(&regions, input.shape(), channel_axis)?;
        let groups = order.into_iter().map(|region| std::mem::take(&mut positions[region])).collect();
        let replaced = self.replacement.replaced(input.view(), channel_axis)?;
        Ok((Walk::new(input, replaced.view(), groups), stops))
    }
}

/// The fractions of a curve: 0 and those asked for, which have to ascend.
fn from_zero(fractions: &[f64]) -> Result<Vec<f64>, Error> {
    let ascend = fractions.windows(2).all(|pair| pair[0] < pair[1]);
    if !ascend || !fractions.iter().all(|fraction| (0.0..=1.0).contains(fraction)) {
        return Err(Error::Fractions { fractions: fractions.to_vec() });
    }
    let zero = (fractions.first() != Some(&0.0)).then_some(0.0);
    Ok(zero.into_iter().chain(fractions.iter().copied()).collect())
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Array3, array};
    use proptest::prelude::*;
    use relevance::{ExplainError, Explanation, Ledger};

    use super::*;

    /// `f_0(x) = Σ w x + b`, `f_1 = −f_0`; refuses inputs that are not of the weights' shape.
    struct Linear {
        weights: ArrayD<f64>,
        bias: f64,
        channel_axis: Option<Axis>,
    }

    impl ExplainableClassifier for Linear {
        fn targets(&self) -> usize {
            2
        }

        fn channel_axis(&self) -> Option<Axis> {
            self.channel_axis
        }

        fn scores(&self, inputs: &[ArrayViewD<'_, f64>]) -> Result<Array2<f64>, ExplainError> {
            let mut scores = Array2::zeros((inputs.len(), 2));
            for (input, mut row) in inputs.iter().zip(scores.outer_iter_mut()) {
                if input.shape() != self.weights.shape() {
                    return Err("another shape".into());
                }
                let score = (&self.weights * input).sum() + self.bias;
                row.assign(&array![score, -score]);
            }
            Ok(scores)
        }

        fn explain(&self, input: ArrayViewD<'_, f64>, target: usize) -> Result<Explanation, ExplainError> {
            let relevance = &self.weights * &input * if target == 0 { 1.0 } else { -1.0 };
            Ok(Explanation { score: relevance.sum() + self.bias, relevance, ledger: Ledger::default() })
        }
    }

    fn options(side: usize, order: FlipOrder, replacement: Replacement, fractions: &[f64]) -> FlipOptions {
        FlipOptions { region_side: side, order, replacement, fractions: fractions.to_vec() }
    }

    fn black() -> Replacement {
        Replacement::Color(vec![0.0])
    }

    #[test]
    fn a_linear_classifier_falls_by_the_relevance_that_is_taken_away() -> Result<(), ExplainError> {
        // Blocks of 2×2 over 4×4: the upper left has relevance 8, the upper right −4, the lower left 0, the last 2.
        let weights =
            array![[1.0, 3.0, -1.0, -1.0], [4.0, 0.0, -1.0, -1.0], [1.0, -1.0, 0.5, 0.5], [2.0, -2.0, 0.5, 0.5]];
        let classifier = Linear { weights: weights.into_dyn(), bias: 0.25, channel_axis: None };
        let input = ArrayD::ones(vec![4, 4]);
        let fractions = [0.25, 0.5, 0.75, 1.0];
        let drops = |order, target: usize| -> Result<Vec<f64>, ExplainError> {
            let relevance = classifier.explain(input.view(), 0)?.relevance;
            let options = options(2, order, black(), &fractions);
            let curve = flip_curve(&classifier, input.view(), relevance.view(), target, &options)?;
            assert_eq!(curve.fractions, [0.0, 0.25, 0.5, 0.75, 1.0]);
            assert_eq!(curve.scores[0], if target == 0 { 6.25 } else { -6.25 });
            Ok(fractions.iter().filter_map(|&fraction| curve.drop_at(fraction)).collect())
        };
        assert_eq!(drops(FlipOrder::HighestFirst, 0)?, [8.0, 10.0, 10.0, 6.0]);
        assert_eq!(drops(FlipOrder::LowestFirst, 0)?, [-4.0, -4.0, -2.0, 6.0]);
        assert_eq!(drops(FlipOrder::NearestToZeroFirst, 0)?, [0.0, 2.0, -2.0, 6.0]);
        assert_eq!(drops(FlipOrder::HighestFirst, 1)?, [-8.0, -10.0, -10.0, -6.0]);
        assert_eq!(drops(FlipOrder::Random { seed: 3 }, 0)?, drops(FlipOrder::Random { seed: 3 }, 0)?);
        Ok(())
    }

    #[test]
    fn a_tile_has_289_blocks_of_which_20_percent_are_57() -> Result<(), Error> {
        let input = ArrayD::ones(vec![102, 102, 3]);
        let relevance = ArrayD::zeros(vec![102, 102]);
        let options = FlipOptions {
            replacement: Replacement::Color(vec![0.0; 3]),
            fractions: vec![0.2],
            ..FlipOptions::default()
        };
        let flipped = flipped_inputs(input.view(), relevance.view(), Some(Axis(2)), &options)?;
        assert_eq!(flipped.len(), 2);
        assert_eq!(flipped[0], input);
        assert_eq!(flipped[1].iter().filter(|&&value| value == 0.0).count(), 57 * 36 * 3);
        // Without relevance all blocks are tied: the first 57, three rows of 17 and six more.
        assert_eq!(flipped[1][[18, 35, 0]], 0.0);
        assert_eq!(flipped[1][[18, 36, 0]], 1.0);
        Ok(())
    }

    #[test]
    fn channels_first_and_channels_last_are_flipped_alike() -> Result<(), Error> {
        let last = Array3::from_shape_fn((3, 5, 2), |(row, column, channel)| (row * 10 + column * 2 + channel) as f64);
        let relevance = last.mapv(|value| (value * 1.7).sin()).into_dyn();
        let last = last.into_dyn();
        let to_first = |array: &ArrayD<f64>| array.clone().permuted_axes(vec![2, 0, 1]);
        let options = options(2, FlipOrder::HighestFirst, Replacement::MedianColor, &[0.3, 0.6]);
        let of_last = flipped_inputs(last.view(), relevance.view(), Some(Axis(2)), &options)?;
        let of_first = flipped_inputs(to_first(&last).view(), to_first(&relevance).view(), Some(Axis(0)), &options)?;
        assert_eq!(of_last.iter().map(to_first).collect::<Vec<_>>(), of_first);
        let summed = relevance.sum_axis(Axis(2));
        assert_eq!(flipped_inputs(last.view(), summed.view(), Some(Axis(2)), &options)?, of_last);
        Ok(())
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let classifier = Linear { weights: ArrayD::ones(vec![2, 2]), bias: 0.0, channel_axis: None };
        let input = ArrayD::ones(vec![2, 2]);
        let plain = options(1, FlipOrder::HighestFirst, black(), &[0.5]);
        let curve = |input: &ArrayD<f64>, relevance: &ArrayD<f64>, target, options: &FlipOptions| {
            flip_curve(&classifier, input.view(), relevance.view(), target, options).map_err(|error| error.to_string())
        };
        assert_eq!(
            curve(&input, &input, 2, &plain),
            Err("target 2: the classifier has 2 targets, counted from 0".to_owned())
        );
        assert_eq!(
            curve(&input, &ArrayD::ones(vec![3]), 0, &plain),
            Err("the relevance has the shape [3] for an input of the shape [2, 2]: it needs the same shape, or that \
                 without the axis of channels"
                .to_owned())
        );
        let broken = ArrayD::from_elem(vec![2, 2], f64::NAN);
        assert_eq!(
            curve(&broken, &input, 0, &plain),
            Err("the input: NaN at position 0; all values have to be finite".to_owned())
        );
        for fractions in [&[0.5, 0.2][..], &[-0.1], &[1.5], &[f64::NAN], &[0.2, 0.2]] {
            let error = curve(&input, &input, 0, &options(1, FlipOrder::LowestFirst, black(), fractions));
            assert!(error.is_err_and(|message| message.starts_with("the fractions [")), "{fractions:?}");
        }
        let wrong_shape = ArrayD::ones(vec![3, 3]);
        assert!(matches!(
            flip_curve(&classifier, wrong_shape.view(), wrong_shape.view(), 0, &plain),
            Err(Error::Classifier(source)) if source.to_string() == "another shape"
        ));
        assert!(matches!(
            flip_curve(&classifier, input.view(), input.view(), 0, &options(0, FlipOrder::LowestFirst, black(), &[])),
            Err(Error::RegionSide)
        ));
    }

    #[test]
    fn scores_that_are_none_are_errors() {
        let input = ArrayD::ones(vec![2, 2]);
        let classifier = Linear { weights: input.clone(), bias: f64::INFINITY, channel_axis: None };
        let curve =
            flip_curve(&classifier, input.view(), input.view(), 0, &options(1, FlipOrder::LowestFirst, black(), &[]));
        assert!(matches!(curve, Err(Error::NonFinite { what: "the array of scores", .. })));
    }

    #[test]
    fn a_fraction_that_is_not_on_the_curve_has_no_drop() {
        let curve = FlipCurve { fractions: vec![0.0, 0.5], scores: vec![2.0, -1.0] };
        assert_eq!([0.0, 0.5, 0.25].map(|fraction| curve.drop_at(fraction)), [Some(0.0), Some(3.0), None]);
    }

    fn orders() -> impl Strategy<Value = FlipOrder> {
        prop_oneof![
            Just(FlipOrder::HighestFirst),
            Just(FlipOrder::LowestFirst),
            Just(FlipOrder::NearestToZeroFirst),
            any::<u64>().prop_map(|seed| FlipOrder::Random { seed }),
        ]
    }

    fn replacements() -> impl Strategy<Value = Replacement> {
        prop_oneof![
            prop::collection::vec(-1.0..1.0, 3).prop_map(Replacement::Color),
            Just(Replacement::MedianColor),
            Just(Replacement::EightBitMedianColor),
            Just(Replacement::Inversion),
        ]
    }

    fn maps() -> impl Strategy<Value = (ArrayD<f64>, ArrayD<f64>)> {
        (1_usize..9, 1_usize..9).prop_flat_map(|(height, width)| {
            let pixels = height * width;
            let input = prop::collection::vec(-1.0..1.0, pixels * 3).prop_map(move |values| {
                ArrayD::from_shape_vec(vec![height, width, 3], values).expect("as many as pixels and channels")
            });
            // Whole numbers, so that ties are common.
            let relevance = prop::collection::vec((-3_i8..4).prop_map(f64::from), pixels).prop_map(move |values| {
                ArrayD::from_shape_vec(vec![height, width], values).expect("as many as pixels")
            });
            (input, relevance)
        })
    }

    proptest! {
        #[test]
        fn nothing_flipped_changes_nothing_and_all_flipped_changes_all(
            (input, relevance) in maps(), side in 1_usize..5, order in orders(), replacement in replacements()
        ) {
            let options = options(side, order, replacement.clone(), &[0.0, 1.0]);
            let flipped = flipped_inputs(input.view(), relevance.view(), Some(Axis(2)), &options).expect("fits");
            prop_assert_eq!(&flipped[0], &input);
            let mut all = input.clone();
            let pixels = by_pixel(input.view(), Some(Axis(2))).expect("pixels");
            let replaced = replacement.of(pixels).expect("three channels");
            by_pixel(all.view_mut(), Some(Axis(2))).expect("pixels").assign(&replaced);
            prop_assert_eq!(&flipped[1], &all);
        }

        #[test]
        fn what_is_flipped_stays_flipped(
            (input, relevance) in maps(), side in 1_usize..5, order in orders(), replacement in replacements()
        ) {
            let options = options(side, order, replacement, &[0.1, 0.35, 0.7, 0.9]);
            let flipped = flipped_inputs(input.view(), relevance.view(), Some(Axis(2)), &options).expect("fits");
            for pair in flipped.windows(2) {
                for ((before, after), original) in pair[0].iter().zip(&pair[1]).zip(&input) {
                    prop_assert!(before == original || before == after);
                }
            }
        }

        #[test]
        fn orders_are_those_of_plain_selection((_, relevance) in maps(), order in orders()) {
            let values: Vec<f64> = relevance.iter().copied().collect();
            let sorted = order.of(&values);
            let mut all = sorted.clone();
            all.sort_unstable();
            prop_assert_eq!(all, (0..values.len()).collect::<Vec<_>>());
            let key = |region: usize| match order {
                FlipOrder::HighestFirst => -values[region],
                FlipOrder::LowestFirst => values[region],
                FlipOrder::NearestToZeroFirst => values[region].abs(),
                FlipOrder::Random { .. } => 0.0,
            };
            if !matches!(order, FlipOrder::Random { .. }) {
                for pair in sorted.windows(2) {
                    prop_assert!(key(pair[0]) < key(pair[1]) || (key(pair[0]) == key(pair[1]) && pair[0] < pair[1]));
                }
            }
        }

        #[test]
        fn scaling_all_relevance_by_a_positive_factor_changes_no_input(
            (input, relevance) in maps(), side in 1_usize..5, order in orders()
        ) {
            let options = options(side, order, Replacement::Inversion, &[0.2, 0.5]);
            let axis = Some(Axis(2));
            let plain = flipped_inputs(input.view(), relevance.view(), axis, &options).expect("fits");
            let scaled = flipped_inputs(input.view(), (&relevance * 4.0).view(), axis, &options).expect("fits");
            prop_assert_eq!(plain, scaled);
        }
    }
}
