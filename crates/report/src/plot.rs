//! Curves, drawn as SVG.

use minijinja::Environment;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use serde::Serialize;

use crate::Error;

/// How a curve is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Line {
    /// What the plot is about.
    #[default]
    Solid,
    /// What it is compared with.
    Dashed,
}

/// A curve of a [`Plot`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    /// What the legend calls it.
    pub name: String,
    /// The points that it goes through, in this order; it is interrupted at points that are not finite or beyond 1e300.
    pub points: Vec<(f64, f64)>,
    /// Around it, where it may as well be: places, each with the lower and the upper end.
    pub band: Vec<(f64, f64, f64)>,
    /// How it is drawn.
    pub line: Line,
    /// Which of the colors it has, counted from 0; `None` is the curve's place among the others.
    pub color: Option<usize>,
}

impl Curve {
    /// A solid curve.
    pub fn new(name: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self { name: name.into(), points: points.into_iter().collect(), ..Self::default() }
    }

    /// The curve with a band around it, a confidence interval: places, each with the lower and the upper end.
    #[must_use]
    pub fn banded(self, band: impl IntoIterator<Item = (f64, f64, f64)>) -> Self {
        Self { band: band.into_iter().collect(), ..self }
    }

    /// The curve, dashed.
    #[must_use]
    pub fn dashed(self) -> Self {
        Self { line: Line::Dashed, ..self }
    }

    /// The curve in another color than that of its place, so that two may share one.
    #[must_use]
    pub fn colored(self, color: usize) -> Self {
        Self { color: Some(color), ..self }
    }
}

impl Curve {
    /// All points that a drawing has to have room for.
    fn extent(&self) -> impl Iterator<Item = (f64, f64)> {
        let band = self.band.iter().flat_map(|&(place, low, high)| [(place, low), (place, high)]);
        self.points.iter().copied().chain(band)
    }
}

/// Curves over one pair of axes, with a legend at the right.
///
/// The axes reach from the smallest number to the largest, to the next round ones. The colors are those of Okabe and
/// Ito, which color-blind readers tell apart; there are eight, and a ninth curve has the first again. The same curves
/// give the same bytes.
///
/// ```
/// use report::{Curve, Picture, Plot, Report, Section};
/// let plot = Plot::new("Flipping", "flipped pixels (%)", "mean score")
///     .curve(Curve::new("highest first", [(0.0, 9.0), (10.0, -4.0)]))
///     .curve(Curve::new("random", [(0.0, 9.0), (10.0, 7.5)]).dashed());
/// assert!(plot.svg()?.contains("highest first"));
/// let section = Section::new("Fig. 19").pictures([Picture::plot(&plot, "Threes")?]);
/// assert!(Report::new("Figures").section(section).render()?.contains("data:image/svg+xml;base64,"));
/// # Ok::<(), report::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plot {
    /// What stands on top.
    pub title: String,
    /// What the horizontal axis says.
    pub horizontal: String,
    /// What the vertical axis says.
    pub vertical: String,
    /// The curves; the first is drawn first.
    pub curves: Vec<Curve>,
}

/// A plot as the template wants it; places are in pixels.
#[derive(Serialize)]
struct PlotView<'a> {
    width: u32,
    height: u32,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    title: &'a str,
    horizontal: &'a str,
    vertical: &'a str,
    horizontal_ticks: Vec<TickView>,
    vertical_ticks: Vec<TickView>,
    curves: Vec<CurveView<'a>>,
}

#[derive(Serialize)]
struct TickView {
    place: f64,
    label: String,
    zero: bool,
}

#[derive(Serialize)]
struct CurveView<'a> {
    name: &'a str,
    path: String,
    band: String,
    color: &'static str,
    width: f64,
    dashed: bool,
    legend: f64,
}

/// Okabe and Ito, "Color Universal Design", without its yellow, which is too light for a line; gray is in its place.
const COLORS: [&str; 8] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8a8a8a"];

const LEFT: f64 = 62.0;
const TOP: f64 = 38.0;
const PLOT_WIDTH: f64 = 420.0;
const PLOT_HEIGHT: f64 = 260.0;
const BELOW: f64 = 50.0;
/// The legend's line and the gaps beside it.
const LEGEND_LINE: f64 = 58.0;
const LEGEND_PITCH: f64 = 20.0;
/// The width of a letter, on the safe side.
const LETTER: f64 = 7.2;

