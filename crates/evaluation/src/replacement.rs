//! What flipped pixels become.

mod blur;

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use ndarray::{Array1, Array3, ArrayD, ArrayView3, ArrayViewD, Axis};
use rand::distributions::Uniform;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::order::seed_of_sample;
use crate::pixels::by_pixel;

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
/// assert_eq!(flipped("constant=0.1".parse()?)?, 0.1);
/// assert_eq!(flipped(Replacement::MeanColor)?, 0.5);
/// assert_eq!(flipped(Replacement::MedianColor)?, 0.5);
/// assert_eq!(flipped(Replacement::EightBitMedianColor)?, 127.0 / 255.0);
/// assert_eq!(flipped(Replacement::Black)?, 0.0);
/// assert_eq!(flipped(Replacement::Inversion)?, -1.0);
/// assert_eq!(flipped("blur=2".parse()?)?, (0.75 + 1.0) / 4.0); // all around is 0
/// # Ok::<(), evaluation::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Replacement {
    /// A color: one value for each channel, one value where there are no channels. As text `constant=0.5`, or
    /// `constant=0.1/0.2/0.3`.
    Color(Vec<f64>),
    /// The mean of each channel over all pixels of the input: `mean`.
    MeanColor,
    /// The median of each channel over all pixels of the input; for an even number of pixels the mean of the two in
    /// the middle. For inputs of any range. As text `median`.
    MedianColor,
    /// The median color as a picture of 8 bits a channel holds it, for inputs in [0, 1] that come from such pictures:
    /// `⌊255 · median⌋ / 255`. Where the two values in the middle differ by one level, their mean is no level, and the
    /// flipped input would be no picture; it is rounded down, as a conversion to whole numbers does. As text
    /// `median-8-bit`.
    EightBitMedianColor,
    /// The smallest value of the input: `black` (the default in Quantus).
    Black,
    /// The largest value of the input: `white`.
    White,
    /// `flipped = −1 · pixel`, for inputs in [−1, 1] (the paper's pixel flipping, Figs 18–24): `inversion`.
    Inversion,
    /// Each value drawn by itself, evenly between the smallest and the largest of the input: `uniform-noise`, or
    /// `uniform-noise=SEED`.
    UniformNoise {
        /// Each seed is another noise, and so is each sample of a run.
        seed: u64,
    },
    /// The mean over the square around the pixel, channel by channel, with 0 all around the input: `blur`, or
    /// `blur=SIDE`. Quantus blurs what is flipped already; here it is the input itself that is blurred.
    Blur {
        /// The side of the square in pixels (15, as in Quantus); for an even one, the pixel is behind its middle.
        side: NonZeroUsize,
    },
}

/// The side of the blur that does not say another (Quantus's).
pub(crate) const BLUR_SIDE: NonZeroUsize = NonZeroUsize::new(15).unwrap();

impl Replacement {
    /// The texts that name one.
    pub const TEXTS: &str = "inversion, constant=VALUE (constant=VALUE/VALUE/VALUE for channels), mean, median, median-8-bit, \
                             black, white, uniform-noise, uniform-noise=SEED, blur, blur=SIDE";

    /// The input, seen as rows × columns × channels, with all of its pixels replaced; there is at least one pixel.
    pub(crate) fn of(&self, input: ArrayView3<'_, f64>) -> Result<Array3<f64>, Error> {
        let colored = |color: Array1<f64>| color.broadcast(input.raw_dim()).map(|colors| colors.to_owned());
        let one_value = |value: f64| Some(Array3::from_elem(input.raw_dim(), value));
        let smallest = || input.fold(f64::INFINITY, |smallest, &value| smallest.min(value));
        let largest = || input.fold(f64::NEG_INFINITY, |largest, &value| largest.max(value));
        let expected = input.len_of(Axis(2));
        let replaced = match self {
            Self::Color(color) => {
                crate::error::check_finite("the color", color)?;
                (color.len() == expected).then(|| Array1::from(color.clone())).and_then(colored)
            }
            Self::MeanColor => colored(mean_color(input)),
            Self::MedianColor => colored(median_color(input)),
            Self::EightBitMedianColor => colored(median_color(input).mapv_into(round_down_to_level)),
            Self::Black => one_value(smallest()),
            Self::White => one_value(largest()),
            Self::Inversion => Some(input.mapv(|value| -value)),
            Self::UniformNoise { seed } => {
                let values = Uniform::new_inclusive(smallest(), largest());
                let mut random = Xoshiro256PlusPlus::seed_from_u64(*seed);
                Some(Array3::from_shape_simple_fn(input.raw_dim(), || random.sample(values)))
            }
            Self::Blur { side } => Some(blur::blurred(input, *side)),
        };
        replaced.ok_or_else(|| Error::Color { found: self.channels().unwrap_or(expected), expected })
    }

    /// An input of any layout with all of its pixels replaced.
    pub(crate) fn replaced(
        &self,
        input: ArrayViewD<'_, f64>,
        channel_axis: Option<Axis>,
    ) -> Result<ArrayD<f64>, Error> {
        let mut replaced = input.to_owned();
        let all = self.of(by_pixel(input, channel_axis)?)?;
        by_pixel(replaced.view_mut(), channel_axis)?.assign(&all);
        Ok(replaced)
    }

    /// The same replacement for one of several samples: what is drawn is drawn anew for each.
    pub(crate) fn for_sample(&self, number: usize) -> Self {
        match self {
            Self::UniformNoise { seed } => Self::UniformNoise { seed: seed_of_sample(*seed, number) },
            other => other.clone(),
        }
    }

