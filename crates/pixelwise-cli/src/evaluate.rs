//! `pixelwise evaluate`: are the heatmaps right?

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use evaluation::{Direction, Evaluation, Measure, Replacement, measures};

use crate::failure::{Context, Failure};
use crate::given::Given;
use crate::inputs::Source;
use crate::messages;
use crate::network_options::NetworkOptions;
use crate::output::print;
use crate::progress::Progress;
use crate::rules::Way;
use crate::target::TargetChoice;
use cost::Cost;
use maps::Maps;
use results::{Asked, Results};
use subject::{DEFAULT_RULES, Explained, Subject};
use unfinished::Unfinished;

mod cost;
mod maps;
mod results;
mod samples;
mod subject;
mod unfinished;

/// Judge explanations: measures of whether heatmaps are right, rules side by side
///
/// Each sample is explained by each rule, and each measure says how good the explanation is. The table has the mean over
/// all samples with its 95 % confidence interval. What it will cost is said first. A run that is stopped goes on where it
/// was when it is given again, within a sample too.
#[derive(Args)]
#[command(after_help = EXAMPLES, after_long_help = long_help())]
pub struct Arguments {
    /// The model: a network (an ONNX file, or a text network of the LRP toolbox), or a Bag-of-Words classifier as `pixelwise train` or `cargo run -p bow-demo` saves it
    model: PathBuf,

    /// A folder of images, an image (PNG, JPEG, WebP, TIFF, GIF, BMP, PNM), or an .npy batch
    inputs: PathBuf,

    /// What is measured: names with their settings, as in pixel-flipping=order:lowest,replacement:mean
    #[arg(long, value_name = "MEASURE,…", default_values = DEFAULT_MEASURES)]
    measure: Vec<String>,

    #[arg(long, value_name = "RULE|COMPOSITE|METHOD", help = rule_help())]
    rule: Vec<Way>,

    /// The class whose score is explained: predicted, its number, or its name; where the output has positions (segmentation), the sum over all of them
    #[arg(long, value_name = "predicted|K|NAME", default_value = "predicted", conflicts_with = "truth")]
    target: TargetChoice,

    /// The class of each sample, a number or a name on each line: it is explained in place of the predicted one
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,

    /// Where relevance should lie, for measures that need it: an .npy array (samples, rows, columns), not 0 inside
    #[arg(long, value_name = "FILE.npy")]
    masks: Option<PathBuf>,

    /// Judge no more than so many samples, the first ones
    #[arg(long, value_name = "N")]
    samples: Option<usize>,

    /// The folder for tables, curves and the report
    #[arg(long, value_name = "DIR", default_value = "evaluation")]
    output: PathBuf,

    #[command(flatten)]
    network: NetworkOptions,

    /// Write the page every few seconds while the run goes on, with curves as far as they have come; it reloads itself
    #[arg(long)]
    live: bool,

    /// Print JSON instead of the table
    #[arg(long)]
    json: bool,
}

/// What the paper measures, and whether the books of the score are complete.
const DEFAULT_MEASURES: [&str; 3] = ["pixel-flipping", "sparseness", "completeness"];

fn rule_help() -> String {
    format!(
        "How a network is explained: a rule, a composite or a method, as `pixelwise explain` knows them (repeatable; \
         default: {})",
        DEFAULT_RULES.join(", ")
    )
}

const EXAMPLES: &str = "\
Examples:
  pixelwise evaluate model.onnx photos/
      The usual rules, by pixel flipping, sparseness and completeness
  pixelwise evaluate model.onnx digits.npy --rule epsilon=0.01 --rule gradient --measure pixel-flipping,max-sensitivity
      One's own choice
  pixelwise evaluate model.onnx photos/ --measure region-perturbation=order:lowest --samples 50 --json
      For a program
  pixelwise evaluate bird.model photos/ --target bird --measure region-perturbation,deletion=steps:20
      A Bag-of-Words classifier, in fewer steps

`pixelwise evaluate --help` lists the measures.";

/// The examples, what each measure answers, and how it is set.
fn long_help() -> String {
    let mut help =
        format!("{}\n\nMeasures:\n", EXAMPLES.replace("\n\n`pixelwise evaluate --help` lists the measures.", ""));
    for measure in measures::all() {
        let better = match measure.better() {
            Direction::Higher => "Higher",
            Direction::Lower => "Lower",
        };
        let masks = if measure.needs_mask() { " Needs --masks." } else { "" };
        help += &format!("  {}\n      {} {better} is better.{masks}\n", measure.name(), measure.question());
        for setting in measure.settings() {
            let default = format!("{}:{}", setting.key, setting.value);
            help += &format!("        {default:<22} {}\n", setting.about);
        }
    }
    help + &format!("\nSettings are shown with their defaults. A replacement is one of {}.\n", Replacement::TEXTS)
}

