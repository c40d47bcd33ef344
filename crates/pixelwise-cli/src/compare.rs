//! `pixelwise compare`: explanations side by side.

use std::path::{Path, PathBuf};

use clap::Args;
use heatmap::encode_png;
use neural_lrp::{Explainer, Real};
use pixelwise::Kind;
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::bow::load;
use crate::computation::Precision;
use crate::failure::{Context, Failure};
use crate::given::Given;
use crate::inputs::content::is_standard;
use crate::inputs::{Picture, Source};
use crate::labels::Labels;
use crate::model::{NetworkModel, declared_shape};
use crate::network_options::NetworkOptions;
use crate::output::{prepare, print, print_json, write};
use crate::progress::Progress;
use crate::rules::Way;
use crate::target::TargetChoice;
use explained::{ExplainedSample, check_rules, explain};
use samples::{check_count, samples};

mod explained;
mod samples;
mod sheet;

/// Compare explanations: rules and models side by side on one sheet, each with what became of the score
///
/// Every heatmap is scaled by its own largest relevance. The captions and the table say where the score went: how much
/// of it reached the input, and which sink took most of the rest. Several models, networks and Bag-of-Words classifiers,
/// stand side by side, each explained for the class of --target, or for the one that it predicts.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Models, each a network (an ONNX file, or a text network of the LRP toolbox) or a Bag-of-Words classifier; then an image (PNG, JPEG, WebP, TIFF, GIF, BMP, PNM), a folder of images, or an .npy batch: each has a row on the sheet
    #[arg(required = true, num_args = 2.., value_names = ["MODEL", "INPUT"])]
    files: Vec<PathBuf>,

    /// What is compared: rules, composites, methods, as `pixelwise explain` knows them
    #[arg(long, value_name = "RULE|COMPOSITE|METHOD", num_args = 1.., default_values = DEFAULT_RULES)]
    rules: Vec<Way>,

    /// Where the sheet goes
    #[arg(long, value_name = "FILE.png", default_value = "comparison.png")]
    output: PathBuf,

    /// The class that is explained: predicted, its number, or its name; at one position of an output that has positions by @ROW,COLUMN, at several by @MASK.png or @MASK.npy
    #[arg(long, value_name = "predicted|K|NAME[@WHERE]", default_value = "predicted")]
    target: TargetChoice,

    #[command(flatten)]
    network: NetworkOptions,

    /// Print JSON instead of the table
    #[arg(long)]
    json: bool,
}

/// One of each family, and the gradient to compare them with.
const DEFAULT_RULES: [&str; 6] =
    ["epsilon=0.01", "alpha-beta=2", "z-plus", "gamma=0.25", "epsilon-plus-flat", "gradient"];

const EXAMPLES: &str = "\
Examples:
  pixelwise compare model.onnx photo.jpg
      The usual rules, on comparison.png
  pixelwise compare model.onnx photo.jpg --rules epsilon=0.01 epsilon=1 alpha-beta=2 --output epsilon.png
      One's own choice
  pixelwise compare model.onnx photo.jpg --target 207 --rules epsilon-gamma-box input-x-gradient
      Another class than the predicted one
  pixelwise compare model.onnx bird.model photo.jpg --labels labels.txt --target bird --rules alpha-beta=2
      Do a network and a Bag-of-Words classifier look at the same things?";

/// Options that a Bag-of-Words classifier has as well.
const FOR_BAG_OF_WORDS: [&str; 4] = ["target", "output", "threads", "json"];

/// A model's explanations of all samples.
struct Compared {
    model: PathBuf,
    /// The numbers that it computes with.
    dtype: &'static str,
    /// How photos are prepared for it.
    preprocessing: Option<String>,
    samples: Vec<ExplainedSample>,
}

/// Explains an input in several ways, and puts the heatmaps on one sheet.
pub fn compare(arguments: &Arguments, given: &Given) -> Result<(), Failure> {
    let Some((input, models)) = arguments.files.split_last() else { unreachable!("two files or more are required") };
    arguments.network.computation.start()?;
    prepare(&arguments.output, arguments.json)?;
    let kinds = models.iter().map(|model| Kind::of(model)).collect::<Result<Vec<_>, _>>()?;
    if !kinds.contains(&Kind::Network) {
        given.refuse_beyond(&FOR_BAG_OF_WORDS, &models[0], kinds[0])?;
    }
    let compared = models.iter().zip(kinds).map(|(model, kind)| match (kind, arguments.network.computation.dtype) {
        (Kind::Network, Precision::F32) => explain_network::<f32>(arguments, model, input),
        (Kind::Network, Precision::F64) => explain_network::<f64>(arguments, model, input),
        (Kind::BagOfWords, _) => explain_words(arguments, model, input),
    });
    let compared = compared.collect::<Result<Vec<_>, _>>()?;
    let columns: Vec<sheet::Column<'_>> =
        compared.iter().map(|one| sheet::Column { model: &one.model, samples: &one.samples }).collect();
    write(&arguments.output, &encode_png(&sheet::draw(&columns)?)?)?;
    match arguments.json {
        true => print_json(&json(arguments, &compared)),
        false if is_standard(&arguments.output) => Ok(()),
        false => tell(arguments, &compared),
    }
}

