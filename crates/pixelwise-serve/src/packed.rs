//! Arrays inside of JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ndarray::{ArrayView, Dimension};
use serde::Serialize;

use crate::failure::Failure;

/// An array inside of JSON: its shape, and base64 of little-endian 32-bit floats.
#[derive(Debug, Serialize)]
pub struct Packed {
    shape: Vec<usize>,
    data: String,
}

impl Packed {
    /// Packs an array.
    pub fn of<F: Copy + Into<f64>, D: Dimension>(array: ArrayView<'_, F, D>) -> Self {
        let bytes: Vec<u8> = array.iter().flat_map(|&value| (value.into() as f32).to_le_bytes()).collect();
        Self { shape: array.shape().to_vec(), data: STANDARD.encode(bytes) }
    }
}

/// The bytes behind base64, of which there have to be so many.
pub fn bytes(what: &str, text: &str, count: usize) -> Result<Vec<u8>, Failure> {
    match STANDARD.decode(text) {
        Ok(bytes) if bytes.len() == count => Ok(bytes),
        Ok(bytes) => {
            Err(Failure::Request(format!("\"{what}\" should be base64 of {count} bytes; it has {}.", bytes.len())))
        }
        Err(error) => Err(Failure::Request(format!("\"{what}\" should be base64 of {count} bytes: {error}."))),
    }
}

/// Bytes as base64.
pub fn text(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}
