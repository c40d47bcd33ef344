//! `--expect`: does the network give what another framework gave?

use std::path::{Path, PathBuf};

use evaluation::Difference;
use ndarray::ArrayD;
use neural_lrp::Real;
use serde_json::{Value, json};

use crate::failure::{Context, Failure};
use crate::inputs::array;
use crate::output::number;

/// An output beside what was expected of it.
pub struct Expected {
    output: String,
    file: PathBuf,
    difference: Difference,
    tolerance: f64,
}

impl Expected {
    pub fn compare<F: Real>(output: String, file: &Path, found: ArrayD<F>, tolerance: f64) -> Result<Self, Failure> {
        let expected = array::read::<f64>(file)?;
        let found = found.mapv(|value| value.as_());
        let difference = Difference::between(found.view(), expected.view())
            .context(format!("output {output:?} can't be compared with {}", file.display()))?;
        Ok(Self { output, file: file.to_owned(), difference, tolerance })
    }

    fn agrees(&self) -> bool {
        self.difference.relative() <= self.tolerance
    }

    /// For a person.
    pub fn text(&self) -> String {
        let Difference { largest, index, found, expected, magnitude } = &self.difference;
        format!(
            "{} against {}: the largest difference is {} at {index:?}: {} where {} is expected; that is {:.2e} of the \
             largest magnitude {}\n",
            self.output,
            self.file.display(),
            number(*largest),
            number(*found),
            number(*expected),
            self.difference.relative(),
            number(*magnitude),
        )
    }

    /// For a program.
    pub fn json(&self) -> Value {
        let Difference { largest, index, found, expected, magnitude } = &self.difference;
        json!({
            "output": self.output,
            "file": self.file,
            "largest_difference": largest,
            "index": index,
            "found": found,
            "expected": expected,
            "largest_magnitude": magnitude,
            "relative": self.difference.relative(),
            "tolerance": self.tolerance,
            "agrees": self.agrees(),
        })
    }
}

/// Fails when an output differs from what is expected of it.
pub fn verdict(compared: &[Expected]) -> Result<(), Failure> {
    let apart: Vec<String> = compared
        .iter()
        .filter(|compared| !compared.agrees())
        .map(|compared| {
            let relative = compared.difference.relative();
            format!("{:?} ({relative:.2e}, the tolerance is {:e})", compared.output, compared.tolerance)
        })
        .collect();
    if apart.is_empty() { Ok(()) } else { Err(format!("not what is expected: {}", apart.join(", ")).into()) }
}
