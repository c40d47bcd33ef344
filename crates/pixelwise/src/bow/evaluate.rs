//! `pixelwise bow evaluate`.

use std::path::PathBuf;

use bow_photos::{Cache, Truth};
use clap::Args;
use datasets::voc::Folder;
use evaluation::{PrecisionRecallCurve, area_under_roc};
use report::{Curve, Plot};
use serde_json::{Value, json};

use super::stages::Stages;
use super::{Labelled, load, tell};
use crate::computation::ThreadOptions;
use crate::failure::{Context, Failure};
use crate::output::Table;

const EXAMPLES: &str = "\
Examples:
  pixelwise bow evaluate bird.model --voc VOCdevkit/VOC2009 --split val
      Average precision, area under the ROC curve, and precision-recall curves";

/// Judge a classifier of photographs: average precision, area under the ROC curve, precision-recall curves
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The classifier, as `pixelwise bow train` writes it
    model: PathBuf,

    /// The folder, in which JPEGImages and ImageSets/Main lie
    #[arg(long, value_name = "DIR")]
    voc: PathBuf,

    /// The list of photos to judge it by
    #[arg(long, value_name = "NAME", default_value = "val")]
    split: String,

    /// The folder for curves and scores
    #[arg(long, value_name = "DIR", default_value = "evaluation")]
    output: PathBuf,

    /// Where vectors are kept for the next run
    #[arg(long, value_name = "DIR", default_value = "bow-cache")]
    cache: PathBuf,

    #[command(flatten)]
    threads: ThreadOptions,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How well one class is found.
struct Found {
    class: String,
    shown: usize,
    curve: PrecisionRecallCurve,
    area_under_roc: Option<f64>,
}

/// Judges a classifier.
pub fn evaluate(arguments: &Arguments) -> Result<(), Failure> {
    arguments.threads.start()?;
    let classifier = load(&arguments.model)?;
    let classes: Vec<String> = classifier.classes().map(str::to_owned).collect();
    let mut labelled = Labelled::of(&Folder::open(&arguments.voc)?, &arguments.split, &classes)?;
    let cache = Cache::open(&arguments.cache)?;
    let stages = Stages::new();
    let vectors = classifier.vocabulary().vectors(&labelled.paths(), Some(&cache), &stages)?;
    let scores = classifier.scores_of_vectors(vectors.values.view())?;
    drop(stages);
    labelled.note(&vectors.problems);
    labelled.tell_problems();

    let mut found = Vec::new();
    for (position, class) in classes.iter().enumerate() {
        let truths = vectors.of_kept(&labelled.truths(position));
        let of = |wanted: Truth| -> Vec<f64> {
            let pairs = scores.column(position).into_iter().zip(&truths);
            pairs.filter(|(_, truth)| **truth == wanted).map(|(&score, _)| score).collect()
        };
        let (shown, others) = (of(Truth::Shown), of(Truth::NotShown));
        match PrecisionRecallCurve::new(&shown, &others)? {
            Some(curve) => found.push(Found {
                class: class.clone(),
                shown: shown.len(),
                curve,
                area_under_roc: area_under_roc(&shown, &others)?,
            }),
            None => eprintln!("{class}: no photo of {} shows it", arguments.split),
        }
    }
    if found.is_empty() {
        return Err(format!("no photo of the list {} shows a class of the model", arguments.split).into());
    }

    let write = |name: &str, text: &str| {
        let path = arguments.output.join(name);
        whole_file::write(&path, text.as_bytes()).context(format!("can't write {}", path.display()))
    };
    std::fs::create_dir_all(&arguments.output).context(format!("can't make {}", arguments.output.display()))?;
    let mut plot = Plot::new("Precision and recall", "recall", "precision");
    for found in &found {
        let points = found.curve.points().iter().map(|point| (point.recall, point.precision));
        plot = plot.curve(Curve::new(format!("{} {:.3}", found.class, found.curve.average_precision()), points));
    }
    write("precision-recall.svg", &plot.svg()?)?;
    let mut csv = format!("photo,{}\n", classes.join(","));
    for (photo, scores) in vectors.of_kept(&labelled.photos).iter().zip(scores.outer_iter()) {
        let scores: Vec<String> = scores.iter().map(ToString::to_string).collect();
        csv += &format!("{},{}\n", photo.id, scores.join(","));
    }
    write("scores.csv", &csv)?;
    tell(arguments.json, &text(&found, vectors.len(), arguments), &json(&found, &labelled, arguments))
}

/// The mean over all classes.
fn mean(found: &[Found], value: impl Fn(&Found) -> f64) -> f64 {
    found.iter().map(value).sum::<f64>() / found.len() as f64
}

fn text(found: &[Found], photos: usize, arguments: &Arguments) -> String {
    let mut table =
        Table::new(["class", "photos that show it", "average precision", "VOC 2010", "VOC 2007", "area under ROC"]);
    for found in found {
        let curve = &found.curve;
        let precisions = [curve.average_precision(), curve.interpolated_precision(), curve.eleven_point_precision()];
        let figures = precisions.into_iter().map(Some).chain([found.area_under_roc]);
        let figures = figures.map(|figure| figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.4}")));
        table.row([found.class.clone(), found.shown.to_string()].into_iter().chain(figures));
    }
    format!(
        "{photos} photos\n{}mean average precision {:.4}\nfiles: {}\n",
        table.text(),
        mean(found, |found| found.curve.average_precision()),
        arguments.output.display()
    )
}

fn json(found: &[Found], labelled: &Labelled, arguments: &Arguments) -> Value {
    let classes = found.iter().map(|found| {
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
        "mean_average_precision": mean(found, |found| found.curve.average_precision()),
    })
}
