//! `pixelwise inspect`: what is in a model file.

use std::path::{Path, PathBuf};

use bow_classifier::{BowClassifier, describe};
use clap::Args;

use crate::failure::Failure;
use crate::output::print;

/// Say what is in a model file
#[derive(Args)]
pub struct Arguments {
    /// The model: a network (an ONNX file, or a text network of the LRP toolbox), or a Bag-of-Words classifier as `cargo run -p bow-demo` saves it
    model: PathBuf,
}

/// Prints what a model is made of.
pub fn inspect(arguments: &Arguments) -> Result<(), Failure> {
    bag_of_words(&arguments.model)
}

/// Prints what a saved classifier is made of, a line for each part.
fn bag_of_words(model: &Path) -> Result<(), Failure> {
    let rows = describe(&BowClassifier::load(model)?);
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines: String = rows.iter().map(|(name, value)| format!("{name:<width$}  {value}\n")).collect();
    print(&lines)
}
