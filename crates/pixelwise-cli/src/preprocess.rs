//! `--preprocess`: how photos become what a network takes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use images::{Channels, Declarations, Layout, PRESETS, Preprocessing, Settings};
use model_files::InputDeclaration;
use ndarray::ArrayD;
use neural_lrp::network::ShapeDisplay;
use neural_lrp::rules::InputRange;

use crate::failure::{Context, Failure};
use crate::inputs::has_extension;
use crate::model::declared_shape;

/// How photos are prepared.
#[derive(Args, Clone, Debug)]
pub struct PreprocessOptions {
    /// How photos are prepared: imagenet-torch, imagenet-tf, efficientnet-lite, caffe, mnist, or a FILE: settings in TOML, timm's config.json, Hugging Face's preprocessor_config.json, or torchvision's transforms as they are printed (default: imagenet-torch for 3 channels, mnist for 1)
    #[arg(long, value_name = "NAME|FILE")]
    preprocess: Option<Choice>,
}

#[derive(Clone, Debug)]
enum Choice {
    Preset(Preprocessing),
    File(PathBuf),
}

impl FromStr for Choice {
    type Err = images::Error;

    fn from_str(text: &str) -> Result<Self, images::Error> {
        match Preprocessing::preset(text) {
            Ok(preset) => Ok(Self::Preset(preset)),
            Err(_) if has_extension(Path::new(text), &["toml", "json", "txt"]) || Path::new(text).is_file() => {
                Ok(Self::File(text.into()))
            }
            Err(error) => Err(error),
        }
    }
}

impl PreprocessOptions {
    /// Whether it was chosen; else it is a guess.
    pub fn is_given(&self) -> bool {
        self.preprocess.is_some()
    }

    /// The preprocessing for a network's input, fitted to its size and order of axes. What the model's file declares goes
    /// before a guess, and what is chosen before both.
    ///
    /// * `metadata` — what else the file says
    pub fn for_input(&self, input: &InputDeclaration, metadata: &BTreeMap<String, String>) -> Result<Chosen, Failure> {
        let fitted = self.fitted(&input.name, &declared_shape(input))?;
        if self.preprocess.is_some() {
            return Ok(Chosen { preprocessing: fitted, reason: None });
        }
        let takes_bytes = input.element_type == "UINT8";
        let (preprocessing, keys) = Declarations { metadata: metadata.clone(), takes_bytes }.apply(fitted.clone())?;
        let reason = match keys.as_slice() {
            [] => "a guess by the number of channels; choose by --preprocess if it is wrong".to_owned(),
            keys => format!("as the model's file declares it: {}; --preprocess says otherwise", keys.join(", ")),
        };
        // A whole configuration knows neither the size of the input nor its order of axes.
        let preprocessing = self.fit(preprocessing, &input.name, &declared_shape(input))?;
        Ok(Chosen { preprocessing, reason: Some(reason) })
    }

    /// The chosen preprocessing or the guess for an input of the declared shape.
    fn fitted(&self, name: &str, declared: &[Option<usize>]) -> Result<Preprocessing, Failure> {
        let chosen = match &self.preprocess {
            Some(Choice::Preset(preset)) => preset.clone(),
            Some(Choice::File(path)) => {
                let text = fs::read_to_string(path).context(format!("can't read {}", path.display()))?;
                Preprocessing::from_text(&text).context(path.display())?
            }
            None => {
                let (_, channels, _) = image_axes(name, declared)?;
                Preprocessing::preset(if channels == Some(1) { "mnist" } else { "imagenet-torch" })?
            }
        };
        self.fit(chosen, name, declared)
    }

    /// A preprocessing for an input of the declared shape.
    fn fit(&self, chosen: Preprocessing, name: &str, declared: &[Option<usize>]) -> Result<Preprocessing, Failure> {
        let (layout, channels, size) = image_axes(name, declared)?;
        let given = chosen.settings().channels.count();
        if channels.is_some_and(|channels| channels != given) {
            return Err(format!(
                "input {name:?} of shape {} takes {} channels, and the preprocessing gives {given}; choose another by \
                 --preprocess {}, or a file",
                ShapeDisplay(declared),
                channels.unwrap_or_default(),
                PRESETS.join("|"),
            )
            .into());
        }
        let chosen = chosen.with_layout(layout);
        Ok(match size {
            Some((height, width)) => chosen.with_input_size(height, width)?,
            None => chosen,
        })
    }
}

