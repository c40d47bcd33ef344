//! The command line: reads files, calls the libraries, prints. No mathematics here.

use std::path::PathBuf;
use std::process::ExitCode;

use bow_classifier::{BowClassifier, ThirdLayer};
use bow_mapping::Map;
use clap::{Parser, Subcommand};

/// Explains image classifiers pixel by pixel.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Say what is in a model file: local features, mappings, kernels, and how scores are decomposed
    Inspect {
        /// A Bag-of-Words model, as `cargo run -p bow-demo` saves it
        model: PathBuf,
    },
}

const EXAMPLES: &str = "\
Examples:
  pixelwise inspect bow-demo-output/classifier.model
      What a saved classifier is made of

`cargo run -p bow-demo` learns a Bag-of-Words classifier and explains pictures with it.";

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Inspect { model } => BowClassifier::load(model).map(|classifier| print!("{}", describe(&classifier))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What a classifier is made of, a line for each part.
fn describe(classifier: &BowClassifier) -> String {
    let model = classifier.model();
    let expansion = model.expansion();
    let mut lines = vec![format!(
        "Bag-of-Words classifier: {} channels, {} dimensions, {} support vectors, bias {}",
        model.encoders().len(),
        expansion.dimensions(),
        expansion.support_count(),
        expansion.bias()
    )];
    let channels = classifier.extractors().iter().zip(model.encoders()).zip(expansion.terms()).enumerate();
    for (channel, ((extractor, encoder), term)) in channels {
        lines.push(format!("channel {channel}"));
        lines.push(format!("  local features  {extractor:?}"));
        lines.push(format!("  mapping         {}, {} dimensions", encoder.mapping.name(), encoder.mapping.words()));
        lines.push(format!("  pooling         {}, then {:?}", encoder.pooling, encoder.normalization));
        lines.push(format!("  kernel          {:?}, weight {}", term.kernel, term.weight));
    }
    lines.push(match model.third_layer() {
        ThirdLayer::SumDecomposition => "explained exactly, as a sum over dimensions (Eq. 24)".to_owned(),
        ThirdLayer::Taylor(taylor) => format!(
            "explained about root points (Eq. 25), searched towards {} candidates: {:?}",
            taylor.candidates.values().len(),
            taylor.search
        ),
    });
    lines.join("\n") + "\n"
}
