//! `pixelwise run`: the forward pass alone.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use ndarray::{ArrayD, Axis, concatenate};
use ndarray_npy::WritableElement;
use neural_lrp::{Network, Real};
use pixelwise::Kind;
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::bow;
use crate::computation::{ComputationOptions, Precision};
use crate::explain::files::Folder;
use crate::failure::{Context, Failure};
use crate::given::Given;
use crate::inputs::content::is_standard;
use crate::inputs::{NamedFile, Source, array, read_image, read_photo};
use crate::labels::{ClassOptions, Labels};
use crate::model::NetworkModel;
use crate::output::{print, print_json, write_npy};
use crate::preprocess::{Chosen, PreprocessOptions};
use crate::progress::Progress;
use described::Listing;
use expected::Expected;

mod described;
mod expected;
mod questions;

/// Run a model: the forward pass alone, to see what it sees, and whether that is what its framework sees
///
/// Arrays go in as they are, of any rank and type; an image is prepared as --preprocess says. Several INPUTs, or the
/// images in a folder, go through the network one after another, and their outputs are stacked along axis 0. A network that
/// takes a fixed number of samples gets that many at a time, and the last of them are filled up.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The model: a network (an ONNX file, or a text network of the LRP toolbox), or a Bag-of-Words classifier
    model: PathBuf,

    /// Images (PNG, JPEG, WebP, TIFF, GIF, BMP, PNM), folders of images, or .npy arrays; for a network of several inputs, one for each: NAME=FILE
    #[arg(required = true, value_name = "[NAME=]INPUT")]
    input: Vec<String>,

    /// Write an output (the first, if none is named) into an .npy file (repeatable; -: to standard output, without text)
    #[arg(long, value_name = "[NAME=]FILE.npy")]
    output_array: Vec<String>,

    /// Compare an output (the first, if none is named) with an .npy file; a difference beyond --tolerance fails (repeatable)
    #[arg(long, value_name = "[NAME=]FILE.npy")]
    expect: Vec<String>,

    /// The largest difference that is none, relative to the largest magnitude of the expected array
    #[arg(long, value_name = "T", default_value_t = 1e-4, value_parser = parse_tolerance)]
    tolerance: f64,

    #[command(flatten)]
    preprocess: PreprocessOptions,

    #[command(flatten)]
    classes: ClassOptions,

    /// How many classes are listed
    #[arg(long, value_name = "K", default_value_t = 5)]
    top: usize,

    #[command(flatten)]
    computation: ComputationOptions,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  pixelwise run model.onnx photo.jpg --labels labels.txt
      The five best classes of a photo
  pixelwise run model.onnx batch.npy --expect logits.npy
      Is it the same network as in the framework that logits.npy comes from? Exit code 1 if not
  pixelwise run model.onnx photos/ --preprocess efficientnet-lite --output-array logits.npy
      The scores of every photo in a folder, one row for each, in the order of their names
  curl -s https://example.org/cat.jpg | pixelwise run model.onnx - --output-array - | python3 process.py
      From standard input to standard output
  pixelwise run model.onnx 'photos/*.jpg' --labels labels.txt
      All files of a pattern
  pixelwise run model.onnx image=a.npy mask=b.npy --output-array scores=s.npy --output-array boxes=b.npy
      Several inputs and outputs, by name";

fn parse_tolerance(text: &str) -> Result<f64, String> {
    let tolerance: Option<f64> = text.parse().ok();
    tolerance
        .filter(|tolerance| *tolerance >= 0.0 && tolerance.is_finite())
        .ok_or_else(|| "it should be a number that is not negative, as 1e-4".to_owned())
}

/// Options that a Bag-of-Words classifier has as well.
const FOR_BAG_OF_WORDS: [&str; 6] = ["output-array", "expect", "tolerance", "top", "threads", "json"];

/// Takes inputs through the model, one after another.
pub fn run(arguments: &Arguments, given: &Given) -> Result<(), Failure> {
    arguments.computation.start()?;
    let kind = Kind::of(&arguments.model)?;
    if kind != Kind::Network {
        given.refuse_beyond(&FOR_BAG_OF_WORDS, &arguments.model, kind)?;
        return score(arguments);
    }
    match arguments.computation.dtype {
        Precision::F32 => run_in::<f32>(arguments),
        Precision::F64 => run_in::<f64>(arguments),
    }
}

