//! Color maps as lists of stops, with straight lines between them in sRGB or in OKLab.

/// A color at one value.
pub(super) struct Stop {
    value: f64,
    color: [f64; 3],
}

impl Stop {
    pub(super) const fn new(value: f64, color: [f64; 3]) -> Self {
        Self { value, color }
    }
}

/// Straight lines between stops whose colors are sRGB in [0, 1].
pub(super) fn in_srgb(stops: &[Stop], value: f64) -> [u8; 3] {
    between(stops, value).map(byte)
}

/// Straight lines between stops whose colors are lightness, a and b of OKLab.
pub(super) fn in_oklab(stops: &[Stop], value: f64) -> [u8; 3] {
    let [lightness, a, b] = between(stops, value);
    // Björn Ottosson, "A perceptual color space for image processing", 2020
    let cone = [
        lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b,
        lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b,
        lightness - 0.089_484_177_5 * a - 1.291_485_548_0 * b,
    ]
    .map(|root| root * root * root);
    [
        4.076_741_662_1 * cone[0] - 3.307_711_591_3 * cone[1] + 0.230_969_929_2 * cone[2],
        -1.268_438_004_6 * cone[0] + 2.609_757_401_1 * cone[1] - 0.341_319_396_5 * cone[2],
        -0.004_196_086_3 * cone[0] - 0.703_418_614_7 * cone[1] + 1.707_614_701_0 * cone[2],
    ]
    .map(|linear| byte(gamma(linear)))
}

/// The color at `value`; the first or last stop's beyond them.
fn between(stops: &[Stop], value: f64) -> [f64; 3] {
    let above = stops.partition_point(|stop| stop.value <= value);
    match (above.checked_sub(1).and_then(|below| stops.get(below)), stops.get(above)) {
        (Some(below), Some(above)) => {
            let share = (value - below.value) / (above.value - below.value);
            std::array::from_fn(|channel| below.color[channel] + share * (above.color[channel] - below.color[channel]))
        }
        (Some(end), None) | (None, Some(end)) => end.color,
        (None, None) => [0.0; 3],
    }
}

fn byte(unit: f64) -> u8 {
    (255.0 * unit.clamp(0.0, 1.0)).round() as u8
}

/// From linear light to sRGB.
fn gamma(linear: f64) -> f64 {
    if linear <= 0.003_130_8 { 12.92 * linear } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 }
}

/// Lightness, a and b of OKLab of a color.
#[cfg(test)]
pub(super) fn oklab(color: [u8; 3]) -> [f64; 3] {
    let [red, green, blue] = color.map(|byte| {
        let unit = f64::from(byte) / 255.0;
        if unit <= 0.040_45 { unit / 12.92 } else { ((unit + 0.055) / 1.055).powf(2.4) }
    });
    let cone = [
        0.412_221_470_8 * red + 0.536_332_536_3 * green + 0.051_445_992_9 * blue,
        0.211_903_498_2 * red + 0.680_699_545_1 * green + 0.107_396_956_6 * blue,
        0.088_302_461_9 * red + 0.281_718_837_6 * green + 0.629_978_700_5 * blue,
    ]
    .map(f64::cbrt);
    [
        0.210_454_255_3 * cone[0] + 0.793_617_785_0 * cone[1] - 0.004_072_046_8 * cone[2],
        1.977_998_495_1 * cone[0] - 2.428_592_205_0 * cone[1] + 0.450_593_709_9 * cone[2],
        0.025_904_037_1 * cone[0] + 0.782_771_766_2 * cone[1] - 0.808_675_766_0 * cone[2],
    ]
}

/// The lightness of OKLab of a color.
#[cfg(test)]
pub(super) fn lightness(color: [u8; 3]) -> f64 {
    oklab(color)[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_has_its_own_color_and_the_ends_reach_outward() {
        let stops = [Stop::new(-1.0, [0.0; 3]), Stop::new(0.5, [0.2, 0.4, 0.6]), Stop::new(1.0, [1.0; 3])];
        assert_eq!(between(&stops, 0.5), [0.2, 0.4, 0.6]);
        assert_eq!((between(&stops, -3.0), between(&stops, 3.0)), ([0.0; 3], [1.0; 3]));
        assert_eq!(between(&stops, -0.25), [0.1, 0.2, 0.3]);
    }

    #[test]
    fn oklab_there_and_back_is_the_same_byte() {
        for color in [[0, 0, 0], [255, 255, 255], [200, 30, 90], [1, 128, 254]] {
            let stop = [Stop::new(0.0, oklab(color))];
            assert_eq!(in_oklab(&stop, 0.0), color);
        }
    }
}
