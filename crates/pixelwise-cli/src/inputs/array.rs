//! Arrays in files, of numpy or of MNIST's format.

use std::path::Path;

use ndarray::ArrayD;
use neural_lrp::Real;

use super::{content, idx, npy};
use crate::failure::Failure;

/// Reads an array; its numbers become the numbers that the network computes in.
pub fn read<F: Real>(path: &Path) -> Result<ArrayD<F>, Failure> {
    let bytes = content::bytes(path)?;
    let array = if idx::is_idx(&bytes) { idx::decode(&bytes) } else { npy::decode(&bytes) };
    array.map_err(|reason| format!("{}: {reason}", path.display()).into())
}
