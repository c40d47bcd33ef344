//! From a photo to what a network takes.

use std::fmt;

use ndarray::{Array3, ArrayView3, Axis, s};
use serde::{Deserialize, Serialize};

use crate::channels::{to_gray, to_three_channels};
use crate::placement::Placement;
use crate::resample::resample;
use crate::settings::{Channels, Extent, Layout, Scale, Settings, Size};
use crate::{Error, MAX_DECODED_BYTES, MAX_SIDE, foreign, presets};

/// Settings that were checked: prepares photos for a network.
///
/// ```
/// use images::Preprocessing;
/// use ndarray::Array3;
///
/// let preprocessing = Preprocessing::preset("imagenet-torch")?;
/// assert_eq!(
///     preprocessing.to_string(),
///     "shorter side to 256 (bilinear), center crop 224×224, RGB in 0..1, \
///      minus (0.485, 0.456, 0.406), divided by (0.229, 0.224, 0.225), NCHW"
/// );
///
/// let prepared = preprocessing.apply(Array3::from_elem((480, 640, 3), 255).view())?;
/// assert_eq!(prepared.network.dim(), (3, 224, 224));
/// assert_eq!(prepared.shown.dim(), (224, 224, 3));
/// assert_eq!(prepared.network[[0, 100, 100]], (1.0 - 0.485) / 0.229); // white
/// # Ok::<(), images::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Settings", into = "Settings")]
pub struct Preprocessing {
    settings: Settings,
}

/// A photo made ready.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    /// What the network takes: shape (channels, rows, columns), or (rows, columns, channels) if its layout is
    /// [`Layout::Nhwc`], (1, 1, numbers) if it is [`Layout::Row`].
    pub network: Array3<f32>,
    /// The same pixels as people see them, RGB or gray: shape (rows, columns, channels). A heatmap of `network` lies
    /// on it pixel by pixel.
    pub shown: Array3<u8>,
}