/// Judges explanations.
pub fn evaluate(arguments: &Arguments, given: &Given) -> Result<(), Failure> {
    arguments.network.computation.start()?;
    let measures = measures_of(&arguments.measure)?;
    if let (Some(measure), None) = (measures.iter().find(|measure| measure.needs_mask()), &arguments.masks) {
        return Err(
            format!("{} needs to know where relevance should lie: give --masks FILE.npy", measure.name()).into()
        );
    }
    let sources = Source::all(&arguments.inputs)?;
    let subject = Subject::read(arguments, given, &sources)?;
    let Subject { explained, samples, .. } = &subject;

    std::fs::create_dir_all(&arguments.output).context(format!("can't make {}", arguments.output.display()))?;
    let maps = Maps::of(&subject)?;
    let key = unfinished::key(arguments, &sources, &subject, &maps)?;
    let begun = explained.iter().map(|_| Evaluation::new(&measures, samples.count())).collect();
    let mut unfinished = Unfinished::open(&arguments.output, key, begun);
    let cost = Cost::of(&subject, &measures, &maps)?;
    messages::note(cost.told(unfinished.passes()));
    let asked = Asked { arguments, command: given.command_line(), measures: &measures, subject: &subject, maps: &maps };
    let mut page = Live::begin(arguments.live);
    let progress = Progress::new(cost.passes.count());
    progress.begin_at(unfinished.passes());
    for (position, Explained { way, classifier }) in explained.iter().enumerate() {
        let sample = |number| samples.sample(number, classifier.as_ref());
        let mut evaluation = unfinished.evaluation(position).clone();
        let mut before = evaluation.passes();
        evaluation
            .run_randomizable(&measures, classifier.as_ref(), &sample, |evaluation| {
                progress.advance(evaluation.passes() - before);
                before = evaluation.passes();
                unfinished.keep(position, evaluation)?;
                page.write(|| {
                    let evaluations = unfinished.with(position, evaluation);
                    Results { asked: &asked, evaluations: &evaluations }.write_page(Some(PAGE_EVERY))
                })
            })
            .context(way)?;
        unfinished.finish(position, evaluation);
    }
    drop(progress);

    let results = Results { asked: &asked, evaluations: unfinished.evaluations() };
    results.write()?;
    print(&if arguments.json { format!("{:#}\n", results.json()) } else { results.text() })?;
    unfinished.remove()
}

/// Between two times that the page of a run is written while it goes on.
const PAGE_EVERY: Duration = Duration::from_secs(3);

/// The page of a run that goes on, where that is asked for.
struct Live {
    written: Option<Instant>,
}

impl Live {
    fn begin(is_wanted: bool) -> Self {
        Self { written: is_wanted.then(Instant::now) }
    }

    /// Writes the page, if it is time for it.
    fn write(&mut self, write: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
        if self.written.is_some_and(|written| written.elapsed() >= PAGE_EVERY) {
            write()?;
            self.written = Some(Instant::now());
        }
        Ok(())
    }
}

/// The measures of the command line. Commas stand between measures and between a measure's settings: what begins with
/// the name of a measure is one.
fn measures_of(texts: &[String]) -> Result<Vec<Box<dyn Measure>>, Failure> {
    let mut whole: Vec<String> = Vec::new();
    for part in texts.iter().flat_map(|text| text.split(',')) {
        let is_setting = part.contains(':') && !part.contains('=');
        match whole.last_mut().filter(|_| is_setting) {
            Some(last) => *last += &format!("{}{part}", if last.contains('=') { "," } else { "=" }),
            None => whole.push(part.to_owned()),
        }
    }
    whole.iter().map(|text| Ok(text.parse::<Box<dyn Measure>>()?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_stand_between_measures_and_between_settings() {
        let texts = |texts: &[&str]| {
            let given: Vec<String> = texts.iter().map(|&text| text.to_owned()).collect();
            Ok::<Vec<String>, Failure>(measures_of(&given)?.iter().map(|measure| measure.to_string()).collect())
        };
        assert_eq!(
            texts(&["pixel-flipping=order:lowest,replacement:inversion,sparseness", "completeness"]).unwrap(),
            ["pixel-flipping=order:lowest,replacement:inversion", "sparseness", "completeness"]
        );
        assert!(texts(&["nonsense"]).unwrap_err().to_string().contains("pixel-flipping"));
    }

    #[test]
    fn the_help_knows_every_measure_and_setting() {
        let help = long_help();
        assert!(measures::NAMES.iter().all(|name| help.contains(name)));
        assert!(help.contains("order:highest") && help.contains("`nearest-zero`") && help.contains("nr-samples:50"));
        assert!(rule_help().contains("epsilon-plus-flat"));
    }
}
