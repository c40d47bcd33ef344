//! The command line: reads files, calls the libraries, prints. No mathematics here.

mod books;
mod bow;
mod compare;
mod computation;
mod evaluate;
mod explain;
mod failure;
mod input_shapes;
mod inputs;
mod inspect;
mod labels;
mod model;
mod network_options;
mod output;
mod pictures;
mod preprocess;
mod profile;
mod progress;
mod rules;
mod run;
mod target;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Explains image classifiers pixel by pixel: which pixels speak for the decision, and which against it?
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Explain(Box<explain::Arguments>),
    Run(Box<run::Arguments>),
    Inspect(Box<inspect::Arguments>),
    Profile(Box<profile::Arguments>),
    Compare(Box<compare::Arguments>),
    Evaluate(Box<evaluate::Arguments>),
    Bow(Box<bow::Arguments>),
}

const EXAMPLES: &str = "\
Examples:
  pixelwise explain model.onnx photo.jpg
      Heatmap, raw relevance and ledger of what the network sees in a photo
  pixelwise run model.onnx photo.jpg --labels labels.txt
      What does it see? The forward pass alone
  pixelwise inspect model.onnx
      The network as it is seen: operations, shapes, and the rule that each gets
  pixelwise profile model.onnx
      Where does the time go? Forward and back, node by node
  pixelwise compare model.onnx photo.jpg
      Rules side by side, on one sheet
  pixelwise evaluate model.onnx photos/
      Are the heatmaps right? Measures of it, rules side by side
  pixelwise bow train --voc VOC2009 --class bird --output bird.model
      A Bag-of-Words classifier of photographs; `pixelwise bow explain` tells what it sees

`pixelwise VERB --help` says more. `cargo run -p bow-demo` learns a Bag-of-Words classifier and explains pictures with
it; `pixelwise inspect` shows what it is made of.";

fn main() -> ExitCode {
    let result = match Arguments::parse().verb {
        Verb::Explain(arguments) => explain::explain(&arguments),
        Verb::Run(arguments) => run::run(&arguments),
        Verb::Inspect(arguments) => inspect::inspect(&arguments),
        Verb::Profile(arguments) => profile::profile(&arguments),
        Verb::Compare(arguments) => compare::compare(&arguments),
        Verb::Evaluate(arguments) => evaluate::evaluate(&arguments),
        Verb::Bow(arguments) => bow::bow(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {}", failure::chain(failure.as_ref()));
            ExitCode::FAILURE
        }
    }
}
