//! `pixelwise bow explain`.

use std::path::{Path, PathBuf};

use bow_photos::PhotoClassifier;
use clap::Args;
use heatmap::{ColorMap, EdgeSuperposition, encode_png};
use images::to_unit_range;
use ndarray::{Array2, Array3};
use ndarray_npy::read_npy;
use rayon::prelude::*;
use relevance::Ledger;
use report::{Picture, Report, Section};
use serde::Serialize;
use serde_json::json;

use super::{highest, load, tell};
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
      Two classes, one color scale for all photos";

/// Explain what a classifier sees in photographs: heatmap, raw relevance, and where the score went
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

/// What is known of a photo and a class; its relevance is in a file.
#[derive(Serialize)]
struct Explained {
    photo: PathBuf,
    class: String,
    score: f64,
    largest_relevance: f64,
    /// The beginning of its files' names.
    name: String,
    ledger: Ledger,
}

/// Explains photos, one after the other on each thread.
pub fn explain(arguments: &Arguments) -> Result<(), Failure> {
    arguments.threads.start()?;
    let classifier = load(&arguments.model)?;
    let classes = arguments.class.iter().map(|name| position(&classifier, name)).collect::<Result<Vec<_>, _>>()?;
    let folder = Folder::create(&arguments.output)?;
    let mut photos: Vec<(PathBuf, String)> = Vec::new();
    let mut names = Names::default();
    for path in &arguments.photo {
        for source in Source::all(path)? {
            let stem = source.path().file_stem().unwrap_or_default().to_string_lossy();
            photos.push((source.path().to_owned(), names.unique(&file_name(&stem))));
        }
    }

    let progress = Progress::new(photos.len());
    let explained: Vec<Result<Vec<Explained>, Failure>> = photos
        .par_iter()
        .map(|(path, name)| {
            let explained = one(&classifier, &classes, path, name, &folder);
            progress.advance(1);
            explained
        })
        .collect();
    drop(progress);
    let mut whole = Vec::new();
    let mut failures = Vec::new();
    for ((path, _), explained) in photos.iter().zip(explained) {
        match explained {
            Ok(explained) => whole.extend(explained),
            Err(failure) => {
                let message = chain(failure.as_ref());
                let named = message.contains(&path.display().to_string());
                let message = if named { message } else { format!("{}: {message}", path.display()) };
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
            "{}: {} {}\n{}\n",
            explained.photo.display(),
            explained.class,
            number(explained.score),
            explained.ledger
        )
    });
    let text = format!("{}files: {}\n", lines.collect::<String>(), folder.path.display());
    tell(arguments.json, &text, &json!({ "model": arguments.model, "explanations": whole, "failed": failures }))?;
    match failures.len() {
        0 => Ok(()),
        failed => Err(format!("{failed} of {} photos could not be explained", photos.len()).into()),
    }
}

fn position(classifier: &PhotoClassifier, name: &str) -> Result<usize, Failure> {
    classifier.classes().position(|class| class == name).ok_or_else(|| {
        format!(
            "the model does not know the class {name:?}; it knows {}",
            classifier.classes().collect::<Vec<_>>().join(", ")
        )
        .into()
    })
}

/// Explains a photo and writes its relevance and ledger.
fn one(
    classifier: &PhotoClassifier,
    classes: &[usize],
    path: &Path,
    name: &str,
    folder: &Folder,
) -> Result<Vec<Explained>, Failure> {
    let photo = to_unit_range(images::read(path)?.view());
    let bag = classifier.vocabulary().bag(photo.view())?;
    let wanted = if classes.is_empty() { vec![highest(classifier, bag.vector.view())?] } else { classes.to_vec() };
    let explain = |class: usize| {
        let found = bow_classifier::pixel_wise_decomposition(classifier.model(class)?, &bag)?;
        let class = classifier.classes().nth(class).unwrap_or_default().to_owned();
        let explained = Explained {
            photo: path.to_owned(),
            score: found.score,
            largest_relevance: largest(&found.pixels),
            name: format!("{name}.{}", file_name(&class)),
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

fn file(explained: &Explained, ending: &str) -> PathBuf {
    format!("{}.{ending}", explained.name).into()
}

/// Draws the relevance that was written, in the colors of the scale.
fn draw(explained: &Explained, maximum: f64, color_map: ColorMap, folder: &Folder) -> Result<(), Failure> {
    let path = folder.path.join(file(explained, "relevance.npy"));
    let map: Array2<f64> = read_npy(&path).context(format!("can't read {}", path.display()))?;
    let photo: Array3<u8> = images::read(&explained.photo)?;
    let drawing = Drawing { map: &map, maximum, color_map };
    let class = &explained.class;
    let caption = Caption {
        title: class.clone(),
        text: format!("score {}", number(explained.score)),
        ends: [format!("against {class}"), format!("for {class}")],
    };
    folder.write(&file(explained, "heatmap.png"), &drawing.heatmap(&caption)?)?;
    folder.write(&file(explained, "overlay.png"), &drawing.overlay(&photo)?)?;
    let edges = EdgeSuperposition { color_map, ..EdgeSuperposition::default() };
    let normalized = if maximum == 0.0 { map } else { map / maximum };
    folder.write(&file(explained, "edges.png"), &encode_png(&edges.draw(photo.view(), normalized.view())?)?)
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
        let section = Section::new(title)
            .pictures([
                picture("heatmap.png", "pixel-wise prediction")?,
                picture("edges.png", "with the photo's edges")?,
                picture("overlay.png", "over the photo")?,
            ])
            .ledger("Where the score went", &explained.ledger);
        report = report.section(section);
    }
    if explained.len() > MOST_ON_PAGE {
        report = report
            .note(format!("The first {MOST_ON_PAGE} of {}; the others are files beside this one.", explained.len()));
    }
    Ok(report.setting("model", arguments.model.display()).setting("color map", arguments.colormap))
}
