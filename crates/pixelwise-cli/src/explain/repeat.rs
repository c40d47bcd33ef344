//! `pixelwise repeat`: an explanation once more, from its record.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, FromArgMatches};
use pixelwise::Kind;
use serde_json::Value;

use crate::bow::explain as photos;
use crate::computation::{Precision, ThreadOptions};
use crate::explain::arguments::{Arguments as Explain, Scale};
use crate::explain::plan::Plan;
use crate::explain::record::{Record, record_path};
use crate::explain::run::Explaining;
use crate::explain::samples::Samples;
use crate::failure::{Context, Failure};
use crate::given::Given;
use crate::inputs::content::is_standard;
use crate::messages;
use crate::output::print;
use crate::progress::Progress;

const EXAMPLES: &str = "\
Examples:
  pixelwise repeat explanations/cat.json
      The same maps once more, into the folder repeated, and whether they have the same bytes";

/// Repeat an explanation from the record beside its map, and compare the files
///
/// The record holds the settings of the run, with the checksums of the files that it read: model, labels, rules. Paths in it
/// are those of the command line, so that it is repeated from the same folder.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The record: NAME.json, beside the map
    record: PathBuf,

    /// Where files are written to
    #[arg(long, value_name = "FOLDER", default_value = "repeated")]
    output: PathBuf,

    #[command(flatten)]
    threads: ThreadOptions,
}

/// Reads a record.
fn read(text: &[u8]) -> Result<Record, Failure> {
    let document: Value = serde_json::from_slice(text).context("no record of `pixelwise explain`")?;
    if document.get("decision").is_some() {
        return Err(
            "the record of a vector that a support vector machine explained: only photos and arrays are explained \
                    once more from theirs"
                .into(),
        );
    }
    serde_json::from_value(document).context("no record of `pixelwise explain`")
}

/// Explains the sample of a record once more.
pub fn repeat(arguments: &Arguments) -> Result<(), Failure> {
    arguments.threads.start()?;
    let path = &arguments.record;
    let text = fs::read(path).context(format!("can't read {}", path.display()))?;
    let record = read(&text).context(path.display())?;
    let beside = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if fs::canonicalize(beside).ok().is_some_and(|beside| fs::canonicalize(&arguments.output).ok() == Some(beside)) {
        return Err("--output is the folder of the record: give another, so that the files can be compared".into());
    }
    let origins = record.origins();
    if origins.iter().any(|origin| is_standard(&origin.file)) {
        return Err(format!("{} came from standard input, which is not there any longer", record.name).into());
    }
    let replaced = origins.iter().filter(|origin| origin.is_replaced()).map(|origin| origin.file.display().to_string());
    let changed: Vec<String> = record.settings.changed().into_iter().map(str::to_owned).chain(replaced).collect();
    if !changed.is_empty() {
        return Err(format!("not what they were when {} was made: {}", record.name, changed.join(", ")).into());
    }
    let (own, was) = (env!("CARGO_PKG_VERSION"), &record.settings.pixelwise);
    if own != was {
        messages::warn(format!("the record is of version {was}, and this is {own}"));
    }
    let words = record.settings.command_line(&Given::verb("explain")?, &record.input.file, &arguments.output);
    let given = Given::parse(&words).context(format!("{} has settings that can't be used", path.display()))?;
    let explain = Explain::from_arg_matches(given.matches())?;
    if explain.similarity.is_some() {
        let name = &record.name;
        return Err(format!(
            "the record of {name} is of a similarity, which takes both inputs, and it knows of one: explain both once more"
        )
        .into());
    }
    let samples = Samples::of_record(&record)?;
    match (Kind::of(&explain.model)?, explain.computation.dtype) {
        (Kind::BagOfWords, _) => explain_again(&photos::Plan::new(&explain, &given, samples)?, &record)?,
        (Kind::Network, dtype) => {
            explain.check();
            match dtype {
                Precision::F32 => explain_again(&Plan::<f32>::repeated(&explain, &given, samples)?, &record)?,
                Precision::F64 => explain_again(&Plan::<f64>::repeated(&explain, &given, samples)?, &record)?,
            }
        }
    }
    compare(&record, beside, &arguments.output)
}

fn explain_again(plan: &impl Explaining, record: &Record) -> Result<(), Failure> {
    let _progress = Progress::new(1);
    let group = plan.samples().groups[0].clone();
    plan.explain(group.clone())?;
    // The one scale of the whole run was found then.
    if let (Scale::Batch, Some(scale)) = (plan.arguments().scale, record.targets.iter().find_map(|target| target.scale))
    {
        plan.redraw(group, scale)?;
    }
    Ok(())
}

/// Tells which of a sample's files have the same bytes in two folders. Files that are not beside the record, as where it was
/// taken from a page, are told by the checksums in it.
fn compare(record: &Record, before: &Path, now: &Path) -> Result<(), Failure> {
    let files = record.targets.iter().flat_map(|target| target.files.all().cloned());
    let own = record_path("".as_ref(), &record.name);
    let mut other = Vec::new();
    for file in files.chain([own]) {
        let read = |folder: &Path| {
            let path = folder.join(&file);
            fs::read(&path).context(format!("can't read {}", path.display()))
        };
        if !before.join(&file).exists() {
            print(&format!("not there  {}\n", before.join(&file).display()))?;
            continue;
        }
        let is_same = read(before)? == read(now)?;
        print(&format!("{}  {}\n", if is_same { "same   " } else { "differs" }, now.join(&file).display()))?;
        if !is_same {
            other.push(file.display().to_string());
        }
    }
    match other.as_slice() {
        [] => Ok(()),
        other => Err(format!("not the same bytes as in {}: {}", before.display(), other.join(", ")).into()),
    }
}
