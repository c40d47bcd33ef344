//! `pixelwise bow train`.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use bow_classifier::training::{ClassWeight, CrossValidation};
use bow_photos::{Cache, Configuration, PhotoClassifier, Truth, Vocabulary, compare_costs};
use clap::{Args, ValueEnum};
use datasets::voc::Folder;
use serde_json::json;

use super::stages::Stages;
use super::{Labelled, tell};
use crate::computation::ThreadOptions;
use crate::failure::{Context, Failure};
use crate::output::{Table, number};

const EXAMPLES: &str = "\
Examples:
  pixelwise bow train --voc VOCdevkit/VOC2009 --class bird --output bird.model
      The paper's configuration for one class
  pixelwise bow train --voc photos --codebook 512,512,256 --class-weight balanced --cost 0.5 --output all.model
      Smaller codebooks for few photos; all classes of the folder, which share features, codebooks and kernels
  pixelwise bow train --voc photos --configuration pyramid.toml --cross-validate 0.1,1,10 --output all.model
      One's own configuration (`pixelwise bow inspect all.model --configuration` prints one to begin with)

What is computed of photos is kept in the folder of --cache: a run that was stopped goes on, and the next one with the
same photos and settings does not compute it again.";

/// Learn a classifier of photographs from a folder in the layout of PASCAL VOC
///
/// Photos that can't be read are named, and the rest goes on. The same photos, settings and seed give the same bytes,
/// for any number of threads, and after an interruption too.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The folder, in which JPEGImages and ImageSets/Main lie
    #[arg(long, value_name = "DIR")]
    voc: PathBuf,

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

    /// The support vector machines' cost C
    #[arg(long, value_name = "C")]
    cost: Option<f64>,

    /// Whether photos with the class count as much, in total, as those without it
    #[arg(long, value_name = "WEIGHT", value_enum)]
    class_weight: Option<Weighting>,

    /// Take the best of these costs, by the mean area under the ROC curve of five held-out parts
    #[arg(long, value_name = "C,C,…", value_delimiter = ',', conflicts_with = "cost")]
    cross_validate: Option<Vec<f64>>,

    /// Seeds the sample of descriptors and the codebooks
    #[arg(long)]
    seed: Option<u64>,

    /// Where vectors and codebooks are kept for the next run
    #[arg(long, value_name = "DIR", default_value = "bow-cache")]
    cache: PathBuf,

    #[command(flatten)]
    threads: ThreadOptions,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// `--class-weight`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Weighting {
    /// Each photo counts the same
    None,
    /// Photos with the class count as much, in total, as those without
    Balanced,
}

/// How many parts are held out, one after the other.
const FOLDS: usize = 5;

/// Learns a classifier and writes it.
pub fn train(arguments: &Arguments) -> Result<(), Failure> {
    arguments.threads.start()?;
    let start = Instant::now();
    let mut configuration = configuration(arguments)?;
    let folder = Folder::open(&arguments.voc)?;
    let names = match arguments.class.as_slice() {
        [] => folder.classes(&arguments.split)?,
        classes => classes.to_vec(),
    };
    let mut labelled = Labelled::of(&folder, &arguments.split, &names)?;
    for (position, name) in names.iter().enumerate() {
        let truths = labelled.truths(position);
        if let Some(missing) = [Truth::Shown, Truth::NotShown].into_iter().find(|truth| !truths.contains(truth)) {
            let does = if missing == Truth::Shown { "shows" } else { "is without" };
            return Err(format!(
                "no photo of the list {} {does} {name}: nothing can be learned of it",
                arguments.split
            )
            .into());
        }
    }
    let cache = Cache::open(&arguments.cache)?;
    let stages = Stages::new();
    let (vocabulary, problems) = Vocabulary::learn(&configuration, &labelled.paths(), Some(&cache), &stages)?;
    labelled.note(&problems);
    let vectors = vocabulary.vectors(&labelled.paths(), Some(&cache), &stages)?;
    labelled.note(&vectors.problems);
    let classes: Vec<(String, Vec<Truth>)> = names
        .iter()
        .enumerate()
        .map(|(position, name)| (name.clone(), vectors.of_kept(&labelled.truths(position))))
        .collect();
    let mut validated = Vec::new();
    if let Some(costs) = &arguments.cross_validate {
        let validation = CrossValidation { folds: FOLDS, seed: configuration.seed };
        let selections = compare_costs(&configuration, &vocabulary, &vectors.values, &classes, costs, &validation)?;
        let mean = |cost: usize| {
            selections.iter().map(|selection| selection.scores[cost].area_under_curve).sum::<f64>()
                / selections.len() as f64
        };
        validated = costs.iter().copied().enumerate().map(|(position, cost)| (cost, mean(position))).collect();
        let best = validated.iter().copied().reduce(|best, next| if next.1 > best.1 { next } else { best });
        configuration.cost = best.ok_or("--cross-validate needs at least one cost")?.0;
    }
    let classifier = PhotoClassifier::train(&configuration, vocabulary, &vectors.values, &classes, &stages)?;
    classifier.save(&arguments.output)?;
    drop(stages);
    labelled.tell_problems();

    let shown = |truths: &[Truth]| truths.iter().filter(|&&truth| truth == Truth::Shown).count();
    let mut table = Table::new(["class", "photos that show it", "kernel weights"]);
    for (position, (name, truths)) in classes.iter().enumerate() {
        let weights = classifier.model(position)?.expansion().terms().iter().map(|term| number(term.weight));
        table.row([name.clone(), shown(truths).to_string(), weights.collect::<Vec<_>>().join(" ")]);
    }
    let mut text = format!("{} photos learned, {} left out\n", vectors.len(), labelled.problems.len());
    for (cost, area) in &validated {
        text += &format!("cost {cost}: area under the ROC curve {area:.4}\n");
    }
    text += &format!("cost {}\n{}", configuration.cost, table.text());
    text += &format!("{}, in {:.1} s\n", arguments.output.display(), start.elapsed().as_secs_f64());
    let json = json!({
        "model": arguments.output,
        "photos": vectors.len(),
        "left_out": labelled.problems,
        "classes": classes.iter().map(|(name, truths)| json!({ "class": name, "shown": shown(truths) })).collect::<Vec<_>>(),
        "cost": configuration.cost,
        "cross_validation": validated.iter().map(|(cost, area)| json!({ "cost": cost, "area_under_roc": area })).collect::<Vec<_>>(),
    });
    tell(arguments.json, &text, &json)
}

/// The configuration that is asked for, with all that the command line says of it.
fn configuration(arguments: &Arguments) -> Result<Configuration, Failure> {
    let mut configuration = match arguments.configuration.ends_with(".toml") {
        false => Configuration::named(&arguments.configuration)?,
        true => {
            let text = fs::read_to_string(&arguments.configuration)
                .context(format!("can't read {}", arguments.configuration))?;
            Configuration::from_toml(&text).context(&arguments.configuration)?
        }
    };
    if let Some(words) = &arguments.codebook {
        configuration = configuration.with_words(words)?;
    }
    configuration.cost = arguments.cost.unwrap_or(configuration.cost);
    configuration.seed = arguments.seed.unwrap_or(configuration.seed);
    if let Some(weighting) = arguments.class_weight {
        configuration.class_weight = match weighting {
            Weighting::None => ClassWeight::None,
            Weighting::Balanced => ClassWeight::Balanced,
        };
    }
    Ok(configuration)
}
