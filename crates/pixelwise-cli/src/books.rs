//! What the books of an explanation say about its map: whether the score reached the input, and whether parts for and
//! against cancel.

use neural_lrp::rules::Rule;
use neural_lrp::{Network, Node, Real};
use relevance::{Amount, Entry, Ledger, Sink};
use serde::{Deserialize, Serialize};

use crate::computation::Precision;
use crate::output::percent;

/// Growth of Σ|R| beyond which parts for and against cancel in a way that a reader should know of.
const CANCELING: f64 = 2.0;

/// Growth of Σ|R| beyond which a map has exploded: f32 has no digits left for the sum.
const EXPLODED: f64 = 1e5;

/// The same for f64.
const BEYOND_F64: f64 = 1e13;

/// Composites that keep Σ|R| near the score: z⁺ or γ in convolutions.
const CALM_COMPOSITES: [&str; 3] = ["epsilon-plus-flat", "epsilon-plus", "epsilon-gamma-box"];

/// What the books of an explanation say about its map.
///
/// Steps conserve relevance, and sinks are booked: where Σ|R| grows, parts for and against cancel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Findings {
    /// The largest Σ|R| of a step, relative to that of the initial relevance.
    pub growth: Option<f64>,
    /// Where that is.
    pub stage: String,
    /// Σ|R| of the input, relative to that of the initial relevance.
    pub growth_to_input: Option<f64>,
    /// Whether Σ|R| grew so much that parts for and against cancel.
    pub cancels: bool,
    /// Whether it grew beyond all measure.
    pub exploded: bool,
    /// Whether the type of numbers has no digits left for the sum.
    pub beyond_precision: bool,
    /// How much of the relevance ended in sinks; none where these are no shares of a whole, since they cancel.
    pub sunk_share: Option<f64>,
    /// Whether that is most of it.
    pub mostly_sunk: bool,
}

impl Findings {
    /// What the books say; nothing where there are none.
    pub fn of(ledger: &Ledger, precision: Precision) -> Option<Self> {
        if ledger.entries.is_empty() {
            return None;
        }
        let total = ledger.total();
        let grown = |amount: Amount| Some(amount.magnitude / total.upper.magnitude).filter(|grown| !grown.is_nan());
        let largest = |entry: &Entry| {
            let amounts = [entry.upper, entry.lower].into_iter().chain(entry.sinks.iter().map(|(_, amount)| *amount));
            amounts.filter_map(grown).fold(0.0, f64::max)
        };
        let steps = ledger.entries.iter().map(|entry| (entry.stage.as_str(), largest(entry)));
        let (stage, growth) = steps.fold(("", 0.0), |most, step| if step.1 > most.1 { step } else { most });
        let growth_to_input = grown(total.lower);
        let most = growth.max(growth_to_input.unwrap_or(0.0));
        let (exploded, sunk_share) = (most > EXPLODED, sunk_share(&total));
        Some(Self {
            growth: Some(growth).filter(|growth| growth.is_finite()),
            stage: stage.to_owned(),
            growth_to_input: growth_to_input.filter(|growth| growth.is_finite()),
            cancels: most > CANCELING,
            exploded,
            beyond_precision: match precision {
                Precision::F32 => exploded,
                Precision::F64 => most > BEYOND_F64,
            },
            sunk_share,
            mostly_sunk: sunk_share.is_some_and(|share| share > 0.5),
        })
    }

    /// How a person is told that most of the relevance ended in sinks, and what helps; nothing where it did not.
    pub fn on_sinks(&self, ledger: &Ledger, of_network: bool) -> Option<String> {
        if !self.mostly_sunk {
            return None;
        }
        let share = self.sunk_share.map(percent).unwrap_or_default();
        Some(match (main_sink(&ledger.total()), of_network) {
            (Some(Sink::Bias), true) => format!(
                "Note: the biases took it: {share} of the relevance ended in sinks, most of it in biases, as in most deep \
                 networks. {BIASES}"
            ),
            (sink, _) => {
                let most = sink.map_or_else(String::new, |sink| format!(", most of it in the {}", sink.name()));
                let advice = if of_network { MORE } else { "" };
                format!(
                    "Warning: most of the relevance did not reach the input: {share} of it ended in sinks{most}. A heatmap \
                     shows only the rest. Read the ledger.{advice}"
                )
            }
        })
    }

