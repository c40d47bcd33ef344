//! A ledger as a table with bars, and what it means in plain words.

use relevance::{Entry, Ledger, Sink};
use serde::Serialize;

use crate::numbers::{error, number, percent, percent_of_bar};

/// What a ledger may be off by, relative: the workspace's promise for arithmetic of 64 bits.
const TOLERANCE: f64 = 1e-10;

/// A ledger as the template wants it.
#[derive(Debug, Serialize)]
pub(crate) struct FlowView {
    stages: Vec<StageView>,
    summary: String,
    warnings: Vec<String>,
}

/// One backward step.
#[derive(Debug, Serialize)]
pub(crate) struct StageView {
    name: String,
    upper: String,
    lower: String,
    sunk: String,
    error: String,
    parts: Vec<PartView>,
}

/// A part of a stage's bar: what reached below, or what one sink took.
#[derive(Debug, Serialize)]
struct PartView {
    name: String,
    /// The color's class.
    class: String,
    amount: String,
    share: String,
    /// Percent of the bar.
    width: f64,
    /// Whether its sign is opposite to that of what came in from above.
    opposite: bool,
}

/// A layer in a flow: a bar as long as its relevance is large.
#[derive(Debug, Serialize)]
pub(crate) struct LayerView {
    name: String,
    upper: String,
    parts: Vec<PartView>,
}

/// All of a ledger as one step.
pub(crate) fn whole(ledger: &Ledger) -> StageView {
    stage(&ledger.total())
}

/// Each step of a ledger, its bar in proportion to the largest.
pub(crate) fn layers(ledger: &Ledger) -> Vec<LayerView> {
    let size = |entry: &Entry| finite(entry.upper.total).abs();
    let largest = ledger.entries.iter().map(size).fold(f64::MIN_POSITIVE, f64::max);
    let layer = |entry: &Entry| {
        let StageView { name, upper, mut parts, .. } = stage(entry);
        for part in &mut parts {
            part.width = percent_of_bar(part.width / 100.0 * size(entry) / largest);
        }
        LayerView { name, upper, parts }
    };
    ledger.entries.iter().map(layer).collect()
}

/// What is wrong with the books themselves.
pub(crate) fn unsound(ledger: &Ledger, tolerance: f64) -> Vec<String> {
    [non_finite(ledger), unbalanced(ledger, tolerance)].into_iter().flatten().collect()
}

/// A ledger, stage by stage.
pub(crate) fn flow(ledger: &Ledger) -> FlowView {
    FlowView {
        stages: ledger.entries.iter().map(stage).collect(),
        summary: summary(ledger),
        warnings: warnings(ledger),
    }
}

fn stage(entry: &Entry) -> StageView {
    // By magnitude, so that parts of opposite sign don't hide each other.
    let sunk: f64 = entry.sinks.iter().map(|(_, amount)| finite(amount.total).abs()).sum();
    let whole = finite(entry.lower.total).abs() + sunk;
    let part = |name: &str, class: String, total: f64| {
        let share = if whole > 0.0 { finite(total).abs() / whole } else { 0.0 };
        PartView {
            name: name.to_owned(),
            class,
            amount: number(total),
            share: percent(share),
            width: percent_of_bar(share),
            opposite: total * entry.upper.total < 0.0,
        }
    };
    let mut parts = vec![part("below", "below".to_owned(), entry.lower.total)];
    parts.extend(
        entry
            .sinks
            .iter()
            .map(|(sink, amount)| part(sink.name(), format!("sink-{}", sink.name().replace(' ', "-")), amount.total)),
    );
    StageView {
        name: entry.stage.clone(),
        upper: number(entry.upper.total),
        lower: number(entry.lower.total),
        sunk: if entry.sinks.is_empty() { "none".to_owned() } else { number(entry.sunk().total) },
        error: error(entry.relative_error()),
        parts,
    }
}

/// From the score to the pixels in a sentence or two.
fn summary(ledger: &Ledger) -> String {
    let Some(score) = ledger.entries.first().map(|entry| entry.upper.total) else {
        return "No step was booked.".to_owned();
    };
    let (reached, averaged) = (reached(ledger), averaged_away(ledger));
    let lost: f64 = losses(ledger).map(|loss| loss.total).sum();
    let share = if score == 0.0 { String::new() } else { format!(" ({})", percent(reached / score)) };
    let mut summary = match losses(ledger).next() {
        None => format!("Of a score of {}, all reached the pixels.", number(score)),
        Some(_) => format!(
            "Of a score of {}, {}{share} reached the pixels and {} ended in sinks.",
            number(score),
            number(reached),
            number(lost)
        ),
    };
    if averaged != 0.0 {
        summary += &format!(" Averaging overlapping tiles leaves {} of it in the map.", number(reached - averaged));
    }
    summary
}

/// What a sink took that did not reach the pixels.
struct Loss<'a> {
    stage: &'a str,
    sink: Sink,
    total: f64,
}

/// Sinks that evidence was lost to, from the score down. The overlap of tiles is none of them: what averaging takes
/// away did reach the pixels.
fn losses(ledger: &Ledger) -> impl Iterator<Item = Loss<'_>> {
    ledger.entries.iter().flat_map(|entry| {
        let lost = entry.sinks.iter().filter(|(sink, _)| *sink != Sink::Overlap);
        lost.map(|(sink, amount)| Loss { stage: &entry.stage, sink: *sink, total: finite(amount.total) })
    })
}

/// What the average of overlapping tiles took away.
fn averaged_away(ledger: &Ledger) -> f64 {
    ledger.entries.iter().map(|entry| finite(entry.sink(Sink::Overlap).total)).sum()
}

