//! What is in a Bag-of-Words classifier.

use std::path::{Path, PathBuf};

use bow_classifier::{Configuration, describe};
use clap::Args;
use serde_json::{Value, json};

use super::{load, tell};
use crate::failure::Failure;
use crate::output::print;

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
    inspect_model(&arguments.model, arguments.configuration, arguments.json)
}

/// Prints what a classifier is made of, or its configuration alone.
pub fn inspect_model(model: &Path, configuration_alone: bool, as_json: bool) -> Result<(), Failure> {
    let classifier = load(model)?;
    let configuration = classifier.configuration().map(Configuration::to_toml).transpose()?;
    if configuration_alone {
        return print(&configuration.ok_or(ELSEWHERE)?);
    }
    let parts = describe(&classifier);
    let mut classes: Vec<Value> = Vec::new();
    for (position, name) in classifier.classes().enumerate() {
        let expansion = classifier.model(position)?.expansion();
        classes.push(json!({
            "class": name,
            "support_vectors": expansion.supporting().count(),
            "bias": expansion.bias(),
            "weights": expansion.terms().iter().map(|term| term.weight).collect::<Vec<f64>>(),
        }));
    }
    let width = parts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let lines: String = parts.iter().map(|(name, value)| format!("{name:<width$}  {value}\n")).collect();
    let learned = configuration.unwrap_or_else(|| format!("{ELSEWHERE}\n"));
    let part = |(name, value): &(String, String)| json!({ "part": name, "description": value });
    let json = json!({
        "model": model,
        "kind": "Bag-of-Words",
        "parts": parts.iter().map(part).collect::<Vec<_>>(),
        "dimensions": classifier.vocabulary().dimensions(),
        "classes": classes,
        "configuration": classifier.configuration(),
    });
    tell(as_json, &format!("{lines}\n{learned}"), &json)
}
