//! Bag-of-Words classifiers of photographs: learned, judged and explained.

use std::error::Error;
use std::path::{Path, PathBuf};

use bow_classifier::{BowClassifier, Problem, Truth, Vectors};
use clap::{Args, Subcommand};
use datasets::voc::{Folder, Photo, Presence};
use pixelwise::Kind;

use crate::failure::{Failure, chain};
use crate::inputs::warn_of_damage;
use crate::messages;
use crate::output::{print, print_json};

mod boxes;
pub mod compare;
pub mod context;
pub mod evaluate;
pub mod explain;
pub mod inspect;
mod judging;
mod learning;
pub mod options;
mod stages;
pub mod train;

/// The names that these verbs had
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Train(Box<train::Arguments>),
    Evaluate(Box<evaluate::Arguments>),
    Explain(Box<explain::Arguments>),
    Compare(Box<compare::Arguments>),
    Context(Box<context::Arguments>),
    Inspect(Box<inspect::Arguments>),
}

/// Does what is asked of classifiers of photographs by an old name, and says the new one.
pub fn bow(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.verb {
        Verb::Train(arguments) => renamed("train", "train", || train::train(arguments)),
        Verb::Evaluate(arguments) => renamed("evaluate", "accuracy", || evaluate::evaluate(arguments)),
        Verb::Explain(arguments) => renamed("explain --class", "explain --target", || arguments.explain()),
        Verb::Compare(arguments) => renamed("compare", "configurations", || compare::compare(arguments)),
        Verb::Context(arguments) => renamed("context", "context", || context::context(arguments)),
        Verb::Inspect(arguments) => renamed("inspect", "inspect", || inspect::inspect(arguments)),
    }
}

fn renamed(old: &str, new: &str, verb: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    messages::note(format!(
        "Note: `pixelwise bow {old}` is `pixelwise {new}` now; the old name goes with the next version."
    ));
    verb()
}

/// The photos of a list, which classes they show, and what is wrong with any of it.
struct Labelled {
    split: String,
    classes: Vec<String>,
    photos: Vec<Photo>,
    problems: Vec<String>,
}

impl Labelled {
    fn of(folder: &Folder, split: &str, classes: &[String]) -> Result<Self, Failure> {
        let read = folder.split(split, classes)?;
        Ok(Self {
            split: split.to_owned(),
            classes: classes.to_vec(),
            photos: read.photos,
            problems: read.problems.iter().map(ToString::to_string).collect(),
        })
    }

    fn paths(&self) -> Vec<PathBuf> {
        self.photos.iter().map(|photo| photo.path.clone()).collect()
    }

    /// Which photos show a class, by its position.
    fn truths(&self, class: usize) -> Vec<Truth> {
        let truth = |photo: &Photo| match photo.presences[class] {
            Presence::Present => Truth::Shown,
            Presence::Absent => Truth::NotShown,
            Presence::Difficult => Truth::Difficult,
        };
        self.photos.iter().map(truth).collect()
    }

    /// Takes note of photos that can't be described; says which are damaged inside.
    fn note_all(&mut self, vectors: &Vectors) {
        self.note(&vectors.problems);
        vectors.damaged.iter().for_each(|damage| warn_of_damage(&damage.image, &damage.what));
    }

    /// Takes note of photos that can't be read or described, each once.
    fn note(&mut self, problems: &[Problem]) {
        for problem in problems.iter().map(ToString::to_string) {
            if !self.problems.contains(&problem) {
                self.problems.push(problem);
            }
        }
    }

    /// Says what was left out.
    fn tell_problems(&self) {
        self.problems.iter().for_each(|problem| messages::note(format!("left out: {problem}")));
    }
}

/// A table for people, or JSON for programs.
fn tell(as_json: bool, text: &str, json: &serde_json::Value) -> Result<(), Failure> {
    if as_json { print_json(json) } else { print(text) }
}

/// A classifier of a file.
pub fn load(path: &Path) -> Result<BowClassifier, Failure> {
    Kind::BagOfWords.require(path)?;
    Ok(BowClassifier::load(path)?)
}

/// Which of a classifier's classes has this name.
fn position(classifier: &BowClassifier, name: &str) -> Result<usize, Failure> {
    classifier.classes().position(|class| class == name).ok_or_else(|| {
        format!(
            "the model does not know the class {name:?}; it knows {}",
            classifier.classes().collect::<Vec<_>>().join(", ")
        )
        .into()
    })
}

/// What is wrong with a photo, in one line that names it.
fn told(photo: &Path, failure: &(dyn Error + 'static)) -> String {
    let message = chain(failure);
    let is_named = message.contains(&photo.display().to_string());
    if is_named { message } else { format!("{}: {message}", photo.display()) }
}
