//! The command line: reads files, calls the libraries, prints. No mathematics here.

mod accuracy;
mod books;
mod bow;
mod compare;
mod completions;
mod computation;
mod evaluate;
mod exit_code;
mod explain;
mod failure;
mod given;
mod input_shapes;
mod inputs;
mod inspect;
mod labels;
mod limits;
mod messages;
mod model;
mod network_options;
mod output;
mod pictures;
mod preprocess;
mod profile;
mod progress;
mod rules;
mod run;
mod serve;
mod target;

use std::process::ExitCode;

use clap::{ArgMatches, Command, CommandFactory, FromArgMatches, Parser, Subcommand};

use failure::Failure;
use given::Given;
use limits::LimitOptions;
use messages::MessageOptions;

/// Explains image classifiers pixel by pixel: which pixels speak for the decision, and which against it?
#[derive(Parser)]
#[command(name = "pixelwise", version, after_help = format!("{EXAMPLES}\n\n{}", exit_code::table()))]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,

    #[command(flatten)]
    messages: MessageOptions,

    #[command(flatten)]
    limits: LimitOptions,
}

#[derive(Subcommand)]
enum Verb {
    Explain(Box<explain::Arguments>),
    Run(Box<run::Arguments>),
    Inspect(Box<inspect::Arguments>),
    Profile(Box<profile::Arguments>),
    Compare(Box<compare::Arguments>),
    Evaluate(Box<evaluate::Arguments>),
    Train(Box<bow::train::Arguments>),
    Accuracy(Box<accuracy::Arguments>),
    Context(Box<bow::context::Arguments>),
    Configurations(Box<bow::compare::Arguments>),
    Repeat(Box<explain::repeat::Arguments>),
    Serve(Box<serve::Arguments>),
    Completions(Box<completions::Arguments>),
    #[command(hide = true)]
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
  pixelwise serve model.onnx
      See it think, in the browser: photos, digits that one draws, shapes on a canvas
  pixelwise train --voc VOC2009 --class bird --output bird.model
      A Bag-of-Words classifier of photographs; `pixelwise explain bird.model photo.jpg` tells what it sees

`pixelwise VERB --help` says more. `cargo run -p bow-demo` learns a Bag-of-Words classifier and explains pictures with
it; `pixelwise inspect` shows what it is made of.";

/// The command line, for what is made of it: completions, manual pages.
pub fn command() -> Command {
    Arguments::command()
}

/// Does what the command line asks for.
pub fn main() -> ExitCode {
    match perform(&Arguments::command().get_matches()) {
        Ok(()) => exit_code::exit(exit_code::DONE),
        Err(failure) => {
            messages::error(failure::chain(failure.as_ref()));
            exit_code::exit(exit_code::FAILED)
        }
    }
}

/// Does what a command line asks for.
fn perform(matches: &ArgMatches) -> Result<(), Failure> {
    let arguments = Arguments::from_arg_matches(matches).unwrap_or_else(|error| error.exit());
    let given = Given::of(matches).unwrap_or_else(|| unreachable!("a verb is required"));
    arguments.messages.start();
    arguments.limits.start();
    messages::timed("in all", || match arguments.verb {
        Verb::Explain(arguments) => explain::explain(&arguments, &given),
        Verb::Run(arguments) => run::run(&arguments, &given),
        Verb::Inspect(arguments) => inspect::inspect(&arguments, &given),
        Verb::Profile(arguments) => profile::profile(&arguments),
        Verb::Compare(arguments) => compare::compare(&arguments, &given),
        Verb::Evaluate(arguments) => evaluate::evaluate(&arguments, &given),
        Verb::Train(arguments) => bow::train::train(&arguments),
        Verb::Accuracy(arguments) => accuracy::accuracy(&arguments, &given),
        Verb::Context(arguments) => bow::context::context(&arguments),
        Verb::Configurations(arguments) => bow::compare::compare(&arguments),
        Verb::Repeat(arguments) => explain::repeat::repeat(&arguments),
        Verb::Serve(arguments) => serve::serve(&arguments, &given),
        Verb::Completions(arguments) => completions::completions(&arguments),
        Verb::Bow(arguments) => bow::bow(&arguments),
    })
}
