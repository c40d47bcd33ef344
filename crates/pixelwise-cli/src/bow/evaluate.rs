//! `pixelwise accuracy` for classifiers of photographs.

use std::path::PathBuf;

use clap::Args;
use report::{Curve, Plot};
use serde_json::{Value, json};

use super::judging::{Judged, judge};
use super::options::FolderOptions;
use super::stages::Stages;
use super::{Labelled, load, tell};
use crate::failure::{Context, Failure};
use crate::messages;
use crate::output::Table;

const EXAMPLES: &str = "\
Examples:
  pixelwise accuracy bird.model --voc VOCdevkit/VOC2009 --split val
      Average precision, area under the ROC curve, and precision-recall curves";

/// Judge a classifier of photographs: average precision, area under the ROC curve, precision-recall curves
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The classifier, as `pixelwise train` writes it
    model: PathBuf,

    /// The list of photos to judge it by
    #[arg(long, value_name = "NAME", default_value = "val")]
    split: String,

    /// The folder for curves and scores
    #[arg(long, value_name = "DIR", default_value = "evaluation")]
    output: PathBuf,

    #[command(flatten)]
    folder: FolderOptions,
}

impl Arguments {
    /// What `pixelwise accuracy` is asked for.
    pub fn of(model: PathBuf, split: String, output: PathBuf, folder: FolderOptions) -> Self {
        Self { model, split, output, folder }
    }
}

/// Judges a classifier.
pub fn evaluate(arguments: &Arguments) -> Result<(), Failure> {
    let (folder, cache) = arguments.folder.open()?;
    let classifier = load(&arguments.model)?;
    let classes: Vec<String> = classifier.classes().map(str::to_owned).collect();
    let mut labelled = Labelled::of(&folder, &arguments.split, &classes)?;
    let stages = Stages::new();
    let judged = judge(&classifier, &mut labelled, &cache, &stages)?;
    drop(stages);
    labelled.tell_problems();
    for class in classes.iter().filter(|class| !judged.found.iter().any(|found| found.class == **class)) {
        messages::note(format!("{class}: no photo of {} shows it", arguments.split));
    }

    let write = |name: &str, text: &str| {
        let path = arguments.output.join(name);
        whole_file::write(&path, text.as_bytes()).context(format!("can't write {}", path.display()))
    };
    std::fs::create_dir_all(&arguments.output).context(format!("can't make {}", arguments.output.display()))?;
    let mut plot = Plot::new("Precision and recall", "recall", "precision");
    for found in &judged.found {
        let points = found.curve.points().iter().map(|point| (point.recall, point.precision));
        plot = plot.curve(Curve::new(format!("{} {:.3}", found.class, found.curve.average_precision()), points));
    }
    write("precision-recall.svg", &plot.svg()?)?;
    let mut csv = format!("photo,{}\n", classes.join(","));
    for (photo, scores) in judged.vectors.of_kept(&labelled.photos).iter().zip(judged.scores.outer_iter()) {
        let scores: Vec<String> = scores.iter().map(ToString::to_string).collect();
        csv += &format!("{},{}\n", photo.id, scores.join(","));
    }
    write("scores.csv", &csv)?;
    tell(arguments.folder.json, &text(&judged, arguments), &json(&judged, &labelled, arguments))
}

fn text(judged: &Judged, arguments: &Arguments) -> String {
    let mut table =
        Table::new(["class", "photos that show it", "average precision", "VOC 2010", "VOC 2007", "area under ROC"]);
    for found in &judged.found {
        let curve = &found.curve;
        let precisions = [curve.average_precision(), curve.interpolated_precision(), curve.eleven_point_precision()];
        let figures = precisions.into_iter().map(Some).chain([found.area_under_roc]);
        let figures = figures.map(|figure| figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.4}")));
        table.row([found.class.clone(), found.shown.to_string()].into_iter().chain(figures));
    }
    format!(
        "{} photos\n{}mean average precision {:.4}\nfiles: {}\n",
        judged.vectors.len(),
        table.text(),
        judged.mean_average_precision(),
        arguments.output.display()
    )
}

fn json(judged: &Judged, labelled: &Labelled, arguments: &Arguments) -> Value {
    let classes = judged.found.iter().map(|found| {
        json!({
            "class": found.class,
            "shown": found.shown,
            "average_precision": found.curve.average_precision(),
            "interpolated_precision": found.curve.interpolated_precision(),
            "eleven_point_precision": found.curve.eleven_point_precision(),
            "area_under_roc": found.area_under_roc,
        })
    });
    json!({
        "model": arguments.model,
        "split": arguments.split,
        "left_out": labelled.problems,
        "classes": classes.collect::<Vec<_>>(),
        "mean_average_precision": judged.mean_average_precision(),
    })
}
