//! What is done to a photo, as data.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Error, MAX_SIDE};

/// What a network expects of a photo; as TOML, what a researcher writes into a file.
///
/// ```toml
/// size = { shorter-side = 256 }         # or { exact = { height = 224, width = 224 } }, or "keep"; also cover, within
/// crop = { height = 224, width = 224 }  # the middle; none: all of it
/// interpolation = "bilinear"            # or "bicubic", "nearest", "lanczos", "box", "hamming"
/// centering = "rounded"                 # or "floor": where the middle is that half a pixel decides
/// fill = []                             # what surrounds a photo smaller than the crop: [red, green, blue]; none: black
/// channels = "rgb"                      # or "bgr", "gray"
/// scale = "0..1"                        # or "0..255"
/// mean = [0.485, 0.456, 0.406]          # in the order of the channels; none: 0
/// std = [0.229, 0.224, 0.225]           # none: 1
/// layout = "nchw"                       # or "nhwc", "row"
/// ```
///
/// `size`, `channels` and `scale` have to be given; keys that are not among these are errors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// To which size the photo is brought.
    pub size: Size,
    /// How much of its middle is taken; where the photo is smaller, `fill` surrounds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crop: Option<Extent>,
    /// How pixels are found between pixels.
    #[serde(default)]
    pub interpolation: Interpolation,
    /// Where the middle begins.
    #[serde(default)]
    pub centering: Centering,
    /// The bytes of what surrounds a photo: red, green and blue, or gray for a network that takes gray; empty: black.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fill: Vec<u8>,
    /// Which channels the network takes, and in which order.
    pub channels: Channels,
    /// What black and white are before `mean` and `std`.
    pub scale: Scale,
    /// Subtracted from each channel, in the order of `channels`; empty: 0.
    #[serde(default)]
    pub mean: Vec<f32>,
    /// What each channel is divided by afterwards, in the order of `channels`; empty: 1.
    #[serde(default)]
    pub std: Vec<f32>,
    /// The order of the network's axes.
    #[serde(default)]
    pub layout: Layout,
}

/// To which size a photo is brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Size {
    /// Its shorter side to so many pixels; the longer one keeps the aspect ratio.
    ShorterSide(usize),
    /// To this size, whatever its aspect ratio.
    Exact(Extent),
    /// As small as it can be to cover this size, with its aspect ratio.
    Cover(Extent),
    /// As large as it can be within this size, with its aspect ratio.
    Within(Extent),
    /// It stays as it is.
    Keep,
}

/// Rows and columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extent {
    /// Rows, at least 1.
    pub height: usize,
    /// Columns, at least 1.
    pub width: usize,
}

/// Where the middle of a photo begins if the pixels around it are odd in number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Centering {
    /// At the half, rounded to the even neighbor: torchvision and timm.
    #[default]
    Rounded,
    /// Before the half: Hugging Face.
    Floor,
}

/// How pixels are found between pixels; each as in Pillow, and free of aliasing when a photo shrinks, save the nearest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interpolation {
    /// Weights fall linearly with the distance.
    #[default]
    Bilinear,
    /// Cubic convolution with a = −½.
    Bicubic,
    /// The pixel whose area holds the point.
    Nearest,
    /// A windowed sinc of three lobes.
    Lanczos,
    /// The mean of the pixels that a pixel covers.
    Box,
    /// A windowed sinc of one lobe.
    Hamming,
}

/// Channels of a network, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channels {
    /// Red, green, blue; a gray photo is repeated.
    Rgb,
    /// Blue, green, red; a gray photo is repeated.
    Bgr,
    /// One channel: 0.299 red + 0.587 green + 0.114 blue.
    Gray,
}

impl Channels {
    /// How many there are.
    pub fn count(self) -> usize {
        match self {
            Self::Rgb | Self::Bgr => 3,
            Self::Gray => 1,
        }
    }
}

/// The order of a network's axes: samples, channels, rows and columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// Channels first, as in PyTorch.
    #[default]
    Nchw,
    /// Channels last, as in TensorFlow.
    Nhwc,
    /// No axes but that of samples: channels, in each its rows one behind the other, as perceptrons take digits.
    Row,
}

/// What black and white are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scale {
    /// Black is 0, white is 1.
    #[serde(rename = "0..1")]
    Unit,
    /// Black is 0, white is 255.
    #[serde(rename = "0..255")]
    Byte,
}

