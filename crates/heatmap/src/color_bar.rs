//! Color bars: which number each color stands for.

use image::{Rgb, RgbImage};

use crate::canvas::{Canvas, FAINT_INK, HAIRLINE, INK, PAPER};
use crate::lettering::Lettering;
use crate::{ColorMap, Error};

/// Which way a color bar lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Orientation {
    /// From left to right, numbers below.
    #[default]
    Horizontal,
    /// From bottom to top, numbers at the right.
    Vertical,
}

/// A bar of a map's colors with numbers at it.
///
/// ```
/// use heatmap::{ColorBar, ColorMap};
/// let bar = ColorBar { color_map: ColorMap::Seismic, maximum: 0.0125, ..ColorBar::default() };
/// assert!(bar.draw()?.width() > 200); // numbers from −0.0125 to 0.0125
/// # Ok::<(), heatmap::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ColorBar {
    /// Its colors. Default: jet.
    pub color_map: ColorMap,
    /// The number at the positive end. Default: 1, what relevance has after Eq. 35; the largest `|R_q|` before Eq. 35
    /// gives numbers in units of the score.
    pub maximum: f64,
    /// What stands at the negative and the positive end in words. Default: nothing.
    pub captions: Option<[String; 2]>,
    /// Which way it lies.
    pub orientation: Orientation,
    /// Pixels from end to end, at least 2. Default: 204, twice a tile of the paper's Fig 6.
    pub length: u32,
    /// Pixels across, at least 1. Default: 14.
    pub thickness: u32,
    /// Size of the lettering, from 1 to 16: capitals are seven times as many pixels high. Default: 2, for screens of double
    /// density.
    pub text_size: u32,
}

impl Default for ColorBar {
    fn default() -> Self {
        Self {
            color_map: ColorMap::default(),
            maximum: 1.0,
            captions: None,
            orientation: Orientation::default(),
            length: 204,
            thickness: 14,
            text_size: 2,
        }
    }
}

/// A number at a bar, and where it stands on it: −1 and 1 are the ends.
type Tick = (f64, String);

impl ColorBar {
    /// A bar of a map's colors, lying, from −1 to 1.
    pub fn of(color_map: ColorMap) -> Self {
        Self { color_map, ..Self::default() }
    }

    /// The bar with words at its ends, the negative one first.
    #[must_use]
    pub fn captions(self, negative: impl Into<String>, positive: impl Into<String>) -> Self {
        Self { captions: Some([negative.into(), positive.into()]), ..self }
    }

    /// Draws it, on white.
    ///
    /// # Errors
    /// [`Error::Option`] for options outside of their ranges; [`Error::TooLarge`].
    pub fn draw(&self) -> Result<RgbImage, Error> {
        self.check()?;
        match self.orientation {
            Orientation::Horizontal => self.draw_horizontal(),
            Orientation::Vertical => self.draw_vertical(),
        }
    }

    fn draw_horizontal(&self) -> Result<RgbImage, Error> {
        let (numbers, captions) = (self.numbers(), self.words());
        let ticks = self.ticks(|label| numbers.width(label) + 4 * self.text_size);
        let margin = ticks.iter().map(|(_, label)| numbers.width(label).div_ceil(2)).max().unwrap_or(0).max(1);
        let top = self.captions.as_ref().map_or(1, |_| captions.height() + 2 * self.text_size);
        let below = top + self.thickness + self.tick_length();
        let width = u64::from(self.length.max(self.caption_width())) + 2 * u64::from(margin);
        let mut canvas = Canvas::new(width, u64::from(below + self.text_size + numbers.capital()), PAPER)?;

        let left = margin + self.caption_width().saturating_sub(self.length) / 2;
        canvas.framed(left, top, &self.colors()?);
        for (value, label) in &ticks {
            let x = left + self.position(*value);
            canvas.fill(x, top + self.thickness + 1, 1, self.tick_length() - 1, FAINT_INK);
            canvas.write_centered(label, x, below + self.text_size, numbers);
        }
        if let Some([negative, positive]) = &self.captions {
            canvas.write(negative, margin, 0, captions);
            let right = margin + self.length.max(self.caption_width());
            canvas.write(positive, right.saturating_sub(captions.width(positive)), 0, captions);
        }
        Ok(canvas.finish())
    }