/// The inputs, as many as a sheet takes.
fn sources(input: &Path) -> Result<Vec<Source>, Failure> {
    let sources = Source::all(input)?;
    check_count(sources.len())?;
    Ok(sources)
}

fn explain_network<F: Real>(arguments: &Arguments, path: &Path, input: &Path) -> Result<Compared, Failure> {
    let classes = &arguments.network.classes;
    let labels = classes.labels()?;
    let target = arguments.target.read(&labels)?;
    let mut model = NetworkModel::<F>::read(path)?;
    let taken = model.only_input()?;
    let (taken, declared) = (taken.clone(), declared_shape(taken));
    let sources = sources(input)?;
    let preprocessing = arguments.network.preprocessing(&sources, &taken, model.metadata())?;
    let range = arguments.network.range(preprocessing.as_ref())?;
    let ways = arguments.rules.iter().map(|way| way.ready(range.as_ref())).collect::<Result<Vec<_>, _>>()?;
    let together = declared.first().copied().flatten().unwrap_or(1);
    let precision = arguments.network.computation.dtype;

    let mut explained: Vec<ExplainedSample> = Vec::new();
    for source in &sources {
        for group in samples::<F>(source, preprocessing.as_ref(), together)? {
            let explainer = Explainer::new(model.network(&[group.batch.shape()])?.as_ref())?;
            let explainer = explainer.with_class_axis(classes.axis(&labels));
            if explained.is_empty() {
                check_rules(&ways, explainer.network())?;
                let count = explainer.output_layout(&[&taken.shape_for(group.batch.shape())])?.classes();
                classes.check_count(&labels, count, arguments.target.is_name())?;
            }
            explained.extend(explain(&explainer, &group, &ways, &target, &labels, precision).context(&group.names[0])?);
        }
    }
    let preprocessing = preprocessing.map(|preprocessing| preprocessing.to_string());
    Ok(Compared { model: path.to_owned(), dtype: F::NAME, preprocessing, samples: explained })
}

fn explain_words(arguments: &Arguments, path: &Path, input: &Path) -> Result<Compared, Failure> {
    let classifier = load(path)?;
    let labels = Labels::of(classifier.classes());
    let class = arguments.target.of_bag_of_words(&labels).context(path.display())?;
    let sources = sources(input)?;
    let progress = Progress::new(sources.len());
    let explain = |source: &Source| {
        let Source::Image(Picture { file: photo, index: None }) = source else {
            return Err(format!("{} is an array, and {} takes photos", source.path().display(), path.display()).into());
        };
        let explained = ExplainedSample::by_words(&classifier, photo, class, &labels).context(photo.display());
        progress.advance(1);
        explained
    };
    let samples = sources.par_iter().map(explain).collect::<Result<_, Failure>>()?;
    Ok(Compared { model: path.to_owned(), dtype: f64::NAME, preprocessing: None, samples })
}

/// For a program: a single model's comparison, or that of each.
fn json(arguments: &Arguments, compared: &[Compared]) -> Value {
    let of_model = |one: &Compared| {
        json!({
            "model": one.model,
            "dtype": one.dtype,
            "preprocessing": one.preprocessing,
            "output": arguments.output,
            "samples": one.samples.iter().map(ExplainedSample::json).collect::<Vec<Value>>(),
        })
    };
    match compared {
        [one] => of_model(one),
        several => {
            json!({ "models": several.iter().map(of_model).collect::<Vec<Value>>(), "output": arguments.output })
        }
    }
}

/// For a person.
fn tell(arguments: &Arguments, compared: &[Compared]) -> Result<(), Failure> {
    for one in compared {
        if compared.len() > 1 {
            print(&format!("\n{}\n", one.model.display()))?;
        }
        if let Some(prepared) = &one.preprocessing {
            print(&format!("preprocessing: {prepared}\n"))?;
        }
        let precision = arguments.network.computation.dtype;
        one.samples.iter().try_for_each(|sample| print(&sample.text(precision)))?;
    }
    print(&format!("\nsheet: {}\n", arguments.output.display()))
}
