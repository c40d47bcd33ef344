//! torchvision: transforms as they are printed.

use super::{interpolation, singles, square};
use crate::settings::{Centering, Channels, Extent, Interpolation, Layout, Scale, Settings, Size};

/// Whether a text is a printed transform.
pub(super) fn is_printed(text: &str) -> bool {
    ["Compose(", "ImageClassification("].iter().any(|start| text.starts_with(start))
}

/// A printed value.
#[derive(Clone, Debug, PartialEq)]
enum Printed {
    Number(f64),
    Word(String),
    List(Vec<Printed>),
    Call(String, Arguments),
}

/// Arguments with their names, where they have any.
type Arguments = Vec<(Option<String>, Printed)>;

/// What the transforms do with a photo of Pillow.
pub(super) fn settings(text: &str) -> Result<Settings, String> {
    check_depth(text)?;
    let mut rest = text.trim();
    let Printed::Call(name, arguments) = value(&mut rest)? else {
        return Err("it is no printed transform".to_owned());
    };
    let mut settings = Settings {
        size: Size::Keep,
        crop: None,
        interpolation: Interpolation::Bilinear,
        centering: Centering::Rounded,
        fill: Vec::new(),
        channels: Channels::Rgb,
        scale: Scale::Byte,
        mean: Vec::new(),
        std: Vec::new(),
        layout: Layout::Nchw,
    };
    match name.as_str() {
        "ImageClassification" => preset(&arguments, &mut settings)?,
        "Compose" => {
            let mut steps = Vec::new();
            for (_, step) in &arguments {
                let Printed::Call(name, arguments) = step else { return Err(format!("{step:?} is no transform")) };
                steps.push(name.as_str());
                self::step(name, arguments, &mut settings)?;
            }
            check_order(&steps)?;
            if steps.contains(&"CenterCropOrPad") {
                settings.fill = settings.mean.iter().map(|mean| (255.0 * mean).round_ties_even() as u8).collect();
            }
        }
        other => return Err(format!("{other} is neither Compose nor ImageClassification")),
    }
    Ok(settings)
}

/// `torchvision.transforms._presets.ImageClassification`
fn preset(arguments: &Arguments, settings: &mut Settings) -> Result<(), String> {
    settings.scale = Scale::Unit;
    settings.size = resize(needed(arguments, "resize_size")?)?;
    settings.crop = Some(extent(needed(arguments, "crop_size")?)?);
    settings.mean = numbers(needed(arguments, "mean")?)?;
    settings.std = numbers(needed(arguments, "std")?)?;
    settings.interpolation = interpolated(arguments)?.unwrap_or(Interpolation::Bilinear);
    Ok(())
}

fn step(name: &str, arguments: &Arguments, settings: &mut Settings) -> Result<(), String> {
    match name {
        "Resize" => {
            if !matches!(argument(arguments, "max_size"), None | Some(Printed::Word(_))) {
                return Err("Resize with a max_size".to_owned());
            }
            settings.size = resize(needed(arguments, "size")?)?;
            settings.interpolation = interpolated(arguments)?.unwrap_or(Interpolation::Bilinear);
        }
        // timm's
        "ResizeKeepRatio" => {
            let extent = extent(needed(arguments, "size")?)?;
            settings.size = match argument(arguments, "longest") {
                None => Size::Cover(extent),
                Some(Printed::Number(0.0)) => Size::Cover(extent),
                Some(Printed::Number(1.0)) => Size::Within(extent),
                Some(other) => return Err(format!("ResizeKeepRatio with longest={other:?}")),
            };
            settings.interpolation = interpolated(arguments)?.unwrap_or(Interpolation::Bilinear);
        }
        "CenterCrop" | "CenterCropOrPad" => settings.crop = Some(extent(needed(arguments, "size")?)?),
        "Grayscale" => {
            match argument(arguments, "num_output_channels") {
                None | Some(Printed::Number(1.0)) => settings.channels = Channels::Gray,
                _ => return Err("Grayscale with several channels".to_owned()),
            };
        }
        "ToTensor" | "MaybeToTensor" | "ConvertImageDtype" => settings.scale = Scale::Unit,
        "ToDtype" => {
            if argument(arguments, "scale") == Some(&Printed::Word("True".to_owned())) {
                settings.scale = Scale::Unit;
            }
        }
        "PILToTensor" | "MaybePILToTensor" | "ToImage" => {}
        "Normalize" => {
            settings.mean = numbers(needed(arguments, "mean")?)?;
            settings.std = numbers(needed(arguments, "std")?)?;
        }
        other => return Err(format!("{other} is not known here")),
    }
    Ok(())
}