    fn draw_vertical(&self) -> Result<RgbImage, Error> {
        let (numbers, captions) = (self.numbers(), self.words());
        let ticks = self.ticks(|_| 2 * numbers.capital());
        let longest = ticks.iter().map(|(_, label)| numbers.width(label)).max().unwrap_or(0);
        let margin = match &self.captions {
            Some(_) => captions.height() + numbers.capital().div_ceil(2) + self.text_size,
            None => numbers.capital().div_ceil(2),
        };
        let beside = self.thickness + 1 + self.tick_length();
        let width = beside + self.text_size + longest;
        let widest_caption = self.captions.iter().flatten().map(|caption| captions.width(caption)).max().unwrap_or(0);
        let height = u64::from(self.length) + 2 * u64::from(margin);
        let mut canvas = Canvas::new(u64::from(width.max(widest_caption)), height, PAPER)?;

        canvas.framed(1, margin, &image::imageops::rotate270(&self.colors()?));
        for (value, label) in &ticks {
            let y = margin + self.length - 1 - self.position(*value);
            canvas.fill(self.thickness + 2, y, self.tick_length() - 1, 1, FAINT_INK);
            canvas.write(label, beside + self.text_size, y.saturating_sub(numbers.capital() / 2), numbers);
        }
        if let Some([negative, positive]) = &self.captions {
            canvas.write(positive, 0, 0, captions);
            canvas.write(negative, 0, 2 * margin + self.length - captions.height(), captions);
        }
        Ok(canvas.finish())
    }

    /// The colors, lying, without a frame, zero marked by nothing but its color.
    fn colors(&self) -> Result<RgbImage, Error> {
        let mut picture = Canvas::new(self.length.into(), self.thickness.into(), HAIRLINE)?.finish();
        let last = f64::from(self.length - 1);
        for (x, _, pixel) in picture.enumerate_pixels_mut() {
            *pixel = Rgb(self.color_map.color(2.0 * f64::from(x) / last - 1.0));
        }
        Ok(picture)
    }

    /// As many numbers as there is room for: five, or three.
    fn ticks(&self, room: impl Fn(&str) -> u32) -> Vec<Tick> {
        let at = |values: &[f64]| -> Vec<Tick> {
            values.iter().map(|value| (*value, number(value * self.maximum))).collect()
        };
        let five = at(&[-1.0, -0.5, 0.0, 0.5, 1.0]);
        let widest = five.iter().map(|(_, label)| room(label)).max().unwrap_or(0);
        if 4 * widest <= self.length { five } else { at(&[-1.0, 0.0, 1.0]) }
    }

    /// Pixels from the negative end.
    fn position(&self, value: f64) -> u32 {
        ((0.5 + 0.5 * value) * f64::from(self.length - 1)).round() as u32
    }

    fn caption_width(&self) -> u32 {
        let widths: u32 = self.captions.iter().flatten().map(|caption| self.words().width(caption)).sum();
        if widths == 0 { 0 } else { widths + 6 * self.text_size }
    }

    fn tick_length(&self) -> u32 {
        2 * self.text_size + 1
    }

    fn numbers(&self) -> Lettering {
        Lettering::new(self.text_size, INK)
    }

    fn words(&self) -> Lettering {
        Lettering::new(self.text_size, FAINT_INK)
    }

    fn check(&self) -> Result<(), Error> {
        let options = [
            ("length", f64::from(self.length), self.length >= 2 && self.length <= 65_535, "from 2 to 65535"),
            ("thickness", f64::from(self.thickness), (1..=65_535).contains(&self.thickness), "from 1 to 65535"),
            ("maximum", self.maximum, self.maximum > 0.0 && self.maximum.is_finite(), "a finite number larger than 0"),
        ];
        for (option, value, is_right, expected) in options {
            if !is_right {
                return Err(Error::Option { option, value, expected });
            }
        }
        check_text_size(self.text_size)
    }
}

