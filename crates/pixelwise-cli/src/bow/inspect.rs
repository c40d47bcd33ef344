//! What is in a classifier of photographs.

use std::path::{Path, PathBuf};

use bow_photos::Configuration;
use clap::Args;
use serde_json::{Value, json};

use super::{load, tell};
use crate::failure::Failure;
use crate::output::{Table, number, print};

/// Say what is in a classifier of photographs
#[derive(Args)]
pub struct Arguments {
    /// The classifier, as `pixelwise train` writes it
    model: PathBuf,

    /// Print its configuration alone, as a file for `pixelwise train --configuration`
    #[arg(long, conflicts_with = "json")]
    configuration: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

const ELSEWHERE: &str = "its machines were learned elsewhere: it has no configuration";

/// Prints what a classifier is made of.
pub fn inspect(arguments: &Arguments) -> Result<(), Failure> {
    describe(&arguments.model, arguments.configuration, arguments.json)
}

/// Prints what a classifier is made of, or its configuration alone.
pub fn describe(model: &Path, configuration_alone: bool, as_json: bool) -> Result<(), Failure> {
    let classifier = load(model)?;
    let configuration = classifier.configuration().map(Configuration::to_toml).transpose()?;
    if configuration_alone {
        return print(&configuration.ok_or(ELSEWHERE)?);
    }
    let mut table = Table::new(["class", "support vectors", "bias", "kernel weights"]);
    let mut classes: Vec<Value> = Vec::new();
    for (position, name) in classifier.classes().enumerate() {
        let expansion = classifier.model(position)?.expansion();
        let weights: Vec<f64> = expansion.terms().iter().map(|term| term.weight).collect();
        let support = expansion.supporting().count();
        let written: Vec<String> = weights.iter().map(|&weight| number(weight)).collect();
        table.row([name.to_owned(), support.to_string(), number(expansion.bias()), written.join(" ")]);
        classes
            .push(json!({ "class": name, "support_vectors": support, "bias": expansion.bias(), "weights": weights }));
    }
    let dimensions = classifier.vocabulary().dimensions();
    let configuration = configuration.unwrap_or_else(|| format!("{ELSEWHERE}\n"));
    let text = format!("{configuration}\n{dimensions} dimensions\n\n{}", table.text());
    let json = json!({
        "model": model,
        "configuration": classifier.configuration(),
        "dimensions": dimensions,
        "classes": classes,
    });
    tell(as_json, &text, &json)
}
