//! Preprocessing as a model's file declares it, in metadata beside the network.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::settings::{Channels, Scale, Settings, Size};
use crate::{Error, Preprocessing, foreign};

/// What a model's file says about its images.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declarations {
    /// Metadata by key, as ONNX files have it in `metadata_props`.
    pub metadata: BTreeMap<String, String>,
    /// Whether the input takes bytes.
    pub takes_bytes: bool,
}

/// Keys that hold a whole configuration of another program.
const CONFIGURATIONS: [&str; 4] = ["pretrained_cfg", "preprocessor_config", "preprocessor_config.json", "config.json"];
/// Keys of the mean that is subtracted, …
const MEANS: [&str; 3] = ["mean", "image_mean", "input_mean"];
/// … of what it is divided by then, …
const DEVIATIONS: [&str; 3] = ["std", "image_std", "input_std"];
/// … and of what bytes are multiplied by.
const SCALES: [&str; 4] = ["scale", "image_scale", "input_scale", "rescale_factor"];
/// What surrounds a photo for Ultralytics' detectors.
const ULTRALYTICS_GRAY: u8 = 114;

impl Declarations {
    /// Changes a preprocessing, which is a guess, where the file says otherwise; the keys by which it does. None: it stays a
    /// guess.
    ///
    /// * `Image.BitmapPixelFormat`, `Image.NominalPixelRange` — ONNX's own keys, as WinML writes them
    /// * `author` — Ultralytics: values in 0..1, and for other tasks than classification the whole photo on gray
    /// * `pretrained_cfg`, `preprocessor_config` — timm's and Hugging Face's configurations, also spread over keys
    /// * `mean`, `std`, `scale` — numbers, one for each channel or one for all: in units of bytes where any of them is larger
    ///   than 1, `(x · scale − mean) / std`
    /// * an input of bytes is given bytes, whatever else is said
    ///
    /// ```
    /// use images::{Declarations, Preprocessing};
    /// let metadata = [("Image.NominalPixelRange".to_owned(), "Normalized_1_1".to_owned())].into();
    /// let declared = Declarations { metadata, takes_bytes: false };
    /// let (preprocessing, keys) = declared.apply(Preprocessing::preset("imagenet-torch")?)?;
    /// assert!(preprocessing.to_string().contains("RGB in 0..255, minus 127.5, divided by 127.5"));
    /// assert_eq!(keys, ["Image.NominalPixelRange"]);
    /// # Ok::<(), images::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Declaration`] for a value that can't be understood.
    pub fn apply(&self, guess: Preprocessing) -> Result<(Preprocessing, Vec<String>), Error> {
        let mut keys = Vec::new();
        let mut settings = self.configuration(&mut keys)?.unwrap_or_else(|| guess.settings().clone());
        if keys.is_empty() {
            self.ultralytics(&mut settings, &mut keys);
            self.pixel_format(&mut settings, &mut keys)?;
            self.pixel_range(&mut settings, &mut keys)?;
            self.numbers(&mut settings, &mut keys)?;
        }
        if self.takes_bytes {
            settings = Settings { scale: Scale::Byte, mean: Vec::new(), std: Vec::new(), ..settings };
            keys.push("an input of bytes".to_owned());
        }
        Ok((Preprocessing::new(settings)?, keys))
    }

