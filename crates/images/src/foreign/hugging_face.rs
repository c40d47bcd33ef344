//! Hugging Face: `preprocessor_config.json`.

use serde_json::{Map, Value};

use super::{per_channel, side, singles, square};
use crate::settings::{Centering, Channels, Extent, Interpolation, Layout, Scale, Settings, Size};

/// Where processors differ in what a configuration means, or does not say.
struct Processor {
    resample: Interpolation,
    /// Whether one number is the shorter side, and no square.
    shorter_side: bool,
    center_crop: bool,
}

impl Processor {
    /// That of a class, `ViTImageProcessor`, or `ViTFeatureExtractor` as it was called.
    fn of(name: &str) -> Self {
        use Interpolation::{Bicubic, Bilinear, Nearest};
        let (resample, shorter_side, center_crop) = match name {
            "CLIP" | "Bit" | "ChineseCLIP" | "Levit" | "PoolFormer" => (Bicubic, true, true),
            "ConvNext" => (Bicubic, true, false),
            "Deit" | "DeiT" | "Beit" => (Bicubic, false, true),
            "MobileNetV1" | "MobileNetV2" | "MobileViT" => (Bilinear, true, true),
            "Siglip" => (Bicubic, false, false),
            "EfficientNet" => (Nearest, false, false),
            _ => (Bilinear, false, false),
        };
        Self { resample, shorter_side, center_crop }
    }
}

/// What the image processor that is named does with a photo.
pub(super) fn settings(fields: &Map<String, Value>) -> Result<Settings, String> {
    let class = ["image_processor_type", "feature_extractor_type"].iter().find_map(|name| fields.get(*name)?.as_str());
    let name = class.unwrap_or("ViT").trim_end_matches("Fast");
    let name = name.trim_end_matches("ImageProcessor").trim_end_matches("FeatureExtractor");
    let processor = Processor::of(name);
    let is_so = |key: &str, default: bool| fields.get(key).and_then(Value::as_bool).unwrap_or(default);

    let channels = if is_so("do_flip_channel_order", name == "MobileViT") { Channels::Bgr } else { Channels::Rgb };
    let (mut size, mut crop) = (Size::Keep, None);
    if is_so("do_resize", true) {
        (size, crop) = resized(fields, name, &processor)?;
    }
    if is_so("do_center_crop", processor.center_crop) {
        let given = fields.get("crop_size").filter(|value| !value.is_null());
        let given = given.ok_or("do_center_crop needs a crop_size")?;
        crop = Some(extent(given).ok_or_else(|| format!("crop_size is {given}"))?);
    }
    let (scale, mean, std) = values(fields, name, channels, &is_so)?;
    Ok(Settings {
        size,
        crop,
        interpolation: resample(fields.get("resample"), processor.resample)?,
        centering: Centering::Floor,
        fill: Vec::new(),
        channels,
        scale,
        mean,
        std,
        layout: Layout::Nchw,
    })
}

/// To which size, and what of it, where a share of it is taken.
fn resized(fields: &Map<String, Value>, name: &str, processor: &Processor) -> Result<(Size, Option<Extent>), String> {
    let given = fields.get("size").filter(|value| !value.is_null()).ok_or("do_resize needs a size")?;
    let wrong = || format!("size is {given}: shortest_edge, or height and width, or a number can be followed");
    let shorter = match given {
        Value::Object(sides) if sides.contains_key("longest_edge") || sides.contains_key("max_height") => {
            return Err(wrong());
        }
        Value::Object(sides) => sides.get("shortest_edge").and_then(side),
        number if processor.shorter_side => side(number),
        _ => None,
    };
    let share = match fields.get("crop_pct") {
        None | Some(Value::Null) => None,
        Some(value) => Some(value.as_f64().filter(|share| *share > 0.0).ok_or_else(|| format!("crop_pct is {value}"))?),
    };
    let scaled = |side: usize, share: f64| (side as f64 / share) as usize;
    Ok(match (name, shorter) {
        // From 384 on nothing is cut off.
        ("ConvNext", Some(side)) if side >= 384 => (Size::Exact(square(side)), None),
        ("ConvNext", Some(side)) => {
            (Size::ShorterSide(scaled(side, share.unwrap_or(224.0 / 256.0))), Some(square(side)))
        }
        ("Levit", Some(side)) => (Size::ShorterSide((256.0 / 224.0 * side as f64) as usize), None),
        ("PoolFormer", Some(side)) => (Size::ShorterSide(scaled(side, share.unwrap_or(0.9))), None),
        (_, Some(side)) => (Size::ShorterSide(side), None),
        ("PoolFormer", None) => {
            let Extent { height, width } = extent(given).ok_or_else(wrong)?;
            let share = share.unwrap_or(0.9);
            match height == width {
                true => (Size::ShorterSide(scaled(height, share)), None),
                false => (Size::Exact(Extent { height: scaled(height, share), width: scaled(width, share) }), None),
            }
        }
        (_, None) => (Size::Exact(extent(given).ok_or_else(wrong)?), None),
    })
}

