//! Times explanations of a network beside its own forward pass, for `docs/benchmarks/compare_with_peers.py`.
//!
//! ```text
//! cargo run --release --example time_networks -- MODEL.onnx INPUT.npy [--threads N] [--repeat N]
//! ```
//!
//! Prints a JSON line for each row: milliseconds of the fastest and the median repeat, and its ratio to the forward pass.

use std::error::Error;
use std::fs::File;
use std::time::Instant;

use model_files::InputShapes;
use ndarray::ArrayD;
use ndarray_npy::ReadNpyExt;
use neural_lrp::{Composite, Explainer, Initial, Question, Target};
use serde_json::json;

/// What is timed: the name of the row and its composite; a uniform rule where there is no composite of the name.
const ROWS: [(&str, &str); 6] = [
    ("epsilon", "epsilon=1e-6"),
    ("z-plus", "z-plus"),
    ("alpha-beta", "alpha-beta=2"),
    ("epsilon-plus-flat", "epsilon-plus-flat"),
    ("epsilon-alpha2-beta1", "epsilon-alpha2-beta1"),
    ("gradient", "gradient"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str, default: usize| -> Result<usize, Box<dyn Error>> {
        match arguments.iter().position(|argument| argument == name).and_then(|place| arguments.get(place + 1)) {
            Some(value) => Ok(value.parse()?),
            None => Ok(default),
        }
    };
    let [model, input, ..] = arguments.as_slice() else {
        return Err("MODEL.onnx and INPUT.npy are needed".into());
    };
    let repeat = option("--repeat", 5)?;
    rayon::ThreadPoolBuilder::new().num_threads(option("--threads", 1)?).build_global()?;

    let batch = ArrayD::<f32>::read_npy(File::open(input)?)?;
    let file = model_files::read::<f32>(model)?;
    let name = file.inputs()[0].name.clone();
    let network = file.network(&InputShapes::new().with(name, batch.shape().to_vec()))?;
    let explainer = Explainer::new(&network)?;
    let forward = timed(repeat, || explainer.forward(batch.view()).map(|_| ()))?;
    print_row("forward", forward, forward);
    for (row, rule) in ROWS {
        let composite = Composite::named(rule).or_else(|_| rule.parse().map(Composite::uniform))?;
        let question = Question::from(Initial::Score(Target::Predicted));
        let time = timed(repeat, || explainer.forward(batch.view())?.explain(&composite, &question).map(|_| ()))?;
        print_row(row, time, forward);
    }
    Ok(())
}

/// Milliseconds: the fastest, and the median.
fn timed<E>(repeat: usize, mut run: impl FnMut() -> Result<(), E>) -> Result<(f64, f64), E> {
    run()?;
    let mut times = Vec::with_capacity(repeat);
    for _ in 0..repeat.max(1) {
        let start = Instant::now();
        run()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok((times[0], times[times.len() / 2]))
}

fn print_row(row: &str, (fastest, median): (f64, f64), forward: (f64, f64)) {
    println!(
        "{}",
        json!({ "row": row, "fastest_ms": fastest, "median_ms": median, "ratio_to_forward": fastest / forward.0 })
    );
}
