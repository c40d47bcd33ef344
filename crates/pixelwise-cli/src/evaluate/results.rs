//! What comes out: a table, CSV and JSON, curves, and a report.

use std::time::Duration;

use evaluation::{CurveAxis, CurveTarget, Direction, Evaluation, Measure};
use report::{Curve, Picture, Plot, Report, Section};
use serde_json::{Value, json};

use super::Arguments;
use super::maps::Maps;
use super::subject::Subject;
use crate::failure::{Context, Failure};
use crate::output::{Table, interval, numbers, quoted, written};

/// All that was asked for.
pub struct Asked<'a> {
    pub arguments: &'a Arguments,
    /// The command line.
    pub command: String,
    pub measures: &'a [Box<dyn Measure>],
    pub subject: &'a Subject,
    pub maps: &'a Maps,
}

/// All that was found.
pub struct Results<'a> {
    pub asked: &'a Asked<'a>,
    /// One for each way.
    pub evaluations: &'a [Evaluation],
}

/// The strongest color of the page's maps stands for the magnitude that so many of the pixels do not exceed.
const LEVEL: f64 = 0.99;

impl Results<'_> {
    /// Writes all files.
    pub fn write(&self) -> Result<(), Failure> {
        self.write_file("table.csv", &self.table_csv())?;
        self.write_file("samples.csv", &self.samples_csv())?;
        self.write_file("evaluation.json", &format!("{:#}\n", self.json()))?;
        for (position, measure) in self.asked.measures.iter().enumerate() {
            if let Some((plot, csv)) = self.plot(position, false) {
                let name = file_name(&measure.to_string());
                self.write_file(&format!("{name}.svg"), &plot.svg()?)?;
                self.write_file(&format!("{name}.csv"), &csv)?;
            }
        }
        self.write_page(None)
    }

    /// Writes the page, which reloads itself from time to time while a run goes on.
    pub fn write_page(&self, reload: Option<Duration>) -> Result<(), Failure> {
        let report = self.report(reload.is_some())?;
        let report = reload.into_iter().fold(report, Report::reloaded_every);
        self.write_file("report.html", &report.render()?)
    }

    fn write_file(&self, name: &str, text: &str) -> Result<(), Failure> {
        let path = self.asked.arguments.output.join(name);
        whole_file::write(&path, text.as_bytes()).context(format!("can't write {}", path.display()))
    }

    /// What each way is called, and what was found of it.
    fn ways(&self) -> impl Iterator<Item = (&str, &Evaluation)> {
        self.asked.subject.explained.iter().map(|explained| explained.way.as_str()).zip(self.evaluations)
    }

    /// For a person: a row for each rule, a column for each measure.
    pub fn text(&self) -> String {
        let headings: Vec<String> = self.asked.measures.iter().map(|measure| heading(measure.as_ref())).collect();
        let mut table = Table::new(["rule"].into_iter().chain(headings.iter().map(String::as_str)));
        for (way, evaluation) in self.ways() {
            let estimates = (0..self.asked.measures.len()).map(|measure| interval(evaluation.estimate(measure)));
            table.row([way.to_owned()].into_iter().chain(estimates));
        }
        let (folder, count) = (self.asked.arguments.output.display(), self.asked.subject.samples.count());
        let positions = self.asked.subject.positions.iter().map(|over| format!("the score of a class is {over}\n"));
        format!(
            "{count} samples, means with 95 % confidence intervals; ↑ higher is better, ↓ lower\n{}{}\nfiles: {folder}\n",
            positions.collect::<String>(),
            table.text()
        )
    }

    /// For a program.
    pub fn json(&self) -> Value {
        let measures = self.asked.measures.iter().map(|measure| {
            json!({ "measure": measure.to_string(), "question": measure.question(), "better": better(measure.as_ref()) })
        });
        let rules = self.ways().map(|(way, evaluation)| {
            let estimates = self.asked.measures.iter().enumerate().map(|(position, measure)| {
                let estimate = evaluation.estimate(position);
                json!({
                    "measure": measure.to_string(),
                    "mean": estimate.map(|estimate| estimate.mean),
                    "interval": estimate.and_then(|estimate| estimate.interval),
                    "samples": estimate.map_or(0, |estimate| estimate.samples),
                    "values": evaluation.values(position),
                })
            });
            json!({ "rule": way, "measures": estimates.collect::<Vec<_>>() })
        });
        json!({
            "model": self.asked.arguments.model,
            "dtype": self.asked.subject.dtype,
            "inputs": self.asked.arguments.inputs,
            "samples": self.asked.subject.samples.names(),
            "positions": self.asked.subject.positions,
            "measures": measures.collect::<Vec<_>>(),
            "rules": rules.collect::<Vec<_>>(),
        })
    }

    fn table_csv(&self) -> String {
        let mut csv = "rule,measure,better,samples,mean,low,high\n".to_owned();
        for (way, evaluation) in self.ways() {
            for (position, measure) in self.asked.measures.iter().enumerate() {
                let (rule, name) = (quoted(way), quoted(&measure.to_string()));
                let (samples, [mean, low, high]) = match evaluation.estimate(position) {
                    Some(estimate) => (estimate.samples, numbers(&estimate)),
                    None => (0, Default::default()),
                };
                csv += &format!("{rule},{name},{},{samples},{mean},{low},{high}\n", better(measure.as_ref()));
            }
        }
        csv
    }

    fn samples_csv(&self) -> String {
        let mut csv = "sample,class,rule,measure,value\n".to_owned();
        for (way, evaluation) in self.ways() {
            for (position, measure) in self.asked.measures.iter().enumerate() {
                let values = evaluation.values(position);
                for ((name, judged), value) in
                    self.asked.subject.samples.names().iter().zip(evaluation.samples()).zip(values)
                {
                    let class = judged.as_ref().map_or_else(String::new, |judged| judged.target.to_string());
                    let (rule, measure) = (quoted(way), quoted(&measure.to_string()));
                    csv += &format!("{},{class},{rule},{measure},{}\n", quoted(name), written(value));
                }
            }
        }
        csv
    }

    /// The mean curves of a measure, one for each rule, and the numbers behind them; while a run goes on, also that of the
    /// sample that is being judged, as far as it has come.
    fn plot(&self, measure: usize, is_growing: bool) -> Option<(Plot, String)> {
        let mut csv = "rule,along,mean,low,high\n".to_owned();
        let mut plot: Option<Plot> = None;
        let title = || self.asked.measures[measure].to_string();
        for (place, (way, evaluation)) in self.ways().enumerate() {
            if let Some(curve) = evaluation.mean_curve(measure, CurveTarget::Target) {
                let (places, names, axis) = along(&curve.along);
                for (name, estimate) in names.iter().zip(&curve.values) {
                    let [mean, low, high] = numbers(estimate);
                    csv += &format!("{},{},{mean},{low},{high}\n", quoted(way), quoted(name));
                }
                let points = places.iter().copied().zip(curve.values.iter().map(|estimate| estimate.mean));
                let band = places.iter().copied().zip(curve.values.iter().map(|estimate| estimate.interval));
                let band = band.filter_map(|(place, interval)| interval.map(|(low, high)| (place, low, high)));
                let drawn = Curve::new(way, points).banded(band).colored(place);
                plot = Some(plot.unwrap_or_else(|| Plot::new(title(), axis, "mean")).curve(drawn));
            }
            if let Some((sample, scores)) =
                evaluation.growing(measure).filter(|(_, scores)| is_growing && !scores.is_empty())
            {
                let (places, axis) = self.places(measure, scores.len());
                let name = format!("{way}, {} so far", self.asked.subject.samples.names()[sample]);
                let drawn = Curve::new(name, places.into_iter().zip(scores)).dashed().colored(place);
                plot = Some(plot.unwrap_or_else(|| Plot::new(title(), axis, "score")).curve(drawn));
            }
        }
        Some((plot?, csv))
    }

    /// Where the first steps of a measure are, of a sample that is being judged: as in one that was, or counted.
    fn places(&self, measure: usize, steps: usize) -> (Vec<f64>, &'static str) {
        let known = self.evaluations.iter().find_map(|evaluation| evaluation.mean_curve(measure, CurveTarget::Target));
        match known.map(|curve| along(&curve.along)) {
            Some((places, _, axis)) => (places, axis),
            None => ((0..steps).map(|step| step as f64).collect(), "steps"),
        }
    }

    fn report(&self, is_growing: bool) -> Result<Report, Failure> {
        let Asked { arguments, measures, subject, maps, command } = self.asked;
        let count = subject.samples.count();
        let done = self.evaluations.iter().map(Evaluation::finished).sum::<usize>();
        let state = match is_growing {
            true => format!("going on: {done} of {} explanations are judged", count * self.evaluations.len()),
            false => format!("{count} samples"),
        };
        let mut report = Report::new("Are the heatmaps right?")
            .subtitle(format!("{}, {state}", arguments.model.display()))
            .section(self.side_by_side())
            .section(self.curves(is_growing)?)
            .section(maps.section(LEVEL)?)
            .command(command)
            .setting("model", arguments.model.display())
            .setting("inputs", arguments.inputs.display())
            .setting("numbers", subject.dtype);
        for (name, value) in &subject.settings {
            report = report.setting(name, value);
        }
        report = report.setting("explained class", subject.samples.about_targets());
        for measure in *measures {
            let settings = measure.settings().into_iter().map(|setting| format!("{}: {}", setting.key, setting.value));
            let settings = settings.collect::<Vec<_>>().join(", ");
            let settings = if settings.is_empty() { "no settings".to_owned() } else { settings };
            report = report.setting(measure.name(), settings);
        }
        Ok(match &subject.positions {
            Some(positions) => report.setting("score of a class", positions),
            None => report,
        })
    }

    fn side_by_side(&self) -> Section {
        let measures = self.asked.measures;
        let mut table = report::Table::new(
            ["rule".to_owned()].into_iter().chain(measures.iter().map(|measure| heading(measure.as_ref()))),
        );
        for (way, evaluation) in self.ways() {
            let estimates = (0..measures.len()).map(|measure| interval(evaluation.estimate(measure)));
            table = table.row([way.to_owned()].into_iter().chain(estimates));
        }
        let section = Section::new("Rules side by side").table(
            table.caption("Means over all samples, with 95 % confidence intervals; ↑ higher is better, ↓ lower."),
        );
        measures
            .iter()
            .fold(section, |section, measure| section.paragraph(format!("{measure}: {}", measure.question())))
    }

    fn curves(&self, is_growing: bool) -> Result<Section, Failure> {
        let mut section = Section::new("Curves").paragraph(
            "Mean scores of the explained class, over all samples, while the input is changed step by step. The band around \
             a curve is the 95 % confidence interval of its mean.",
        );
        for (position, measure) in self.asked.measures.iter().enumerate() {
            if let Some((plot, _)) = self.plot(position, is_growing) {
                section = section.pictures([Picture::plot(&plot, measure.to_string())?]);
            }
        }
        Ok(section)
    }
}

/// Where the steps of a curve are, how they are called, and what the axis says.
fn along(axis: &CurveAxis) -> (Vec<f64>, Vec<String>, &'static str) {
    match axis {
        CurveAxis::Share(shares) => (
            shares.iter().map(|share| 100.0 * share).collect(),
            shares.iter().map(ToString::to_string).collect(),
            "changed pixels (%)",
        ),
        CurveAxis::Layers(layers) => ((1..=layers.len()).map(|layer| layer as f64).collect(), layers.clone(), "layers"),
    }
}

fn better(measure: &dyn Measure) -> &'static str {
    match measure.better() {
        Direction::Higher => "higher",
        Direction::Lower => "lower",
    }
}

/// A measure with an arrow to where it is better.
fn heading(measure: &(dyn Measure + 'static)) -> String {
    format!("{measure} {}", if measure.better() == Direction::Higher { '↑' } else { '↓' })
}

/// A name for files.
fn file_name(measure: &str) -> String {
    measure.chars().map(|letter| if letter.is_alphanumeric() || "-.".contains(letter) { letter } else { '-' }).collect()
}