impl Plot {
    /// Axes without curves.
    pub fn new(title: impl Into<String>, horizontal: impl Into<String>, vertical: impl Into<String>) -> Self {
        Self { title: title.into(), horizontal: horizontal.into(), vertical: vertical.into(), curves: Vec::new() }
    }

    /// Adds a curve.
    #[must_use]
    pub fn curve(mut self, curve: Curve) -> Self {
        self.curves.push(curve);
        self
    }

    /// The plot as the text of an SVG file.
    ///
    /// # Errors
    /// None that a caller could cause.
    pub fn svg(&self) -> Result<String, Error> {
        let mut templates = Environment::new();
        templates.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
        // What ends in `.xml` is escaped by the template engine.
        templates.add_template("plot.xml", include_str!("plot.svg"))?;
        Ok(templates.get_template("plot.xml")?.render(Serde(self.view()))?)
    }

    /// Width and height of the drawing.
    pub(crate) fn size(&self) -> (u32, u32) {
        let letters = self.curves.iter().map(|curve| curve.name.chars().count()).max().unwrap_or(0);
        let width = LEFT + PLOT_WIDTH + LEGEND_LINE + LETTER * letters as f64;
        let legend = TOP + LEGEND_PITCH * self.curves.len() as f64;
        (width as u32, (TOP + PLOT_HEIGHT + BELOW).max(legend) as u32)
    }

    fn view(&self) -> PlotView<'_> {
        let drawn = || self.curves.iter().flat_map(Curve::extent).filter(is_drawn);
        let (right, bottom) = (LEFT + PLOT_WIDTH, TOP + PLOT_HEIGHT);
        let across = Axis::over(drawn().map(|point| point.0), LEFT, right);
        let upward = Axis::over(drawn().map(|point| point.1), bottom, TOP);
        let curve = |(place, curve): (usize, &'_ Curve)| {
            let color = COLORS[curve.color.unwrap_or(place) % COLORS.len()];
            let band = outline(&curve.band, &across, &upward);
            (place, color, path(&curve.points, &across, &upward), band)
        };
        let view = |(place, color, path, band): (usize, &'static str, String, String)| CurveView {
            name: &self.curves[place].name,
            path,
            band,
            color,
            width: if self.curves[place].line == Line::Solid { 2.0 } else { 1.6 },
            dashed: self.curves[place].line == Line::Dashed,
            legend: TOP + LEGEND_PITCH * (place as f64 + 0.5),
        };
        let (width, height) = self.size();
        PlotView {
            width,
            height,
            left: LEFT,
            right,
            top: TOP,
            bottom,
            title: &self.title,
            horizontal: &self.horizontal,
            vertical: &self.vertical,
            horizontal_ticks: across.ticks(),
            vertical_ticks: upward.ticks(),
            curves: self.curves.iter().enumerate().map(curve).map(view).collect(),
        }
    }
}

/// Round numbers beyond larger ones than that, and differences between them, might not be finite.
const LARGEST: f64 = 1e300;

fn is_drawn(point: &(f64, f64)) -> bool {
    point.0.abs() <= LARGEST && point.1.abs() <= LARGEST
}

/// A curve as SVG has it: to the first point of each run of those that are drawn, then lines.
fn path(points: &[(f64, f64)], across: &Axis, upward: &Axis) -> String {
    let run = |run: &[(f64, f64)]| {
        let places = run.iter().map(|point| format!("{:.2},{:.2}", across.place(point.0), upward.place(point.1)));
        format!("M{}", places.collect::<Vec<_>>().join("L"))
    };
    points.split(|point| !is_drawn(point)).filter(|points| !points.is_empty()).map(run).collect()
}

/// A band as SVG has it: along its upper ends, and back along the lower ones.
fn outline(band: &[(f64, f64, f64)], across: &Axis, upward: &Axis) -> String {
    let is_drawn = |&&(place, low, high): &&(f64, f64, f64)| is_drawn(&(place, low)) && is_drawn(&(place, high));
    let drawn: Vec<_> = band.iter().filter(is_drawn).collect();
    let there = drawn.iter().map(|&&(place, _, high)| (place, high));
    let back = drawn.iter().rev().map(|&&(place, low, _)| (place, low));
    path(&there.chain(back).collect::<Vec<_>>(), across, upward)
}

/// An axis: round numbers from `first` on, `step` apart, and where its ends are.
struct Axis {
    first: f64,
    step: f64,
    steps: usize,
    start: f64,
    end: f64,
}