impl Settings {
    /// Whether a photo can be prepared by them.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self.size {
            Size::ShorterSide(side) => check_side("size", side)?,
            Size::Exact(extent) | Size::Cover(extent) | Size::Within(extent) => extent.check("size")?,
            Size::Keep => {}
        }
        self.crop.map_or(Ok(()), |crop| crop.check("crop"))?;
        if !self.fill.is_empty() && self.fill.len() != self.channels.count() {
            let expected = format!("{} bytes, one for each channel", self.channels.count());
            return Err(Error::Setting { setting: "fill", found: format!("{:?}", self.fill), expected });
        }
        self.check_values("mean", &self.mean, "finite numbers", f32::is_finite)?;
        self.check_values("std", &self.std, "positive numbers", |std| std.is_finite() && std > 0.0)
    }

    fn check_values(
        &self,
        setting: &'static str,
        values: &[f32],
        kind: &str,
        is_right: impl Fn(f32) -> bool,
    ) -> Result<(), Error> {
        let count = self.channels.count();
        if values.is_empty() || values.len() == count && values.iter().all(|value| is_right(*value)) {
            return Ok(());
        }
        let expected = format!("{count} {kind}, one for each channel");
        Err(Error::Setting { setting, found: format!("{values:?}"), expected })
    }
}

impl Extent {
    pub(crate) fn longer_side(self) -> usize {
        self.height.max(self.width)
    }

    fn check(self, setting: &'static str) -> Result<(), Error> {
        check_side(setting, self.height)?;
        check_side(setting, self.width)
    }
}

fn check_side(setting: &'static str, side: usize) -> Result<(), Error> {
    if (1..=MAX_SIDE as usize).contains(&side) {
        return Ok(());
    }
    Err(Error::Setting { setting, found: side.to_string(), expected: format!("between 1 and {MAX_SIDE} pixels") })
}

/// One line that says what is done to a photo, step by step.
impl fmt::Display for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.size {
            Size::ShorterSide(side) => write!(formatter, "shorter side to {side} ({})", self.interpolation)?,
            Size::Exact(extent) => write!(formatter, "resized to {extent} ({})", self.interpolation)?,
            Size::Cover(extent) => write!(formatter, "resized to cover {extent} ({})", self.interpolation)?,
            Size::Within(extent) => write!(formatter, "resized to lie within {extent} ({})", self.interpolation)?,
            Size::Keep => write!(formatter, "size kept")?,
        }
        if let Some(crop) = self.crop {
            write!(formatter, ", center crop {crop}")?;
            if self.centering == Centering::Floor {
                write!(formatter, " (half pixels cut off)")?;
            }
            if self.fill.iter().any(|byte| *byte != 0) {
                write!(formatter, " on {:?}", self.fill)?;
            }
        }
        write!(formatter, ", {} in {}", self.channels, self.scale)?;
        if self.mean.iter().any(|mean| *mean != 0.0) {
            write!(formatter, ", minus {}", list(&self.mean))?;
        }
        if self.std.iter().any(|std| *std != 1.0) {
            write!(formatter, ", divided by {}", list(&self.std))?;
        }
        write!(formatter, ", {}", self.layout)
    }
}

/// `0.5` if it is the same for all channels, otherwise `(0.485, 0.456, 0.406)`.
fn list(values: &[f32]) -> String {
    match values {
        [first, rest @ ..] if rest.iter().all(|value| value == first) => first.to_string(),
        _ => format!("({})", values.iter().map(f32::to_string).collect::<Vec<_>>().join(", ")),
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}×{}", self.height, self.width)
    }
}

impl fmt::Display for Interpolation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Bilinear => "bilinear",
            Self::Bicubic => "bicubic",
            Self::Nearest => "nearest",
            Self::Lanczos => "lanczos",
            Self::Box => "box",
            Self::Hamming => "hamming",
        })
    }
}

