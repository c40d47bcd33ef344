//! Polygons versus circles, explained: Fig. 6 of Bach et al. 2015, from data to report.
//!
//! The stages are those of the paper: [`plan`] says what is learned, [`subjects`] what is explained, [`measures`] how
//! good it is, [`pictures`] and [`page`] show it. This file joins them.

mod measures;
mod options;
mod output;
mod page;
mod pictures;
mod plan;
mod progress;
mod subjects;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use bow_classifier::{BowClassifier, BowModel, ThirdLayer, Tiling, Truth};
use datasets::polygons::{Label, Scene, tile};
use images::to_unit_range;
use ndarray::Array3;
use rayon::prelude::*;

use crate::measures::{FlippingMetrics, LocalizationMetrics, Metrics, TestMetrics, flipping_metrics, test_metrics};
use crate::options::{ExplanationSettings, Options, smallest_image};
use crate::output::Output;
use crate::progress::Progress;
use crate::subjects::Explained;

/// What ends a run early.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Everything that a run found out.
pub struct Run {
    /// What was asked for.
    pub options: Options,
    /// The classifier that was learned or loaded.
    pub classifier: BowClassifier,
    /// The explained pictures.
    pub explained: Vec<Explained>,
    /// The figures of `metrics.json`.
    pub metrics: Metrics,
    /// The time of each stage.
    pub times: Vec<(&'static str, Duration)>,
}

fn main() -> ExitCode {
    match run(Options::from_command_line()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<(), Failure> {
    if let Some(threads) = options.threads {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    }
    // Whatever can't be written, read or done is to be said now, not after the learning.
    let output = Output::create(&options.output)?;
    let pictures = subjects::read_pictures(&options.image)?;
    let loaded = options.model.as_ref().map(BowClassifier::load).transpose()?;
    let extractors = match &loaded {
        Some(classifier) => classifier.vocabulary().extractors().cloned().collect(),
        None => options.settings.extractors(),
    };
    options.refuse_unfit_tiles(&extractors);
    subjects::check_sizes(&pictures, smallest_image(&extractors))?;

    let progress = Progress::new();
    let classifier = match loaded {
        Some(classifier) => classifier,
        None => learn(&options, &progress)?,
    };
    progress.stage("saving the model", 1);
    output.model(&classifier)?;
    let classifier = with_search_asked_for(classifier, &options.explanation)?;

    progress.stage("test", options.test);
    let tests = tiles(options.seed.wrapping_add(1), options.test);
    let (test, scores) = test_metrics(&classifier, &tests, &progress)?;
    let flipping = flipping_metrics(&classifier, &tests, &scores, options.seed, &progress)?;

    let subjects = if pictures.is_empty() {
        subjects::composites(options.seed.wrapping_add(2), options.composites)
    } else {
        pictures
    };
    progress.stage("explanations", subjects.len());
    let explained = subjects
        .into_iter()
        .map(|subject| {
            let explained = subject.explain(&classifier, &options.explanation)?;
            progress.advance();
            Ok(explained)
        })
        .collect::<Result<Vec<_>, Failure>>()?;

    progress.stage("pictures", explained.len());
    for explained in &explained {
        output.pictures(explained, &options.explanation)?;
        progress.advance();
    }
    output.contact_sheet(&explained, &options.explanation)?;

    let times = progress.finish();
    let metrics = metrics(&options, classifier.model(0)?, test, flipping, &explained, &times);
    output.metrics(&metrics)?;
    let run = Run { options, classifier, explained, metrics, times };
    output.report(&page::report(&run)?)?;
    print(&run, &output)
}

/// Makes the data and learns the classifier.
fn learn(options: &Options, progress: &Progress) -> Result<BowClassifier, Failure> {
    progress.stage("training tiles", options.train);
    let tiles = tiles(options.seed, options.train);
    let images: Vec<Array3<f64>> = tiles.par_iter().map(|tile| to_unit_range(tile.image.view())).collect();
    let truths: Vec<Truth> = tiles.iter().map(|tile| (tile.label == Label::Positive).into()).collect();
    let search = options.explanation.search(plan::SEARCH);
    let configuration = plan::configuration(&options.settings, search, options.seed);
    let classes = [(plan::CLASS.to_owned(), truths)];
    let classifier = BowClassifier::learn(&configuration, &images[..], &classes, progress)?;
    Ok(classifier.with_tiling(Tiling::default()))
}

/// The classifier, explained about the root points that the command line asks for.
fn with_search_asked_for(classifier: BowClassifier, settings: &ExplanationSettings) -> Result<BowClassifier, Failure> {
    Ok(match classifier.model(0)?.third_layer() {
        ThirdLayer::Taylor(taylor) => {
            let search = settings.search(taylor.search);
            classifier.with_search(search)
        }
        ThirdLayer::SumDecomposition => classifier,
    })
}

fn tiles(seed: u64, count: usize) -> Vec<Scene> {
    (0..count as u64).into_par_iter().map(|index| tile(seed, index)).collect()
}

fn metrics(
    options: &Options,
    model: &BowModel,
    test: TestMetrics,
    flipping: FlippingMetrics,
    explained: &[Explained],
    times: &[(&'static str, Duration)],
) -> Metrics {
    let localizations: Vec<_> = explained.iter().filter_map(|explained| explained.localization.clone()).collect();
    let of_explanations = explained.iter().map(|explained| explained.decomposition.max_relative_error);
    let unexplained = explained.iter().map(|explained| explained.decomposition.max_unexplained);
    let exact = matches!(model.third_layer(), ThirdLayer::SumDecomposition);
    Metrics {
        seed: options.seed,
        kernels: model.expansion().terms().iter().map(|term| term.kernel.name().to_owned()).collect(),
        max_conservation_error: of_explanations
            .chain([test.max_conservation_error, flipping.max_conservation_error])
            .fold(0.0, f64::max),
        f_minus_sum_max: exact
            .then(|| unexplained.chain([test.max_unexplained, flipping.max_unexplained]).fold(0.0, f64::max)),
        test,
        localization: LocalizationMetrics::mean_of(&localizations),
        flipping,
        stage_seconds: times.iter().map(|(stage, time)| (key(stage), time.as_secs_f64())).collect::<BTreeMap<_, _>>(),
    }
}

/// A stage's name as a key of `stage_seconds`.
fn key(stage: &str) -> String {
    stage.replace(' ', "_")
}

/// The summary that a person reads, or the figures that a script reads. A reader who closes standard output has read
/// enough.
fn print(run: &Run, output: &Output) -> Result<(), Failure> {
    let text = if run.options.json { serde_json::to_string_pretty(&run.metrics)? + "\n" } else { summary(run, output) };
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("can't write to standard output: {error}").into())
        }
        _ => Ok(()),
    }
}

fn summary(run: &Run, output: &Output) -> String {
    let seconds: f64 = run.times.iter().map(|(_, time)| time.as_secs_f64()).sum();
    let figures: String =
        page::figures(&run.metrics).iter().map(|(name, value)| format!("{name:<44} {value}\n")).collect();
    let hint = if io::stdout().is_terminal() { "(open it in a browser; --help lists the options)\n" } else { "" };
    format!(
        "{figures}\n{}\nDone in {seconds:.1} s. The report: {}\n{hint}",
        subjects::total_ledger(&run.explained),
        output.report_path().display()
    )
}