    /// Whether parts for and against cancel, in a sentence for a person.
    pub fn cancellation(&self) -> Option<String> {
        let told = |growth: Option<f64>| growth.map_or_else(|| "beyond all numbers".to_owned(), times);
        self.cancels.then(|| {
            format!(
                "{}parts for and against cancel: Σ|R| is {} the score at {}, and {} it at the input.",
                if self.exploded { "this map exploded: " } else { "" },
                told(self.growth),
                self.stage,
                told(self.growth_to_input),
            )
        })
    }

    /// The same behind one of many samples: `exploded: Σ|R| is 3.2e25 times the score`.
    pub fn mark(&self) -> Option<String> {
        let grown = self.growth.map_or_else(|| "beyond all numbers".to_owned(), times);
        let exploded = if self.exploded { "exploded: " } else { "" };
        self.cancels.then(|| format!("{exploded}Σ|R| is {grown} the score"))
    }

    /// What helps where a map exploded, for explanations by such composites or rules.
    pub fn advice(&self, precision: Precision, used: &[&str], hint: Option<String>) -> Option<String> {
        let calm: Vec<&str> = CALM_COMPOSITES.into_iter().filter(|calm| !used.contains(calm)).collect();
        let calm = match calm.as_slice() {
            [] => "The".to_owned(),
            calm => format!("The composites {}, and the", calm.join(", ")),
        };
        let digits = match (self.beyond_precision, precision) {
            (true, Precision::F32) => "f32 has no digits left for it; --dtype f64 has more. ",
            (true, Precision::F64) => "Not even f64 has digits left for it. ",
            (false, _) => "",
        };
        let hint = hint.map_or_else(String::new, |hint| format!("\n{hint}"));
        self.exploded
            .then(|| format!("{digits}{calm} rules z-plus and gamma=0.25 keep Σ|R| nearer to the score.{hint}"))
    }
}

/// What it means that biases took most of the relevance, and what helps.
pub const BIASES: &str = "The heatmap shows the rest; --composite conserving-plus-flat leaves to the pixels what biases took. \
                          More is in docs/guide/explain-your-own-model.md, 7.";

/// Where more is.
const MORE: &str = " More is in docs/guide/explain-your-own-model.md, 7.";

/// The sink that took most.
pub fn main_sink(books: &Entry) -> Option<Sink> {
    let most = books.sinks.iter().max_by(|(_, one), (_, other)| one.total.abs().total_cmp(&other.total.abs()))?;
    Some(most.0)
}

/// How much of what was given out ended in sinks, of the magnitudes of what the input and each sink got. None where
/// these are no shares of the whole, since they cancel.
fn sunk_share(total: &Entry) -> Option<f64> {
    let sunk: f64 = total.sinks.iter().map(|(_, amount)| amount.total.abs()).sum();
    let given = sunk + total.lower.total.abs();
    (given > 0.0 && given <= CANCELING * total.upper.magnitude).then(|| sunk / given)
}

/// Why maps of a network may explode, by the rule of each node, and what to do about it.
pub fn hint<F: Real>(network: &Network<F>, rules: &[Rule]) -> Option<String> {
    let is_passed = |(node, rule): &(&Node<F>, &Rule)| node.normalizes_by_constants() && rule.to_string() == "pass";
    let (nodes, count) = match network.nodes().iter().zip(rules).filter(is_passed).count() {
        0 => return None,
        1 => ("batch normalization", 1),
        several => ("batch normalizations", several),
    };
    Some(format!(
        "Why: {count} {nodes} can't be folded into a layer, and the rule pass hands relevance through whole, also to \
         numbers near 0 that only the shift made large: the layer before divides by these. \
         --layer-rule normalization=detached takes the shift for a bias."
    ))
}

/// `3.2e25 times`
fn times(growth: f64) -> String {
    if growth < 1e6 { format!("{growth:.1} times") } else { format!("{growth:.1e} times") }
}

#[cfg(test)]
mod tests {
    use neural_lrp::Composite;

    use super::*;

    fn amount(values: &[f64]) -> Amount {
        values.iter().collect()
    }