/// What reached the pixels, before overlapping tiles were averaged.
fn reached(ledger: &Ledger) -> f64 {
    ledger.entries.last().map_or(0.0, |entry| finite(entry.lower.total)) + averaged_away(ledger)
}

/// What a reader has to know before trusting the picture.
fn warnings(ledger: &Ledger) -> Vec<String> {
    [mostly_sunk(ledger), non_finite(ledger), unbalanced(ledger, TOLERANCE)].into_iter().flatten().collect()
}

/// Most of the evidence ended in sinks: how much, and in which most of all.
fn mostly_sunk(ledger: &Ledger) -> Option<String> {
    let reached = reached(ledger).abs();
    let lost: f64 = losses(ledger).map(|loss| loss.total.abs()).sum();
    let largest = losses(ledger).max_by(|left, right| left.total.abs().total_cmp(&right.total.abs()))?;
    let whole = reached + lost;
    (lost > reached).then(|| {
        format!(
            "Most of the evidence did not reach the pixels: {} of it ended in sinks, the largest part ({}) in the {} of \
             the step “{}”. The heatmap shows only the rest.",
            percent(lost / whole),
            percent(largest.total.abs() / whole),
            largest.sink,
            largest.stage,
        )
    })
}

fn non_finite(ledger: &Ledger) -> Option<String> {
    let count = |entry: &Entry| entry.upper.non_finite + entry.lower.non_finite + entry.sunk().non_finite;
    let entry = ledger.entries.iter().find(|entry| count(entry) > 0)?;
    let (count, stage) = (count(entry), &entry.stage);
    Some(format!(
        "{count} values were infinite or NaN, first in the step “{stage}”: this explanation can't be trusted."
    ))
}

fn unbalanced(ledger: &Ledger, tolerance: f64) -> Option<String> {
    let error = ledger.check(tolerance).err()?;
    Some(format!(
        "The books do not balance. {error}. Evidence was lost or invented: this explanation can't be trusted."
    ))
}

/// What is not finite has no place on a bar.
fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use relevance::Amount;

    use super::*;

    /// From above, to below, into sinks.
    type Step<'a> = (f64, f64, &'a [(Sink, f64)]);

    fn ledger(steps: &[Step<'_>]) -> Ledger {
        let mut ledger = Ledger::default();
        for (upper, lower, sinks) in steps {
            let entry = Entry::new("step", Amount::of(*upper), Amount::of(*lower));
            ledger.push(sinks.iter().fold(entry, |entry, (sink, amount)| entry.with_sink(*sink, Amount::of(*amount))));
        }
        ledger
    }

    #[test]
    fn shares_of_a_bar_are_those_of_the_magnitudes() {
        let view = flow(&ledger(&[(1.0, 1.5, &[(Sink::TaylorResidual, -0.5)])]));
        let parts: Vec<_> = view.stages[0].parts.iter().map(|part| (part.width, part.opposite)).collect();
        assert_eq!(parts, [(75.0, false), (25.0, true)]);
        assert_eq!(view.stages[0].parts[1].class, "sink-Taylor-residual");
        assert!(view.warnings.is_empty(), "{view:?}");
        assert!(view.summary.contains("150.0 %"), "{}", view.summary);
    }

    #[test]
    fn evidence_that_mostly_sank_is_warned_of_with_the_largest_sink() {
        let view = flow(&ledger(&[(1.0, 0.9, &[(Sink::TaylorResidual, 0.1)]), (0.9, 0.1, &[(Sink::Stabilizer, 0.8)])]));
        assert_eq!(view.warnings.len(), 1);
        assert!(view.warnings[0].contains("90.0 %") && view.warnings[0].contains("stabilizer"), "{view:?}");
    }

    #[test]
    fn what_averaging_takes_away_is_not_lost() {
        let view = flow(&ledger(&[(9.0, 8.5, &[(Sink::RootValue, 0.5)]), (8.5, 1.5, &[(Sink::Overlap, 7.0)])]));
        assert!(view.warnings.is_empty(), "{view:?}");
        assert!(view.summary.contains("8.500 (94.4 %)") && view.summary.contains("leaves 1.500"), "{}", view.summary);
    }

    #[test]
    fn a_ledger_without_sinks_says_that_all_arrived() {
        let view = flow(&ledger(&[(2.0, 2.0, &[])]));
        assert_eq!(view.summary, "Of a score of 2.000, all reached the pixels.");
        assert_eq!((view.stages[0].sunk.as_str(), view.warnings.len()), ("none", 0));
    }

    #[test]
    fn books_that_do_not_balance_are_warned_of() {
        assert!(flow(&ledger(&[(1.0, 0.9, &[])])).warnings[0].contains("do not balance"));
        assert!(flow(&ledger(&[(1.0, 1.0, &[]), (2.0, 2.0, &[])])).warnings[0].contains("do not balance"));
        let broken = flow(&ledger(&[(1.0, f64::NAN, &[])]));
        assert!(broken.warnings[0].contains("infinite or NaN"), "{broken:?}");
    }

    #[test]
    fn an_empty_ledger_and_one_that_moved_nothing_are_drawn() {
        assert!(flow(&Ledger::default()).stages.is_empty());
        assert_eq!(flow(&ledger(&[(0.0, 0.0, &[(Sink::Bias, 0.0)])])).stages[0].parts[0].width, 0.0);
    }

    proptest! {
        #[test]
        fn bars_are_never_longer_than_their_place(
            upper in any::<f64>(), lower in any::<f64>(), bias in any::<f64>(), padding in any::<f64>()
        ) {
            let view = flow(&ledger(&[(upper, lower, &[(Sink::Bias, bias), (Sink::Padding, padding)])]));
            let width: f64 = view.stages[0].parts.iter().map(|part| part.width).sum();
            prop_assert!((0.0..=100.05).contains(&width), "{width}");
        }
    }
}