/// Fails for lettering too small to be there or too large to be read.
pub(crate) fn check_text_size(size: u32) -> Result<(), Error> {
    if (1..=16).contains(&size) {
        Ok(())
    } else {
        Err(Error::Option { option: "text_size", value: size.into(), expected: "from 1 to 16" })
    }
}

/// A number of three digits, as short as it can be written, with a true minus.
fn number(value: f64) -> String {
    let magnitude = value.abs();
    let written = if magnitude == 0.0 {
        "0".to_owned()
    } else if (1e-3..1e5).contains(&magnitude) {
        let decimals = (2.0 - magnitude.log10().floor()).max(0.0) as usize;
        let padded = format!("{value:.decimals$}");
        if padded.contains('.') { padded.trim_end_matches('0').trim_end_matches('.').to_owned() } else { padded }
    } else {
        format!("{value:.1e}")
    };
    written.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_short_and_have_three_digits() {
        let expected = [
            (1.0, "1"),
            (-0.5, "−0.5"),
            (0.0, "0"),
            (-0.0, "0"),
            (0.012_345, "0.0123"),
            (999.9, "1000"),
            (1200.0, "1200"),
            (-31_415.9, "−31416"),
            (1.5e-7, "1.5e−7"),
            (2e9, "2.0e9"),
        ];
        for (value, written) in expected {
            assert_eq!(number(value), written);
        }
    }

    #[test]
    fn the_bar_runs_from_the_lowest_color_to_the_highest() -> Result<(), Error> {
        for &map in ColorMap::ALL {
            let colors = ColorBar { length: 101, ..ColorBar::of(map) }.colors()?;
            let found = [0, 50, 100].map(|x| colors.get_pixel(x, 3).0);
            assert_eq!(found, [-1.0, 0.0, 1.0].map(|value| map.color(value)), "{map}");
        }
        Ok(())
    }

    #[test]
    fn a_standing_bar_has_its_highest_color_on_top() -> Result<(), Error> {
        let bar = ColorBar { orientation: Orientation::Vertical, ..ColorBar::of(ColorMap::GrayRed) }.draw()?;
        let rows: Vec<[u8; 3]> = (0..bar.height()).map(|y| bar.get_pixel(5, y).0).collect();
        let place = |color: [u8; 3]| rows.iter().position(|row| *row == color);
        assert!(place([255, 0, 0]).is_some() && place([255, 0, 0]) < place([0, 0, 255]));
        Ok(())
    }

    #[test]
    fn a_short_bar_has_fewer_numbers() {
        let room = |label: &str| 12 * label.chars().count() as u32;
        assert_eq!(ColorBar { length: 300, ..ColorBar::default() }.ticks(room).len(), 5);
        assert_eq!(ColorBar { length: 100, ..ColorBar::default() }.ticks(room).len(), 3);
    }

    #[test]
    fn options_out_of_range_are_named() {
        let wrong = [
            ColorBar { length: 1, ..ColorBar::default() },
            ColorBar { thickness: 0, ..ColorBar::default() },
            ColorBar { maximum: 0.0, ..ColorBar::default() },
            ColorBar { maximum: f64::NAN, ..ColorBar::default() },
            ColorBar { text_size: 0, ..ColorBar::default() },
        ];
        for bar in wrong {
            assert!(matches!(bar.draw(), Err(Error::Option { .. })), "{bar:?}");
        }
    }

    proptest! {
        #[test]
        fn bars_of_any_size_are_drawn(
            length in 2u32..300, thickness in 1u32..40, text_size in 1u32..5, maximum in 1e-12..1e12, words in "\\PC{0,20}"
        ) {
            for orientation in [Orientation::Horizontal, Orientation::Vertical] {
                let bar = ColorBar { length, thickness, text_size, maximum, orientation, ..ColorBar::default() };
                let bar = bar.captions(words.as_str(), "for");
                let picture = bar.draw().unwrap();
                let along = if orientation == Orientation::Horizontal { picture.width() } else { picture.height() };
                prop_assert!(along >= length);
            }
        }
    }
}
