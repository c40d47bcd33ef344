//! Trains the networks of the paper's experiments with handwritten digits, and writes them as ONNX.
//!
//! ```text
//! data/get-mnist.sh
//! cargo run --release --example train_mnist -- 400-400-tanh rect-short rect-long tanh-long
//! ```
//!
//! A training that is stopped goes on from its last checkpoint when the same command is given again, and comes to the
//! same bytes. Networks are written to `--output`, `data/models` by default.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Parser;
use datasets::mnist::{Mnist, Split};
use indicatif::{ProgressBar, ProgressStyle};
use model_files::{InputShapes, Place, Precision, WriteOptions};
use ndarray::{Array2, ArrayView3, Axis, Ix2, ShapeError, s};
use perceptrons::LayerPlan::{Dense, Noise, Rectifier, Tanh};
use perceptrons::{Augmentation, LayerPlan, Pace, Perceptron, Pictures, Settings, Trainer, accuracy};

/// Between checkpoints.
const CHECKPOINT: Duration = Duration::from_secs(120);

/// How many test digits tell how the training goes, and after how many iterations.
const WATCHED: usize = 1000;

/// Files of weights are at most this large, so that every place that keeps files takes them.
const LARGEST_FILE: usize = 4 << 20;

/// The mean and the standard deviation of the training digits' pixels, between 0 and 1.
const MEAN_AND_DEVIATION: [f64; 2] = [0.1307, 0.3081];

/// A network of the paper, and how it is trained.
struct Experiment {
    name: &'static str,
    plan: &'static [LayerPlan],
    range: [f64; 2],
    augmentation: Augmentation,
    batch: usize,
    iterations: u64,
    pace: Pace,
    /// Weights in 16 bits beside the model's file, for networks that are large.
    large: bool,
}

const NORMALIZED: [f64; 2] =
    [-MEAN_AND_DEVIATION[0] / MEAN_AND_DEVIATION[1], (1.0 - MEAN_AND_DEVIATION[0]) / MEAN_AND_DEVIATION[1]];

const TRANSLATED: Augmentation = Augmentation { translation: 4, salt_and_pepper: 0.1 };

const RECTIFIERS: &[LayerPlan] = &[Dense(1296), Rectifier, Dense(1296), Rectifier, Dense(1296), Rectifier, Dense(10)];

const HYPERBOLIC_TANGENTS: &[LayerPlan] = &[Dense(1296), Tanh, Dense(1296), Tanh, Dense(1296), Tanh, Dense(10)];

/// Batches of the long trainings are larger than the paper's 25, so that an hour of two cores suffices.
const EXPERIMENTS: [Experiment; 4] = [
    Experiment {
        name: "400-400-tanh",
        plan: &[Noise(0.3), Dense(400), Tanh, Dense(400), Tanh, Dense(10)],
        range: NORMALIZED,
        augmentation: Augmentation { translation: 0, salt_and_pepper: 0.0 },
        batch: 25,
        iterations: 50_000,
        pace: Pace { start: 0.01, end: 0.0, momentum: 0.9 },
        large: false,
    },
    Experiment {
        name: "rect-short",
        plan: RECTIFIERS,
        range: [-1.0, 1.0],
        augmentation: TRANSLATED,
        batch: 25,
        iterations: 10_000,
        pace: Pace { start: 0.02, end: 0.0, momentum: 0.9 },
        large: true,
    },
    Experiment {
        name: "rect-long",
        plan: RECTIFIERS,
        range: [-1.0, 1.0],
        augmentation: TRANSLATED,
        batch: 100,
        iterations: 60_000,
        pace: Pace { start: 0.04, end: 0.0, momentum: 0.9 },
        large: true,
    },
    Experiment {
        name: "tanh-long",
        plan: HYPERBOLIC_TANGENTS,
        range: [-1.0, 1.0],
        augmentation: TRANSLATED,
        batch: 100,
        iterations: 180_000,
        pace: Pace { start: 0.03, end: 0.0, momentum: 0.9 },
        large: true,
    },
];

/// Trains the paper's networks of handwritten digits.
#[derive(Parser)]
struct Arguments {
    /// Which networks: 400-400-tanh, rect-short, rect-long, tanh-long
    #[arg(required = true, value_name = "NETWORK")]
    networks: Vec<String>,
    /// The folder of MNIST's four files
    #[arg(long, default_value = "data/mnist", value_name = "DIR")]
    data: PathBuf,
    /// Where networks and checkpoints are written
    #[arg(long, default_value = "data/models", value_name = "DIR")]
    output: PathBuf,
    /// All random numbers come from it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many iterations, in place of the network's own number
    #[arg(long)]
    iterations: Option<u64>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let experiment = |name: &String| {
        let found = EXPERIMENTS.iter().find(|experiment| experiment.name == name);
        found.ok_or_else(|| format!("{name} is none of {}", EXPERIMENTS.map(|experiment| experiment.name).join(", ")))
    };
    let experiments: Vec<&Experiment> = arguments.networks.iter().map(experiment).collect::<Result<_, _>>()?;
    let digits = [Mnist::load(&arguments.data, Split::Train)?, Mnist::load(&arguments.data, Split::Test)?];
    fs::create_dir_all(&arguments.output)?;
    experiments.into_iter().try_for_each(|experiment| train(experiment, &digits, &arguments))
}

