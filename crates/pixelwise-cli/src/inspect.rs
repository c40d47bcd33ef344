//! `pixelwise inspect`: what is in a model file.

use std::path::PathBuf;

use clap::Args;
use pixelwise::Kind;

use crate::bow::inspect::inspect_model;
use crate::failure::Failure;
use crate::given::Given;
use crate::input_shapes::ShapeOptions;
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
    /// The model: a network (an ONNX file, or a text network of the LRP toolbox), or a Bag-of-Words classifier as `pixelwise train` or `cargo run -p bow-demo` saves it
    model: PathBuf,

    #[command(flatten)]
    rules: RuleOptions,

    #[command(flatten)]
    shapes: ShapeOptions,

    /// Print the configuration of a Bag-of-Words classifier alone, as a file for `pixelwise train --configuration`
    #[arg(long, conflicts_with = "json")]
    configuration: bool,

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
      What a saved Bag-of-Words classifier is made of
  pixelwise inspect all.model --configuration > mine.toml
      How a Bag-of-Words classifier was learned, to begin one's own with";

/// Options for networks; `--configuration` is not for them.
const FOR_NETWORKS: &[&str] =
    &["rule", "composite", "method", "layer-rule", "input-range", "compatible", "input-shape", "json"];
/// Options for Bag-of-Words classifiers.
const FOR_BAG_OF_WORDS: &[&str] = &["configuration", "json"];

/// Prints what a model is made of.
pub fn inspect(arguments: &Arguments, given: &Given) -> Result<(), Failure> {
    let (path, as_json) = (&arguments.model, arguments.json);
    let kind = Kind::of(path)?;
    given.refuse_beyond(if kind == Kind::Network { FOR_NETWORKS } else { FOR_BAG_OF_WORDS }, path, kind)?;
    match kind {
        Kind::BagOfWords => inspect_model(path, arguments.configuration, as_json),
        Kind::Network => {
            let network = network::Description::of(path, &arguments.shapes, &arguments.rules)?;
            if as_json { print_json(&network.json()) } else { print(&network.text()) }
        }
    }
}
