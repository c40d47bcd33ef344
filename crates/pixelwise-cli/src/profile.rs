//! `pixelwise profile`: where the time of an explanation goes.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::computation::{ComputationOptions, Precision};
use crate::failure::Failure;
use crate::input_shapes::ShapeOptions;
use crate::output::{print, print_json};
use crate::progress::Progress;
use crate::rules::RuleOptions;

mod measurement;
mod multiply_adds;
mod table;

use measurement::Measurement;
use table::Profile;

/// Say where the time of an explanation goes: forward and back, node by node
///
/// The network is run and explained several times on random numbers, with its predicted class as the target. The fastest
/// of each step counts, which leaves out most of what other programs take. Nodes are those of `pixelwise inspect`, and
/// rules are chosen as by `pixelwise explain`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The network: an ONNX file, or a text network of the LRP toolbox
    model: PathBuf,

    #[command(flatten)]
    rules: RuleOptions,

    #[command(flatten)]
    shapes: ShapeOptions,

    /// How often the network is run and explained, after one time that does not count
    #[arg(long, value_name = "N", default_value = "5")]
    repeats: NonZeroUsize,

    /// What stands at the top
    #[arg(long, value_name = "ORDER", value_enum, default_value_t = Sort::Time)]
    sort: Sort,

    #[command(flatten)]
    computation: ComputationOptions,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The order of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Sort {
    /// The node that takes longest, forward and back
    Time,
    /// The first node of the network
    Order,
}

const EXAMPLES: &str = "\
Examples:
  pixelwise profile model.onnx
      Which nodes take longest, forward and back, with the rules that are the default for it
  pixelwise profile model.onnx --composite epsilon-alpha2-beta1 --threads 1
      Other rules, on one thread: what to compare between machines and versions
  pixelwise profile model.onnx --input-shape 8,3,224,224 --sort order
      Eight images at once, in the order of the network

How to read it: a node's multiply-adds are those of its forward pass, and GFLOP/s is twice their number by its time
forward. A layer far below the others there waits for memory, or its kernel is slow. Back, the ε-rule has as much to do
as forward, z-plus twice and alpha-beta three to four times as much. What is left between the nodes and the whole pass
is copying, bookkeeping, and reading what the composite says.";

/// Prints where the time goes.
pub fn profile(arguments: &Arguments) -> Result<(), Failure> {
    arguments.computation.start()?;
    let Arguments { model, rules, shapes, repeats, .. } = arguments;
    let progress = Progress::new(1);
    let mut profile = match arguments.computation.dtype {
        Precision::F32 => Profile::of(Measurement::<f32>::new(model, shapes, rules)?, *repeats)?,
        Precision::F64 => Profile::of(Measurement::<f64>::new(model, shapes, rules)?, *repeats)?,
    };
    drop(progress);
    if arguments.sort == Sort::Time {
        profile.sort_by_time();
    }
    if arguments.json { print_json(&profile.json()) } else { print(&profile.text()) }
}