    /// How many channels an input has to have.
    fn channels(&self) -> Option<usize> {
        if let Self::Color(color) = self { Some(color.len()) } else { None }
    }
}

impl fmt::Display for Replacement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Color(color) => {
                let color: Vec<String> = color.iter().map(f64::to_string).collect();
                write!(formatter, "constant={}", color.join("/"))
            }
            Self::MeanColor => formatter.write_str("mean"),
            Self::MedianColor => formatter.write_str("median"),
            Self::EightBitMedianColor => formatter.write_str("median-8-bit"),
            Self::Black => formatter.write_str("black"),
            Self::White => formatter.write_str("white"),
            Self::Inversion => formatter.write_str("inversion"),
            Self::UniformNoise { seed: 0 } => formatter.write_str("uniform-noise"),
            Self::UniformNoise { seed } => write!(formatter, "uniform-noise={seed}"),
            Self::Blur { side } if *side == BLUR_SIDE => formatter.write_str("blur"),
            Self::Blur { side } => write!(formatter, "blur={side}"),
        }
    }
}

impl FromStr for Replacement {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = |reason: &str| Error::Replacement { given: text.to_owned(), reason: reason.to_owned() };
        match text.split_once('=') {
            None => match text {
                "mean" => Ok(Self::MeanColor),
                "median" => Ok(Self::MedianColor),
                "median-8-bit" => Ok(Self::EightBitMedianColor),
                "black" => Ok(Self::Black),
                "white" => Ok(Self::White),
                "inversion" => Ok(Self::Inversion),
                "uniform-noise" => Ok(Self::UniformNoise { seed: 0 }),
                "blur" => Ok(Self::Blur { side: BLUR_SIDE }),
                _ => Err(refused(&format!("it is one of {}", Self::TEXTS))),
            },
            Some(("constant", values)) => {
                let values: Result<Vec<f64>, _> = values.split('/').map(f64::from_str).collect();
                let values = values.ok().filter(|values| values.iter().all(|value| value.is_finite()));
                values
                    .map(Self::Color)
                    .ok_or_else(|| refused("a number is needed for each channel: constant=0.1/0.2/0.3"))
            }
            Some(("uniform-noise", seed)) => {
                let seed = seed.parse().map_err(|_| refused("the seed is no whole number"))?;
                Ok(Self::UniformNoise { seed })
            }
            Some(("blur", side)) => {
                let side = side.parse().map_err(|_| refused("the side is no whole number of at least 1"))?;
                Ok(Self::Blur { side })
            }
            Some(_) => Err(refused("only constant, uniform-noise and blur take a value")),
        }
    }
}

fn mean_color(input: ArrayView3<'_, f64>) -> Array1<f64> {
    let pixels = input.len() / input.len_of(Axis(2));
    input.axis_iter(Axis(2)).map(|channel| channel.sum() / pixels as f64).collect()
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
        replacement.of(image.view()).expect("of one channel")[[0, 0, 0]]
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
        let all = |color: [f64; 2]| Array3::from_shape_fn((1, 3, 2), |(_, _, channel)| color[channel]);
        assert_eq!(Replacement::MedianColor.of(image.view())?, all([1.0, 2.0]));
        assert_eq!(Replacement::MeanColor.of(image.view())?, all([1.0, 2.0]));
        assert_eq!(Replacement::White.of(image.view())?, all([4.0, 4.0]));
        Ok(())
    }

    #[test]
    fn a_color_needs_the_channels_of_the_input() {
        let image = Array3::zeros((2, 2, 3));
        let error = Replacement::Color(vec![0.5]).of(image.view()).expect_err("one channel");
        assert_eq!(error.to_string(), "a color of 1 channels for an input of 3");
        assert!(matches!(
            Replacement::Color(vec![0.0, f64::NAN, 0.0]).of(image.view()),
            Err(Error::NonFinite { what: "the color", position: 1, .. })
        ));
    }

    #[test]
    fn noise_is_within_the_range_of_the_input_and_of_each_sample_its_own() -> Result<(), Error> {
        let image = Array3::from_shape_fn((7, 9, 2), |(row, column, channel)| (row * column + channel) as f64 - 3.0);
        let noise = Replacement::UniformNoise { seed: 5 };
        let of_sample = |number| noise.for_sample(number).of(image.view());
        assert_eq!(of_sample(0)?, noise.of(image.view())?);
        assert_ne!(of_sample(1)?, of_sample(2)?);
        assert!(of_sample(1)?.iter().all(|value| (-3.0..=46.0).contains(value)));
        assert!(of_sample(1)?.iter().any(|&value| value > 30.0));
        let flat = Array3::from_elem((2, 2, 1), 0.5);
        assert_eq!(noise.of(flat.view())?, flat);
        Ok(())
    }

    #[test]
    fn texts_are_read_as_they_are_written() -> Result<(), Error> {
        let names = ["mean", "median", "median-8-bit", "black", "white", "inversion", "uniform-noise", "blur"];
        for text in names.into_iter().chain(["uniform-noise=3", "blur=4", "constant=0.5", "constant=-1/0/2.5"]) {
            assert_eq!(text.parse::<Replacement>()?.to_string(), text);
        }
        for text in ["", "blue", "blur=0", "constant", "constant=", "constant=NaN", "mean=2", "uniform-noise=-1"] {
            assert!(matches!(text.parse::<Replacement>(), Err(Error::Replacement { .. })), "{text}");
        }
        Ok(())
    }
}