/// A square by its side, or rows and columns.
fn extent(value: &Value) -> Option<Extent> {
    match value {
        Value::Object(sides) => Some(Extent { height: side(sides.get("height")?)?, width: side(sides.get("width")?)? }),
        Value::Array(sides) => match sides.as_slice() {
            [one] => side(one).map(square),
            [height, width] => Some(Extent { height: side(height)?, width: side(width)? }),
            _ => None,
        },
        number => side(number).map(square),
    }
}

/// By Pillow's numbers.
fn resample(value: Option<&Value>, default: Interpolation) -> Result<Interpolation, String> {
    use Interpolation::{Bicubic, Bilinear, Box, Hamming, Lanczos, Nearest};
    match value {
        None | Some(Value::Null) => Ok(default),
        Some(value) => {
            let known = [Nearest, Lanczos, Bilinear, Bicubic, Box, Hamming];
            side(value).and_then(|number| known.get(number).copied()).ok_or_else(|| format!("resample is {value}"))
        }
    }
}

/// ```text
/// (f x + o − mean) / std = (x − (mean − o) / f) / (std / f)
/// ```
/// * `f` — rescale_factor, nearly always 1/255; `o` — −1 with rescale_offset
fn values(
    fields: &Map<String, Value>,
    name: &str,
    channels: Channels,
    is_so: &dyn Fn(&str, bool) -> bool,
) -> Result<(Scale, Vec<f32>, Vec<f32>), String> {
    let count = channels.count();
    let (mut mean, mut std) = (vec![0.0; count], vec![1.0; count]);
    if is_so("do_normalize", name != "MobileViT") {
        let needed = |key: &str| per_channel(fields, key, channels)?.ok_or_else(|| format!("do_normalize needs {key}"));
        (mean, std) = (needed("image_mean")?, needed("image_std")?);
        // With its last layer, EfficientNet divides twice.
        if name == "EfficientNet" && is_so("include_top", true) {
            std = std.iter().map(|std| std * std).collect();
        }
    } else if name == "EfficientNet" && is_so("include_top", true) {
        std = per_channel(fields, "image_std", channels)?.ok_or("include_top needs image_std")?;
    }
    if !is_so("do_rescale", true) {
        return Ok((Scale::Byte, singles(&mean), singles(&std)));
    }
    let factor = match fields.get("rescale_factor") {
        None | Some(Value::Null) => 1.0 / 255.0,
        Some(value) => {
            value.as_f64().filter(|factor| *factor > 0.0).ok_or_else(|| format!("rescale_factor is {value}"))?
        }
    };
    let offset = if is_so("rescale_offset", false) { -1.0 } else { 0.0 };
    if offset == 0.0 && (factor * 255.0 - 1.0).abs() < 1e-9 {
        return Ok((Scale::Unit, singles(&mean), singles(&std)));
    }
    let mean: Vec<f64> = mean.iter().map(|mean| (mean - offset) / factor).collect();
    let std: Vec<f64> = std.iter().map(|std| std / factor).collect();
    Ok((Scale::Byte, singles(&mean), singles(&std)))
}
