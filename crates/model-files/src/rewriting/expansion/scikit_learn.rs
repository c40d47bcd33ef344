//! The operators that scikit-learn's exporter writes.

use ndarray::Array1;
use neural_lrp::Real;

use super::{Expand, Parts};
use crate::Error;

pub(super) fn find<F: Real>(kind: &str) -> Option<Expand<F>> {
    Some(match kind {
        "ai.onnx.ml:Scaler" => scaler,
        "ai.onnx.ml:ZipMap" => zip_map,
        _ => return None,
    })
}

/// Probabilities with the names of their classes: the names are left to whoever shows them.
fn zip_map<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    parts.main("Identity", &[parts.input(0)?], &[]);
    parts.gives(0);
    Ok(())
}

/// `(x − offset) · scale`, column by column.
fn scaler<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    let [offset, scale] = ["offset", "scale"].map(|name| parts.numbers(name));
    let offset = parts.row(offset?, "offset");
    let scale = parts.row(scale?, "scale");
    let centered = parts.step("Sub", &[parts.input(0)?, &offset], "centered");
    parts.main("Mul", &[&centered, &scale], &[]);
    parts.gives(0);
    Ok(())
}

impl<F: Real> Parts<'_, F> {
    /// A number for each column.
    fn row(&mut self, values: &[f64], meaning: &str) -> String {
        let values: Array1<F> = values.iter().map(|&value| F::of(value)).collect();
        self.array(values.into_dyn(), meaning)
    }
}
