//! `pixelwise compare`: explanations side by side.

use std::path::PathBuf;

use clap::Args;
use heatmap::write_png;
use neural_lrp::{Explainer, Real};
use serde_json::{Value, json};

use crate::computation::Precision;
use crate::failure::{Context, Failure};
use crate::inputs::Source;
use crate::model::{NetworkModel, declared_shape};
use crate::network_options::NetworkOptions;
use crate::output::{print, print_json};
use crate::rules::Way;
use crate::target::TargetChoice;
use explained::{ExplainedSample, check_rules, explain};
use samples::{check_count, samples};

mod explained;
mod samples;
mod sheet;

/// Compare explanations: rules side by side on one sheet, each with what became of the score
///
/// Every heatmap is scaled by its own largest relevance. The captions and the table say where the score went: how much
/// of it reached the input, and which sink took most of the rest.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The network: an ONNX file, or a text network of the LRP toolbox
    model: PathBuf,

    /// An image (PNG, JPEG, WebP, TIFF, GIF, BMP, PNM), a folder of images, or an .npy batch; each has a row on the sheet
    input: PathBuf,

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
      Another class than the predicted one";

/// Explains an input in several ways, and puts the heatmaps on one sheet.
pub fn compare(arguments: &Arguments) -> Result<(), Failure> {
    arguments.network.computation.start()?;
    match arguments.network.computation.dtype {
        Precision::F32 => compare_in::<f32>(arguments),
        Precision::F64 => compare_in::<f64>(arguments),
    }
}

fn compare_in<F: Real>(arguments: &Arguments) -> Result<(), Failure> {
    let classes = &arguments.network.classes;
    let labels = classes.labels()?;
    let target = arguments.target.read(&labels)?;
    let mut model = NetworkModel::<F>::read(&arguments.model)?;
    let input = model.only_input()?;
    let (name, declared) = (input.name.clone(), declared_shape(input));
    let sources = Source::all(&arguments.input)?;
    let preprocessing = arguments.network.preprocessing(&sources, &name, &declared)?;
    let range = arguments.network.range(preprocessing.as_ref())?;
    let ways = arguments.rules.iter().map(|way| way.ready(range.as_ref())).collect::<Result<Vec<_>, _>>()?;
    let together = declared.first().copied().flatten().unwrap_or(1);
    check_count(sources.len())?;
    let precision = arguments.network.computation.dtype;

    let mut explained: Vec<ExplainedSample> = Vec::new();
    for source in &sources {
        for group in samples::<F>(source, preprocessing.as_ref(), together)? {
            let explainer = Explainer::new(model.network(&[group.batch.shape()])?.as_ref())?;
            let explainer = explainer.with_class_axis(classes.axis(&labels));
            if explained.is_empty() {
                check_rules(&ways, explainer.network())?;
                let count = explainer.output_layout(&[group.batch.shape()])?.classes();
                classes.check_count(&labels, count, arguments.target.is_name())?;
            }
            explained.extend(explain(&explainer, &group, &ways, &target, &labels, precision).context(&group.names[0])?);
        }
    }
    let sheet = sheet::draw(&explained, &ways)?;
    write_png(&arguments.output, &sheet)?;

    let prepared = preprocessing.map(|preprocessing| preprocessing.to_string());
    if arguments.json {
        let samples = explained.iter().map(ExplainedSample::json).collect::<Vec<Value>>();
        return print_json(&json!({
            "model": arguments.model,
            "dtype": F::NAME,
            "preprocessing": prepared,
            "output": arguments.output,
            "samples": samples,
        }));
    }
    if let Some(prepared) = prepared {
        print(&format!("preprocessing: {prepared}\n"))?;
    }
    explained.iter().try_for_each(|sample| print(&sample.text(precision)))?;
    print(&format!("\nsheet: {}\n", arguments.output.display()))
}
