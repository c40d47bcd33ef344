//! `pixelwise configurations`: ways to learn a classifier of photographs, side by side.

use std::path::PathBuf;
use std::time::Instant;

use bow_classifier::{BowClassifier, Cache, Configuration, NAMED};
use clap::Args;
use datasets::voc::{Folder, Presence};

use super::judging::judge;
use super::learning::{Described, describe, learnable};
use super::options::{Changes, FolderOptions, configuration};
use super::stages::Stages;
use super::{Labelled, tell};
use crate::explain::files;
use crate::failure::{Context, Failure, chain};
use crate::messages;
use crate::progress::Progress;
use explained::ShownPhoto;
use told::Compared;

mod explained;
mod told;

/// Compare ways to learn a classifier of photographs: average precision, time, heatmaps of the same photos, on one sheet
///
/// Each configuration learns the same classes from the same photos and is judged by the same others; then each explains
/// the photos of the sheet. What the configurations have in common is computed once, and kept in the cache.
#[derive(Args)]
#[command(after_help = EXAMPLES, after_long_help = long_help())]
pub struct Arguments {
    /// Photos that are explained (default: the first of each class in the list that the classifiers are judged by)
    photo: Vec<PathBuf>,

    #[command(flatten)]
    folder: FolderOptions,

    /// What is compared: built-in configurations by name, or files (default: all that are built in)
    #[arg(long, value_name = "NAME|FILE.toml", num_args = 1..)]
    configuration: Vec<String>,

    /// A class to learn (repeatable; default: each that has a list)
    #[arg(long, value_name = "NAME")]
    class: Vec<String>,

    /// The list of photos to learn from
    #[arg(long, value_name = "NAME", default_value = "train")]
    split: String,

    /// The list of photos to judge by
    #[arg(long, value_name = "NAME", default_value = "val")]
    judge_by: String,

    /// Sizes of the codebooks, for the configurations that have as many channels
    #[arg(long, value_name = "N,N,…", value_delimiter = ',')]
    codebook: Option<Vec<usize>>,

    #[command(flatten)]
    changes: Changes,

    /// The folder for the sheet, the page and the numbers
    #[arg(long, value_name = "DIR", default_value = "comparison")]
    output: PathBuf,
}

const EXAMPLES: &str = "\
Examples:
  pixelwise configurations --voc VOCdevkit/VOC2009 --class bird
      Every way of the paper, for one class
  pixelwise configurations --voc photos --codebook 512,512,256 --configuration voc2009 p-mean-2 mine.toml
      One's own configuration beside two that are built in
  pixelwise configurations cat.jpg dog.jpg --voc photos
      Heatmaps of photos of one's own";

/// The examples, and the configurations.
fn long_help() -> String {
    let width = NAMED.iter().map(|named| named.name.len()).max().unwrap_or(0);
    let lines = NAMED.iter().map(|named| format!("  {:width$}  {}\n", named.name, named.summary));
    format!("{EXAMPLES}\n\nConfigurations that are built in:\n{}", lines.collect::<String>())
}

/// A configuration that is compared.
struct Way {
    name: String,
    configuration: Configuration,
}

/// Learns, judges and explains by each configuration.
pub fn compare(arguments: &Arguments) -> Result<(), Failure> {
    let (folder, cache) = (arguments.folder.open()?, arguments.folder.cache()?);
    let ways = ways(arguments)?;
    let learned = learnable(&folder, &arguments.split, &arguments.class)?;
    let mut judged_by = Labelled::of(&folder, &arguments.judge_by, &learned.classes)?;
    let mut photos = match arguments.photo.as_slice() {
        [] => first_of_each_class(&judged_by)?,
        paths => paths.iter().map(|path| ShownPhoto::read(path, None)).collect::<Result<_, _>>()?,
    };
    let output = files::Folder::create(&arguments.output)?;
    let (mut compared, mut failed) = (Vec::new(), Vec::new());
    for way in &ways {
        let learned = one(way, arguments, &folder, &learned.classes, &mut judged_by, &cache, &mut photos);
        match learned.context(&way.name) {
            Ok(way) => compared.push(way),
            Err(failure) => {
                let message = chain(failure.as_ref());
                messages::error(&message);
                failed.push(message);
            }
        }
    }
    judged_by.tell_problems();
    if compared.is_empty() {
        return Err("no configuration could be compared".into());
    }

    let sheet = heatmap::encode_png(&told::sheet(&photos, &compared)?)?;
    output.write("sheet.png".as_ref(), &sheet)?;
    output.write("comparison.csv".as_ref(), told::csv(&compared).as_bytes())?;
    told::page(arguments, sheet, &compared).write(output.path.join("index.html"))?;
    let text = format!("{}files: {}\n", told::table(&compared), output.path.display());
    tell(arguments.folder.json, &text, &told::json(&compared, &failed))?;
    match failed.len() {
        0 => Ok(()),
        count => Err(format!("{count} of {} configurations could not be compared", ways.len()).into()),
    }
}

/// Learns, judges and explains by one configuration. Its classifier is let go of before the next one is learned.
fn one(
    way: &Way,
    arguments: &Arguments,
    folder: &Folder,
    classes: &[String],
    judged_by: &mut Labelled,
    cache: &Cache,
    photos: &mut [ShownPhoto],
) -> Result<Compared, Failure> {
    let start = Instant::now();
    let stages = Stages::new();
    let mut labelled = learnable(folder, &arguments.split, classes)?;
    let Described { vocabulary, vectors, classes } = describe(&way.configuration, &mut labelled, cache, &stages)?;
    let classifier = BowClassifier::train(&way.configuration, vocabulary, &vectors.values, &classes, &stages)?;
    let learning = start.elapsed();
    let judged = judge(&classifier, judged_by, cache, &stages)?;
    drop(stages);
    labelled.tell_problems();
    let progress = Progress::new(photos.len());
    let explain = |photo: &mut ShownPhoto| {
        let explained = photo.explain(&classifier);
        progress.advance(1);
        explained
    };
    let explanations = photos.iter_mut().map(explain).collect::<Result<Vec<_>, _>>()?;
    drop(progress);
    Ok(Compared {
        name: way.name.clone(),
        dimensions: classifier.vocabulary().dimensions(),
        learning,
        judged,
        explanations,
    })
}

fn ways(arguments: &Arguments) -> Result<Vec<Way>, Failure> {
    let names: Vec<&str> = match arguments.configuration.as_slice() {
        [] => NAMED.iter().map(|named| named.name).collect(),
        names => names.iter().map(String::as_str).collect(),
    };
    let way = |name: &str| {
        let mut configuration = arguments.changes.apply(configuration(name)?);
        if let Some(words) = arguments.codebook.as_deref().filter(|words| words.len() == configuration.channels.len()) {
            configuration = configuration.with_words(words)?;
        }
        Ok(Way { name: name.to_owned(), configuration })
    };
    names.into_iter().map(way).collect()
}

/// The first photo of each class.
fn first_of_each_class(labelled: &Labelled) -> Result<Vec<ShownPhoto>, Failure> {
    let first = |(position, class): (usize, &String)| {
        let photo = labelled.photos.iter().find(|photo| photo.presences[position] == Presence::Present)?;
        Some(ShownPhoto::read(&photo.path, Some(class)))
    };
    labelled.classes.iter().enumerate().filter_map(first).collect()
}
