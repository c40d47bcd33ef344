//! Measures as text: their names, and settings as `key:value`.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::num::NonZeroUsize;
use std::str::FromStr;

/// What a measure is called, and how it is set.
pub trait Settings {
    /// The measure's name.
    fn name(&self) -> &'static str;

    /// All settings, in the order of their declaration.
    fn settings(&self) -> Vec<Setting>;
}

/// A setting of a measure, as texts have it: `key:value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// What is set.
    pub key: String,
    /// To what.
    pub value: String,
    /// Whether the value is what it is where a text does not say it.
    pub is_default: bool,
    /// What it means.
    pub about: &'static str,
}

/// The settings that a text gives, until they are taken.
#[derive(Debug)]
pub(crate) struct Given<'a> {
    values: BTreeMap<&'a str, &'a str>,
    known: Vec<String>,
}

impl<'a> Given<'a> {
    /// The settings of `key:value,key:value`.
    pub(crate) fn parse(text: &'a str) -> Result<Self, String> {
        let mut values = BTreeMap::new();
        for setting in text.split(',').map(str::trim).filter(|setting| !setting.is_empty()) {
            let (key, value) = setting.split_once(':').ok_or_else(|| format!("{setting:?} is not KEY:VALUE"))?;
            if values.insert(key.trim(), value.trim()).is_some() {
                return Err(format!("{:?} is given twice", key.trim()));
            }
        }
        Ok(Self { values, known: Vec::new() })
    }

    /// The value of a field, if it is given.
    pub(crate) fn take<T: FromStr<Err: Display>>(&mut self, field: &str, default: T) -> Result<T, String> {
        let key = key_of(field);
        let value = self.values.remove(key.as_str());
        let parsed = value.map(|text| text.parse().map_err(|error| format!("{key}: {text:?}: {error}")));
        self.known.push(key);
        parsed.unwrap_or(Ok(default))
    }

    /// Fails when there are settings that nobody took.
    pub(crate) fn finish(self) -> Result<(), String> {
        match self.values.keys().next() {
            None => Ok(()),
            Some(key) if self.known.is_empty() => Err(format!("it has no settings, and {key:?} is given")),
            Some(key) => Err(format!("{key:?} is none of its settings, which are {}", self.known.join(", "))),
        }
    }
}

/// The key of a field: `features_in_step` is set by `features-in-step:8`.
pub(crate) fn key_of(field: &str) -> String {
    field.replace('_', "-")
}

/// A finite number that is not negative.
///
/// ```
/// use evaluation::NonNegative;
/// assert_eq!("0.2".parse::<NonNegative>().map(NonNegative::get), Ok(0.2));
/// assert!("-1".parse::<NonNegative>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NonNegative(f64);

impl NonNegative {
    /// The number, unless it is negative or not finite.
    pub const fn new(number: f64) -> Option<Self> {
        if number >= 0.0 && number.is_finite() { Some(Self(number)) } else { None }
    }

    /// The number.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl fmt::Display for NonNegative {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl FromStr for NonNegative {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().ok().and_then(Self::new).ok_or("it is a number, 0 or larger")
    }
}

/// How many pixels are changed at each step: a number of them, or a share of all, as in `250` and `1%`.
///
/// ```
/// use evaluation::StepSize;
/// assert_eq!("2.5%".parse::<StepSize>().map(|size| size.to_string()), Ok("2.5%".to_owned()));
/// assert!("0".parse::<StepSize>().is_err() && "101%".parse::<StepSize>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StepSize {
    /// So many pixels.
    Pixels(NonZeroUsize),
    /// Percent of all pixels, in (0, 100], up to the next whole pixel.
    Percent(Percent),
}

/// A percentage in (0, 100].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percent(f64);

impl StepSize {
    /// A hundred steps, or fewer where the input has fewer pixels.
    pub const ONE_PERCENT: Self = Self::Percent(Percent(1.0));

    /// How many pixels are changed at each stop, from none to all `count` of them, which are some of the pixels of an
    /// input of so many rows and columns.
    pub(crate) fn stops(self, count: usize, (rows, columns): (usize, usize)) -> Vec<usize> {
        let step = match self {
            Self::Pixels(pixels) => pixels.get(),
            Self::Percent(Percent(percent)) => ((rows * columns) as f64 * percent / 100.0).ceil().max(1.0) as usize,
        };
        (0..count).step_by(step).chain([count]).collect()
    }
}

impl From<NonZeroUsize> for StepSize {
    fn from(pixels: NonZeroUsize) -> Self {
        Self::Pixels(pixels)
    }
}

impl fmt::Display for StepSize {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pixels(pixels) => pixels.fmt(formatter),
            Self::Percent(Percent(percent)) => write!(formatter, "{percent}%"),
        }
    }
}

impl FromStr for StepSize {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let size = match text.strip_suffix('%') {
            None => text.parse().ok().map(Self::Pixels),
            Some(percent) => {
                let percent = percent.trim().parse().ok().filter(|percent| 0.0 < *percent && *percent <= 100.0);
                percent.map(|percent| Self::Percent(Percent(percent)))
            }
        };
        size.ok_or("it is a number of pixels, 1 or more, or percent of all, as in 1%")
    }
}

/// Declares a measure: its settings with their defaults, and the name by which texts call it.
macro_rules! settings {
    (
        $(#[$about:meta])*
        pub struct $Measure:ident = $name:literal {
            $($(#[doc = $about_field:literal])* pub $field:ident: $Field:ty = $default:expr,)*
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $Measure {
            $($(#[doc = $about_field])* pub $field: $Field,)*
        }

        impl Default for $Measure {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $Measure {
            /// The name by which texts call this measure.
            pub const NAME: &str = $name;

            #[allow(unused_mut, reason = "measures without settings take none")]
            pub(crate) fn parse(mut given: $crate::settings::Given<'_>) -> Result<Self, String> {
                let measure = Self { $($field: given.take(stringify!($field), $default)?,)* };
                given.finish()?;
                Ok(measure)
            }
        }

        impl $crate::settings::Settings for $Measure {
            fn name(&self) -> &'static str {
                Self::NAME
            }

            fn settings(&self) -> Vec<$crate::Setting> {
                vec![
                    $($crate::Setting {
                        key: $crate::settings::key_of(stringify!($field)),
                        value: self.$field.to_string(),
                        is_default: self.$field == Self::default().$field,
                        about: concat!($($about_field),*).trim_ascii(),
                    },)*
                ]
            }
        }
    };
}

pub(crate) use settings;

/// Declares a choice between names, as texts write them.
macro_rules! choice {
    (
        $(#[$about:meta])*
        pub enum $Choice:ident {
            $($(#[$about_variant:meta])* $Variant:ident = $name:literal,)+
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $Choice {
            $($(#[$about_variant])* $Variant,)+
        }

        impl std::fmt::Display for $Choice {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(match self { $(Self::$Variant => $name,)+ })
            }
        }

        impl std::str::FromStr for $Choice {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($name => Ok(Self::$Variant),)+
                    _ => Err(format!("it is one of {}", [$($name),+].join(", "))),
                }
            }
        }
    };
}

pub(crate) use choice;