impl Preprocessing {
    /// A preprocessing of one's own.
    ///
    /// # Errors
    /// [`Error::Setting`] when a side is zero or beyond [`MAX_SIDE`], when `mean` or `std` have not
    /// one number for each channel, or one that is not finite, or a deviation that is not positive.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        settings.check()?;
        Ok(Self { settings })
    }

    /// The preprocessing of a well-known family of networks, one of [`PRESETS`](crate::PRESETS):
    ///
    /// * `imagenet-torch` — shorter side to 256, bilinear, the middle 224×224, RGB in 0..1, minus the mean
    ///   (0.485, 0.456, 0.406), divided by (0.229, 0.224, 0.225)
    /// * `imagenet-tf` — likewise, but x / 127.5 − 1
    /// * `efficientnet-lite` — likewise, but bicubic and (x − 127) / 128
    /// * `caffe` — likewise, but BGR in 0..255, minus the mean (103.939, 116.779, 123.68)
    /// * `mnist` — gray, resized to 28×28, in 0..1
    ///
    /// # Errors
    /// [`Error::Preset`], which lists the names, when there is none of that name.
    pub fn preset(name: &str) -> Result<Self, Error> {
        let settings = presets::settings(name).ok_or_else(|| Error::Preset { name: name.to_owned() })?;
        Self::new(settings)
    }

    /// Reads [`Settings`] as they stand in a TOML file.
    ///
    /// ```
    /// let text = "size = { exact = { height = 32, width = 32 } }\nchannels = 'gray'\nscale = '0..1'\nmean = [0.5]";
    /// let preprocessing = images::Preprocessing::from_toml(text)?;
    /// assert_eq!(preprocessing.to_string(), "resized to 32×32 (bilinear), gray in 0..1, minus 0.5, NCHW");
    /// # Ok::<(), images::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Toml`] when the text is no TOML, has a key that is unknown or lacks one that is needed; otherwise as
    /// for [`new`](Self::new).
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        let settings = toml::from_str(text).map_err(|error: toml::de::Error| Error::Toml {
            reason: wording::Place::told(text, error.span(), error.message()),
            source: Box::new(error),
        })?;
        Self::new(settings)
    }

    /// Reads what a model came with, whoever wrote it, or [`Settings`] in TOML:
    ///
    /// * timm's `config.json` or `pretrained_cfg`;
    /// * Hugging Face's `preprocessor_config.json`;
    /// * torchvision's transforms as they are printed, `ImageClassification(…)` or `Compose(…)`, as a text or a JSON string.
    ///
    /// Numbers come out as these libraries' own: `tests/foreign` compares them.
    ///
    /// ```
    /// let text = r#"{"do_resize": true, "size": {"height": 224, "width": 224}, "resample": 2, "do_normalize": true,
    ///     "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}"#;
    /// let preprocessing = images::Preprocessing::from_text(text)?;
    /// let line = "resized to 224×224 (bilinear), RGB in 0..1, minus 0.5, divided by 0.5, NCHW";
    /// assert_eq!(preprocessing.to_string(), line);
    /// # Ok::<(), images::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Foreign`] for what can't be followed; otherwise as for [`from_toml`](Self::from_toml).
    pub fn from_text(text: &str) -> Result<Self, Error> {
        match foreign::settings(text)? {
            Some(settings) => Self::new(settings),
            None => Self::from_toml(text),
        }
    }

    /// What is done.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The same for a network whose input has a fixed size.
    ///
    /// A crop becomes `height × width`, and what the photo is resized to before keeps its ratio to the crop: where 224
    /// are cropped from a shorter side of 256, 299 are from 342. Without a crop the photo is resized so that
    /// `height × width` is what comes out; one whose size is kept stays as it is.
    ///
    /// ```
    /// let preprocessing = images::Preprocessing::preset("caffe")?.with_input_size(227, 227)?;
    /// assert!(preprocessing.to_string().starts_with("shorter side to 259 (bilinear), center crop 227×227, "));
    /// # Ok::<(), images::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] when a side is zero or beyond [`MAX_SIDE`].
    pub fn with_input_size(self, height: usize, width: usize) -> Result<Self, Error> {
        let input = Extent { height, width };
        let (size, crop) = match (self.settings.size, self.settings.crop) {
            (Size::ShorterSide(side), crop) => {
                // By the longer side of the crop, so that a crop that is no square needs no padding either.
                let cropped = crop.map_or(side, Extent::longer_side);
                (Size::ShorterSide(in_proportion(side, cropped, input.longer_side())), Some(input))
            }
            (Size::Exact(resized), Some(crop)) => (Size::Exact(proportional(resized, crop, input)), Some(input)),
            (Size::Cover(resized), Some(crop)) => (Size::Cover(proportional(resized, crop, input)), Some(input)),
            (Size::Within(resized), Some(crop)) => (Size::Within(proportional(resized, crop, input)), Some(input)),
            (Size::Exact(_), None) => (Size::Exact(input), None),
            (Size::Cover(_), None) => (Size::Cover(input), Some(input)),
            (Size::Within(_), None) => (Size::Within(input), Some(input)),
            (Size::Keep, crop) => (Size::Keep, crop.map(|_| input)),
        };
        Self::new(Settings { size, crop, ..self.settings })
    }

    /// The same for a network whose axes have this order.
    pub fn with_layout(self, layout: Layout) -> Self {
        Self { settings: Settings { layout, ..self.settings } }
    }

    /// Prepares a photo.
    ///
    /// * `photo` — shape (rows, columns, channels), 1 channel or 3, as [`read`](crate::read) gives it
    ///
    /// # Errors
    /// [`Error::Shape`] when the photo has no pixels, more than [`MAX_SIDE`] along a side, or another number of
    /// channels; [`Error::TooLargeToPrepare`] when what would come out, or an array on the way, is beyond
    /// [`MAX_DECODED_BYTES`].
    pub fn apply(&self, photo: ArrayView3<'_, u8>) -> Result<Prepared, Error> {
        let (height, width, channels) = photo.dim();
        let sides = 1..=MAX_SIDE as usize;
        if !sides.contains(&height) || !sides.contains(&width) || !matches!(channels, 1 | 3) {
            return Err(Error::Shape { height, width, channels });
        }
        let (rows, columns) =
            Placement::of(self.settings.size, self.settings.crop, self.settings.centering, height, width);
        self.check_memory(&rows, &columns)?;

        let shown = match self.settings.channels {
            Channels::Gray => self.place(to_gray(photo).view(), &rows, &columns),
            Channels::Rgb | Channels::Bgr if self.settings.fill.is_empty() => {
                to_three_channels(self.place(photo, &rows, &columns))
            }
            Channels::Rgb | Channels::Bgr => self.place(to_three_channels(photo.to_owned()).view(), &rows, &columns),
        };
        Ok(Prepared { network: self.normalize(shown.view()), shown })
    }

    /// The smallest and the largest value that the network's input can have, for each channel: black and white.
    ///
    /// ```
    /// let (low, high) = images::Preprocessing::preset("imagenet-torch")?.range();
    /// assert_eq!(low, [-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225]);
    /// assert_eq!(high, [0.515 / 0.229, (1.0 - 0.456) / 0.224, (1.0 - 0.406) / 0.225]);
    /// # Ok::<(), images::Error>(())
    /// ```
    pub fn range(&self) -> (Vec<f32>, Vec<f32>) {
        (0..self.settings.channels.count()).map(|channel| (self.value(0, channel), self.value(255, channel))).unzip()
    }

    /// The largest arrays: the result as numbers, and the photo after its columns are resized, before its rows are.
    fn check_memory(&self, rows: &Placement, columns: &Placement) -> Result<(), Error> {
        let bytes = |height: usize, width: usize, size: usize| {
            height as u128 * width as u128 * (self.settings.channels.count() * size) as u128
        };
        let result = bytes(rows.length, columns.length, size_of::<f32>());
        let between = bytes(rows.resizing.input, columns.resizing.window.len(), size_of::<u8>());
        if result.max(between) <= u128::from(MAX_DECODED_BYTES) {
            return Ok(());
        }
        let photo = Extent { height: rows.resizing.input, width: columns.resizing.input };
        Err(Error::TooLargeToPrepare { photo, prepared: Extent { height: rows.length, width: columns.length } })
    }

    /// The photo in its size, cropped, on the fill's color where it does not reach.
    fn place(&self, photo: ArrayView3<'_, u8>, rows: &Placement, columns: &Placement) -> Array3<u8> {
        let interpolation = self.settings.interpolation;
        let window = match photo.len_of(Axis(2)) {
            1 => resample::<1>(photo, interpolation, &rows.resizing, &columns.resizing),
            _ => resample::<3>(photo, interpolation, &rows.resizing, &columns.resizing),
        };
        let fill = |channel: usize| self.settings.fill.get(channel).copied().unwrap_or(0);
        let shape = (rows.length, columns.length, window.len_of(Axis(2)));
        let mut placed = Array3::from_shape_fn(shape, |(_, _, channel)| fill(channel));
        placed.slice_mut(s![rows.target(), columns.target(), ..]).assign(&window);
        placed
    }

    /// Bytes as people see them to numbers as the network takes them.
    fn normalize(&self, shown: ArrayView3<'_, u8>) -> Array3<f32> {
        let (height, width, count) = shown.dim();
        let mut network = Array3::zeros(match self.settings.layout {
            Layout::Nchw | Layout::Row => (count, height, width),
            Layout::Nhwc => (height, width, count),
        });
        let channels_axis = match self.settings.layout {
            Layout::Nchw | Layout::Row => Axis(0),
            Layout::Nhwc => Axis(2),
        };
        for (channel, mut target) in network.axis_iter_mut(channels_axis).enumerate() {
            let seen = match self.settings.channels {
                Channels::Rgb | Channels::Gray => channel,
                Channels::Bgr => count - 1 - channel,
            };
            let values: [f32; 256] = std::array::from_fn(|byte| self.value(byte as u8, channel));
            target.zip_mut_with(&shown.index_axis(Axis(2), seen), |value, byte| *value = values[usize::from(*byte)]);
        }
        match self.settings.layout {
            Layout::Row => network.flatten().insert_axis(Axis(0)).insert_axis(Axis(0)).into_owned(),
            Layout::Nchw | Layout::Nhwc => network,
        }
    }

    /// ```text
    /// (x − mean) / std
    /// ```
    /// * `x` — the byte, over 255 if the scale is 0..1
    fn value(&self, byte: u8, channel: usize) -> f32 {
        let x = match self.settings.scale {
            Scale::Unit => f32::from(byte) / 255.0,
            Scale::Byte => f32::from(byte),
        };
        let mean = self.settings.mean.get(channel).copied().unwrap_or(0.0);
        let std = self.settings.std.get(channel).copied().unwrap_or(1.0);
        (x - mean) / std
    }
}

