//! Preprocessing as other programs describe it.

mod hugging_face;
mod timm;
mod torchvision;

use serde_json::{Map, Value};

use crate::Error;
use crate::settings::{Channels, Extent, Interpolation, Settings};

/// The settings that a text of another program describes; `None` where it is none of theirs.
pub(crate) fn settings(text: &str) -> Result<Option<Settings>, Error> {
    let text = text.trim_start_matches('\u{feff}').trim();
    if torchvision::is_printed(text) {
        return torchvision::settings(text).map(Some).map_err(wrong("torchvision"));
    }
    match serde_json::from_str(text) {
        Ok(Value::String(printed)) => torchvision::settings(&printed).map(Some).map_err(wrong("torchvision")),
        Ok(Value::Array(steps)) => of_steps(&steps).map(Some).map_err(wrong("torchvision")),
        Ok(Value::Object(fields)) => of_object(&fields).map(Some),
        Err(error) if text.starts_with('{') => {
            Err(Error::Foreign { program: "another program", reason: error.to_string() })
        }
        _ => Ok(None),
    }
}

/// torchvision's steps, printed one by one.
fn of_steps(steps: &[Value]) -> Result<Settings, String> {
    let printed: Option<Vec<&str>> = steps.iter().map(Value::as_str).collect();
    match printed {
        Some(printed) if !printed.is_empty() => torchvision::settings(&format!("Compose({})", printed.join("\n"))),
        _ => Err("a list has to hold its transforms as they are printed: [\"Resize(size=256)\", …]".to_owned()),
    }
}

fn of_object(fields: &Map<String, Value>) -> Result<Settings, Error> {
    let has = |names: &[&str]| names.iter().any(|name| fields.contains_key(*name));
    if let Some(Value::Object(inner)) = fields.get("pretrained_cfg") {
        timm::settings(inner).map_err(wrong("timm"))
    } else if has(&["input_size"]) {
        timm::settings(fields).map_err(wrong("timm"))
    } else if has(&["do_resize", "do_normalize", "image_processor_type", "feature_extractor_type"]) {
        hugging_face::settings(fields).map_err(wrong("Hugging Face"))
    } else {
        let reason = "it is neither timm's (input_size) nor Hugging Face's (do_resize, do_normalize)".to_owned();
        Err(Error::Foreign { program: "another program", reason })
    }
}

fn wrong(program: &'static str) -> impl Fn(String) -> Error {
    move |reason| Error::Foreign { program, reason }
}

/// The interpolation of a name, as Pillow, torchvision and timm have it.
fn interpolation(name: &str) -> Result<Interpolation, String> {
    let word = name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase();
    match word.as_str() {
        "bilinear" => Ok(Interpolation::Bilinear),
        "bicubic" => Ok(Interpolation::Bicubic),
        "nearest" => Ok(Interpolation::Nearest),
        "lanczos" => Ok(Interpolation::Lanczos),
        "box" => Ok(Interpolation::Box),
        "hamming" => Ok(Interpolation::Hamming),
        _ => Err(format!("there is no interpolation {name:?}")),
    }
}

fn square(side: usize) -> Extent {
    Extent { height: side, width: side }
}

/// A side in pixels.
fn side(value: &Value) -> Option<usize> {
    value.as_u64().and_then(|side| usize::try_from(side).ok())
}

/// A number for each channel: a list, or one for all.
fn per_channel(fields: &Map<String, Value>, name: &str, channels: Channels) -> Result<Option<Vec<f64>>, String> {
    let wrong = |value: &Value| format!("{name} is {value}: it has to be numbers, one for each channel");
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(values)) => {
            let numbers = values.iter().map(|value| value.as_f64().ok_or_else(|| wrong(value)));
            numbers.collect::<Result<_, _>>().map(Some)
        }
        Some(value) => Ok(Some(vec![value.as_f64().ok_or_else(|| wrong(value))?; channels.count()])),
    }
}

fn singles(values: &[f64]) -> Vec<f32> {
    values.iter().map(|value| *value as f32).collect()
}
