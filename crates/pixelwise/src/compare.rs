//! `pixelwise compare`.

use std::path::PathBuf;

use clap::Args;

use crate::failure::Failure;

/// Being written
#[derive(Args)]
pub struct Arguments {
    /// The network: an ONNX file, or a text network of the LRP toolbox
    model: PathBuf,
}

/// Not yet.
pub fn compare(_arguments: &Arguments) -> Result<(), Failure> {
    Err("this verb is being written".into())
}