/// Steps are done in one order here: resized, cropped, made numbers, normalized.
fn check_order(steps: &[&str]) -> Result<(), String> {
    let rank = |name: &str| match name {
        "Grayscale" => None,
        "Resize" | "ResizeKeepRatio" => Some(0),
        "CenterCrop" | "CenterCropOrPad" => Some(1),
        "Normalize" => Some(4),
        "PILToTensor" | "MaybePILToTensor" | "ToImage" => Some(2),
        _ => Some(3),
    };
    let ranks: Vec<i32> = steps.iter().filter_map(|name| rank(name)).collect();
    match ranks.windows(2).position(|pair| pair[0] >= pair[1]) {
        None => Ok(()),
        Some(_) => Err(format!("its steps come in another order than here: {}", steps.join(", "))),
    }
}

fn argument<'a>(arguments: &'a Arguments, name: &str) -> Option<&'a Printed> {
    arguments.iter().find(|(own, _)| own.as_deref() == Some(name)).map(|(_, value)| value)
}

fn needed<'a>(arguments: &'a Arguments, name: &str) -> Result<&'a Printed, String> {
    argument(arguments, name).ok_or_else(|| format!("{name} is missing"))
}

fn interpolated(arguments: &Arguments) -> Result<Option<Interpolation>, String> {
    match argument(arguments, "interpolation") {
        None => Ok(None),
        Some(Printed::Word(name)) => interpolation(name).map(Some),
        Some(other) => Err(format!("interpolation is {other:?}")),
    }
}

fn sides(value: &Printed) -> Result<Vec<usize>, String> {
    let numbers = numbers(value)?;
    if numbers.iter().all(|side| *side >= 1.0 && side.fract() == 0.0) {
        return Ok(numbers.iter().map(|side| *side as usize).collect());
    }
    Err(format!("{numbers:?} are no pixels"))
}

fn resize(value: &Printed) -> Result<Size, String> {
    match sides(value)?[..] {
        [side] => Ok(Size::ShorterSide(side)),
        [height, width] => Ok(Size::Exact(Extent { height, width })),
        _ => Err("a size has one side or two".to_owned()),
    }
}

fn extent(value: &Printed) -> Result<Extent, String> {
    match sides(value)?[..] {
        [side] => Ok(square(side)),
        [height, width] => Ok(Extent { height, width }),
        _ => Err("a size has one side or two".to_owned()),
    }
}

/// Numbers of a list, a tensor, or one alone.
fn numbers(value: &Printed) -> Result<Vec<f32>, String> {
    match value {
        Printed::Number(number) => Ok(singles(&[*number])),
        Printed::List(values) => values.iter().map(numbers).collect::<Result<Vec<_>, _>>().map(|lists| lists.concat()),
        Printed::Call(name, arguments) if name == "tensor" => match arguments.as_slice() {
            [(None, values), ..] => numbers(values),
            _ => Err("an empty tensor".to_owned()),
        },
        other => Err(format!("{other:?} where numbers should be")),
    }
}