    /// A step that takes in 1 and hands down two parts that cancel, up to what a sink gets.
    fn ledger(part: f64, sunk: f64) -> Ledger {
        let entry = Entry::new("conv (Conv)", Amount::of(1.0), amount(&[part, 1.0 - sunk - part]));
        let lower = entry.lower;
        Ledger::graph(vec![entry.with_sink(Sink::Bias, Amount::of(sunk))], Amount::of(1.0), lower)
    }

    fn findings(part: f64, sunk: f64, precision: Precision) -> Findings {
        Findings::of(&ledger(part, sunk), precision).unwrap()
    }

    #[test]
    fn a_map_is_calm_cancels_or_explodes() {
        let calm = findings(0.75, 0.0, Precision::F32);
        assert!(!calm.cancels && !calm.exploded && !calm.mostly_sunk && calm.cancellation().is_none());
        assert_eq!(calm.advice(Precision::F32, &[], None), None);
        let cancels = findings(3.0, 0.0, Precision::F32);
        assert!(cancels.cancels && !cancels.exploded);
        let told = cancels.cancellation().unwrap();
        assert!(told.contains("Σ|R| is 5.0 times the score at conv (Conv), and 5.0 times it"), "{told}");
        let exploded = findings(1.5e25, 0.0, Precision::F64);
        assert!(exploded.exploded && exploded.beyond_precision);
        assert!(exploded.cancellation().unwrap().contains("exploded: parts for and against cancel: Σ|R| is 3.0e25"));
        let digits = |part, precision| findings(part, 0.0, precision).beyond_precision;
        assert!(digits(1e6, Precision::F32) && !digits(1e6, Precision::F64));
    }

    #[test]
    fn shares_of_sinks_are_told_where_they_are_shares() {
        assert!(findings(0.1, 0.75, Precision::F32).mostly_sunk);
        assert!(!findings(0.5, 0.25, Precision::F32).mostly_sunk);
        // The input has −1e25, a sink 1e25: half of nothing.
        assert!(!findings(-5e24, 1e25, Precision::F32).mostly_sunk);
    }

    #[test]
    fn advice_names_what_is_not_in_use() {
        let exploded = findings(1e9, 0.0, Precision::F32);
        let advice = exploded.advice(Precision::F32, &["epsilon-plus"], Some("Why".to_owned())).unwrap();
        assert!(advice.contains("--dtype f64") && advice.ends_with("\nWhy"), "{advice}");
        assert!(advice.contains("The composites epsilon-plus-flat, epsilon-gamma-box, and the rules"), "{advice}");
        let all = exploded.advice(Precision::F32, &CALM_COMPOSITES, None).unwrap();
        assert!(all.contains("more. The rules z-plus and gamma=0.25 keep"), "{all}");
    }

    #[test]
    fn calm_composites_have_rules_without_negative_parts_in_convolutions() {
        for name in CALM_COMPOSITES {
            let composite = Composite::named(name).unwrap();
            let convolutions = composite.choices().iter().filter(|choice| choice.selector.to_string() == "convolution");
            let rules: Vec<String> = convolutions.map(|choice| choice.rule.to_string()).collect();
            assert!(matches!(rules.as_slice(), [rule] if rule == "z-plus" || rule.starts_with("gamma")), "{rules:?}");
        }
    }

    #[test]
    fn biases_are_noted_and_other_sinks_are_warned_of() {
        let told = |sink| {
            let entry = Entry::new("conv (Conv)", Amount::of(1.0), Amount::of(0.01)).with_sink(sink, Amount::of(0.99));
            let ledger = Ledger::graph(vec![entry], Amount::of(1.0), Amount::of(0.01));
            Findings::of(&ledger, Precision::F32).unwrap().on_sinks(&ledger, true).unwrap()
        };
        assert!(
            told(Sink::Bias).starts_with("Note: the biases took it: 99.0 % of the relevance"),
            "{}",
            told(Sink::Bias)
        );
        let stabilizer = told(Sink::Stabilizer);
        assert!(
            stabilizer.starts_with("Warning: most of the relevance did not reach the input: 99.0 %"),
            "{stabilizer}"
        );
        assert_eq!(findings(0.75, 0.0, Precision::F32).on_sinks(&ledger(0.75, 0.0), true), None);
    }

    #[test]
    fn no_books_say_nothing() {
        assert_eq!(Findings::of(&Ledger::default(), Precision::F32), None);
    }
}