impl Axis {
    /// Steps of 1, 2 or 5 times a power of ten, six or seven of them at most.
    fn over(values: impl Iterator<Item = f64>, start: f64, end: f64) -> Self {
        let (low, high) =
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        let (low, high) = if low > high { (0.0, 1.0) } else { (low, high) };
        let span = if high - low > f64::EPSILON * low.abs().max(high.abs()) { high - low } else { low.abs().max(1.0) };
        let power = 10_f64.powf((span / 6.0).log10().floor()).max(f64::MIN_POSITIVE);
        let step = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * power).into_iter().find(|step| span / step <= 6.0);
        let step = step.unwrap_or(10.0 * power);
        let first = (low / step).floor();
        let steps = ((high / step).ceil() - first).clamp(1.0, 12.0);
        Self { first: first * step, step, steps: steps as usize, start, end }
    }

    /// Where a number is, in pixels.
    fn place(&self, value: f64) -> f64 {
        self.start + (self.end - self.start) * ((value - self.first) / self.step) / self.steps as f64
    }

    fn ticks(&self) -> Vec<TickView> {
        let decimals = (-self.step.log10().floor()).clamp(0.0, 12.0) as usize;
        let tick = |number: usize| {
            let value = self.first + self.step * number as f64;
            let zero = value.abs() < self.step / 2.0;
            let label = if zero { "0".to_owned() } else { format!("{value:.decimals$}").replace('-', "−") };
            TickView { place: (100.0 * self.place(value)).round() / 100.0, label, zero }
        };
        (0..=self.steps).map(tick).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(values: &[f64]) -> Vec<String> {
        Axis::over(values.iter().copied(), 0.0, 100.0).ticks().into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn axes_have_round_numbers_around_all_values() {
        assert_eq!(labels(&[0.0, 100.0]), ["0", "20", "40", "60", "80", "100"]);
        assert_eq!(labels(&[-7.3, 12.9]), ["−10", "−5", "0", "5", "10", "15"]);
        assert_eq!(labels(&[0.011, 0.052]), ["0.01", "0.02", "0.03", "0.04", "0.05", "0.06"]);
        assert_eq!(labels(&[]), labels(&[0.0, 1.0]));
        assert_eq!(labels(&[3.0, 3.0]).first().map(String::as_str), Some("3.0"));
    }

    #[test]
    fn ends_of_an_axis_are_where_they_should_be() {
        let axis = Axis::over([0.0, 100.0].into_iter(), 300.0, 20.0);
        assert_eq!([0.0, 50.0, 100.0].map(|value| axis.place(value)), [300.0, 160.0, 20.0]);
    }

    #[test]
    fn points_that_are_not_finite_interrupt_a_curve() {
        let axis = || Axis::over([0.0, 100.0].into_iter(), 0.0, 100.0);
        let points = [(0.0, 0.0), (1.0, 2.0), (f64::NAN, 0.0), (3.0, f64::INFINITY), (50.0, 60.0)];
        assert_eq!(path(&points, &axis(), &axis()), "M0.00,0.00L1.00,2.00M50.00,60.00");
    }

    #[test]
    fn texts_are_escaped() {
        let plot = Plot::new("<b>&", "\"x\"", "'y'").curve(Curve::new("</svg>", [(0.0, 1.0)]).dashed().colored(9));
        let svg = plot.svg().unwrap();
        assert!(svg.contains("&lt;b&gt;&amp;") && svg.contains("&lt;&#x2f;svg&gt;"), "{svg}");
        assert_eq!(svg.matches("</svg>").count(), 1);
        assert_eq!(svg.matches(COLORS[1]).count(), 2);
        assert_eq!(svg.matches("dasharray").count(), 2);
    }

    #[test]
    fn the_largest_numbers_make_a_drawing() {
        let points = [(-1.3e13, 0.0), (1.6e308, 1.0), (f64::MAX, f64::MIN), (1e300, -1e300), (-1e300, 1e300)];
        let svg = Plot::new("", "", "").curve(Curve::new("a", points)).svg().unwrap();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }

    proptest! {
        #[test]
        fn any_numbers_make_a_drawing(points in prop::collection::vec((any::<f64>(), any::<f64>()), 0..20)) {
            let svg = Plot::new("", "", "").curve(Curve::new("a", points)).svg().unwrap();
            prop_assert!(!svg.contains("NaN") && !svg.contains("inf"), "{}", svg);
        }
    }
}
