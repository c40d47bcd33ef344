//! `pixelwise bow explain`.

use std::path::PathBuf;

use bow_photos::PhotoClassifier;
use clap::Args;
use datasets::voc::Annotation;
use evaluation::ObjectShare;
use heatmap::{BoundingBox, ColorMap, encode_png};
use images::to_unit_range;
use ndarray::{Array2, Array3};
use ndarray_npy::read_npy;
use rayon::prelude::*;
use relevance::Ledger;
use report::{Picture, Report, Section};
use serde::Serialize;
use serde_json::json;

use super::boxes::boxes_for;
use super::{highest, load, position, tell, told};
use crate::computation::ThreadOptions;
use crate::explain::Scale;
use crate::explain::drawing::{Caption, Drawing, largest};
use crate::explain::files::{Folder, Names, file_name};
use crate::failure::{Context, Failure, chain};
use crate::inputs::Source;
use crate::output::number;
use crate::progress::Progress;

const EXAMPLES: &str = "\
Examples:
  pixelwise bow explain all.model photo.jpg
      The class with the highest score, into the folder explanations
  pixelwise bow explain all.model photos/ --class bird --class cat --scale batch
      Two classes, one color scale for all photos
  pixelwise bow explain boat.model VOCdevkit/VOC2009/JPEGImages/2008_000007.jpg
      With boxes around the boats, from Annotations/2008_000007.xml, and how much of the relevance is in them";

/// Explain what a classifier sees in photographs: heatmap, raw relevance, and where the score went
///
/// A photo that lies in a folder of PASCAL VOC's layout, JPEGImages/ID.jpg, and has an annotation there,
/// Annotations/ID.xml, gets its objects' boxes in all pictures: bold ones for the explained class, thin ones for others.
/// What share of the positive relevance is inside of the class's boxes, and what share on the context, is told; over
/// many photos, `pixelwise bow context` tells it.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The classifier, as `pixelwise bow train` writes it
    model: PathBuf,

    /// Photos (JPEG, PNG, BMP, PNM), or folders of them
    #[arg(required = true)]
    photo: Vec<PathBuf>,

    /// A class that is explained (repeatable; default: the one with the highest score)
    #[arg(long, value_name = "NAME")]
    class: Vec<String>,

    /// Where files are written to
    #[arg(long, value_name = "FOLDER", default_value = "explanations")]
    output: PathBuf,

    /// Colors of the heatmaps: jet, seismic, black-fire-red, gray-red, blue-orange, red-blue, turbo
    #[arg(long, value_name = "NAME", default_value_t = ColorMap::Jet)]
    colormap: ColorMap,

    /// What the strongest color stands for: the largest relevance of each photo, or of all photos of the run
    #[arg(long, value_name = "SCOPE", value_enum, default_value_t = Scale::Image)]
    scale: Scale,

    #[command(flatten)]
    threads: ThreadOptions,

    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
}

/// A page shows at most so many photos; the files are there for all.
const MOST_ON_PAGE: usize = 60;

/// A photo that is to be explained.
struct Photo {
    path: PathBuf,
    /// The beginning of its files' names.
    name: String,
    annotation: Option<Annotation>,
}

/// What is known of a photo and a class; its relevance is in a file.
#[derive(Serialize)]
struct Explained {
    photo: PathBuf,
    class: String,
    score: f64,
    largest_relevance: f64,
    /// Where boxes of the class are known: how much of the relevance is inside of them.
    boxes: Option<ObjectShare>,
    /// The beginning of its files' names.
    name: String,
    ledger: Ledger,
    /// The boxes of its pictures.
    #[serde(skip)]
    framed: Vec<BoundingBox>,
}

/// Explains photos, one after the other on each thread.
pub fn explain(arguments: &Arguments) -> Result<(), Failure> {
    arguments.threads.start()?;
    let classifier = load(&arguments.model)?;
    let classes = arguments.class.iter().map(|name| position(&classifier, name)).collect::<Result<Vec<_>, _>>()?;
    let folder = Folder::create(&arguments.output)?;
    let mut photos: Vec<Photo> = Vec::new();
    let mut names = Names::default();
    let mut left_out = Vec::new();
    for path in &arguments.photo {
        for source in Source::all(path)? {
            let path = source.path().to_owned();
            let name = names.unique(&file_name(&path.file_stem().unwrap_or_default().to_string_lossy()));
            let annotation = Annotation::of_photo(&path).unwrap_or_else(|problem| {
                left_out.push(chain(&problem));
                None
            });
            photos.push(Photo { path, name, annotation });
        }
    }
    left_out.iter().for_each(|problem| eprintln!("left out: {problem}"));

    let progress = Progress::new(photos.len());
    let explained: Vec<Result<Vec<Explained>, Failure>> = photos
        .par_iter()
        .map(|photo| {
            let explained = one(&classifier, &classes, photo, &folder);
            progress.advance(1);
            explained
        })
        .collect();
    drop(progress);
    let mut whole = Vec::new();
    let mut failures = Vec::new();
    for (photo, explained) in photos.iter().zip(explained) {
        match explained {
            Ok(explained) => whole.extend(explained),
            Err(failure) => {
                let message = told(&photo.path, failure.as_ref());
                eprintln!("error: {message}");
                failures.push(message);
            }
        }
    }
    let over_all = whole.iter().fold(0.0, |largest: f64, explained| largest.max(explained.largest_relevance));
    let maximum = |explained: &Explained| match arguments.scale {
        Scale::Image => explained.largest_relevance,
        Scale::Batch => over_all,
    };
    whole.par_iter().try_for_each(|explained| draw(explained, maximum(explained), arguments.colormap, &folder))?;
    page(arguments, &whole, &folder)?.write(folder.path.join("index.html"))?;

    let lines = whole.iter().map(|explained| {
        format!(
            "{}: {} {}\n{}{}\n",
            explained.photo.display(),
            explained.class,
            number(explained.score),
            explained.about_boxes().map_or_else(String::new, |sentence| sentence + "\n"),
            explained.ledger
        )
    });
    let text = format!("{}files: {}\n", lines.collect::<String>(), folder.path.display());
    let json = json!({ "model": arguments.model, "explanations": whole, "failed": failures, "left_out": left_out });
    tell(arguments.json, &text, &json)?;
    match failures.len() {
        0 => Ok(()),
        failed => Err(format!("{failed} of {} photos could not be explained", photos.len()).into()),
    }
}

