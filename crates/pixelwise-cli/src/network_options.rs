//! How the inputs of a network are read and computed, where several explanations stand side by side.

use std::collections::BTreeMap;

use clap::Args;
use images::Preprocessing;
use model_files::InputDeclaration;
use neural_lrp::rules::InputRange;

use crate::computation::ComputationOptions;
use crate::failure::Failure;
use crate::inputs::Source;
use crate::labels::ClassOptions;
use crate::preprocess::{PreprocessOptions, input_range};
use crate::rules::RangeChoice;

/// How the inputs of a network are read and computed.
#[derive(Args, Clone, Debug)]
pub struct NetworkOptions {
    /// The smallest and largest value of the network's input, for the rule z-box (default for images: black and white after their preprocessing): two numbers, or two .npy files
    #[arg(long, value_name = "LOW,HIGH", allow_hyphen_values = true)]
    pub input_range: Option<RangeChoice>,

    #[command(flatten)]
    pub preprocess: PreprocessOptions,

    #[command(flatten)]
    pub classes: ClassOptions,

    #[command(flatten)]
    pub computation: ComputationOptions,
}

impl NetworkOptions {
    /// How images are prepared for an input of a model whose file says `metadata`; nothing where no source is an image.
    pub fn preprocessing(
        &self,
        sources: &[Source],
        input: &InputDeclaration,
        metadata: &BTreeMap<String, String>,
    ) -> Result<Option<Preprocessing>, Failure> {
        let takes_images = sources.iter().any(|source| matches!(source, Source::Image(_)));
        let chosen = || Ok(self.preprocess.for_input(input, metadata)?.preprocessing);
        takes_images.then(chosen).transpose()
    }

    /// What values the input can take, as far as that is known.
    pub fn range(&self, preprocessing: Option<&Preprocessing>) -> Result<Option<InputRange>, Failure> {
        match (&self.input_range, preprocessing) {
            (Some(range), _) => range.read().map(Some),
            (None, Some(preprocessing)) => input_range(preprocessing).map(Some),
            (None, None) => Ok(None),
        }
    }
}
