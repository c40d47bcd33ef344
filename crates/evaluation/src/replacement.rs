//! What flipped pixels become.

use ndarray::{Array1, ArrayView3, ArrayViewMut3, Axis};
use serde::{Deserialize, Serialize};

use crate::Error;

/// What flipped pixels become.
///
/// ```
/// use evaluation::{FlipOptions, Replacement, flipped_inputs};
/// use ndarray::array;
/// let (input, relevance) = (array![0.0, 0.25, 0.75, 1.0].into_dyn(), array![0.0, 0.0, 0.0, 9.0].into_dyn());
/// let flipped = |replacement| {
///     let options = FlipOptions { region_side: 1, replacement, fractions: vec![0.25], ..FlipOptions::default() };
///     flipped_inputs(input.view(), relevance.view(), None, &options).map(|inputs| inputs[1][3])
/// };
/// assert_eq!(flipped(Replacement::Color(vec![0.1]))?, 0.1);
/// assert_eq!(flipped(Replacement::MedianColor)?, 0.5);
/// assert_eq!(flipped(Replacement::EightBitMedianColor)?, 127.0 / 255.0);
/// assert_eq!(flipped(Replacement::Inversion)?, -1.0);
/// # Ok::<(), evaluation::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Replacement {
    /// A color: one value for each channel, one value where there are no channels.
    Color(Vec<f64>),
    /// The median of each channel over all pixels of the input; for an even number of pixels the mean of the two in
    /// the middle. For inputs of any range.
    MedianColor,
    /// The median color as a picture of 8 bits a channel holds it, for inputs in [0, 1] that come from such pictures:
    /// `⌊255 · median⌋ / 255`. Where the two values in the middle differ by one level, their mean is no level, and the
    /// flipped input would be no picture; it is rounded down, as a conversion to whole numbers does.
    EightBitMedianColor,
    /// `flipped = −1 · pixel`, for inputs in [−1, 1] (the paper's pixel flipping, Figs 18–24).
    Inversion,
}

/// A replacement, made ready for one input.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Paint {
    Color(Array1<f64>),
    Inversion,
}

impl Replacement {
    /// The paint for `input`, seen as rows × columns × channels; there is at least one pixel.
    pub(crate) fn paint(&self, input: ArrayView3<'_, f64>) -> Result<Paint, Error> {
        match self {
            Self::Color(color) => {
                let expected = input.len_of(Axis(2));
                if color.len() != expected {
                    return Err(Error::Color { found: color.len(), expected });
                }
                crate::error::check_finite("the color", color)?;
                Ok(Paint::Color(Array1::from(color.clone())))
            }
            Self::MedianColor => Ok(Paint::Color(median_color(input))),
            Self::EightBitMedianColor => Ok(Paint::Color(median_color(input).mapv_into(round_down_to_level))),
            Self::Inversion => Ok(Paint::Inversion),
        }
    }
}

impl Paint {
    /// Changes all pixels of `area`, rows × columns × channels.
    pub(crate) fn apply(&self, mut area: ArrayViewMut3<'_, f64>) {
        match self {
            Self::Color(color) => area.assign(color),
            Self::Inversion => area.mapv_inplace(|value| -value),
        }
    }
}

fn median_color(input: ArrayView3<'_, f64>) -> Array1<f64> {
    input.axis_iter(Axis(2)).map(|channel| median(channel.iter().copied().collect())).collect()
}

/// The median of at least one value.
fn median(mut values: Vec<f64>) -> f64 {
    let upper = values.len() / 2;
    let is_odd = values.len() % 2 == 1;
    let (below, &mut middle, _) = values.select_nth_unstable_by(upper, f64::total_cmp);
    if is_odd {
        return middle;
    }
    below.iter().copied().max_by(f64::total_cmp).map_or(middle, |lower| lower.midpoint(middle))
}

/// `⌊255 v⌋ / 255`. A level k is the rounded quotient k/255, and 255 times that can be a rounding below k; half levels
/// are as far from it as can be, so that a small allowance tells the two apart.
fn round_down_to_level(value: f64) -> f64 {
    const ROUNDING: f64 = 1e-9;
    (value * 255.0 + ROUNDING).floor() / 255.0
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;

    fn image(levels: &[u8]) -> Array3<f64> {
        Array3::from_shape_fn((1, levels.len(), 1), |(_, column, _)| f64::from(levels[column]) / 255.0)
    }

    fn color(replacement: Replacement, image: &Array3<f64>) -> f64 {
        match replacement.paint(image.view()) {
            Ok(Paint::Color(color)) => color[0],
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_median_of_an_even_number_is_the_mean_of_the_middle_two() {
        let image = image(&[9, 1, 4, 3]);
        assert_eq!(color(Replacement::MedianColor, &image), (3.0_f64 / 255.0).midpoint(4.0 / 255.0));
        assert_eq!(median(vec![2.0]), 2.0);
        assert_eq!(median(vec![-1.0, 5.0]), 2.0);
        assert_eq!(median(vec![7.0, -3.0, 1.0]), 1.0);
        assert_eq!(median(vec![f64::MAX, f64::MAX]), f64::MAX);
    }

    #[test]
    fn the_8_bit_median_is_what_a_cast_of_the_median_of_levels_is() {
        for low in 0..=255_u8 {
            for high in low..=255 {
                let expected = ((u16::from(low) + u16::from(high)) / 2) as u8;
                let found = color(Replacement::EightBitMedianColor, &image(&[low, high]));
                assert_eq!(found, f64::from(expected) / 255.0, "{low}, {high}");
            }
        }
    }

    #[test]
    fn channels_have_their_own_medians() -> Result<(), Error> {
        let image = Array3::from_shape_fn((1, 3, 2), |(_, column, channel)| (column * (channel + 1)) as f64);
        assert_eq!(Replacement::MedianColor.paint(image.view())?, Paint::Color(Array1::from(vec![1.0, 2.0])));
        Ok(())
    }

    #[test]
    fn a_color_needs_the_channels_of_the_input() {
        let image = Array3::zeros((2, 2, 3));
        let error = Replacement::Color(vec![0.5]).paint(image.view()).expect_err("one channel");
        assert_eq!(error.to_string(), "a color of 1 channels for an input of 3");
        assert!(matches!(
            Replacement::Color(vec![0.0, f64::NAN, 0.0]).paint(image.view()),
            Err(Error::NonFinite { what: "the color", position: 1, .. })
        ));
    }
}
