//! What a forward pass gave, in words.

use std::path::Path;

use ndarray::{ArrayD, ArrayView1};
use neural_lrp::{ClassAxis, Network, OutputLayout, Real, TensorId};
use serde_json::{Value, json};

use super::questions;
use crate::failure::Failure;
use crate::inputs::Source;
use crate::labels::{Labels, Scored, best};
use crate::output::{number, shape};
use crate::preprocess::Chosen;
use crate::target::positions;

/// The outputs of one forward pass.
pub struct Answer {
    input: String,
    outputs: Vec<Output>,
}

/// How classes are listed.
pub struct Listing {
    pub labels: Labels,
    /// Where outputs have their classes.
    pub axis: ClassAxis,
    /// How many of them are listed.
    pub count: usize,
}

struct Output {
    name: String,
    shape: Vec<usize>,
    /// The smallest and the largest finite number; none where there is none.
    range: Option<(f64, f64)>,
    /// How many numbers are NaN, …
    nan: usize,
    /// … and how many infinite.
    infinite: usize,
    /// The best classes of each sample, where the output has samples and classes.
    top: Vec<Vec<Scored>>,
    /// How many classes there are.
    classes: Option<usize>,
    /// Over which positions their scores are taken, where there are any.
    positions: Option<String>,
}

impl Answer {
    /// What a network gave for one question, an array for each of its outputs.
    ///
    /// # Errors
    /// A class axis that no output has.
    pub fn of<F: Real>(
        sources: &[Source],
        network: &Network<F>,
        values: &[ArrayD<F>],
        listing: &Listing,
    ) -> Result<Self, Failure> {
        let layout = |(&output, value): (&TensorId, &ArrayD<F>)| {
            // Without an axis behind that of the samples there are no classes to list.
            (value.ndim() > 1).then(|| OutputLayout::of(network, output, value.shape(), listing.axis))
        };
        let layouts: Vec<_> = network.outputs().iter().zip(values).map(layout).collect();
        if layouts.iter().flatten().all(Result::is_err)
            && let Some(error) = layouts.iter().flatten().find_map(|layout| layout.as_ref().err())
        {
            return Err(error.to_string().into());
        }
        let outputs = network.outputs().iter().zip(values).zip(layouts).map(|((&output, value), layout)| {
            let layout = layout.and_then(Result::ok).filter(|layout| layout.classes() > 1);
            let scores = layout.as_ref().map(|layout| layout.class_scores(value.view()));
            let top = |scores: ArrayView1<'_, f64>| best(&listing.labels, scores.iter().copied(), listing.count);
            Output {
                name: network.tensor(output).name.clone(),
                shape: value.shape().to_vec(),
                range: range(value),
                nan: counted(value, |number| number.is_nan()),
                infinite: counted(value, |number| number.is_infinite()),
                top: scores.iter().flat_map(|scores| scores.outer_iter()).map(top).collect(),
                classes: layout.as_ref().map(OutputLayout::classes),
                positions: layout.as_ref().and_then(|layout| positions(layout, None)),
            }
        });
        Ok(Self { input: questions::name(sources), outputs: outputs.collect() })
    }

    /// The scores of a photo, one for each class.
    pub fn of_scores(photo: &Path, scores: &ArrayD<f64>, labels: &Labels, count: usize) -> Self {
        let output = Output {
            name: "scores".to_owned(),
            shape: scores.shape().to_vec(),
            range: range(scores),
            nan: counted(scores, f64::is_nan),
            infinite: counted(scores, f64::is_infinite),
            top: vec![best(labels, scores.iter().copied(), count)],
            classes: Some(scores.len()),
            positions: None,
        };
        Self { input: photo.display().to_string(), outputs: vec![output] }
    }

    /// How many classes the first output has that has any.
    pub fn class_count(&self) -> Option<usize> {
        self.outputs.iter().find_map(|output| output.classes)
    }

    /// For a person.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n", self.input);
        for output in &self.outputs {
            text += &format!("  {}  {}{}\n", output.name, shape(&output.shape), output.values());
            if let Some(positions) = &output.positions {
                text += &format!("    classes by their score, {positions}\n");
            }
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
            let (low, high) = output.range.unzip();
            json!({
                "name": output.name,
                "shape": output.shape,
                "minimum": low,
                "maximum": high,
                "nan": output.nan,
                "infinite": output.infinite,
                "top": top,
                "positions": output.positions,
            })
        });
        json!({ "input": self.input, "outputs": outputs.collect::<Vec<_>>() })
    }
}

impl Output {
    /// What its numbers are, behind its shape: `, from -1.5 to 7`, `, 7 of 14 numbers are NaN`.
    fn values(&self) -> String {
        let of: usize = self.shape.iter().product();
        let range = self.range.map(|(low, high)| format!(", from {} to {}", number(low), number(high)));
        let odd = [(self.nan, "NaN"), (self.infinite, "infinite")].into_iter().filter(|(count, _)| *count > 0);
        let odd = odd.map(|(count, what)| format!(", {count} of {of} numbers are {what}"));
        range.into_iter().chain(odd).collect()
    }
}

/// The smallest and the largest finite number.
fn range<F: Real>(values: &ArrayD<F>) -> Option<(f64, f64)> {
    let finite = values.iter().map(|number| number.as_()).filter(|number: &f64| number.is_finite());
    finite.fold(None, |range, number| match range {
        None => Some((number, number)),
        Some((low, high)) => Some((f64::min(low, number), f64::max(high, number))),
    })
}

fn counted<F: Real>(values: &ArrayD<F>, is_such: impl Fn(f64) -> bool) -> usize {
    values.iter().filter(|number| is_such(number.as_())).count()
}

/// How images are prepared, and why.
pub fn preprocessing(Chosen { preprocessing, reason }: &Chosen) -> String {
    let reason = reason.as_ref().map_or_else(String::new, |reason| format!("  ({reason})\n"));
    format!("preprocessing: {preprocessing}\n{reason}")
}
