//! `pixelwise context`.

use std::path::PathBuf;

use clap::Args;
use datasets::voc;
use heatmap::encode_png;
use rayon::prelude::*;

use super::{Labelled, load, tell};
use crate::computation::ThreadOptions;
use crate::explain::files::Folder;
use crate::failure::Failure;
use crate::progress::Progress;
use located::{Class, Located, annotated};
use results::Results;

mod located;
mod results;
mod sheet;

const EXAMPLES: &str = "\
Examples:
  pixelwise context all.model --voc VOCdevkit/VOC2009
      For each class of the model: how much of the relevance is in its boxes, over the photos of the list val
  pixelwise context all.model --voc VOCdevkit/VOC2009 --class boat --output boats
      The boat, or the water? table.csv, photos.csv, context.json, report.html and boat.png, the photos with the most
      relevance on the context, in the folder boats";

/// Tell objects from their context: how much of the relevance lies in the objects' bounding boxes, for each class
///
/// Each photo of the list that shows a class and has boxes of it (in Annotations/ID.xml) is explained for that class.
/// The table has the share of the positive relevance that lies inside of the boxes, with the 95 % confidence interval of
/// its mean; what it would be by chance, which is the boxes' share of the area; and the share on the context, which is
/// the rest of the photo. Whether the classifier takes the photo for the class does not matter; photos.csv has the
/// scores.
///
/// A difficult object is an object too, and its box no context; a photo whose objects of the class are all difficult is
/// left out by the class's list. Annotations that can't be read, and boxes without a pixel of their photo, are named,
/// and the rest goes on.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The classifier, as `pixelwise train` writes it
    model: PathBuf,

    /// The folder, in which JPEGImages, ImageSets/Main and Annotations lie
    #[arg(long, value_name = "DIR")]
    voc: PathBuf,

    /// The list of photos to explain
    #[arg(long, value_name = "NAME", default_value = "val")]
    split: String,

    /// A class that is asked about (repeatable; default: each of the model)
    #[arg(long, value_name = "NAME")]
    class: Vec<String>,

    /// The folder for tables and pictures
    #[arg(long, value_name = "DIR", default_value = "context")]
    output: PathBuf,

    #[command(flatten)]
    threads: ThreadOptions,

    /// Print JSON instead of the table
    #[arg(long)]
    json: bool,
}

/// Explains the photos of a list that have boxes, and tells where their relevance lies.
pub fn context(arguments: &Arguments) -> Result<(), Failure> {
    arguments.threads.start()?;
    let folder = voc::Folder::open(&arguments.voc)?;
    let classifier = load(&arguments.model)?;
    let classes = Class::asked(&classifier, &arguments.class)?;
    let names: Vec<String> = classes.iter().map(|class| class.name.clone()).collect();
    let mut labelled = Labelled::of(&folder, &arguments.split, &names)?;
    let output = Folder::create(&arguments.output)?;
    let photos = annotated(&folder, &mut labelled);

    let progress = Progress::new(photos.len());
    let found: Vec<Vec<Result<Located<'_>, String>>> = photos
        .par_iter()
        .map(|photo| {
            let located = photo.locate(&classifier, &classes);
            progress.advance(1);
            located
        })
        .collect();
    drop(progress);
    let mut located = Vec::new();
    for found in found.into_iter().flatten() {
        match found {
            Ok(found) => located.push(found),
            Err(problem) => labelled.problems.push(problem),
        }
    }
    labelled.tell_problems();

    let results = Results::of(arguments, &labelled, &located)?;
    results.write(&output)?;
    let progress = Progress::new(results.classes.len());
    for of_class in &results.classes {
        let drawn = sheet::draw(&classifier, &classes[of_class.class], &of_class.most_on_context())?;
        output.write(&of_class.sheet, &encode_png(&drawn)?)?;
        progress.advance(1);
    }
    drop(progress);
    results.report(&output)?;
    tell(arguments.json, &results.text(), &results.json())
}
