//! The command line: reads files, calls the libraries, prints. No mathematics here.

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bow_classifier::{BowClassifier, describe};
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
        Command::Inspect { model } => inspect(&model),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints what a saved classifier is made of, a line for each part.
fn inspect(model: &Path) -> Result<(), Box<dyn Error>> {
    let rows = describe(&BowClassifier::load(model)?);
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines: String = rows.iter().map(|(name, value)| format!("{name:<width$}  {value}\n")).collect();
    print(&lines)
}

/// Writes to standard output. A reader who has seen enough and closes it is no failure.
fn print(text: &str) -> Result<(), Box<dyn Error>> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("can't write to standard output: {error}").into())
        }
        _ => Ok(()),
    }
}
