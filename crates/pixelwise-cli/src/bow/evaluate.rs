//! `pixelwise accuracy` for classifiers of photographs.

use std::path::PathBuf;

use clap::Args;
use datasets::voc::Folder;
use neural_lrp::Real;
use pixelwise::Kind;
use report::{Curve, Plot};
use serde_json::{Value, json};

use super::judging::{Judged, judge};
use super::options::FolderOptions;
use super::stages::Stages;
use super::{Labelled, load, tell};
use crate::computation::Precision;
use crate::failure::{Context, Failure};
use crate::labels::ClassOptions;
use crate::messages;
use crate::output::Table;
use crate::preprocess::PreprocessOptions;
use network::ScoringNetwork;

mod network;

const EXAMPLES: &str = "\
Examples:
  pixelwise accuracy bird.model --voc VOCdevkit/VOC2009 --split val
      Average precision, area under the ROC curve, and precision-recall curves
  pixelwise accuracy model.onnx --voc photos --labels labels.txt
      The same of a network, for the classes of the folder that labels.txt names";

/// Judge a model on photographs: average precision, area under the ROC curve, precision-recall curves
///
/// A Bag-of-Words classifier is judged by its classes, a network by those of the folder that --labels names. The score of a
/// network is the one that `pixelwise explain` explains, before a softmax.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The model: a Bag-of-Words classifier, as `pixelwise train` writes it, or a network
    model: PathBuf,

    /// The list of photos to judge it by
    #[arg(long, value_name = "NAME", default_value = "val")]
    split: String,

    /// The folder for curves and scores
    #[arg(long, value_name = "DIR", default_value = "evaluation")]
    output: PathBuf,

    #[command(flatten)]
    folder: FolderOptions,

    #[command(flatten)]
    classes: ClassOptions,

    #[command(flatten)]
    preprocess: PreprocessOptions,

    /// The numbers that a network is computed in
    #[arg(long, value_name = "TYPE", value_enum)]
    dtype: Option<Precision>,
}

impl Arguments {
    /// What `pixelwise accuracy --voc` is asked for.
    pub fn of(
        model: PathBuf,
        split: String,
        output: PathBuf,
        folder: FolderOptions,
        (classes, preprocess, dtype): (ClassOptions, PreprocessOptions, Option<Precision>),
    ) -> Self {
        Self { model, split, output, folder, classes, preprocess, dtype }
    }

    /// Fails where an option is given that a Bag-of-Words classifier does not have.
    fn refuse_options_of_networks(&self) -> Result<(), Failure> {
        let options = [
            ("--labels", self.classes.labels.is_some()),
            ("--class-axis", self.classes.class_axis.is_some()),
            ("--preprocess", self.preprocess.is_given()),
            ("--dtype", self.dtype.is_some()),
        ];
        match options.into_iter().find(|(_, is_given)| *is_given) {
            None => Ok(()),
            Some((option, _)) => Err(format!(
                "{option} is for networks, and {} is a Bag-of-Words classifier: it takes photos as they are, and its file \
                 names its classes",
                self.model.display()
            )
            .into()),
        }
    }
}

/// Judges a model.
pub fn evaluate(arguments: &Arguments) -> Result<(), Failure> {
    let kind = Kind::of(&arguments.model)?;
    if kind == Kind::BagOfWords {
        arguments.refuse_options_of_networks()?;
    }
    let folder = arguments.folder.open()?;
    let (labelled, judged) = match (kind, arguments.dtype.unwrap_or(Precision::F32)) {
        (Kind::BagOfWords, _) => judge_words(arguments, &folder)?,
        (Kind::Network, Precision::F32) => judge_network::<f32>(arguments, &folder)?,
        (Kind::Network, Precision::F64) => judge_network::<f64>(arguments, &folder)?,
    };
    labelled.tell_problems();
    for class in labelled.classes.iter().filter(|class| !judged.found.iter().any(|found| found.class == **class)) {
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
    let mut csv = format!("photo,{}\n", labelled.classes.join(","));
    for (&photo, scores) in judged.kept.iter().zip(judged.scores.outer_iter()) {
        let photo = &labelled.photos[photo];
        let scores: Vec<String> = scores.iter().map(ToString::to_string).collect();
        csv += &format!("{},{}\n", photo.id, scores.join(","));
    }
    write("scores.csv", &csv)?;
    tell(arguments.folder.json, &text(&judged, arguments), &json(&judged, &labelled, arguments))
}

/// Judges a Bag-of-Words classifier by its classes.
fn judge_words(arguments: &Arguments, folder: &Folder) -> Result<(Labelled, Judged), Failure> {
    let classifier = load(&arguments.model)?;
    let classes: Vec<String> = classifier.classes().map(str::to_owned).collect();
    let mut labelled = Labelled::of(folder, &arguments.split, &classes)?;
    let judged = judge(&classifier, &mut labelled, &arguments.folder.cache()?, &Stages::new())?;
    Ok((labelled, judged))
}

/// Judges a network by those classes of the folder that it knows by their names.
fn judge_network<F: Real>(arguments: &Arguments, folder: &Folder) -> Result<(Labelled, Judged), Failure> {
    let network = ScoringNetwork::<F>::read(&arguments.model, &arguments.classes, &arguments.preprocess)?;
    let (classes, positions) = network.known(folder.classes(&arguments.split)?)?;
    let mut labelled = Labelled::of(folder, &arguments.split, &classes)?;
    let (kept, scores) = network.scores(&mut labelled, &positions)?;
    let judged = Judged::of(&labelled, kept, scores)?;
    Ok((labelled, judged))
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
        judged.kept.len(),
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
