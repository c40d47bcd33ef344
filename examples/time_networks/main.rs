//! Times explanations of a network beside its own forward pass, for `benches/peers`.
//!
//! ```text
//! cargo run --release --example time_networks -- MODEL.onnx INPUT.npy [--threads N] [--repeat N] [--maps FOLDER]
//! cargo run --release --example time_networks -- MODEL.onnx INPUT.npy --on-request [--threads N] [--maps FOLDER]
//! ```
//!
//! Prints a JSON line for each row: milliseconds of the fastest, the median and the slowest repeat, and the ratio of the
//! fastest to the forward pass.
//!
//! `--on-request` reads the names of rows from standard input, one on each line, runs each once and answers with
//! milliseconds on the clock and of processor time; so that another program and this one can take turns. The row `peak`
//! is not of the network: it answers with the multiply-adds of a loop in registers as well.
//!
//! `--maps` writes what each row gives when it is first run, scores or relevance, as `FOLDER/ROW.npy`.

use std::collections::HashSet;
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::time::Instant;

use channel_kernels::{CacheLines, Instructions, multiply_adds};
use cpu_time::ProcessTime;
use model_files::InputShapes;
use ndarray::ArrayD;
use ndarray_npy::{ReadNpyExt, write_npy};
use neural_lrp::{Composite, Explainer, Initial, Question, Target};
use serde_json::{Value, json};

/// As in the program `pixelwise`.
#[global_allocator]
static ALLOCATOR: CacheLines = CacheLines;

/// What is timed beside the forward pass: the name of the row and its composite; a uniform rule where there is no
/// composite of the name.
const ROWS: [(&str, &str); 7] = [
    ("epsilon", "epsilon=1e-6"),
    ("z-plus", "z-plus"),
    ("alpha-beta", "alpha-beta=2"),
    ("epsilon-plus", "epsilon-plus"),
    ("epsilon-plus-flat", "epsilon-plus-flat"),
    ("epsilon-alpha2-beta1", "epsilon-alpha2-beta1"),
    ("gradient", "gradient"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name)?;
        arguments.get(place + 1)
    };
    let number = |name: &str, default: usize| option(name).map_or(Ok(default), |value| value.parse());
    let [model, input, ..] = arguments.as_slice() else {
        return Err("MODEL.onnx and INPUT.npy are needed".into());
    };
    rayon::ThreadPoolBuilder::new().num_threads(number("--threads", 1)?).build_global()?;

    let batch = ArrayD::<f32>::read_npy(File::open(input)?)?;
    let file = model_files::read::<f32>(model)?;
    let name = file.inputs()[0].name.clone();
    let network = file.network(&InputShapes::new().with(name, batch.shape().to_vec()))?;
    let maps = option("--maps").map(PathBuf::from);
    let mut rows = Rows { explainer: Explainer::new(&network)?.in_batches(), batch, maps, written: HashSet::new() };
    if arguments.iter().any(|argument| argument == "--on-request") {
        rows.answer()
    } else {
        rows.time_all(number("--repeat", 5)?)
    }
}

/// A network and what it is run on.
struct Rows {
    explainer: Explainer<f32>,
    batch: ArrayD<f32>,
    /// Where the maps go.
    maps: Option<PathBuf>,
    /// The rows whose map is there.
    written: HashSet<String>,
}

/// Milliseconds of one run.
struct Time {
    wall: f64,
    processor: f64,
}

impl Time {
    /// Runs something once.
    fn of<T>(run: impl FnOnce() -> T) -> (Self, T) {
        let (wall, processor) = (Instant::now(), ProcessTime::now());
        let result = run();
        let (wall, processor) = (wall.elapsed(), processor.elapsed());
        (Self { wall: wall.as_secs_f64() * 1e3, processor: processor.as_secs_f64() * 1e3 }, result)
    }
}

impl Rows {
    /// Prints a line for each row.
    fn time_all(&mut self, repeat: usize) -> Result<(), Box<dyn Error>> {
        let mut forward = None;
        for row in ["forward"].into_iter().chain(ROWS.map(|(row, _)| row)) {
            self.time(row)?;
            let mut times =
                (0..repeat.max(1)).map(|_| Ok(self.time(row)?.wall)).collect::<Result<Vec<_>, Box<dyn Error>>>()?;
            times.sort_by(f64::total_cmp);
            let (fastest, slowest) = (times[0], times[times.len() - 1]);
            let line = json!({
                "row": row,
                "fastest_ms": fastest,
                "median_ms": times[times.len() / 2],
                "slowest_ms": slowest,
                "ratio_to_forward": fastest / *forward.get_or_insert(fastest),
            });
            println!("{line}");
        }
        Ok(())
    }

    /// Runs what standard input asks for.
    fn answer(&mut self) -> Result<(), Box<dyn Error>> {
        for line in std::io::stdin().lock().lines() {
            let answer = match line?.trim() {
                "peak" => peak_row(),
                row => {
                    let time = self.time(row)?;
                    json!({ "row": row, "wall_ms": time.wall, "processor_ms": time.processor })
                }
            };
            println!("{answer}");
            std::io::stdout().flush()?;
        }
        Ok(())
    }

    fn time(&mut self, row: &str) -> Result<Time, Box<dyn Error>> {
        let (time, map) = Time::of(|| self.run(row));
        let map = map?;
        if let Some(maps) = &self.maps
            && self.written.insert(row.to_owned())
        {
            write_npy(maps.join(format!("{row}.npy")), &map)?;
        }
        Ok(time)
    }

    /// What a row gives: scores, or the relevance of the input for the predicted class.
    fn run(&self, row: &str) -> Result<ArrayD<f32>, Box<dyn Error>> {
        if row == "forward" {
            return Ok(self.explainer.forward_to(&[], &[self.batch.view()])?.scores());
        }
        let forward = self.explainer.forward(self.batch.view())?;
        let known = ROWS.iter().find(|(name, _)| *name == row);
        let (_, rule) = known.ok_or_else(|| format!("there is no row {row:?}"))?;
        let composite = Composite::named(rule).or_else(|_| rule.parse().map(Composite::uniform))?;
        let question = Question::from(Initial::Score(Target::Predicted));
        let mut explained = forward.explain(&composite, &question)?;
        Ok(explained.relevance.swap_remove(0))
    }
}

/// Rounds of 384 multiply-adds on each thread: some milliseconds.
const ROUNDS: usize = 1 << 21;

/// Multiply-adds in registers, on all threads.
fn peak_row() -> Value {
    let run = |_: rayon::BroadcastContext<'_>| std::hint::black_box(multiply_adds(Instructions::current(), ROUNDS));
    let (time, threads) = Time::of(|| rayon::broadcast(run).len());
    let count = ROUNDS * 384 * threads;
    json!({ "row": "peak", "wall_ms": time.wall, "processor_ms": time.processor, "multiply_adds": count })
}