fn run_in<F: Real + WritableElement>(arguments: &Arguments) -> Result<(), Failure> {
    let labels = arguments.classes.labels()?;
    let listing = Listing { axis: arguments.classes.axis(&labels), labels, count: arguments.top };
    let mut has_checked_labels = false;
    let mut model = NetworkModel::<F>::read_and_warn(&arguments.model)?;
    let outputs: Vec<&str> = model.outputs().iter().map(String::as_str).collect();
    let outputs_of = |texts: &[String]| {
        texts.iter().map(|text| NamedFile::parse(text, "output", &outputs)).collect::<Result<Vec<_>, _>>()
    };
    let written = outputs_of(&arguments.output_array)?;
    prepare(&written)?;
    let expected = outputs_of(&arguments.expect)?;
    let questions = questions::questions(&arguments.input, model.inputs())?;
    let told = Told::of(arguments, &written)?;
    let preparations = questions::preparations(&questions, model.inputs(), model.metadata(), &arguments.preprocess)?;

    let keeps = !written.is_empty() || !expected.is_empty();
    let mut kept: Vec<Vec<ArrayD<F>>> = Vec::new();
    let mut answers = Vec::new();
    if told == Told::Text {
        preparations.iter().flatten().try_for_each(|prepared| print(&described::preprocessing(prepared)))?;
    }
    // So many at once that no thread waits, and so few that a folder of any size fits into the memory.
    for together in questions.chunks(2 * rayon::current_num_threads()) {
        let loaded = together.par_iter().map(|sources| load(sources, &preparations));
        let loaded = loaded.collect::<Result<Vec<_>, Failure>>()?;
        let networks = loaded.iter().map(|arrays| {
            let shapes: Vec<&[usize]> = arrays.iter().map(ArrayD::shape).collect();
            model.network(&shapes)
        });
        let networks = networks.collect::<Result<Vec<_>, _>>()?;
        let values = (loaded, &networks, together)
            .into_par_iter()
            .map(|(arrays, network, sources)| forward(network, arrays).context(questions::name(sources)));
        let values = values.collect::<Result<Vec<_>, _>>()?;
        for ((values, network), sources) in values.into_iter().zip(&networks).zip(together) {
            let answer = described::Answer::of(sources, network, &values, &listing)?;
            if !has_checked_labels {
                if let Some(count) = answer.class_count() {
                    arguments.classes.check_count(&listing.labels, count, false)?;
                }
                has_checked_labels = true;
            }
            match told {
                Told::Json => answers.push(answer.json()),
                Told::Text => print(&answer.text())?,
                Told::Nothing => {}
            }
            if keeps {
                kept.push(values);
            }
        }
    }

    let preprocessing = preparations.iter().flatten().map(|prepared| prepared.preprocessing.to_string()).collect();
    Outcome { outputs: model.outputs(), written, expected, kept, answers, preprocessing, told }.report(arguments)
}

/// Makes sure that outputs can be written, before they are computed.
fn prepare(written: &[NamedFile]) -> Result<(), Failure> {
    let mut files = written.iter().map(|file| file.path.as_path()).filter(|path| !is_standard(path));
    files.try_for_each(Folder::prepare)
}

/// Scores photos by a Bag-of-Words classifier.
fn score(arguments: &Arguments) -> Result<(), Failure> {
    let classifier = bow::load(&arguments.model)?;
    let labels = Labels::of(classifier.classes());
    let outputs = ["scores".to_owned()];
    let outputs_of = |texts: &[String]| {
        texts.iter().map(|text| NamedFile::parse(text, "output", &["scores"])).collect::<Result<Vec<_>, _>>()
    };
    let (written, expected) = (outputs_of(&arguments.output_array)?, outputs_of(&arguments.expect)?);
    prepare(&written)?;
    let told = Told::of(arguments, &written)?;
    let sources = arguments.input.iter().map(|path| Source::all(path.as_ref())).collect::<Result<Vec<_>, _>>()?;
    let progress = Progress::new(sources.iter().map(Vec::len).sum());
    let scores = sources.par_iter().flatten().map(|source| {
        let path = source.path();
        let photo = images::to_unit_range(read_photo(path)?.view());
        let scores = classifier.scores_of_image(photo.view()).context(path.display())?;
        progress.advance(1);
        Ok::<_, Failure>((path, scores.insert_axis(Axis(0)).into_dyn()))
    });
    let scores = scores.collect::<Result<Vec<_>, _>>()?;
    drop(progress);
    let (mut answers, mut kept) = (Vec::new(), Vec::new());
    for (path, scores) in scores {
        let answer = described::Answer::of_scores(path, &scores, &labels, arguments.top);
        match told {
            Told::Json => answers.push(answer.json()),
            Told::Text => print(&answer.text())?,
            Told::Nothing => {}
        }
        kept.push(vec![scores]);
    }
    Outcome { outputs: &outputs, written, expected, kept, answers, preprocessing: Vec::new(), told }.report(arguments)
}

