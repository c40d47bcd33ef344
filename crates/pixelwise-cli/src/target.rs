//! `--target`: which class is explained, and where in an output that has positions; `--against`: rather than which.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ndarray::{ArrayD, Axis};
use neural_lrp::{OutputLayout, Region, Target};

use crate::failure::{Context, Failure};
use crate::inputs::{array, has_extension};
use crate::labels::{Labels, find};
use crate::output::shape;

/// A target as it is asked for: a class, at some positions or all: `predicted`, `281`, `tabby@12,40`, `3@mask.png`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetChoice {
    /// The class.
    pub class: ClassChoice,
    /// Where; none for all positions.
    region: Option<RegionChoice>,
}

/// A class as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClassChoice {
    /// The class with the largest score.
    Predicted,
    /// A class by its number.
    Number(usize),
    /// A class by its name.
    Name(String),
    /// One class for each sample.
    File(PathBuf),
}

/// What a class is held against, as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Against {
    /// The mean of all other classes.
    Others,
    /// A class by its number.
    Number(usize),
    /// A class by its name.
    Name(String),
}

/// What a class is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opposed {
    /// The mean of all other classes.
    Others,
    /// A class.
    Class(usize),
}

impl Against {
    /// The class that it means.
    pub fn read(&self, labels: &Labels) -> Result<Opposed, Failure> {
        Ok(match self {
            Self::Others => Opposed::Others,
            Self::Number(class) => Opposed::Class(*class),
            Self::Name(name) => Opposed::Class(find(labels, name)?),
        })
    }
}

impl FromStr for Against {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.parse() {
            Ok(class) => Self::Number(class),
            Err(_) if text == "others" => Self::Others,
            Err(_) => Self::Name(text.to_owned()),
        })
    }
}

impl Opposed {
    /// How much more a target has than this.
    pub fn to(self, target: Target) -> Target {
        match self {
            Self::Others => target.minus_others(),
            Self::Class(class) => target.minus(Target::Class(class)),
        }
    }

    /// In words, behind the class's score: `minus 285 Egyptian cat`.
    pub fn describe(self, labels: &Labels) -> String {
        match self {
            Self::Others => "minus the mean of all others".to_owned(),
            Self::Class(class) if labels.name(class).is_some() => format!("minus {}", labels.describe(class)),
            Self::Class(class) => format!("minus class {class}"),
        }
    }

    /// What stands behind the class in files' names.
    pub fn file_name(self) -> String {
        match self {
            Self::Others => "-against-others".to_owned(),
            Self::Class(class) => format!("-against-{class}"),
        }
    }
}

/// Positions as they are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum RegionChoice {
    Position(Vec<usize>),
    /// An array or an image, not 0 inside.
    Mask(PathBuf),
}

/// Positions, with the words for them.
#[derive(Clone, Debug)]
pub struct ReadyRegion {
    region: Region,
    /// The mask's file.
    name: String,
}

impl TargetChoice {
    /// The class with the largest score.
    pub const PREDICTED: Self = Self { class: ClassChoice::Predicted, region: None };

    /// The target, for a command that explains one class of all samples.
    pub fn read(&self, labels: &Labels) -> Result<(Target, Option<ReadyRegion>), Failure> {
        let region = self.region()?;
        let target = match &self.class {
            ClassChoice::Predicted => Target::Predicted,
            ClassChoice::Number(class) => Target::Class(*class),
            ClassChoice::Name(name) => Target::Class(find(labels, name)?),
            ClassChoice::File(path) => {
                let path = path.display();
                return Err(format!("--target {path}: a class for each sample is for `pixelwise explain`").into());
            }
        };
        Ok((within(target, region.as_ref()), region))
    }

    /// The class of a Bag-of-Words classifier, which has one score for each; none for the one with the highest.
    pub fn of_bag_of_words(&self, labels: &Labels) -> Result<Option<usize>, Failure> {
        match (&self.class, &self.region) {
            (ClassChoice::Predicted, None) => Ok(None),
            (ClassChoice::Number(class), None) => Ok(Some(*class)),
            (ClassChoice::Name(name), None) => Ok(Some(labels.find(name)?)),
            (_, Some(_)) => {
                Err("CLASS@WHERE is for networks: a Bag-of-Words classifier has one score for each class".into())
            }
            (ClassChoice::File(path), None) => {
                Err(format!("{}: a class for each sample is for networks", path.display()).into())
            }
        }
    }

    /// Whether its class is given by name.
    pub fn is_name(&self) -> bool {
        matches!(self.class, ClassChoice::Name(_))
    }

    /// The positions, with a mask read from its file.
    pub fn region(&self) -> Result<Option<ReadyRegion>, Failure> {
        Ok(Some(match &self.region {
            None => return Ok(None),
            Some(RegionChoice::Position(position)) => {
                ReadyRegion { region: Region::Position(position.clone()), name: String::new() }
            }
            Some(RegionChoice::Mask(path)) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                ReadyRegion { region: Region::Mask(read_mask(path)?), name }
            }
        }))
    }

    /// What stands behind the class in files' names.
    pub fn region_name(&self) -> String {
        match &self.region {
            None => String::new(),
            Some(RegionChoice::Position(position)) => format!("@{}", joined(position, "-")),
            Some(RegionChoice::Mask(path)) => format!("@{}", path.file_stem().unwrap_or_default().to_string_lossy()),
        }
    }
}