/// Takes a value off the beginning of the rest.
fn value(rest: &mut &str) -> Result<Printed, String> {
    *rest = rest.trim_start();
    match rest.chars().next() {
        Some(open @ ('[' | '(')) => {
            *rest = &rest[1..];
            let close = if open == '[' { ']' } else { ')' };
            Ok(Printed::List(arguments(rest, close)?.into_iter().map(|(_, value)| value).collect()))
        }
        Some(quote @ ('"' | '\'')) => {
            let (word, behind) = rest[1..].split_once(quote).ok_or("a quote is not closed")?;
            *rest = behind;
            Ok(Printed::Word(word.to_owned()))
        }
        Some(_) => {
            let is_part = |part: char| part.is_alphanumeric() || ['.', '_', '-', '+'].contains(&part);
            let end = rest.find(|part| !is_part(part)).unwrap_or(rest.len());
            let (word, behind) = rest.split_at(end);
            *rest = behind;
            match (word.parse(), behind.strip_prefix('(')) {
                _ if word.is_empty() => Err(format!("can't follow {:?}", excerpt(behind))),
                (_, Some(inside)) => {
                    *rest = inside;
                    Ok(Printed::Call(word.to_owned(), arguments(rest, ')')?))
                }
                (Ok(number), None) => Ok(Printed::Number(number)),
                (Err(_), None) => Ok(Printed::Word(word.to_owned())),
            }
        }
        None => Err("it ends too early".to_owned()),
    }
}

/// Fails for a text with brackets in brackets as nobody prints them, which would take all of the stack.
fn check_depth(text: &str) -> Result<(), String> {
    const DEEPEST: i32 = 16;
    let step = |depth: &mut i32, letter: char| {
        *depth += match letter {
            '(' | '[' => 1,
            ')' | ']' => -1,
            _ => 0,
        };
        Some(*depth)
    };
    match text.chars().scan(0, step).any(|depth| depth > DEEPEST) {
        true => Err("its brackets lie too deep".to_owned()),
        false => Ok(()),
    }
}

/// Takes values off, with or without names and commas, up to what closes them.
fn arguments(rest: &mut &str, close: char) -> Result<Arguments, String> {
    let mut found = Vec::new();
    loop {
        *rest = rest.trim_start_matches(|part: char| part.is_whitespace() || part == ',');
        if let Some(behind) = rest.strip_prefix(close) {
            *rest = behind;
            return Ok(found);
        }
        let first = value(rest)?;
        match (rest.strip_prefix('='), first) {
            (Some(behind), Printed::Word(name)) => {
                *rest = behind;
                found.push((Some(name), value(rest)?));
            }
            (_, first) => found.push((None, first)),
        }
    }
}

fn excerpt(text: &str) -> String {
    text.chars().take(20).collect()
}

#[cfg(test)]
mod tests {
    use crate::Preprocessing;

    #[test]
    fn presets_are_read_as_they_are_printed() {
        let text = "ImageClassification(\n    crop_size=[224]\n    resize_size=[256]\n    mean=[0.485, 0.456, 0.406]\n    \
                    std=[0.229, 0.224, 0.225]\n    interpolation=InterpolationMode.BILINEAR\n)";
        let preset = Preprocessing::preset("imagenet-torch").unwrap();
        assert_eq!(Preprocessing::from_text(text).unwrap(), preset);
        assert_eq!(Preprocessing::from_text(&serde_json::to_string(text).unwrap()).unwrap(), preset);
        let text = "Compose(\n    Resize(size=256, interpolation=bilinear, max_size=None, antialias=True)\n    \
                    CenterCrop(size=(224, 224))\n    MaybeToTensor()\n    \
                    Normalize(mean=tensor([0.4850, 0.4560, 0.4060]), std=tensor([0.2290, 0.2240, 0.2250]))\n)";
        assert_eq!(Preprocessing::from_text(text).unwrap(), preset);
    }

    #[test]
    fn what_can_not_be_followed_is_told() {
        for (text, reason) in [
            ("Compose(RandomCrop(size=(8, 8)))", "RandomCrop is not known"),
            ("Compose(ToTensor() Resize(size=8))", "another order"),
            ("Compose(Resize(size=8, max_size=9))", "max_size"),
            ("Compose(Resize(size=8)", "too early"),
            (&format!("Compose({}", "[".repeat(100_000)), "too deep"),
            ("Compose(Resize(size=?))", "can't follow \"?))\""),
            ("Compose(Resize(size=8.5))", "no pixels"),
            ("ImageClassification(crop_size=[8])", "resize_size is missing"),
        ] {
            let error = Preprocessing::from_text(text).unwrap_err().to_string();
            assert!(error.contains(reason) && error.contains("torchvision"), "{text}: {error}");
        }
    }
}