/// What all forward passes gave, and what is to be done with it.
struct Outcome<'a, F> {
    /// The names of the outputs.
    outputs: &'a [String],
    written: Vec<NamedFile>,
    expected: Vec<NamedFile>,
    /// The outputs of each pass, where they are written or compared.
    kept: Vec<Vec<ArrayD<F>>>,
    /// Each pass, where a program asks.
    answers: Vec<Value>,
    /// How images were prepared.
    preprocessing: Vec<String>,
    told: Told,
}

/// What is printed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Text,
    Json,
    /// An array goes to standard output.
    Nothing,
}

impl Told {
    fn of(arguments: &Arguments, written: &[NamedFile]) -> Result<Self, Failure> {
        match (arguments.json, written.iter().filter(|file| is_standard(&file.path)).count()) {
            (false, 0) => Ok(Self::Text),
            (true, 0) => Ok(Self::Json),
            (false, 1) => Ok(Self::Nothing),
            _ => Err("standard output takes one thing: give the others a file".into()),
        }
    }
}

impl<F: Real + WritableElement> Outcome<'_, F> {
    /// Writes and compares outputs, and ends the report.
    fn report(self, arguments: &Arguments) -> Result<(), Failure> {
        let stacked = |file: &NamedFile| stack(&self.kept, self.outputs, file.name.as_deref());
        for file in &self.written {
            write_npy(&file.path, stacked(file)?.view())?;
        }
        let compared = self.expected.iter().map(|file| {
            let output = file.name.clone().or_else(|| self.outputs.first().cloned()).unwrap_or_default();
            Expected::compare(output, &file.path, stacked(file)?, arguments.tolerance)
        });
        let compared = compared.collect::<Result<Vec<_>, _>>()?;
        if self.told == Told::Json {
            let expected = compared.iter().map(Expected::json).collect::<Vec<Value>>();
            print_json(&json!({
                "model": arguments.model,
                "dtype": F::NAME,
                "preprocessing": self.preprocessing,
                "answers": self.answers,
                "expected": expected,
            }))?;
        } else if self.told == Told::Text {
            compared.iter().try_for_each(|compared| print(&compared.text()))?;
        }
        expected::verdict(&compared)
    }
}

/// The arrays of one question, one for each of the network's inputs.
fn load<F: Real>(sources: &[Source], preparations: &[Option<Chosen>]) -> Result<Vec<ArrayD<F>>, Failure> {
    let arrays = sources.iter().zip(preparations).map(|(source, preparation)| match (source, preparation) {
        (Source::Image(picture), Some(chosen)) => Ok(read_image(picture, &chosen.preprocessing)?.network),
        (source, _) => array::read(source.path()),
    });
    arrays.collect()
}

/// The outputs of the network.
fn forward<F: Real>(network: &Arc<Network<F>>, inputs: Vec<ArrayD<F>>) -> Result<Vec<ArrayD<F>>, Failure> {
    let views: Vec<_> = inputs.iter().map(ArrayD::view).collect();
    Ok(network.forward_batch(&views)?)
}

/// One output of all questions: as it is for a single one, else stacked along axis 0.
fn stack<F: Real>(kept: &[Vec<ArrayD<F>>], outputs: &[String], name: Option<&str>) -> Result<ArrayD<F>, Failure> {
    let position = outputs.iter().position(|output| Some(output.as_str()) == name).unwrap_or(0);
    let values: Vec<_> = kept.iter().map(|values| values[position].view()).collect();
    match values.as_slice() {
        [single] => Ok(single.to_owned()),
        several => concatenate(Axis(0), several)
            .context("the outputs of these inputs differ in shape, so they can't be stacked into one array"),
    }
}
