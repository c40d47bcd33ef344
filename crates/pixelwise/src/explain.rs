//! `pixelwise explain`: heatmaps.

use std::path::PathBuf;

use clap::Args;

use crate::computation::ComputationOptions;
use crate::failure::Failure;
use crate::preprocess::PreprocessOptions;
use crate::rules::RuleOptions;

/// Explain what a network sees: heatmap, raw relevance, and where the relevance went
#[derive(Args)]
pub struct Arguments {
    /// The network: an ONNX file, or a text network of the LRP toolbox
    model: PathBuf,

    /// Images (PNG, JPEG, BMP, PNM), folders of images, or .npy batches
    #[arg(required = true)]
    input: Vec<PathBuf>,

    #[command(flatten)]
    rules: RuleOptions,

    #[command(flatten)]
    preprocess: PreprocessOptions,

    #[command(flatten)]
    computation: ComputationOptions,
}

/// Explains inputs one after another.
pub fn explain(_arguments: &Arguments) -> Result<(), Failure> {
    Err("this verb is being written".into())
}