impl fmt::Display for Channels {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Rgb => "RGB",
            Self::Bgr => "BGR",
            Self::Gray => "gray",
        })
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Nchw => "NCHW",
            Self::Nhwc => "NHWC",
            Self::Row => "in a row",
        })
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Unit => "0..1",
            Self::Byte => "0..255",
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::Preprocessing;

    use super::*;

    const COMPLETE: &str = r#"
        size = { shorter-side = 40 }
        crop = { height = 32, width = 30 }
        interpolation = "bicubic"
        centering = "floor"
        fill = [7, 8, 9]
        channels = "bgr"
        scale = "0..255"
        mean = [1, 2.5, 3]
        std = [4, 5, 6]
        layout = "nhwc"
    "#;

    fn complete() -> Settings {
        Settings {
            size: Size::ShorterSide(40),
            crop: Some(Extent { height: 32, width: 30 }),
            interpolation: Interpolation::Bicubic,
            centering: Centering::Floor,
            fill: vec![7, 8, 9],
            channels: Channels::Bgr,
            scale: Scale::Byte,
            mean: vec![1.0, 2.5, 3.0],
            std: vec![4.0, 5.0, 6.0],
            layout: Layout::Nhwc,
        }
    }

    #[test]
    fn every_field_can_be_written_into_a_file() {
        assert_eq!(*Preprocessing::from_toml(COMPLETE).unwrap().settings(), complete());
    }

    #[test]
    fn the_file_in_the_documentation_is_the_preset() {
        let source = include_str!("settings.rs");
        let lines = source.lines().skip_while(|line| *line != "/// ```toml").skip(1);
        let text: Vec<&str> = lines.take_while(|line| *line != "/// ```").map(|line| &line[4..]).collect();
        let written = Preprocessing::from_toml(&text.join("\n")).unwrap();
        assert_eq!(written, Preprocessing::preset("imagenet-torch").unwrap());
    }

    #[test]
    fn what_is_written_is_read_again() {
        let preprocessing = Preprocessing::new(complete()).unwrap();
        let json = serde_json::to_string(&preprocessing).unwrap();
        assert_eq!(serde_json::from_str::<Preprocessing>(&json).unwrap(), preprocessing);
        for name in crate::PRESETS {
            let preprocessing = Preprocessing::preset(name).unwrap();
            let text = toml::to_string(&preprocessing).unwrap();
            assert_eq!(Preprocessing::from_toml(&text).unwrap(), preprocessing, "{text}");
        }
    }

    #[test]
    fn what_can_be_left_out_has_a_value() {
        let text = "size = 'keep'\nchannels = 'gray'\nscale = '0..255'";
        let preprocessing = Preprocessing::from_toml(text).unwrap();
        assert_eq!(preprocessing.to_string(), "size kept, gray in 0..255, NCHW");
        assert_eq!(preprocessing.range(), (vec![0.0], vec![255.0]));
    }

    #[test]
    fn mistakes_in_a_file_are_told() {
        let mistakes = [
            ("interpolation", "interpolaton", "unknown field `interpolaton`"),
            ("height = 32", "depth = 32", "unknown field `depth`"),
            ("shorter-side", "longer-side", "unknown variant `longer-side`"),
            ("\"bgr\"", "\"rbg\"", "unknown variant `rbg`"),
            ("scale = \"0..255\"", "", "missing field `scale`"),
            ("shorter-side = 40", "shorter-side = -1", "size"),
            ("shorter-side = 40", "shorter-side = 0", "size is 0: it has to be between 1 and 32768 pixels"),
            ("width = 30", "width = 40000", "crop is 40000: it has to be between 1 and 32768 pixels"),
            ("[1, 2.5, 3]", "[1, 2.5]", "mean is [1.0, 2.5]: it has to be 3 finite numbers, one for each channel"),
            ("[1, 2.5, 3]", "[1, 2.5, nan]", "mean is [1.0, 2.5, NaN]"),
            ("[4, 5, 6]", "[4, 0, 6]", "std is [4.0, 0.0, 6.0]: it has to be 3 positive numbers, one for each channel"),
            ("size =", "size", "line 2, column "),
        ];
        for (right, wrong, message) in mistakes {
            let error = Preprocessing::from_toml(&COMPLETE.replace(right, wrong)).unwrap_err().to_string();
            assert!(error.contains(message), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_line_says_everything() {
        let line = "shorter side to 40 (bicubic), center crop 32×30 (half pixels cut off) on [7, 8, 9], BGR in 0..255, minus (1, 2.5, 3), \
                    divided by (4, 5, 6), NHWC";
        assert_eq!(complete().to_string(), line);
    }
}
