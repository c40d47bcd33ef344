//! One sample, explained in several ways.

use std::path::Path;

use bow_classifier::{BowClassifier, ExplainedClass};
use ndarray::{Array2, Array3, Axis};
use neural_lrp::{Attribution, Explainer, Network, Real, Target};
use relevance::{Entry, Ledger};
use serde_json::{Value, json};

use super::samples::Group;
use crate::books::{Findings, hint};
use crate::computation::Precision;
use crate::failure::Failure;
use crate::inputs::read_photo;
use crate::labels::Labels;
use crate::output::{Table, number, percent};
use crate::pictures::Layout;
use crate::rules::{ALGORITHM_1, ReadyWay};
use crate::target::{ReadyRegion, positions};

/// A sample with all its explanations.
pub struct ExplainedSample {
    pub name: String,
    pub shown: Array3<u8>,
    /// The class that is explained, as a person reads it.
    pub class: String,
    /// At which positions of the output, where it has any.
    pub positions: Option<String>,
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
    /// What that says about the map.
    findings: Option<Findings>,
    /// Why it may have exploded.
    hint: Option<String>,
}

/// Refuses rules that do not fit a network.
pub fn check_rules<F: Real>(ways: &[ReadyWay], network: &Network<F>) -> Result<(), Failure> {
    for way in ways {
        if let Attribution::Rules(composite) = Attribution::from(way.clone()) {
            composite.assign(network)?;
        }
    }
    Ok(())
}

/// Explains the samples of a group.
pub fn explain<F: Real>(
    explainer: &Explainer<F>,
    group: &Group<F>,
    ways: &[ReadyWay],
    (target, region): &(Target, Option<ReadyRegion>),
    labels: &Labels,
    precision: Precision,
) -> Result<Vec<ExplainedSample>, Failure> {
    let forward = explainer.forward(group.batch.view())?;
    let (classes, scores) = (forward.classes(target)?, forward.target_scores(target)?);
    let positions = positions(&forward.layout()?, region.as_ref());
    let explained = ways.iter().map(|way| way.explain(&forward, target)).collect::<Result<Vec<_>, _>>()?;
    let sample = |(place, (name, shown)): (usize, (&String, &Array3<u8>))| {
        let explanations = ways.iter().zip(&explained).map(|(way, explained)| {
            let relevance = explained.relevance[0].index_axis(Axis(0), place);
            // Samples that go through the network together have one ledger together.
            let ledger = explained.ledgers.get(place).or(explained.ledgers.first());
            let findings = ledger.and_then(|ledger| Findings::of(ledger, precision));
            Explanation {
                way: way.to_string(),
                pixels: Layout::of(relevance.shape()).map(relevance),
                books: ledger.filter(|_| findings.is_some()).map(Ledger::total),
                findings,
                hint: hint(explainer.network(), &explained.rules),
            }
        });
        Ok(ExplainedSample {
            name: name.clone(),
            shown: shown.clone(),
            class: labels.describe(classes[place]),
            positions: positions.clone(),
            score: scores[place],
            explanations: explanations.collect(),
        })
    };
    group.names.iter().zip(&group.shown).enumerate().map(sample).collect()
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
            "findings": self.findings,
        })
    }
}

impl ExplainedSample {
    /// A photo that a Bag-of-Words classifier explains, for a class or the one with the highest score.
    pub fn by_words(
        classifier: &BowClassifier,
        photo: &Path,
        class: Option<usize>,
        labels: &Labels,
    ) -> Result<Self, Failure> {
        let shown = read_photo(photo)?;
        let explained = classifier.explain_image(images::to_unit_range(shown.view()).view(), &[class])?;
        let first = explained.classes.into_iter().next();
        let ExplainedClass { class, explanation } = first.ok_or("there is no class to explain")?;
        Ok(Self {
            name: photo.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            shown,
            class: labels.describe(class),
            positions: None,
            score: explanation.score,
            explanations: vec![Explanation {
                way: ALGORITHM_1.to_owned(),
                pixels: explanation.relevance.into_dimensionality()?,
                books: Some(explanation.ledger.total()),
                findings: Findings::of(&explanation.ledger, Precision::F64),
                hint: None,
            }],
        })
    }

    /// For a person.
    pub fn text(&self, precision: Precision) -> String {
        let columns = ["explanation", "to the input", "of the score", "main sink", "of the score", "largest Σ|R|"];
        let mut table = Table::new(columns);
        for explanation in &self.explanations {
            let (sink, share) = explanation.main_sink().unzip();
            let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
            table.row([
                explanation.way.clone(),
                or_dash(explanation.books.as_ref().map(|books| number(books.lower.total))),
                or_dash(explanation.reached().map(percent)),
                or_dash(sink.map(str::to_owned)),
                or_dash(share.map(percent)),
                or_dash(explanation.findings.as_ref().and_then(|findings| findings.growth).map(percent)),
            ]);
        }
        let over = self.positions.as_ref().map_or_else(String::new, |positions| format!(", {positions}"));
        let (class, score, table) = (&self.class, number(self.score), table.text());
        format!("\n{}: class {class}{over}, score {score}\n{table}{}", self.name, self.cancellations(precision))
    }

    /// Whether explanations are sums of parts that cancel, which of them exploded, and what helps.
    fn cancellations(&self, precision: Precision) -> String {
        let found = || self.explanations.iter().filter_map(|one| Some((one, one.findings.as_ref()?)));
        let mut text = String::new();
        if found().any(|(_, findings)| findings.cancels) {
            text += "Where Σ|R| is far beyond the score, parts for and against cancel.\n";
        }
        for (explanation, findings) in found().filter(|(_, findings)| findings.exploded) {
            text += &format!("Warning: {}: {}\n", explanation.way, findings.cancellation().unwrap_or_default());
        }
        let used: Vec<&str> = self.explanations.iter().map(|explanation| explanation.way.as_str()).collect();
        let advice = found().find_map(|(one, findings)| findings.advice(precision, &used, one.hint.clone()));
        text + &advice.map_or_else(String::new, |advice| format!("{advice}\n"))
    }

    /// For a program.
    pub fn json(&self) -> Value {
        let explanations = self.explanations.iter().map(Explanation::json).collect::<Vec<_>>();
        json!({
            "name": self.name,
            "class": self.class,
            "positions": self.positions,
            "score": self.score,
            "explanations": explanations,
        })
    }
}
