//! The ledger, as pages draw it.

use neural_lrp::rules::Rule;
use neural_lrp::{Network, Node};
use relevance::{Entry, Ledger};
use serde::Serialize;

/// Growth of Σ|R| beyond which a map has exploded: 32-bit numbers have no digits left for the sum.
const EXPLODED: f64 = 1e5;

/// Where the score went.
#[derive(Debug, Serialize)]
pub struct Books {
    score: f64,
    steps: Vec<Step>,
    pixels: f64,
}

/// What one step did with the relevance that came to it.
#[derive(Debug, Serialize)]
struct Step {
    name: String,
    kind: Option<String>,
    rule: Option<String>,
    upper: f64,
    lower: f64,
    sinks: Vec<Sink>,
}

#[derive(Debug, Serialize)]
struct Sink {
    name: &'static str,
    relevance: f64,
}

/// The rule of a node.
#[derive(Clone, Debug, Serialize)]
pub struct NodeRule {
    node: String,
    kind: String,
    rule: String,
}

impl NodeRule {
    /// Those of a network's nodes, but for some.
    pub fn all(network: &Network<f32>, rules: &[Rule], skipped: &[String]) -> Vec<Self> {
        let of = |(node, rule): (&Node<f32>, &Rule)| Self {
            node: node.name.clone(),
            kind: node.operation.kind().to_owned(),
            rule: rule.to_string(),
        };
        let passed = network.nodes().iter().zip(rules).filter(|(node, _)| !skipped.contains(&node.name));
        passed.map(of).collect()
    }
}

impl Books {
    /// What a ledger says, with the rules of its steps; none where no books were kept.
    pub fn of(ledger: &Ledger, rules: &[NodeRule]) -> Option<Self> {
        if ledger.entries.is_empty() {
            return None;
        }
        let step = |entry: &Entry| {
            let rule = rules.iter().find(|rule| entry.stage == format!("{} ({})", rule.node, rule.kind));
            let sinks = entry.sinks.iter().map(|(sink, amount)| Sink { name: sink.name(), relevance: amount.total });
            Step {
                name: rule.map_or(&entry.stage, |rule| &rule.node).clone(),
                kind: rule.map(|rule| rule.kind.clone()),
                rule: rule.map(|rule| rule.rule.clone()),
                upper: entry.upper.total,
                lower: entry.lower.total,
                sinks: sinks.collect(),
            }
        };
        let total = ledger.total();
        Some(Self {
            score: total.upper.total,
            steps: ledger.entries.iter().map(step).collect(),
            pixels: total.lower.total,
        })
    }
}

/// Whether the books say that a map exploded, in a sentence.
pub fn hint(ledger: &Ledger) -> Option<&'static str> {
    let given = ledger.total().upper.magnitude;
    let exploded = |entry: &Entry| entry.lower.magnitude > EXPLODED * given;
    ledger.entries.iter().any(exploded).then_some(
        "This map exploded: parts for and against cancel, and 32-bit numbers have no digits left for the rest. The rules \
         z-plus and gamma=0.25 keep it nearer to the score.",
    )
}