    /// A whole configuration of another program: in one key, or each of its fields in one.
    fn configuration(&self, keys: &mut Vec<String>) -> Result<Option<Settings>, Error> {
        let read = |key: &str, text: &str| foreign::settings(text).map_err(|error| self.wrong(key, &error.to_string()));
        for key in CONFIGURATIONS {
            let Some(text) = self.metadata.get(key) else { continue };
            if let Some(settings) = read(key, text)? {
                keys.push(key.to_owned());
                return Ok(Some(settings));
            }
        }
        let Some(key) = ["input_size", "do_normalize"].into_iter().find(|key| self.metadata.contains_key(*key)) else {
            return Ok(None);
        };
        let value = |text: &String| serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()));
        let fields: Map<String, Value> = self.metadata.iter().map(|(key, text)| (key.clone(), value(text))).collect();
        // Keys of these names may mean other things to other programs.
        let settings = foreign::settings(&Value::Object(fields).to_string()).ok().flatten();
        if settings.is_some() {
            keys.push(key.to_owned());
        }
        Ok(settings)
    }

    fn ultralytics(&self, settings: &mut Settings, keys: &mut Vec<String>) {
        if self.metadata.get("author").is_none_or(|author| author != "Ultralytics") {
            return;
        }
        (settings.scale, settings.mean, settings.std) = (Scale::Unit, Vec::new(), Vec::new());
        if let Some(crop) = settings.crop {
            let is_classifier = self.metadata.get("task").is_some_and(|task| task == "classify");
            settings.size = if is_classifier { Size::Cover(crop) } else { Size::Within(crop) };
            settings.fill = if is_classifier { Vec::new() } else { vec![ULTRALYTICS_GRAY; settings.channels.count()] };
        }
        keys.push("author".to_owned());
    }

    fn pixel_format(&self, settings: &mut Settings, keys: &mut Vec<String>) -> Result<(), Error> {
        const KEY: &str = "Image.BitmapPixelFormat";
        let Some(format) = self.metadata.get(KEY) else { return Ok(()) };
        let channels = match format.as_str() {
            "Gray8" | "Gray16" => Channels::Gray,
            "Rgb8" | "Rgba8" => Channels::Rgb,
            "Bgr8" | "Bgra8" => Channels::Bgr,
            _ => return Err(self.wrong(KEY, "it should be Gray8, Rgb8 or Bgr8")),
        };
        if channels.count() != settings.channels.count() {
            return Err(self.wrong(KEY, "the input takes another number of channels"));
        }
        settings.channels = channels;
        keys.push(KEY.to_owned());
        Ok(())
    }

    fn pixel_range(&self, settings: &mut Settings, keys: &mut Vec<String>) -> Result<(), Error> {
        const KEY: &str = "Image.NominalPixelRange";
        let Some(range) = self.metadata.get(KEY) else { return Ok(()) };
        let even = |number: f32| vec![number; settings.channels.count()];
        (settings.scale, settings.mean, settings.std) = match range.as_str() {
            "NominalRange_0_255" => (Scale::Byte, Vec::new(), Vec::new()),
            "Normalized_0_1" => (Scale::Unit, Vec::new(), Vec::new()),
            "Normalized_1_1" => (Scale::Byte, even(127.5), even(127.5)),
            // Black is 16, and white 235: 16 + 219 x / 255.
            "NominalRange_16_235" => (Scale::Byte, even(-16.0 * 255.0 / 219.0), even(255.0 / 219.0)),
            _ => {
                let known = "NominalRange_0_255, Normalized_0_1, Normalized_1_1 or NominalRange_16_235";
                return Err(self.wrong(KEY, &format!("it should be {known}")));
            }
        };
        keys.push(KEY.to_owned());
        Ok(())
    }

    fn numbers(&self, settings: &mut Settings, keys: &mut Vec<String>) -> Result<(), Error> {
        let count = settings.channels.count();
        let mut read = |names: &[&'static str]| {
            let Some((key, text)) = names.iter().find_map(|name| Some((*name, self.metadata.get(*name)?))) else {
                return Ok(None);
            };
            let numbers = numbers(text).map(|numbers| match numbers.as_slice() {
                [one] => vec![*one; count],
                _ => numbers,
            });
            let Some(numbers) = numbers.filter(|numbers| numbers.len() == count) else {
                return Err(self.wrong(key, &format!("it should be {count} numbers, one for each channel, or one")));
            };
            keys.push(key.to_owned());
            Ok(Some(numbers))
        };
        let (mean, std, scale) = (read(&MEANS)?, read(&DEVIATIONS)?, read(&SCALES)?);
        if mean.is_none() && std.is_none() && scale.is_none() {
            return Ok(());
        }
        let (mean, std) = (mean.unwrap_or_default(), std.unwrap_or_default());
        // (s x − m) / d = (x − m / s) / (d / s)
        match scale {
            Some(scale) if scale.contains(&0.0) => {
                return Err(
                    self.wrong(SCALES.iter().find(|key| self.metadata.contains_key(**key)).unwrap_or(&"scale"), "0")
                );
            }
            Some(scale) => {
                let filled =
                    |numbers: Vec<f32>, value: f32| if numbers.is_empty() { vec![value; count] } else { numbers };
                let divided = |numbers: Vec<f32>| numbers.iter().zip(&scale).map(|(x, s)| x / s).collect();
                settings.scale = Scale::Byte;
                settings.mean = divided(filled(mean, 0.0));
                settings.std = divided(filled(std, 1.0));
            }
            None => {
                let is_bytes = mean.iter().chain(&std).any(|number| *number > 1.0);
                settings.scale = if is_bytes { Scale::Byte } else { Scale::Unit };
                (settings.mean, settings.std) = (mean, std);
            }
        }
        Ok(())
    }

    fn wrong(&self, key: &str, reason: &str) -> Error {
        let value = self.metadata.get(key).cloned().unwrap_or_default();
        Error::Declaration { key: key.to_owned(), value, reason: reason.to_owned() }
    }
}

