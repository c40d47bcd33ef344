//! What a forward pass gave, in words.

use ndarray::{ArrayD, Axis};
use neural_lrp::Real;
use serde_json::{Value, json};

use super::questions;
use crate::inputs::Source;
use crate::labels::{Labels, Scored};
use crate::output::{number, shape};

/// The outputs of one forward pass.
pub struct Answer {
    input: String,
    outputs: Vec<Output>,
}

struct Output {
    name: String,
    shape: Vec<usize>,
    /// The smallest and the largest number.
    range: (f64, f64),
    /// The best classes of each sample, where the output has samples and classes.
    top: Vec<Vec<Scored>>,
}

impl Answer {
    pub fn of<F: Real>(
        sources: &[Source],
        names: &[String],
        values: &[ArrayD<F>],
        labels: &Labels,
        count: usize,
    ) -> Self {
        let outputs = names.iter().zip(values).map(|(name, value)| {
            let numbers = || value.iter().map(|number| number.as_());
            let top = match value.shape() {
                [_, classes] if *classes > 1 => value
                    .axis_iter(Axis(0))
                    .map(|scores| labels.top(scores.iter().map(|score| score.as_()), count))
                    .collect(),
                _ => Vec::new(),
            };
            let range = (numbers().fold(f64::INFINITY, f64::min), numbers().fold(f64::NEG_INFINITY, f64::max));
            Output { name: name.clone(), shape: value.shape().to_vec(), range, top }
        });
        Self { input: questions::name(sources), outputs: outputs.collect() }
    }

    /// For a person.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n", self.input);
        for output in &self.outputs {
            let (low, high) = (number(output.range.0), number(output.range.1));
            text += &format!("  {}  {}, from {low} to {high}\n", output.name, shape(&output.shape));
            for (sample, top) in output.top.iter().enumerate() {
                if output.top.len() > 1 {
                    text += &format!("    sample {sample}\n");
                }
                for scored in top {
                    text += &format!("    {:>12}  {}\n", number(scored.score), scored.description);
                }
            }
        }
        text
    }

    /// For a program.
    pub fn json(&self) -> Value {
        let outputs = self.outputs.iter().map(|output| {
            let top = output.top.iter().map(|top| top.iter().map(Scored::json).collect::<Vec<_>>()).collect::<Vec<_>>();
            let (low, high) = output.range;
            json!({ "name": output.name, "shape": output.shape, "minimum": low, "maximum": high, "top": top })
        });
        json!({ "input": self.input, "outputs": outputs.collect::<Vec<_>>() })
    }
}
