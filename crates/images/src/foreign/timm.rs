//! timm: `config.json`, `pretrained_cfg`.

use serde_json::{Map, Value};

use super::{interpolation, per_channel, side, singles, square};
use crate::settings::{Centering, Channels, Extent, Interpolation, Layout, Scale, Settings, Size};

/// What `timm.data.create_transform` makes of it for evaluation.
pub(super) fn settings(fields: &Map<String, Value>) -> Result<Settings, String> {
    let (channels, input) = input_size(fields.get("input_size"))?;
    let crop_share = match fields.get("crop_pct") {
        None | Some(Value::Null) => 0.875,
        Some(value) => value.as_f64().filter(|share| *share > 0.0).ok_or(format!("crop_pct is {value}"))?,
    };
    let scaled = |side: usize| (side as f64 / crop_share).floor() as usize;
    let resized = Extent { height: scaled(input.height), width: scaled(input.width) };
    let mean = per_channel(fields, "mean", channels)?.unwrap_or_else(|| vec![0.485, 0.456, 0.406]);
    let std = per_channel(fields, "std", channels)?.unwrap_or_else(|| vec![0.229, 0.224, 0.225]);
    let chosen = match fields.get("interpolation").and_then(Value::as_str) {
        None => Interpolation::Bilinear,
        Some(name) => interpolation(name)?,
    };
    let mode = fields.get("crop_mode").and_then(Value::as_str).unwrap_or("center");
    let (size, interpolation) = match mode {
        "squash" => (Size::Exact(resized), chosen),
        "border" => (Size::Within(resized), chosen),
        "center" if resized == square(resized.height) => (Size::ShorterSide(resized.height), chosen),
        // timm hands no interpolation on there, and bilinear is what it takes without.
        "center" => (Size::Cover(resized), Interpolation::Bilinear),
        other => return Err(format!("there is no crop_mode {other:?}: known are center, squash and border")),
    };
    let fill = if mode == "border" {
        mean.iter().map(|mean| (255.0 * mean).round_ties_even() as u8).collect()
    } else {
        Vec::new()
    };
    Ok(Settings {
        size,
        crop: Some(input),
        interpolation,
        centering: Centering::Rounded,
        fill,
        channels,
        scale: Scale::Unit,
        mean: singles(&mean),
        std: singles(&std),
        layout: Layout::Nchw,
    })
}

/// `[channels, rows, columns]`
fn input_size(value: Option<&Value>) -> Result<(Channels, Extent), String> {
    let lengths = value.and_then(Value::as_array).into_iter().flatten().map(side).collect::<Option<Vec<_>>>();
    match lengths.as_deref() {
        Some(&[3, height, width]) => Ok((Channels::Rgb, Extent { height, width })),
        Some(&[1, height, width]) => Ok((Channels::Gray, Extent { height, width })),
        _ => Err("input_size has to be [3, rows, columns] or [1, rows, columns]".to_owned()),
    }
}
