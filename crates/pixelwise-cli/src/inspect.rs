//! `pixelwise inspect`: what is in a model file.

use std::path::{Path, PathBuf};

use bow_classifier::{BowClassifier, describe};
use clap::Args;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::input_shapes::ShapeOptions;
use crate::model::Kind;
use crate::output::{print, print_json};
use crate::rules::RuleOptions;

mod network;

/// Say what is in a model file: a network's operations, shapes and rules, or the parts of a Bag-of-Words classifier
///
/// A network is shown as it is explained: constants computed, Dropout taken out, batch normalization folded into the
/// layer before it. The rule of each node is the one that `pixelwise explain` would use with the same options.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The model: a network (an ONNX file, or a text network of the LRP toolbox), or a Bag-of-Words classifier as `cargo run -p bow-demo` saves it
    model: PathBuf,

    #[command(flatten)]
    rules: RuleOptions,

    #[command(flatten)]
    shapes: ShapeOptions,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  pixelwise inspect model.onnx
      Each operation with its shape, parameters and rule
  pixelwise inspect model.onnx --composite epsilon-gamma-box --layer-rule op:LRN=taylor
      Which rule would each node get?
  pixelwise inspect model.onnx --input-shape 1,3,299,299
      For a model that leaves the size of its images open
  pixelwise inspect bow-demo-output/classifier.model
      What a saved Bag-of-Words classifier is made of";

/// Prints what a model is made of.
pub fn inspect(arguments: &Arguments) -> Result<(), Failure> {
    match Kind::of(&arguments.model)? {
        Kind::BagOfWords => bag_of_words(&arguments.model, arguments.json),
        Kind::Photos => {
            let path = arguments.model.display();
            Err(format!("{path} is a classifier of photographs: `pixelwise bow inspect` says what is in it").into())
        }
        Kind::Network => {
            let network = network::Description::of(&arguments.model, &arguments.shapes, &arguments.rules)?;
            if arguments.json { print_json(&network.json()) } else { print(&network.text()) }
        }
    }
}

/// Prints what a saved classifier is made of, a line for each part.
fn bag_of_words(model: &Path, as_json: bool) -> Result<(), Failure> {
    let rows = describe(&BowClassifier::load(model)?);
    if as_json {
        let parts: Vec<Value> =
            rows.iter().map(|(name, value)| json!({ "part": name, "description": value })).collect();
        return print_json(&json!({ "model": model, "kind": "Bag-of-Words", "parts": parts }));
    }
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines: String = rows.iter().map(|(name, value)| format!("{name:<width$}  {value}\n")).collect();
    print(&lines)
}
