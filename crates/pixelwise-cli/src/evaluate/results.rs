//! What comes out: a table, CSV and JSON, curves, and a report.

use std::path::Path;

use evaluation::{CurveAxis, CurveTarget, Direction, Evaluation, Measure};
use report::{Curve, Picture, Plot, Report, Section};
use serde_json::{Value, json};

use super::Arguments;
use super::subject::Subject;
use crate::failure::{Context, Failure};
use crate::output::{Table, interval, numbers, quoted, written};

/// All that was found.
pub struct Results<'a> {
    pub arguments: &'a Arguments,
    pub measures: &'a [Box<dyn Measure>],
    pub subject: &'a Subject,
    /// One for each way.
    pub evaluations: &'a [Evaluation],
}

impl Results<'_> {
    /// Writes all files into a folder.
    pub fn write(&self, folder: &Path) -> Result<(), Failure> {
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            whole_file::write(&path, text.as_bytes()).context(format!("can't write {}", path.display()))
        };
        write("table.csv", &self.table_csv())?;
        write("samples.csv", &self.samples_csv())?;
        write("evaluation.json", &format!("{:#}\n", self.json()))?;
        let mut section = Section::new("Curves").paragraph(
            "Mean scores of the explained class, over all samples, while the input is changed step by step.",
        );
        for (position, measure) in self.measures.iter().enumerate() {
            if let Some((plot, csv)) = self.plot(position) {
                let name = file_name(&measure.to_string());
                write(&format!("{name}.svg"), &plot.svg()?)?;
                write(&format!("{name}.csv"), &csv)?;
                section = section.pictures([Picture::plot(&plot, measure.to_string())?.linked(&format!("{name}.svg"))]);
            }
        }
        self.report(section).write(folder.join("report.html"))?;
        Ok(())
    }

    /// What each way is called, and what was found of it.
    fn ways(&self) -> impl Iterator<Item = (&str, &Evaluation)> {
        self.subject.explained.iter().map(|explained| explained.way.as_str()).zip(self.evaluations)
    }

    /// For a person: a row for each rule, a column for each measure.
    pub fn text(&self) -> String {
        let headings: Vec<String> = self.measures.iter().map(|measure| heading(measure.as_ref())).collect();
        let mut table = Table::new(["rule"].into_iter().chain(headings.iter().map(String::as_str)));
        for (way, evaluation) in self.ways() {
            let estimates = (0..self.measures.len()).map(|measure| interval(evaluation.estimate(measure)));
            table.row([way.to_owned()].into_iter().chain(estimates));
        }
        let (folder, count) = (self.arguments.output.display(), self.subject.samples.count());
        let positions = self.subject.positions.iter().map(|over| format!("the score of a class is {over}\n"));
        format!(
            "{count} samples, means with 95 % confidence intervals; ↑ higher is better, ↓ lower\n{}{}\nfiles: {folder}\n",
            positions.collect::<String>(),
            table.text()
        )
    }

    /// For a program.
    pub fn json(&self) -> Value {
        let measures = self.measures.iter().map(|measure| {
            json!({ "measure": measure.to_string(), "question": measure.question(), "better": better(measure.as_ref()) })
        });
        let rules = self.ways().map(|(way, evaluation)| {
            let estimates = self.measures.iter().enumerate().map(|(position, measure)| {
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
            "model": self.arguments.model,
            "dtype": self.subject.dtype,
            "inputs": self.arguments.inputs,
            "samples": self.subject.samples.names(),
            "positions": self.subject.positions,
            "measures": measures.collect::<Vec<_>>(),
            "rules": rules.collect::<Vec<_>>(),
        })
    }

    fn table_csv(&self) -> String {
        let mut csv = "rule,measure,better,samples,mean,low,high\n".to_owned();
        for (way, evaluation) in self.ways() {
            for (position, measure) in self.measures.iter().enumerate() {
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
            for (position, measure) in self.measures.iter().enumerate() {
                let values = evaluation.values(position);
                for ((name, judged), value) in self.subject.samples.names().iter().zip(evaluation.samples()).zip(values)
                {
                    let class = judged.as_ref().map_or_else(String::new, |judged| judged.target.to_string());
                    let (rule, measure) = (quoted(way), quoted(&measure.to_string()));
                    csv += &format!("{},{class},{rule},{measure},{}\n", quoted(name), written(value));
                }
            }
        }
        csv
    }

    /// The mean curves of a measure, one for each rule, and the numbers behind them.
    fn plot(&self, measure: usize) -> Option<(Plot, String)> {
        let mut csv = "rule,along,mean,low,high\n".to_owned();
        let mut plot: Option<Plot> = None;
        for (way, evaluation) in self.ways() {
            let curve = evaluation.mean_curve(measure, CurveTarget::Target)?;
            let (places, names, axis): (Vec<f64>, Vec<String>, &str) = match &curve.along {
                CurveAxis::Share(shares) => (
                    shares.iter().map(|share| 100.0 * share).collect(),
                    shares.iter().map(ToString::to_string).collect(),
                    "changed pixels (%)",
                ),
                CurveAxis::Layers(layers) => {
                    ((1..=layers.len()).map(|layer| layer as f64).collect(), layers.clone(), "layers")
                }
            };
            for (name, estimate) in names.iter().zip(&curve.values) {
                let [mean, low, high] = numbers(estimate);
                csv += &format!("{},{},{mean},{low},{high}\n", quoted(way), quoted(name));
            }
            let points = places.into_iter().zip(curve.values.iter().map(|estimate| estimate.mean));
            let title = self.measures[measure].to_string();
            plot = Some(plot.unwrap_or_else(|| Plot::new(title, axis, "mean")).curve(Curve::new(way, points)));
        }
        Some((plot?, csv))
    }

    fn report(&self, curves: Section) -> Report {
        let mut table = report::Table::new(
            ["rule".to_owned()].into_iter().chain(self.measures.iter().map(|measure| heading(measure.as_ref()))),
        );
        for (way, evaluation) in self.ways() {
            let estimates = (0..self.measures.len()).map(|measure| interval(evaluation.estimate(measure)));
            table = table.row([way.to_owned()].into_iter().chain(estimates));
        }
        let mut section = Section::new("Rules side by side").table(
            table.caption("Means over all samples, with 95 % confidence intervals; ↑ higher is better, ↓ lower."),
        );
        for measure in self.measures {
            section = section.paragraph(format!("{measure}: {}", measure.question()));
        }
        let report = Report::new("Are the heatmaps right?")
            .subtitle(format!("{}, {} samples", self.arguments.model.display(), self.subject.samples.count()))
            .section(section)
            .section(curves)
            .setting("model", self.arguments.model.display())
            .setting("inputs", self.arguments.inputs.display())
            .setting("numbers", self.subject.dtype);
        match &self.subject.positions {
            Some(positions) => report.setting("score of a class", positions),
            None => report,
        }
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