/// Numbers in a text: a list in brackets, or with commas or spaces between them.
fn numbers(text: &str) -> Option<Vec<f32>> {
    let bare = text.trim().trim_start_matches(['[', '(']).trim_end_matches([']', ')']);
    let words = bare.split([',', ' ', ';']).filter(|word| !word.is_empty());
    words.map(|word| word.parse().ok().filter(|number: &f32| number.is_finite())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(metadata: &[(&str, &str)]) -> Declarations {
        let text = |text: &&str| (*text).to_owned();
        Declarations {
            metadata: metadata.iter().map(|(key, value)| (text(key), text(value))).collect(),
            takes_bytes: false,
        }
    }

    fn line(metadata: &[(&str, &str)]) -> Result<String, Error> {
        let guess = Preprocessing::preset("imagenet-torch")?.with_input_size(320, 320)?;
        Ok(declared(metadata).apply(guess)?.0.to_string())
    }

    #[test]
    fn what_says_nothing_leaves_the_guess() {
        let guess = Preprocessing::preset("imagenet-torch").unwrap();
        let said = declared(&[("author", "me"), ("task", "classify")]).apply(guess.clone()).unwrap();
        assert_eq!(said, (guess, Vec::new()));
    }

    #[test]
    fn keys_of_onnx_say_format_and_range() {
        let bgr = line(&[("Image.BitmapPixelFormat", "Bgr8"), ("Image.NominalPixelRange", "NominalRange_0_255")]);
        assert!(bgr.unwrap().contains("BGR in 0..255, NCHW"));
        assert!(line(&[("Image.NominalPixelRange", "Normalized_0_1")]).unwrap().contains("RGB in 0..1, NCHW"));
        let video = declared(&[("Image.NominalPixelRange", "NominalRange_16_235")]);
        let (video, _) = video.apply(Preprocessing::preset("mnist").unwrap()).unwrap();
        let (low, high) = video.range();
        assert!((low[0] - 16.0).abs() < 1e-4 && (high[0] - 235.0).abs() < 1e-4, "{low:?} {high:?}");
        for wrong in [("Image.NominalPixelRange", "0_1"), ("Image.BitmapPixelFormat", "Gray8")] {
            let message = line(&[wrong]).unwrap_err().to_string();
            assert!(message.contains(wrong.0) && message.contains(wrong.1), "{message}");
        }
    }

    #[test]
    fn numbers_say_mean_and_scale() {
        let unit = line(&[("mean", "[0.485, 0.456, 0.406]"), ("std", "0.229 0.224 0.225")]).unwrap();
        assert!(unit.contains("RGB in 0..1, minus (0.485, 0.456, 0.406), divided by (0.229"), "{unit}");
        let bytes = line(&[("image_mean", "127.5"), ("image_std", "128")]).unwrap();
        assert!(bytes.contains("RGB in 0..255, minus 127.5, divided by 128"), "{bytes}");
        let scaled = declared(&[("scale", "0.00392156862745098"), ("mean", "0.5"), ("std", "0.25")]);
        let (scaled, keys) = scaled.apply(Preprocessing::preset("mnist").unwrap()).unwrap();
        let (low, high) = scaled.range();
        assert!((low[0] + 2.0).abs() < 1e-6 && (high[0] - 2.0).abs() < 1e-6, "{low:?} {high:?}");
        assert_eq!(keys, ["mean", "std", "scale"]);
        for wrong in [("mean", "[0.5, 0.5]"), ("std", "one"), ("scale", "0")] {
            assert!(line(&[wrong]).unwrap_err().to_string().contains(wrong.0), "{wrong:?}");
        }
    }

    #[test]
    fn programs_say_it_in_their_own_words() {
        let timm = r#"{"input_size": [3, 288, 288], "crop_pct": 1.0, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}"#;
        assert!(line(&[("pretrained_cfg", timm)]).unwrap().contains("minus 0.5, divided by 0.5"));
        let spread = [("input_size", "[3, 288, 288]"), ("crop_pct", "1.0"), ("mean", "[0.5, 0.5, 0.5]")];
        assert!(line(&spread).unwrap().contains("minus 0.5"));
        assert!(line(&[("pretrained_cfg", "{")]).unwrap_err().to_string().contains("pretrained_cfg"));
        let detector = line(&[("author", "Ultralytics"), ("task", "detect"), ("imgsz", "[320, 320]")]).unwrap();
        assert!(detector.contains("320×320") && detector.contains("RGB in 0..1, NCHW"), "{detector}");
        let classifier = declared(&[("author", "Ultralytics"), ("task", "classify")]);
        let guess = Preprocessing::preset("imagenet-torch").unwrap();
        assert!(matches!(classifier.apply(guess).unwrap().0.settings().size, Size::Cover(_)));
    }

    #[test]
    fn an_input_of_bytes_is_given_bytes() {
        let bytes = Declarations { takes_bytes: true, ..declared(&[("mean", "0.5")]) };
        let (preprocessing, keys) = bytes.apply(Preprocessing::preset("imagenet-torch").unwrap()).unwrap();
        assert!(preprocessing.to_string().contains("RGB in 0..255, NCHW"));
        assert_eq!(keys.last().map(String::as_str), Some("an input of bytes"));
    }
}
