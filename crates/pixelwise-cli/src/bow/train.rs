//! `pixelwise train`.

use std::path::PathBuf;
use std::time::Instant;

use bow_classifier::training::{CostScore, CrossValidation};
use bow_classifier::{BowClassifier, Truth, compare_costs};
use clap::Args;
use serde_json::json;

use super::learning::{Described, describe, learnable};
use super::options::{Changes, FolderOptions, configuration};
use super::stages::Stages;
use super::tell;
use crate::failure::Failure;
use crate::inputs::content::is_standard;
use crate::messages;
use crate::output::{Table, number, prepare, write};

const EXAMPLES: &str = "\
Examples:
  pixelwise train --voc VOCdevkit/VOC2009 --class bird --output bird.model
      The paper's configuration for one class
  pixelwise train --voc photos --codebook 512,512,256 --class-weight balanced --cost 0.5 --output all.model
      Smaller codebooks for few photos; all classes of the folder, which share features, codebooks and kernels
  pixelwise train --voc photos --configuration pyramid.toml --cross-validate 0.1,1,10 --output all.model
      One's own configuration (`pixelwise inspect all.model --configuration` prints one to begin with)

What is computed of photos is kept in the folder of --cache: a run that was stopped goes on, and the next one with the
same photos and settings does not compute it again.";

/// Learn a classifier of photographs from a folder in the layout of PASCAL VOC
///
/// Photos that can't be read are named, and the rest goes on. The same photos, settings and seed give the same bytes,
/// for any number of threads, and after an interruption too.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    folder: FolderOptions,

    /// A class to learn (repeatable; default: each that has a list)
    #[arg(long, value_name = "NAME")]
    class: Vec<String>,

    /// The list of photos to learn from
    #[arg(long, value_name = "NAME", default_value = "train")]
    split: String,

    /// Where the classifier is written to
    #[arg(long, value_name = "FILE")]
    output: PathBuf,

    /// What is learned: voc2009, the paper's, or a file
    #[arg(long, value_name = "NAME|FILE.toml", default_value = "voc2009")]
    configuration: String,

    /// Sizes of the codebooks, one for each channel
    #[arg(long, value_name = "N,N,…", value_delimiter = ',')]
    codebook: Option<Vec<usize>>,

    #[command(flatten)]
    changes: Changes,

    /// Take the best of these costs, by the area under the ROC curve of five held-out parts, the mean of all classes
    #[arg(long, value_name = "C,C,…", value_delimiter = ',', conflicts_with = "cost")]
    cross_validate: Option<Vec<f64>>,
}

/// How many parts are held out, one after the other.
const FOLDS: usize = 5;

/// Learns a classifier and writes it.
pub fn train(arguments: &Arguments) -> Result<(), Failure> {
    let start = Instant::now();
    prepare(&arguments.output, arguments.folder.json)?;
    let (folder, cache) = (arguments.folder.open()?, arguments.folder.cache()?);
    let mut configuration = arguments.changes.apply(configuration(&arguments.configuration)?);
    if let Some(words) = &arguments.codebook {
        configuration = configuration.with_words(words)?;
    }
    let mut labelled = learnable(&folder, &arguments.split, &arguments.class)?;
    let stages = Stages::new();
    let Described { vocabulary, vectors, classes } = describe(&configuration, &mut labelled, &cache, &stages)?;
    let mut validated = Vec::new();
    if let Some(costs) = &arguments.cross_validate {
        let validation = CrossValidation { folds: FOLDS, seed: configuration.seed };
        let selection =
            compare_costs(&configuration, &vocabulary, &vectors.values, &classes, costs, &validation, &stages)?;
        configuration.cost = selection.best;
        validated = selection.scores;
    }
    let classifier = BowClassifier::train(&configuration, vocabulary, &vectors.values, &classes, &stages)?;
    write(&arguments.output, &classifier.to_bytes()?)?;
    drop(stages);
    labelled.tell_problems();
    if !arguments.folder.json && (messages::are_quiet() || is_standard(&arguments.output)) {
        return Ok(());
    }

    let shown = |truths: &[Truth]| truths.iter().filter(|&&truth| truth == Truth::Shown).count();
    let mut table = Table::new(["class", "photos that show it", "kernel weights"]);
    for (position, (name, truths)) in classes.iter().enumerate() {
        let weights = classifier.model(position)?.expansion().terms().iter().map(|term| number(term.weight));
        table.row([name.clone(), shown(truths).to_string(), weights.collect::<Vec<_>>().join(" ")]);
    }
    let mut text = format!("{} photos learned, {} left out\n", vectors.len(), labelled.problems.len());
    for CostScore { cost, area_under_curve, .. } in &validated {
        text += &format!("cost {cost}: area under the ROC curve {area_under_curve:.4}\n");
    }
    text += &format!("cost {}\n{}", configuration.cost, table.text());
    text += &format!("{}, in {:.1} s\n", arguments.output.display(), start.elapsed().as_secs_f64());
    let json = json!({
        "model": arguments.output,
        "photos": vectors.len(),
        "left_out": labelled.problems,
        "classes": classes.iter().map(|(name, truths)| json!({ "class": name, "shown": shown(truths) })).collect::<Vec<_>>(),
        "cost": configuration.cost,
        "cross_validation": validated.iter().map(|score| json!({ "cost": score.cost, "area_under_roc": score.area_under_curve })).collect::<Vec<_>>(),
    });
    tell(arguments.folder.json, &text, &json)
}
