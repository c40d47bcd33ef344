//! One sample, explained in several ways.

use ndarray::{Array2, Array3, Axis};
use neural_lrp::{Explainer, Network, Real, Target};
use relevance::{Entry, Ledger};
use serde_json::{Value, json};

use super::samples::Group;
use crate::failure::Failure;
use crate::labels::Labels;
use crate::output::{Table, number};
use crate::pictures::Layout;
use crate::rules::ReadyWay;

/// A sample with all its explanations.
pub struct ExplainedSample {
    pub name: String,
    pub shown: Array3<u8>,
    /// The class that is explained, as a person reads it.
    pub class: String,
    pub score: f64,
    pub explanations: Vec<Explanation>,
}

/// A sample, explained in one way.
pub struct Explanation {
    pub way: String,
    /// The relevance of each pixel.
    pub pixels: Array2<f64>,
    /// What became of the score; nothing for gradients, which are no relevance.
    pub books: Option<Entry>,
}

/// Explains the samples of a group.
pub fn explain<F: Real>(
    network: &Network<F>,
    group: &Group<F>,
    ways: &[ReadyWay],
    target: &Target,
    labels: &Labels,
) -> Result<Vec<ExplainedSample>, Failure> {
    let explainer = Explainer::new(network)?;
    let forward = explainer.forward(group.batch.view())?;
    let (classes, scores) = (forward.classes(target)?, forward.scores());
    let explained = ways.iter().map(|way| way.explain(&forward, target)).collect::<Result<Vec<_>, _>>()?;
    let sample = |(place, (name, shown)): (usize, (&String, &Array3<u8>))| {
        let explanations = ways.iter().zip(&explained).map(|(way, explained)| {
            let relevance = explained.relevance[0].index_axis(Axis(0), place);
            // Samples that go through the network together have one ledger together.
            let ledger = explained.ledgers.get(place).or(explained.ledgers.first());
            let pixels = Layout::of(relevance.shape()).map(relevance);
            Explanation { way: way.to_string(), pixels, books: ledger.and_then(books) }
        });
        let class = classes[place];
        let score = scores.index_axis(Axis(0), place).iter().nth(class).map_or(f64::NAN, |score| score.as_());
        Ok(ExplainedSample {
            name: name.clone(),
            shown: shown.clone(),
            class: labels.describe(class),
            score,
            explanations: explanations.collect(),
        })
    };
    group.names.iter().zip(&group.shown).enumerate().map(sample).collect()
}

fn books(ledger: &Ledger) -> Option<Entry> {
    (!ledger.entries.is_empty()).then(|| ledger.total())
}

impl Explanation {
    /// How much of the score reached the input, as a share of it.
    pub fn reached(&self) -> Option<f64> {
        self.books.as_ref().map(|books| books.lower.total / books.upper.total)
    }

    /// The sink that took most, with its share of the score.
    pub fn main_sink(&self) -> Option<(&'static str, f64)> {
        let books = self.books.as_ref()?;
        let most = books.sinks.iter().max_by(|(_, one), (_, other)| one.total.abs().total_cmp(&other.total.abs()))?;
        Some((most.0.name(), most.1.total / books.upper.total))
    }

    fn json(&self) -> Value {
        let sinks = self
            .books
            .iter()
            .flat_map(|books| &books.sinks)
            .map(|(sink, amount)| json!({ "sink": sink, "total": amount.total }));
        json!({
            "explanation": self.way,
            "from_score": self.books.as_ref().map(|books| books.upper.total),
            "to_input": self.books.as_ref().map(|books| books.lower.total),
            "share_to_input": self.reached(),
            "sinks": sinks.collect::<Vec<_>>(),
        })
    }
}

/// A share in percent.
pub fn percent(share: f64) -> String {
    match 100.0 * share {
        percent if !percent.is_finite() => "undefined".to_owned(),
        percent if percent == 0.0 || (0.1..1e5).contains(&percent.abs()) => format!("{percent:.1} %"),
        percent if (1e-3..0.1).contains(&percent.abs()) => format!("{percent:.3} %"),
        percent => format!("{percent:.1e} %"),
    }
}

impl ExplainedSample {
    /// For a person.
    pub fn text(&self) -> String {
        let mut table = Table::new(["explanation", "to the input", "of the score", "main sink", "of the score"]);
        for explanation in &self.explanations {
            let (sink, share) = explanation.main_sink().unzip();
            let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
            table.row([
                explanation.way.clone(),
                or_dash(explanation.books.as_ref().map(|books| number(books.lower.total))),
                or_dash(explanation.reached().map(percent)),
                or_dash(sink.map(str::to_owned)),
                or_dash(share.map(percent)),
            ]);
        }
        format!("\n{}: class {}, score {}\n{}", self.name, self.class, number(self.score), table.text())
    }

    /// For a program.
    pub fn json(&self) -> Value {
        let explanations = self.explanations.iter().map(Explanation::json).collect::<Vec<_>>();
        json!({ "name": self.name, "class": self.class, "score": self.score, "explanations": explanations })
    }
}
