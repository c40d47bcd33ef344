//! The paper's figures of handwritten digits, 11 to 24, made again on networks of our own.
//!
//! ```sh
//! cargo run --release --example mnist_figures -- [FIGURE...] [--output FOLDER]
//! ```
//!
//! Pictures (PNG), curves (SVG) and the numbers behind them (CSV) go into the folder, and a page, `index.html`, that
//! shows all of them and says what was measured. Digits and networks are those that the project ships.

mod activations;
mod all_digits;
mod decompositions;
mod drawing;
mod figure;
mod flipping;
mod networks;
mod prepared;
mod sequences;
mod taylor;
mod threes_and_fours;

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use datasets::mnist::{Mnist, Split};
use ndarray::{Array3, ArrayView2, Axis};
use report::Report;

use crate::figure::Figure;
use crate::networks::{DigitNetwork, Kind};
use crate::prepared::NearSix;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// The paper's figures of handwritten digits, 11 to 24
#[derive(Parser)]
struct Arguments {
    /// Which figures [default: all]
    #[arg(value_parser = clap::value_parser!(u8).range(11..=24))]
    figure: Vec<u8>,

    /// Where pictures, numbers and the page go
    #[arg(long, value_name = "FOLDER", default_value = "target/mnist_figures")]
    output: PathBuf,

    /// Where the digits are
    #[arg(long, value_name = "FOLDER", default_value = "data/mnist")]
    data: PathBuf,

    /// Where the networks are
    #[arg(long, value_name = "FOLDER", default_value = "data/models")]
    models: PathBuf,

    /// At most so many digits of each class in Figs 18 to 22, for a quick look [default: all of the test set]
    #[arg(long, value_name = "N")]
    samples: Option<usize>,

    /// Makes what the figures need of the training digits, which are in this folder, and leaves it at that
    #[arg(long, value_name = "FOLDER")]
    prepare: Option<PathBuf>,
}

/// What the figures are made of.
struct Study {
    digits: Mnist,
    /// Of the ten classes (Eq. 65).
    density_ratios: Array3<f64>,
    near_sixes: Vec<NearSix>,
    models: PathBuf,
    /// At most so many of each class where many digits are flipped.
    samples: usize,
}

impl Study {
    fn network(&self, kind: Kind) -> Outcome<DigitNetwork<f64>> {
        DigitNetwork::read(&self.models, kind)
    }

    fn digit(&self, index: usize) -> ArrayView2<'_, u8> {
        self.digits.images.index_axis(Axis(0), index)
    }

    /// The first digits of a class.
    fn first(&self, class: u8, count: usize) -> Outcome<Vec<usize>> {
        let indices: Vec<usize> = self.digits.of_class(class).take(count).collect();
        if indices.len() == count { Ok(indices) } else { Err(format!("there are no {count} digits {class}").into()) }
    }
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Outcome<()> {
    if let Some(training) = &arguments.prepare {
        return prepared::prepare(training, &arguments.data);
    }
    let study = Study {
        digits: Mnist::load(&arguments.data, Split::Test)?,
        density_ratios: prepared::density_ratios(&arguments.data)?,
        near_sixes: prepared::near_sixes(&arguments.data)?,
        models: arguments.models.clone(),
        samples: arguments.samples.unwrap_or(usize::MAX),
    };
    let wanted = |number: &u8| arguments.figure.is_empty() || arguments.figure.contains(number);
    fs::create_dir_all(&arguments.output)?;
    let mut report = Report::new("Pixel-wise explanations of handwritten digits")
        .subtitle("Figs 11 to 24 of Bach et al. 2015, on networks trained here and the 10,000 test digits of MNIST");
    for number in (11..=24).filter(wanted) {
        let start = Instant::now();
        let (section, findings) = figure(number, &study)?.write(&arguments.output)?;
        for finding in findings {
            report = report.figure(finding.label, finding.value, finding.remark);
        }
        report = report.section(section).timing(format!("Fig. {number}"), start.elapsed().as_secs_f64());
        println!("Fig. {number}: {:.1} s", start.elapsed().as_secs_f64());
    }
    let page = arguments.output.join("index.html");
    report.write(&page)?;
    println!("written to {}", page.display());
    Ok(())
}

fn figure(number: u8, study: &Study) -> Outcome<Figure> {
    match number {
        11 => taylor::figure_11(study),
        12 => decompositions::figure_12(study),
        13 => decompositions::figure_13(study),
        14 => activations::figure_14(),
        15 => decompositions::figure_15(study),
        16 => decompositions::figure_16(study),
        17 => decompositions::figure_17(study),
        18 => threes_and_fours::figure_18(study),
        19 => threes_and_fours::figure_19(study),
        20 => threes_and_fours::figure_20(study),
        21 => threes_and_fours::figure_21(study),
        22 => all_digits::figure_22(study),
        23 => sequences::figure_23(study),
        24 => sequences::figure_24(study),
        _ => Err(format!("there is no Fig. {number}").into()),
    }
}