/// `side · to / from`, rounded.
///
/// Saturates: a network can claim to have an input of any size, which is refused afterwards.
fn in_proportion(side: usize, from: usize, to: usize) -> usize {
    (side as f64 * to as f64 / from as f64).round() as usize
}

/// What is to `to` as `resized` is to `crop`.
fn proportional(resized: Extent, crop: Extent, to: Extent) -> Extent {
    Extent {
        height: in_proportion(resized.height, crop.height, to.height),
        width: in_proportion(resized.width, crop.width, to.width),
    }
}

impl TryFrom<Settings> for Preprocessing {
    type Error = Error;

    fn try_from(settings: Settings) -> Result<Self, Error> {
        Self::new(settings)
    }
}

impl From<Preprocessing> for Settings {
    fn from(preprocessing: Preprocessing) -> Self {
        preprocessing.settings
    }
}

/// One line that says what is done to a photo, step by step.
impl fmt::Display for Preprocessing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;
    use proptest::prelude::*;

    use super::*;
    use crate::settings::{Centering, Interpolation};

    fn preset(name: &str) -> Preprocessing {
        Preprocessing::preset(name).unwrap()
    }

    fn photo(height: usize, width: usize, channels: usize) -> Array3<u8> {
        Array3::from_shape_fn((height, width, channels), |(r, c, k)| (31 * r + 17 * c + 101 * k) as u8)
    }

    #[test]
    fn presets_are_found_by_name() {
        for name in crate::PRESETS {
            assert_eq!(preset(name).settings().check().map_err(|error| error.to_string()), Ok(()));
        }
        let error = Preprocessing::preset("imagenet").unwrap_err().to_string();
        assert!(crate::PRESETS.iter().all(|name| error.contains(name)) && error.contains("\"imagenet\""), "{error}");
    }

    #[test]
    fn black_and_white_are_the_range() {
        let ranges = [
            ("imagenet-torch", vec![-2.117_904, -2.035_714, -1.804_444], vec![2.248_908, 2.428_571, 2.64]),
            ("imagenet-tf", vec![-1.0; 3], vec![1.0; 3]),
            ("efficientnet-lite", vec![-127.0 / 128.0; 3], vec![1.0; 3]),
            ("caffe", vec![-103.939, -116.779, -123.68], vec![151.061, 138.221, 131.32]),
            ("mnist", vec![0.0], vec![1.0]),
        ];
        for (name, low, high) in ranges {
            let range = preset(name).range();
            assert_abs_diff_eq!(range.0.as_slice(), low.as_slice(), epsilon = 2e-5);
            assert_abs_diff_eq!(range.1.as_slice(), high.as_slice(), epsilon = 2e-5);
        }
    }

    #[test]
    fn channels_come_in_the_order_of_the_network() {
        let text = "size = 'keep'\nchannels = 'bgr'\nscale = '0..255'\nmean = [1, 2, 3]\nstd = [1, 2, 4]";
        let preprocessing = Preprocessing::from_toml(text).unwrap();
        let photo = ndarray::array![[[10u8, 20, 30], [40, 50, 60]]]; // red, green, blue
        let prepared = preprocessing.apply(photo.view()).unwrap();
        assert_eq!(prepared.shown, photo);
        assert_eq!(prepared.network, ndarray::array![[[29.0, 59.0]], [[9.0, 24.0]], [[1.75, 9.25]]]);
        let row = preprocessing.clone().with_layout(Layout::Row).apply(photo.view()).unwrap();
        let first = preprocessing.apply(photo.view()).unwrap().network;
        assert_eq!(row.network.dim(), (1, 1, first.len()));
        assert!(row.network.iter().eq(first.iter()));
        let last = preprocessing.with_layout(Layout::Nhwc).apply(photo.view()).unwrap();
        assert_eq!(last.network, prepared.network.permuted_axes([1, 2, 0]));
    }

    #[test]
    fn colors_turn_gray_and_gray_is_repeated() {
        let keep =
            |channels| Preprocessing::new(Settings { size: Size::Keep, crop: None, ..settings(channels) }).unwrap();
        let color = ndarray::array![[[255u8, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9]]];
        let gray = keep(Channels::Gray).apply(color.view()).unwrap().shown;
        assert_eq!(gray, ndarray::array![[[76], [150], [29], [9]]]);
        let repeated = keep(Channels::Rgb).apply(gray.view()).unwrap().shown;
        assert_eq!(repeated, ndarray::array![[[76, 76, 76], [150, 150, 150], [29, 29, 29], [9, 9, 9]]]);
    }

    fn settings(channels: Channels) -> Settings {
        Settings { channels, mean: Vec::new(), std: Vec::new(), ..preset("caffe").settings }
    }

    #[test]
    fn a_network_of_fixed_size_gets_that_size() {
        let sized = |size, crop| {
            let settings = Settings { size, crop, ..settings(Channels::Rgb) };
            let settings = Preprocessing::new(settings).unwrap().with_input_size(30, 50).unwrap().settings;
            (settings.size, settings.crop)
        };
        let extent = |height, width| Extent { height, width };
        let input = Some(extent(30, 50));
        assert_eq!(sized(Size::ShorterSide(256), Some(extent(224, 224))), (Size::ShorterSide(57), input)); // 57.14
        assert_eq!(sized(Size::ShorterSide(256), None), (Size::ShorterSide(50), input));
        assert_eq!(sized(Size::Exact(extent(9, 9)), None), (Size::Exact(extent(30, 50)), None));
        assert_eq!(sized(Size::Exact(extent(64, 64)), Some(extent(32, 32))), (Size::Exact(extent(60, 100)), input));
        assert_eq!(sized(Size::Keep, Some(extent(9, 9))), (Size::Keep, input));
        assert_eq!(sized(Size::Keep, None), (Size::Keep, None));

        let inception = preset("imagenet-tf").with_input_size(299, 299).unwrap();
        assert_eq!(inception.settings().size, Size::ShorterSide(342));
    }

    #[test]
    fn absurd_sizes_are_errors() {
        for (height, width) in [(0, 224), (224, 0), (usize::MAX, usize::MAX), (224, 40_000)] {
            for name in crate::PRESETS {
                let result = preset(name).with_input_size(height, width);
                assert!(matches!(result, Err(Error::Setting { .. })), "{name}: {result:?}");
            }
        }
    }

    #[test]
    fn what_is_no_photo_is_an_error() {
        for shape in [(0, 5, 3), (5, 0, 3), (5, 5, 0), (5, 5, 2), (5, 5, 4), (1, 40_000, 1)] {
            let error = preset("caffe").apply(Array3::zeros(shape).view()).unwrap_err();
            assert!(matches!(error, Error::Shape { .. }), "{shape:?}: {error}");
        }
    }

    #[test]
    fn the_longest_photo_is_cropped_without_ever_being_resized_as_a_whole() {
        let prepared = preset("efficientnet-lite").apply(photo(1, 32_768, 3).view()).unwrap();
        assert_eq!(prepared.shown.dim(), (224, 224, 3));
        let prepared = preset("imagenet-torch").apply(photo(32_768, 1, 1).view()).unwrap();
        assert_eq!(prepared.network.dim(), (3, 224, 224));
    }

    #[test]
    fn what_would_become_too_large_is_refused() {
        let refused = |size, photo: Array3<u8>| {
            let settings = Settings { size, crop: None, ..settings(Channels::Rgb) };
            let error = Preprocessing::new(settings).unwrap().apply(photo.view()).unwrap_err();
            assert!(matches!(error, Error::TooLargeToPrepare { .. }), "{error}");
        };
        refused(Size::ShorterSide(256), photo(1, 32_768, 3));
        refused(Size::ShorterSide(32_768), photo(1, 32_768, 3));
        refused(Size::Exact(Extent { height: 32_768, width: 32_768 }), photo(1, 1, 3));
        refused(Size::Exact(Extent { height: 1, width: 32_768 }), photo(32_768, 1, 3)); // the array on the way
    }

    proptest! {
        #[test]
        fn any_photo_gives_an_array_of_the_right_shape_within_the_range(
            sides in (1usize..50, 1usize..50),
            channels in prop_oneof![Just(1), Just(3)],
            size in prop_oneof![
                (1usize..40).prop_map(Size::ShorterSide),
                (1usize..40, 1usize..40).prop_map(|(height, width)| Size::Exact(Extent { height, width })),
                (1usize..40, 1usize..40).prop_map(|(height, width)| Size::Cover(Extent { height, width })),
                (1usize..40, 1usize..40).prop_map(|(height, width)| Size::Within(Extent { height, width })),
                Just(Size::Keep),
            ],
            crop in (1usize..40, 1usize..40),
            interpolation in prop_oneof![
                Just(Interpolation::Bilinear), Just(Interpolation::Bicubic), Just(Interpolation::Nearest),
                Just(Interpolation::Lanczos), Just(Interpolation::Box), Just(Interpolation::Hamming)
            ],
            centering in prop_oneof![Just(Centering::Rounded), Just(Centering::Floor)],
            network in prop_oneof![Just(Channels::Rgb), Just(Channels::Bgr), Just(Channels::Gray)],
        ) {
            let count = network.count();
            let preprocessing = Preprocessing::new(Settings {
                size,
                crop: Some(Extent { height: crop.0, width: crop.1 }),
                interpolation,
                centering,
                fill: vec![9; count],
                channels: network,
                scale: Scale::Unit,
                mean: (0..count).map(|channel| 0.1 * channel as f32).collect(),
                std: (0..count).map(|channel| 1.0 + channel as f32).collect(),
                layout: Layout::Nchw,
            }).unwrap();
            let prepared = preprocessing.apply(photo(sides.0, sides.1, channels).view()).unwrap();
            prop_assert_eq!(prepared.shown.dim(), (crop.0, crop.1, count));
            prop_assert_eq!(prepared.network.dim(), (count, crop.0, crop.1));
            let (low, high) = preprocessing.range();
            for (channel, values) in prepared.network.outer_iter().enumerate() {
                prop_assert!(values.iter().all(|value| low[channel] <= *value && *value <= high[channel]));
            }
        }
    }
}
