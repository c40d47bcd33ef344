//! The color maps: what color stands for which relevance.

mod stops;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;
use stops::{Stop, in_oklab, in_srgb};

/// Writes the enum and everything that lists its members: a new color map is one line here, with its function.
macro_rules! color_maps {
    ($($(#[$attribute:meta])+ $variant:ident, $name:literal, $summary:literal, $color:expr;)+) => {
        /// A color for each relevance in [−1, 1].
        ///
        /// All maps are diverging: zero has a color of its own, and the sign is seen at once.
        ///
        /// ```
        /// use heatmap::ColorMap;
        /// let map: ColorMap = "black-fire-red".parse()?;
        /// assert_eq!(map.color(0.0), [0, 0, 0]);
        /// assert_eq!(map.color(0.5), [255, 255, 0]); // fire
        /// assert_eq!(map.color(-7.0), map.color(-1.0)); // values outside of [−1, 1] are clamped
        /// # Ok::<(), heatmap::Error>(())
        /// ```
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        #[non_exhaustive]
        pub enum ColorMap {
            $($(#[$attribute])+ $variant,)+
        }

        impl ColorMap {
            /// Every color map.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name that the command line and saved settings use.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// One line for a reader who has to choose.
            pub fn summary(self) -> &'static str {
                match self { $(Self::$variant => $summary),+ }
            }

            /// The color of a relevance; outside of [−1, 1], that of the nearer end. NaN has the color of zero.
            pub fn color(self, value: f64) -> [u8; 3] {
                let value = if value.is_nan() { 0.0 } else { value.clamp(-1.0, 1.0) };
                let color: fn(f64) -> [u8; 3] = match self { $(Self::$variant => $color),+ };
                color(value)
            }
        }
    };
}

color_maps! {
    /// Blue, cyan, green, yellow, red: the paper's figures. Green is zero.
    #[default]
    Jet, "jet", "blue, green at zero, red: the paper's figures", |value| in_srgb(&JET, value);

    /// Dark blue, blue, white, red, dark red, as matplotlib's.
    Seismic, "seismic", "blue, white at zero, red", |value| in_srgb(&SEISMIC, value);

    /// Blue, black at zero, then red, yellow, white like a fire; below zero blue, cyan, white. The LRP toolbox's.
    BlackFireRed, "black-fire-red", "black at zero, fire above it, ice below", |value| in_srgb(&BLACK_FIRE_RED, value);

    /// Blue, light gray at zero, red: the LRP toolbox's.
    GrayRed, "gray-red", "blue, light gray at zero, red", |value| in_srgb(&GRAY_RED, value);

    /// Blue, near-white at zero, orange: perceptually uniform, and safe for color-blind readers.
    ///
    /// Straight lines in OKLab, of the same lightness and chroma at both ends: equal steps of relevance are equal
    /// steps to the eye, and a sign is never brighter than the other.
    BlueOrange, "blue-orange", "blue, white at zero, orange: perceptually uniform", |value| in_oklab(&BLUE_ORANGE, value);

    /// ColorBrewer's diverging red and blue, red above zero.
    RedBlue, "red-blue", "ColorBrewer's blue, white at zero, red", |value| from_colorous(colorous::RED_BLUE, -value);

    /// Turbo: the order of jet's colors with a smoother lightness.
    Turbo, "turbo", "like jet, with smoother lightness", |value| from_colorous(colorous::TURBO, value);
}

const JET: [Stop; 6] = [
    Stop::new(-1.0, [0.0, 0.0, 0.5]),
    Stop::new(-0.75, [0.0, 0.0, 1.0]),
    Stop::new(-0.25, [0.0, 1.0, 1.0]),
    Stop::new(0.25, [1.0, 1.0, 0.0]),
    Stop::new(0.75, [1.0, 0.0, 0.0]),
    Stop::new(1.0, [0.5, 0.0, 0.0]),
];

const SEISMIC: [Stop; 5] = [
    Stop::new(-1.0, [0.0, 0.0, 0.3]),
    Stop::new(-0.5, [0.0, 0.0, 1.0]),
    Stop::new(0.0, [1.0, 1.0, 1.0]),
    Stop::new(0.5, [1.0, 0.0, 0.0]),
    Stop::new(1.0, [0.5, 0.0, 0.0]),
];

const BLACK_FIRE_RED: [Stop; 7] = [
    Stop::new(-1.0, [1.0, 1.0, 1.0]),
    Stop::new(-0.5, [0.0, 1.0, 1.0]),
    Stop::new(-0.25, [0.0, 0.0, 1.0]),
    Stop::new(0.0, [0.0, 0.0, 0.0]),
    Stop::new(0.25, [1.0, 0.0, 0.0]),
    Stop::new(0.5, [1.0, 1.0, 0.0]),
    Stop::new(1.0, [1.0, 1.0, 1.0]),
];

const GRAY_RED: [Stop; 3] =
    [Stop::new(-1.0, [0.0, 0.0, 1.0]), Stop::new(0.0, [0.8, 0.8, 0.8]), Stop::new(1.0, [1.0, 0.0, 0.0])];

/// Lightness, green–red and blue–yellow of OKLab: hues 262° and 48°, chroma 0.147, nearly the most that sRGB has there.
const BLUE_ORANGE: [Stop; 3] = [
    Stop::new(-1.0, [0.55, -0.0205, -0.1456]),
    Stop::new(0.0, [0.98, 0.0, 0.0]),
    Stop::new(1.0, [0.55, 0.0984, 0.1092]),
];

/// A gradient over [0, 1] that has its middle at zero.
fn from_colorous(gradient: colorous::Gradient, value: f64) -> [u8; 3] {
    gradient.eval_continuous(0.5 + 0.5 * value).as_array()
}

impl ColorMap {
    /// The names of all color maps, for messages and help.
    pub fn names() -> String {
        Self::ALL.iter().map(|map| map.name()).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for ColorMap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for ColorMap {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let found = Self::ALL.iter().copied().find(|map| map.name() == name);
        found.ok_or_else(|| Error::ColorMapName { name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::stops::{lightness, oklab};
    use super::*;

    #[test]
    fn ends_and_zero_have_the_colors_that_the_maps_are_known_by() {
        let expected = [
            (ColorMap::Jet, [0, 0, 128], [128, 255, 128], [128, 0, 0]),
            (ColorMap::Seismic, [0, 0, 77], [255, 255, 255], [128, 0, 0]),
            (ColorMap::BlackFireRed, [255, 255, 255], [0, 0, 0], [255, 255, 255]),
            (ColorMap::GrayRed, [0, 0, 255], [204, 204, 204], [255, 0, 0]),
            (ColorMap::RedBlue, [4, 47, 96], [241, 239, 237], [103, 0, 31]),
        ];
        for (map, lowest, zero, highest) in expected {
            assert_eq!([map.color(-1.0), map.color(0.0), map.color(1.0)], [lowest, zero, highest], "{map}");
        }
    }

    /// The definition in plain words: each channel is a trapezoid.
    #[test]
    fn jet_is_the_three_trapezoids_of_its_formula() {
        for step in -100..=100 {
            let value = f64::from(step) / 100.0;
            let channel = |center: f64| 255.0 * (1.5 - (2.0 * value - center).abs()).clamp(0.0, 1.0);
            for (byte, exact) in ColorMap::Jet.color(value).into_iter().zip([channel(1.0), channel(0.0), channel(-1.0)])
            {
                assert!((f64::from(byte) - exact).abs() <= 0.5 + 1e-9, "{value}: {byte} for {exact}");
            }
        }
    }

    #[test]
    fn positive_relevance_is_warm_and_negative_cold_in_every_map() {
        for &map in ColorMap::ALL {
            let ([red, _, blue], [cold_red, _, cold_blue]) = (map.color(0.4), map.color(-0.4));
            assert!(red > blue && cold_blue > cold_red, "{map}");
        }
    }

    #[test]
    fn lightness_moves_one_way_from_zero_to_either_end_where_that_is_claimed() {
        for (map, direction) in [(ColorMap::BlueOrange, -1.0), (ColorMap::RedBlue, -1.0), (ColorMap::BlackFireRed, 1.0)]
        {
            for sign in [-1.0, 1.0] {
                let mut last = lightness(map.color(0.0));
                for step in 1..=50 {
                    let next = lightness(map.color(sign * f64::from(step) / 50.0));
                    assert!((next - last) * direction > -2e-3, "{map} at {sign} · {step}/50: {last} to {next}");
                    last = next;
                }
            }
        }
    }

    #[test]
    fn steps_of_the_uniform_map_are_equal_to_the_eye() {
        let color = |step: i32| oklab(ColorMap::BlueOrange.color(f64::from(step) / 20.0));
        let distance = |from: [f64; 3], to: [f64; 3]| {
            from.iter().zip(to).map(|(from, to)| (from - to) * (from - to)).sum::<f64>().sqrt()
        };
        let steps: Vec<f64> = (-20..20).map(|step| distance(color(step), color(step + 1))).collect();
        let mean = steps.iter().sum::<f64>() / 40.0;
        // A byte is up to 0.002 of a color's distance; a color outside of the sRGB gamut would be cut by far more.
        assert!(steps.iter().all(|step| (step - mean).abs() < 0.004), "{steps:?}");
    }

    #[test]
    fn every_name_leads_back_to_its_map() -> Result<(), Error> {
        for &map in ColorMap::ALL {
            assert_eq!(map.to_string().parse::<ColorMap>()?, map);
            assert!(!map.summary().is_empty());
        }
        Ok(())
    }

    #[test]
    fn a_name_that_no_map_has_is_answered_with_the_names_there_are() {
        let error = "rainbow".parse::<ColorMap>().unwrap_err().to_string();
        assert!(error.contains("rainbow") && error.contains("jet, seismic, black-fire-red"), "{error}");
    }

    proptest! {
        #[test]
        fn any_value_has_a_color(value in any::<f64>()) {
            for &map in ColorMap::ALL {
                let inside = if value.is_nan() { 0.0 } else { value.clamp(-1.0, 1.0) };
                prop_assert_eq!(map.color(value), map.color(inside));
            }
        }
    }
}