/// A target, at the positions of a region if there is one.
pub fn within(target: Target, region: Option<&ReadyRegion>) -> Target {
    match region {
        Some(region) => target.within(region.region.clone()),
        None => target,
    }
}

/// Over which positions a class's score is taken, in words to stand behind the class; none where it has a single one.
pub fn positions(layout: &OutputLayout, region: Option<&ReadyRegion>) -> Option<String> {
    let lengths = shape(layout.positions());
    match region.map(|ReadyRegion { region, name }| (region, name)) {
        None => layout.has_positions().then(|| format!("summed over {lengths} positions")),
        Some((Region::Position(position), _)) => Some(format!("at position {} of {lengths}", joined(position, ","))),
        Some((Region::Mask(mask), name)) => {
            let inside = mask.iter().filter(|&&inside| inside).count();
            Some(format!("summed over {inside} of {lengths} positions, under {name}"))
        }
    }
}

fn joined(numbers: &[usize], separator: &str) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(separator)
}

impl FromStr for TargetChoice {
    type Err = String;

    /// Names may hold `@` too: what is no position and no mask behind it belongs to the name.
    fn from_str(text: &str) -> Result<Self, String> {
        let position = text.rsplit_once('@').and_then(|(class, position)| {
            let numbers = position.split(',').map(|number| number.trim().parse().ok());
            Some((class, RegionChoice::Position(numbers.collect::<Option<_>>()?)))
        });
        let mask = || {
            let (class, path) = text.split_once('@').filter(|(class, _)| !class.contains(['/', '\\']))?;
            let path = Path::new(path);
            (has_extension(path, &["npy"]) || images::is_image_name(path))
                .then(|| (class, RegionChoice::Mask(path.to_owned())))
        };
        let (class, region) = match position.or_else(mask) {
            Some((class, region)) => (class, Some(region)),
            None => (text, None),
        };
        let is_whole = |class: &str| class == "predicted" || class.parse::<usize>().is_ok();
        if text.split_once('@').is_some_and(|(class, _)| region.is_none() && is_whole(class)) {
            return Err("behind @ stands a position or a mask: 2@12,40, 2@mask.png, 2@mask.npy".to_owned());
        }
        Ok(Self { class: ClassChoice::of(class), region })
    }
}

impl ClassChoice {
    fn of(text: &str) -> Self {
        match text.parse() {
            Ok(class) => Self::Number(class),
            Err(_) if text == "predicted" => Self::Predicted,
            Err(_) if text.ends_with(".npy") => Self::File(text.into()),
            Err(_) => Self::Name(text.to_owned()),
        }
    }
}

/// A mask: an array, or an image whose black pixels are outside.
fn read_mask(path: &Path) -> Result<ArrayD<bool>, Failure> {
    if has_extension(path, &["npy"]) {
        return Ok(array::read::<f64>(path)?.mapv(|value| value != 0.0));
    }
    let image = images::read(path).context("a mask should be an image or an .npy file")?;
    Ok(image.map_axis(Axis(2), |pixel| pixel.iter().any(|&value| value != 0)).into_dyn())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_told_apart() {
        let class = |text: &str| text.parse::<TargetChoice>().unwrap();
        let whole = |class| TargetChoice { class, region: None };
        assert_eq!(class("predicted"), TargetChoice::PREDICTED);
        assert_eq!(class("281"), whole(ClassChoice::Number(281)));
        assert_eq!(class("tabby cat"), whole(ClassChoice::Name("tabby cat".to_owned())));
        assert_eq!(class("classes.npy"), whole(ClassChoice::File("classes.npy".into())));
        assert_eq!(class("a@b"), whole(ClassChoice::Name("a@b".to_owned())));
        assert_eq!(class("./a@b/classes.npy"), whole(ClassChoice::File("./a@b/classes.npy".into())));
    }

    #[test]
    fn a_position_or_a_mask_stands_behind_the_class() {
        let parse = |text: &str| text.parse::<TargetChoice>().unwrap();
        let at =
            |class, position: &[usize]| TargetChoice { class, region: Some(RegionChoice::Position(position.to_vec())) };
        assert_eq!(parse("2@12,40"), at(ClassChoice::Number(2), &[12, 40]));
        assert_eq!(parse("predicted@7"), at(ClassChoice::Predicted, &[7]));
        assert_eq!(parse("a@b@1,2,3"), at(ClassChoice::Name("a@b".to_owned()), &[1, 2, 3]));
        let mask = |class, path: &str| TargetChoice { class, region: Some(RegionChoice::Mask(path.into())) };
        assert_eq!(parse("2@a@b/mask.png"), mask(ClassChoice::Number(2), "a@b/mask.png"));
        assert_eq!(parse("car@mask.npy"), mask(ClassChoice::Name("car".to_owned()), "mask.npy"));
        assert_eq!((parse("2@3,4").region_name(), parse("2@a/b.png").region_name()), ("@3-4".into(), "@b".into()));
        for wrong in ["2@", "2@here", "predicted@1,", "2@-1,3"] {
            assert!(wrong.parse::<TargetChoice>().unwrap_err().contains("2@12,40"), "{wrong}");
        }
    }
}
