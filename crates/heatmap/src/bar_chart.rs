//! Bars, one for each class: what stands beside a heatmap when scores are to be seen.

use image::RgbImage;

use crate::Error;
use crate::canvas::{Canvas, FAINT_INK, HAIRLINE, PAPER};
use crate::lettering::Lettering;

/// A bar for each of a few numbers, above and below a line at zero, with a label below each.
///
/// ```
/// use heatmap::BarChart;
/// let chart = BarChart::new([0.1, 0.7, -0.2], ["0", "1", "2"]).marked(1).range(-1.0, 1.0);
/// assert_eq!(chart.draw()?.dimensions(), (140, 89)); // 72 rows of the bars, the rest of the labels
/// # Ok::<(), heatmap::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct BarChart {
    /// The numbers.
    pub values: Vec<f64>,
    /// What stands below each; nothing where there are fewer.
    pub labels: Vec<String>,
    /// Which bar is in a color of its own.
    pub marked: Option<usize>,
    /// The numbers at the lower and the upper end; bars that reach beyond are cut off. `None` is from the least to the
    /// largest number, zero included.
    pub range: Option<(f64, f64)>,
    /// Width of the chart, in pixels (default 140).
    pub width: u32,
    /// Height of the longest bar, in pixels (default 72).
    pub height: u32,
}

/// Color of a bar.
const BAR: [u8; 3] = [132, 146, 166];
/// Color of the marked bar.
const MARKED: [u8; 3] = [213, 94, 0];
/// What the labels are written with.
const LETTERING: Lettering = Lettering::new(2, FAINT_INK);
/// Between the bars and the labels.
const GAP: u32 = 3;

impl BarChart {
    /// A chart of these numbers, with a label for each.
    pub fn new<S: Into<String>>(values: impl IntoIterator<Item = f64>, labels: impl IntoIterator<Item = S>) -> Self {
        Self {
            values: values.into_iter().collect(),
            labels: labels.into_iter().map(Into::into).collect(),
            marked: None,
            range: None,
            width: 140,
            height: 72,
        }
    }

    /// The chart, one bar of it in a color of its own.
    #[must_use]
    pub fn marked(self, bar: usize) -> Self {
        Self { marked: Some(bar), ..self }
    }

    /// The chart from `low` to `high`, so that several can be compared.
    #[must_use]
    pub fn range(self, low: f64, high: f64) -> Self {
        Self { range: Some((low, high)), ..self }
    }

    /// Draws it, on white.
    ///
    /// # Errors
    /// [`Error::Option`] for numbers that are not finite, a range that holds no zero or nothing else, or a chart too
    /// narrow for its bars; [`Error::TooLarge`].
    pub fn draw(&self) -> Result<RgbImage, Error> {
        let (low, high) = self.checked_range()?;
        let pitch = self.width / self.values.len().max(1) as u32;
        if pitch == 0 || self.height == 0 {
            let expected = "at least one pixel for each bar, and a height";
            return Err(Error::Option { option: "the width of a bar chart", value: self.width.into(), expected });
        }
        let mut canvas =
            Canvas::new(self.width.into(), u64::from(self.height) + u64::from(GAP + LETTERING.capital()), PAPER)?;
        let row = |value: f64| {
            let share = (high - value.clamp(low, high)) / (high - low);
            ((share * f64::from(self.height)).round() as u32).min(self.height)
        };
        let left = (self.width - pitch * self.values.len() as u32) / 2;
        for (bar, &value) in self.values.iter().enumerate() {
            let (top, bottom) = (row(value.max(0.0)), row(value.min(0.0)));
            let color = if self.marked == Some(bar) { MARKED } else { BAR };
            let x = left + pitch * bar as u32;
            canvas.fill(x + pitch / 8, top, (pitch - pitch / 4).max(1), bottom - top, color);
            if let Some(label) = self.labels.get(bar) {
                canvas.write_centered(label, x + pitch / 2, self.height + GAP, LETTERING);
            }
        }
        canvas.fill(0, row(0.0).min(self.height - 1), self.width, 1, HAIRLINE);
        Ok(canvas.finish())
    }

    /// The numbers at both ends.
    fn checked_range(&self) -> Result<(f64, f64), Error> {
        if let Some(&value) = self.values.iter().find(|value| !value.is_finite()) {
            return Err(Error::Option { option: "a bar", value, expected: "a finite number" });
        }
        let ends =
            self.values.iter().fold((0.0, 0.0), |(low, high): (f64, f64), &value| (low.min(value), high.max(value)));
        let (low, high) = self.range.unwrap_or(ends);
        if self.range.is_none() && low == high {
            return Ok((0.0, 1.0));
        }
        let finite = low.is_finite() && high.is_finite() && (high - low).is_finite();
        if !finite || low > 0.0 || high < 0.0 || low == high {
            let expected = "up to a larger number, both finite, with zero between them";
            return Err(Error::Option { option: "the range of a bar chart from", value: low, expected });
        }
        Ok((low, high))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows_of(picture: &RgbImage, x: u32, color: [u8; 3]) -> Vec<u32> {
        (0..picture.height()).filter(|&y| picture.get_pixel(x, y).0 == color).collect()
    }

    #[test]
    fn bars_reach_from_zero_to_their_numbers() -> Result<(), Error> {
        let chart = BarChart { width: 40, height: 20, ..BarChart::new([1.0, -0.5], ["", ""]) }.marked(1);
        let picture = chart.range(-1.0, 1.0).draw()?;
        assert_eq!(rows_of(&picture, 10, BAR), (0..10).collect::<Vec<_>>());
        assert_eq!(rows_of(&picture, 30, MARKED), (11..15).collect::<Vec<_>>()); // row 10 is the line at zero
        assert_eq!(rows_of(&picture, 0, HAIRLINE), [10]);
        Ok(())
    }

    #[test]
    fn what_can_not_be_drawn_is_said() {
        let message = |chart: BarChart| chart.draw().unwrap_err().to_string();
        let chart = || BarChart::new([1.0, 2.0], ["a"]);
        assert!(message(BarChart::new([f64::NAN], ["a"])).contains("NaN"));
        assert!(message(chart().range(1.0, 2.0)).contains("zero between"));
        assert!(message(chart().range(0.0, 0.0)).contains("larger"));
        assert!(message(BarChart { width: 1, ..chart() }).contains("at least one pixel"));
        assert!(BarChart::new([0.0; 3], ["a"]).draw().is_ok() && BarChart::new([], [""; 0]).draw().is_ok());
    }

    proptest! {
        #[test]
        fn any_numbers_are_drawn_or_refused(
            values in prop::collection::vec(any::<f64>(), 0..12),
            (width, height) in (0_u32..60, 0_u32..60),
            range in prop::option::of((any::<f64>(), any::<f64>())),
        ) {
            let chart = BarChart { range, width, height, ..BarChart::new(values, ["x"; 12]) };
            if let Ok(picture) = chart.draw() {
                prop_assert_eq!(picture.width(), width);
            }
        }
    }
}
