//! The gray images that descriptors are computed on.

use ndarray::{Array2, ArrayView3, Axis, s};
use serde::{Deserialize, Serialize};

use crate::Error;

/// One gray image out of a color image.
///
/// An image that has a single channel is gray already: every `Channel` of it is that channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// Luma: `0.299 R + 0.587 G + 0.114 B`.
    #[default]
    Gray,
    /// The opponent color channel of the paper's experiment on PASCAL VOC: `(R + G − 2 B + 2) / 4`.
    Opponent,
    /// Red.
    Red,
    /// Green.
    Green,
    /// Blue.
    Blue,
}

impl Channel {
    /// This channel of an image H×W×C with values in [0, 1]; C is 1, or 3 for red, green and blue.
    ///
    /// ```
    /// use local_features::Channel;
    /// use ndarray::array;
    /// let image = array![[[1.0, 0.5, 0.25]]]; // one pixel
    /// assert_eq!(Channel::Opponent.of(image.view())?, array![[0.75]]);
    /// # Ok::<(), local_features::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::ImageChannels`] when C is neither 1 nor 3.
    pub fn of(self, image: ArrayView3<'_, f64>) -> Result<Array2<f64>, Error> {
        match (image.len_of(Axis(2)), self) {
            (1, _) | (3, Self::Red) => Ok(image.slice_move(s![.., .., 0]).to_owned()),
            (3, Self::Green) => Ok(image.slice_move(s![.., .., 1]).to_owned()),
            (3, Self::Blue) => Ok(image.slice_move(s![.., .., 2]).to_owned()),
            (3, Self::Gray) => Ok(mix(image, |[red, green, blue]| 0.299 * red + 0.587 * green + 0.114 * blue)),
            (3, Self::Opponent) => Ok(mix(image, |[red, green, blue]| (red + green - 2.0 * blue + 2.0) / 4.0)),
            (found, _) => Err(Error::ImageChannels { found }),
        }
    }
}

fn mix(image: ArrayView3<'_, f64>, weigh: impl Fn([f64; 3]) -> f64) -> Array2<f64> {
    image.map_axis(Axis(2), |pixel| weigh([pixel[0], pixel[1], pixel[2]]))
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, array};

    use super::*;

    const CHANNELS: [Channel; 5] = [Channel::Gray, Channel::Opponent, Channel::Red, Channel::Green, Channel::Blue];

    #[test]
    fn each_channel_is_its_formula() {
        let image = array![[[0.2, 0.4, 1.0], [0.0, 0.0, 0.0]]];
        let expected = [
            [0.299 * 0.2 + 0.587 * 0.4 + 0.114, 0.0],
            [(0.2 + 0.4 - 2.0 + 2.0) / 4.0, 0.5],
            [0.2, 0.0],
            [0.4, 0.0],
            [1.0, 0.0],
        ];
        for (channel, expected) in CHANNELS.into_iter().zip(expected) {
            assert_eq!(channel.of(image.view()).unwrap(), array![expected], "{channel:?}");
        }
    }

    #[test]
    fn a_gray_image_has_one_channel_whatever_its_name() {
        let image = array![[[0.2], [0.7]]];
        for channel in CHANNELS {
            assert_eq!(channel.of(image.view()).unwrap(), array![[0.2, 0.7]], "{channel:?}");
        }
    }

    #[test]
    fn other_numbers_of_channels_are_refused() {
        for found in [0, 2, 4] {
            let error = Channel::Gray.of(Array3::zeros((2, 2, found)).view()).unwrap_err();
            assert!(matches!(error, Error::ImageChannels { found: named } if named == found), "{error}");
        }
    }

    #[test]
    fn an_empty_image_has_empty_channels() {
        assert_eq!(Channel::Gray.of(Array3::zeros((0, 4, 3)).view()).unwrap().dim(), (0, 4));
    }
}