/// Explains a photo and writes its relevance and ledger.
fn one(
    classifier: &PhotoClassifier,
    classes: &[usize],
    photo: &Photo,
    folder: &Folder,
) -> Result<Vec<Explained>, Failure> {
    let pixels = to_unit_range(images::read(&photo.path)?.view());
    let bag = classifier.vocabulary().bag(pixels.view())?;
    let wanted = if classes.is_empty() { vec![highest(classifier, bag.vector.view())?] } else { classes.to_vec() };
    let explain = |class: usize| {
        let found = bow_classifier::pixel_wise_decomposition(classifier.model(class)?, &bag)?;
        let class = classifier.classes().nth(class).unwrap_or_default().to_owned();
        let mask = photo.annotation.as_ref().map(|annotation| annotation.mask(&class, found.pixels.dim()));
        let share = mask.map(|mask| ObjectShare::of(found.pixels.view(), mask.view())).transpose()?;
        let explained = Explained {
            photo: photo.path.clone(),
            score: found.score,
            largest_relevance: largest(&found.pixels),
            boxes: share.flatten(),
            name: format!("{}.{}", photo.name, file_name(&class)),
            framed: photo.annotation.as_ref().map_or_else(Vec::new, |annotation| boxes_for(&class, annotation)),
            class,
            ledger: found.ledger,
        };
        folder.write_npy(&file(&explained, "relevance.npy"), found.pixels.view().into_dyn())?;
        let mut record = serde_json::to_vec_pretty(&explained)?;
        record.push(b'\n');
        folder.write(&file(&explained, "json"), &record)?;
        Ok(explained)
    };
    wanted.into_iter().map(explain).collect()
}

impl Explained {
    /// How much of the relevance is inside of the boxes, as a sentence.
    fn about_boxes(&self) -> Option<String> {
        let ObjectShare { inside, context, area } = self.boxes?;
        Some(format!(
            "positive relevance: {inside:.4} inside of the boxes of {}, which have {area:.4} of the area; {context:.4} on \
             the context",
            self.class
        ))
    }
}

fn file(explained: &Explained, ending: &str) -> PathBuf {
    format!("{}.{ending}", explained.name).into()
}

/// Draws the relevance that was written, in the colors of the scale.
fn draw(explained: &Explained, maximum: f64, color_map: ColorMap, folder: &Folder) -> Result<(), Failure> {
    let path = folder.path.join(file(explained, "relevance.npy"));
    let map: Array2<f64> = read_npy(&path).context(format!("can't read {}", path.display()))?;
    let photo: Array3<u8> = images::read(&explained.photo)?;
    let drawing = Drawing { map: &map, maximum, color_map, boxes: &explained.framed };
    let class = &explained.class;
    let caption = Caption {
        title: class.clone(),
        text: format!("score {}", number(explained.score)),
        ends: [format!("against {class}"), format!("for {class}")],
    };
    folder.write(&file(explained, "heatmap.png"), &drawing.heatmap(&caption)?)?;
    folder.write(&file(explained, "overlay.png"), &encode_png(&drawing.overlay(&photo)?)?)?;
    folder.write(&file(explained, "edges.png"), &encode_png(&drawing.edges(&photo)?)?)
}

/// All photos, or the first of them, on one page.
fn page(arguments: &Arguments, explained: &[Explained], folder: &Folder) -> Result<Report, Failure> {
    let mut report = Report::new("What the classifier sees").subtitle(format!("{} explanations", explained.len()));
    for explained in explained.iter().take(MOST_ON_PAGE) {
        let picture = |ending: &str, caption: &str| {
            let path = folder.path.join(file(explained, ending));
            let bytes = std::fs::read(&path).context(format!("can't read {}", path.display()))?;
            Ok::<Picture, Failure>(Picture::new(bytes, caption).linked(&file(explained, ending).to_string_lossy()))
        };
        let title = format!("{}: {}, score {}", explained.photo.display(), explained.class, number(explained.score));
        let section = Section::new(title).pictures([
            picture("heatmap.png", "pixel-wise prediction")?,
            picture("edges.png", "with the photo's edges")?,
            picture("overlay.png", "over the photo")?,
        ]);
        let section = explained.about_boxes().into_iter().fold(section, Section::paragraph);
        report = report.section(section.ledger("Where the score went", &explained.ledger));
    }
    if explained.len() > MOST_ON_PAGE {
        report = report
            .note(format!("The first {MOST_ON_PAGE} of {}; the others are files beside this one.", explained.len()));
    }
    Ok(report.setting("model", arguments.model.display()).setting("color map", arguments.colormap))
}
