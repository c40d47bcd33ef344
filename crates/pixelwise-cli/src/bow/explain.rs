//! Photos, explained by Bag-of-Words classifiers.

use std::path::{Path, PathBuf};

use clap::Args;
use datasets::voc::Annotation;
use evaluation::ObjectShare;
use heatmap::{BoundingBox, ColorMap, encode_png};
use images::to_unit_range;
use ndarray::{Array2, Array3, Ix2};
use ndarray_npy::read_npy;
use pixelwise::{BagOfWords, ExplainedClass};
use rayon::prelude::*;
use relevance::Ledger;
use report::{Picture, Report, Section};
use serde::Serialize;
use serde_json::json;

use super::boxes::boxes_for;
use super::{tell, told};
use crate::computation::ThreadOptions;
use crate::explain::Scale;
use crate::explain::drawing::{Caption, Drawing, largest};
use crate::explain::files::{Folder, Names, file_name};
use crate::failure::{Context, Failure, chain};
use crate::inputs::Source;
use crate::labels::Labels;
use crate::messages;
use crate::output::number;
use crate::progress::Progress;
use crate::target::TargetChoice;

/// The old command line of this.
#[derive(Args)]
pub struct Arguments {
    /// The classifier, as `pixelwise train` writes it
    model: PathBuf,

    /// Photos, or folders of them
    #[arg(required = true)]
    photo: Vec<PathBuf>,

    /// A class that is explained (repeatable; default: the one with the highest score)
    #[arg(long, value_name = "NAME")]
    class: Vec<String>,

    /// Where files are written to
    #[arg(long, value_name = "FOLDER", default_value = "explanations")]
    output: PathBuf,

    /// Colors of the heatmaps
    #[arg(long, value_name = "NAME", default_value_t = ColorMap::Jet)]
    colormap: ColorMap,

    /// What the strongest color stands for
    #[arg(long, value_name = "SCOPE", value_enum, default_value_t = Scale::Image)]
    scale: Scale,

    #[command(flatten)]
    threads: ThreadOptions,

    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
}

impl Arguments {
    /// Explains photos.
    pub fn explain(&self) -> Result<(), Failure> {
        self.threads.start()?;
        let classes: Vec<TargetChoice> = self.class.iter().map(|name| TargetChoice::named(name)).collect();
        explain(&Run {
            model: &self.model,
            photos: &self.photo,
            classes: &classes,
            output: &self.output,
            color_map: self.colormap,
            scale: self.scale,
            json: self.json,
        })
    }
}

/// Photos that a Bag-of-Words classifier explains.
pub struct Run<'a> {
    pub model: &'a Path,
    /// Photos, and folders of them.
    pub photos: &'a [PathBuf],
    /// The classes that are explained; without any, the one with the highest score.
    pub classes: &'a [TargetChoice],
    /// The folder where files go.
    pub output: &'a Path,
    pub color_map: ColorMap,
    /// What the strongest color stands for.
    pub scale: Scale,
    /// Whether a JSON document is printed.
    pub json: bool,
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
pub fn explain(run: &Run<'_>) -> Result<(), Failure> {
    let classifier = BagOfWords::load(run.model)?;
    let labels = Labels::of(classifier.classes().iter().map(String::as_str));
    let mut classes =
        run.classes.iter().map(|target| target.of_bag_of_words(&labels)).collect::<Result<Vec<_>, _>>()?;
    if classes.is_empty() {
        classes.push(None);
    }
    let folder = Folder::create(run.output)?;
    let mut photos: Vec<Photo> = Vec::new();
    let mut names = Names::default();
    let mut left_out = Vec::new();
    for path in run.photos {
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
    left_out.iter().for_each(|problem| messages::note(format!("left out: {problem}")));

    let progress = Progress::new(photos.len());
    let explained: Vec<Result<Vec<Explained>, Failure>> = photos
        .par_iter()
        .map(|photo| {
            let explained = one(&classifier, &labels, &classes, photo, &folder);
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
                messages::error(&message);
                failures.push(message);
            }
        }
    }
    let over_all = whole.iter().fold(0.0, |largest: f64, explained| largest.max(explained.largest_relevance));
    let maximum = |explained: &Explained| match run.scale {
        Scale::Image => explained.largest_relevance,
        Scale::Batch => over_all,
    };
    whole.par_iter().try_for_each(|explained| draw(explained, maximum(explained), run.color_map, &folder))?;
    page(run, &whole, &folder)?.write(folder.path.join("index.html"))?;

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
    let json = json!({ "model": run.model, "explanations": whole, "failed": failures, "left_out": left_out });
    tell(run.json, &text, &json)?;
    match failures.len() {
        0 => Ok(()),
        failed => Err(format!("{failed} of {} photos could not be explained", photos.len()).into()),
    }
}

/// Explains a photo and writes its relevance and ledger.
fn one(
    classifier: &BagOfWords,
    labels: &Labels,
    classes: &[Option<usize>],
    photo: &Photo,
    folder: &Folder,
) -> Result<Vec<Explained>, Failure> {
    let pixels = to_unit_range(images::read(&photo.path)?.view());
    let found = classifier.explain(pixels.view(), classes)?;
    found.into_iter().map(|found| write(found, labels, photo, folder)).collect()
}

/// Writes the relevance and the record of a class.
fn write(
    ExplainedClass { class, explanation }: ExplainedClass,
    labels: &Labels,
    photo: &Photo,
    folder: &Folder,
) -> Result<Explained, Failure> {
    let class = labels.name(class).map_or_else(|| class.to_string(), str::to_owned);
    let pixels = explanation.relevance.into_dimensionality::<Ix2>()?;
    let mask = photo.annotation.as_ref().map(|annotation| annotation.mask(&class, pixels.dim()));
    let share = mask.map(|mask| ObjectShare::of(pixels.view(), mask.view())).transpose()?;
    let explained = Explained {
        photo: photo.path.clone(),
        score: explanation.score,
        largest_relevance: largest(&pixels),
        boxes: share.flatten(),
        name: format!("{}.{}", photo.name, file_name(&class)),
        framed: photo.annotation.as_ref().map_or_else(Vec::new, |annotation| boxes_for(&class, annotation)),
        class,
        ledger: explanation.ledger,
    };
    folder.write_npy(&file(&explained, "relevance.npy"), pixels.view().into_dyn())?;
    let mut record = serde_json::to_vec_pretty(&explained)?;
    record.push(b'\n');
    folder.write(&file(&explained, "json"), &record)?;
    Ok(explained)
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
fn page(run: &Run<'_>, explained: &[Explained], folder: &Folder) -> Result<Report, Failure> {
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
    Ok(report.setting("model", run.model.display()).setting("color map", run.color_map))
}
