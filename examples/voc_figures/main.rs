//! The paper's Figs 7 to 10, for any classifier of photographs and any photos.
//!
//! Each class has a figure of triplets: the photo, the pixel-wise prediction with the photo's prominent edges over it, and
//! the photo where the prediction is high. Its rows are the photos that the classifier is most surely right or wrong
//! about: true positives, false positives and false negatives.
//!
//! ```sh
//! cargo run --release --example voc_figures -- MODEL --voc FOLDER [--class NAME…] [--split val] [--output FOLDER]
//! cargo run --release --example voc_figures -- MODEL PHOTO... [--truth FILE]
//! ```
//!
//! Pictures (PNG) and the numbers behind them (CSV) go into the folder, and a page, `index.html`, that shows all of them.
//! All photos are scored, which the cache makes quick the next time; only those that are shown are explained.

mod choice;
mod figure;
mod photos;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::path::PathBuf;

use bow_classifier::{BowClassifier, Cache, Observer, Stage};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use report::Report;

use crate::figure::Figure;
use crate::photos::Photo;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// The paper's Figs 7 to 10, for any classifier of photographs and any photos
#[derive(Parser)]
struct Arguments {
    /// The classifier, as `pixelwise train` writes it
    model: PathBuf,

    /// Photos (JPEG, PNG, BMP, PNM), in place of a folder
    #[arg(required_unless_present = "voc", conflicts_with = "voc")]
    photo: Vec<PathBuf>,

    /// A folder in which JPEGImages and ImageSets/Main lie
    #[arg(long, value_name = "FOLDER")]
    voc: Option<PathBuf>,

    /// The folder's list of photos
    #[arg(long, value_name = "NAME", default_value = "val")]
    split: String,

    /// Which classes the photos show, a line for each: `chelsea.png: cat`, and `coffee.png:` where there is none
    #[arg(long, value_name = "FILE", conflicts_with = "voc")]
    truth: Option<PathBuf>,

    /// A class (repeatable) [default: all that the classifier knows]
    #[arg(long, value_name = "NAME")]
    class: Vec<String>,

    /// At most so many true positives, false positives and false negatives each
    #[arg(long, value_name = "N", default_value_t = 3)]
    rows: usize,

    /// Where pictures, numbers and the page go
    #[arg(long, value_name = "FOLDER", default_value = "target/voc_figures")]
    output: PathBuf,

    /// Where vectors are kept for the next run
    #[arg(long, value_name = "FOLDER", default_value = "bow-cache")]
    cache: PathBuf,
}

fn main() -> Outcome<()> {
    draw(&Arguments::parse())
}

/// Draws the figure of each class, and the page.
fn draw(arguments: &Arguments) -> Outcome<()> {
    let classifier = BowClassifier::load(&arguments.model)?;
    let known: Vec<String> = classifier.classes().map(str::to_owned).collect();
    let classes = if arguments.class.is_empty() { known.clone() } else { arguments.class.clone() };
    let positions = classes.iter().map(|class| position(class, &known)).collect::<Outcome<Vec<_>>>()?;
    let photos = match &arguments.voc {
        Some(folder) => photos::of_folder(folder, &arguments.split, &classes)?,
        None => photos::of_files(&arguments.photo, arguments.truth.as_deref(), &classes, &known)?,
    };

    let progress = Progress::new();
    let paths: Vec<PathBuf> = photos.iter().map(|photo| photo.path.clone()).collect();
    let vectors = classifier.vocabulary().vectors(&paths[..], Some(&Cache::open(&arguments.cache)?), &progress)?;
    progress.0.suspend(|| vectors.problems.iter().for_each(|problem| eprintln!("left out: {problem}")));
    let photos: Vec<Photo> = vectors.of_kept(&photos);
    if photos.is_empty() {
        return Err("there is no photo to show".into());
    }
    let scores = classifier.scores_of_vectors(vectors.values.view())?;

    let output = &arguments.output;
    std::fs::create_dir_all(output).map_err(|error| format!("can't make {}: {error}", output.display()))?;
    let mut report = Report::new("Pixel-wise explanations of photographs")
        .subtitle("After Figs 7 to 10 of Bach et al. 2015")
        .setting("model", arguments.model.display())
        .setting("photos", photos.len());
    for (place, (class, position)) in classes.iter().zip(positions).enumerate() {
        let shows: Vec<Option<bool>> = photos.iter().map(|photo| photo.shows[place]).collect();
        let of_class = scores.column(position).to_vec();
        let choices = choice::choose(&of_class, &shows, arguments.rows);
        progress.begin("explaining", choices.len());
        let figure = Figure::explain(class, choices, &photos, |image| {
            let found = classifier.decompose(image, position);
            progress.step();
            Ok(found?.pixels)
        })?;
        report = report.section(figure.write(choice::tally(&of_class, &shows), output)?);
    }
    drop(progress);
    let page = output.join("index.html");
    report.write(&page)?;
    println!("written to {}", page.display());
    Ok(())
}

fn position(class: &str, known: &[String]) -> Outcome<usize> {
    let found = known.iter().position(|name| name == class);
    found.ok_or_else(|| format!("the model does not know the class {class:?}; it knows {}", known.join(", ")).into())
}

/// A bar on standard error, where that is a terminal.
struct Progress(ProgressBar);

impl Progress {
    fn new() -> Self {
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template("{msg:<20} {bar:32} {pos:>5}/{len} {elapsed:>4}, {eta} left") {
            bar.set_style(style);
        }
        Self(bar)
    }

    fn begin(&self, task: &'static str, steps: usize) {
        self.0.reset();
        self.0.set_length(steps as u64);
        self.0.set_message(task);
    }
}

impl Observer for Progress {
    fn begin(&self, _: Stage, steps: usize) {
        Progress::begin(self, "describing photos", steps);
    }

    fn step(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