fn train(experiment: &Experiment, [train, test]: &[Mnist; 2], arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let Experiment { name, plan, range, augmentation, batch, pace, .. } = *experiment;
    let pictures = Pictures::new(train.images.view(), &train.labels, range, augmentation)?;
    let iterations = arguments.iterations.unwrap_or(experiment.iterations);
    let settings = Settings { batch, iterations, pace, seed: arguments.seed };
    let checkpoint = arguments.output.join(format!("{name}.checkpoint"));
    let mut trainer = match resumed(&checkpoint, &settings)? {
        Some(trainer) => trainer,
        None => Trainer::<f32>::new(Perceptron::new(pictures.pixels(), plan, arguments.seed)?, settings)?,
    };

    let bar = ProgressBar::new(iterations)
        .with_style(ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} {msg} {eta} left")?);
    bar.set_prefix(name);
    bar.set_position(trainer.iteration());
    let some = inputs(test.images.slice(s![..WATCHED.min(test.labels.len()), .., ..]), range)?;
    let (started, mut written, mut loss) = (Instant::now(), Instant::now(), f64::NAN);
    while !trainer.is_finished() {
        let now = trainer.step(&pictures)?;
        loss = if loss.is_nan() { now } else { 0.99 * loss + 0.01 * now };
        bar.inc(1);
        if trainer.iteration().is_multiple_of(WATCHED as u64) {
            let scores = trainer.perceptron().forward(some.view());
            let known = accuracy(scores.view(), &classes(test)[..some.nrows()]);
            bar.set_message(format!("loss {loss:.4}, {:.1} % of some test digits", 100.0 * known));
        }
        if written.elapsed() > CHECKPOINT {
            write_checkpoint(&trainer, &checkpoint)?;
            written = Instant::now();
        }
    }
    bar.finish_and_clear();

    let path = arguments.output.join(format!("mnist-{name}.onnx"));
    let options = match experiment.large {
        true => WriteOptions { precision: Precision::Half, place: Place::Beside { largest_file: LARGEST_FILE } },
        false => WriteOptions::default(),
    };
    model_files::write_with(&trainer.perceptron().network()?, &path, options)?;
    let known = tested(&path, test, range)?;
    let minutes = started.elapsed().as_secs_f64() / 60.0;
    println!("{}: {:.2} % of the test digits, {minutes:.1} minutes, loss {loss:.4}", path.display(), 100.0 * known);
    if checkpoint.exists() {
        fs::remove_file(&checkpoint)?;
    }
    Ok(())
}

/// The training that the last checkpoint left, if it has these settings.
fn resumed(path: &Path, settings: &Settings) -> Result<Option<Trainer<f32>>, Box<dyn Error>> {
    if !path.exists() {
        return Ok(None);
    }
    let bytes = std::fs::read(path)?;
    let damaged = || format!("{} is damaged: remove it to begin anew", path.display());
    let trainer: Trainer<f32> = ciborium::from_reader(whole_file::unsealed(&bytes).ok_or_else(damaged)?)?;
    match trainer.settings() == settings {
        true => Ok(Some(trainer)),
        false => {
            Err(format!("{} is of other settings: {:?}; remove it to begin anew", path.display(), trainer.settings())
                .into())
        }
    }
}

fn write_checkpoint(trainer: &Trainer<f32>, path: &Path) -> Result<(), Box<dyn Error>> {
    let mut bytes = Vec::new();
    ciborium::into_writer(trainer, &mut bytes)?;
    Ok(whole_file::write_sealed(path, bytes)?)
}

/// The accuracy on all test digits of the network as it was written.
fn tested(path: &Path, digits: &Mnist, range: [f64; 2]) -> Result<f64, Box<dyn Error>> {
    let inputs = inputs(digits.images.view(), range)?;
    let network = model_files::read::<f32>(path)?.network(&InputShapes::new().with("pixels", [1, inputs.ncols()]))?;
    let mut scores = Array2::zeros((0, 10));
    for batch in inputs.axis_chunks_iter(Axis(0), 500) {
        let forward = network.forward(vec![batch.to_owned().into_dyn()])?;
        scores.append(Axis(0), forward.output().into_dimensionality::<Ix2>()?)?;
    }
    Ok(accuracy(scores.view(), &classes(digits)))
}

/// Digits as rows of pixels, as a network takes them.
fn inputs(images: ArrayView3<'_, u8>, [low, high]: [f64; 2]) -> Result<Array2<f32>, ShapeError> {
    let shape = (images.len_of(Axis(0)), images.len_of(Axis(1)) * images.len_of(Axis(2)));
    let values = images.mapv(|byte| (low + (high - low) * f64::from(byte) / 255.0) as f32);
    values.into_shape_with_order(shape)
}

fn classes(digits: &Mnist) -> Vec<usize> {
    digits.labels.iter().copied().map(usize::from).collect()
}