/// How photos are prepared for an input, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    /// What is done.
    pub preprocessing: Preprocessing,
    /// Where it comes from; none where it was chosen.
    pub reason: Option<String>,
}

/// The order of the axes of an input that takes images, its channels and its size, as far as they are declared.
type ImageAxes = (Layout, Option<usize>, Option<(usize, usize)>);

fn image_axes(name: &str, declared: &[Option<usize>]) -> Result<ImageAxes, Failure> {
    let no_image = |reason: &str| -> Failure {
        let shape = ShapeDisplay(declared);
        format!("input {name:?} of shape {shape} takes no images: {reason}; give an .npy file").into()
    };
    if let &[_, Some(length)] = declared
        && let side = usize::isqrt(length)
        && side * side == length
    {
        return Ok((Layout::Row, Some(1), Some((side, side))));
    }
    let &[_, second, third, last] = declared else {
        return Err(no_image("images need axes for samples, channels, rows and columns"));
    };
    let is_channels = |length: Option<usize>| matches!(length, Some(1 | 3));
    Ok(match (is_channels(second), is_channels(last)) {
        (false, true) => (Layout::Nhwc, last, second.zip(third)),
        (true, _) => (Layout::Nchw, second, third.zip(last)),
        (false, false) if second.is_none() => (Layout::Nchw, None, third.zip(last)),
        (false, false) => return Err(no_image("it has neither 1 channel nor 3")),
    })
}

/// The smallest and largest values that a photo can have after its preprocessing, in a shape that broadcasts to the
/// network's input: what the z^B-rule needs.
pub fn input_range(preprocessing: &Preprocessing) -> Result<InputRange, Failure> {
    let Settings { channels, layout, .. } = preprocessing.settings();
    let count = Channels::count(*channels);
    let shape = match layout {
        Layout::Nchw => vec![count, 1, 1],
        // Perceptrons take one channel.
        Layout::Nhwc | Layout::Row => vec![count],
    };
    let bound = |values: Vec<f32>| ArrayD::from_shape_vec(shape.clone(), values.into_iter().map(f64::from).collect());
    let (low, high) = preprocessing.range();
    Ok(InputRange::new(bound(low)?, bound(high)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: PreprocessOptions = PreprocessOptions { preprocess: None };

    #[test]
    fn the_input_says_channels_size_and_order() {
        let described = |shape: &[Option<usize>]| NONE.fitted("x", shape).unwrap().to_string();
        let torch = described(&[None, Some(3), Some(299), Some(299)]);
        assert!(torch.contains("crop 299×299") && torch.contains("0.485") && torch.ends_with("NCHW"), "{torch}");
        let digits = described(&[Some(1), Some(32), Some(32), Some(1)]);
        assert_eq!(digits, "resized to 32×32 (bilinear), gray in 0..1, NHWC");
        assert!(described(&[None, Some(3), None, None]).contains("crop 224×224"));
        assert_eq!(described(&[None, Some(784)]), "resized to 28×28 (bilinear), gray in 0..1, in a row");
    }

    #[test]
    fn inputs_that_take_no_images_are_errors() {
        for shape in [&[None, Some(785)][..], &[None, Some(7), Some(5), Some(5)]] {
            assert!(NONE.fitted("x", shape).unwrap_err().to_string().contains("give an .npy file"));
        }
        let digits = PreprocessOptions { preprocess: Some("mnist".parse().unwrap()) };
        let message = digits.fitted("x", &[None, Some(3), Some(8), Some(8)]).unwrap_err().to_string();
        assert!(message.contains("takes 3 channels") && message.contains("gives 1"), "{message}");
    }

    #[test]
    fn a_file_may_be_of_another_program() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        fs::write(&path, r#"{"pretrained_cfg": {"input_size": [3, 224, 224], "crop_pct": 0.9}}"#).unwrap();
        let of_file = PreprocessOptions { preprocess: Some(path.to_str().unwrap().parse().unwrap()) };
        let line = of_file.fitted("x", &[None, Some(3), Some(224), Some(224)]).unwrap().to_string();
        assert!(
            line.starts_with("shorter side to 248 (bilinear), center crop 224×224, RGB in 0..1, minus (0.485"),
            "{line}"
        );
    }

    #[test]
    fn the_range_of_a_preset_has_one_number_per_channel() {
        let preset = Preprocessing::preset("imagenet-tf").unwrap();
        let one = |value| ArrayD::from_elem(vec![3, 1, 1], value);
        assert_eq!(input_range(&preset).unwrap(), InputRange::new(one(-1.0), one(1.0)).unwrap());
    }
}
