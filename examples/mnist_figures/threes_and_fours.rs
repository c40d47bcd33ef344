//! Figs 18 to 21: pixels of threes and fours are flipped.

use evaluation::{CurveAxis, CurveTarget, Evaluation, FlipOrder, PixelSubset};

use crate::figure::Figure;
use crate::flipping::{ONE_PERCENT, Points, evaluate, explaining, flipping, judged, numbers, plot};
use crate::sequences::largest;
use crate::{Outcome, Study};

/// A class of digits, and the others that are watched.
struct Watched {
    label: u8,
    name: &'static str,
    /// What they might turn into.
    wrong: u8,
    another: u8,
}

const WATCHED: [Watched; 2] = [
    Watched { label: 3, name: "threes", wrong: 8, another: 5 },
    Watched { label: 4, name: "fours", wrong: 9, another: 7 },
];

/// What the four figures differ in.
struct Flips {
    number: u8,
    title: &'static str,
    text: &'static str,
    order: FlipOrder,
    among: PixelSubset,
    /// Whose relevance it is.
    target: fn(&Watched) -> u8,
}

/// Highest-scoring pixels that are not the digit's first.
pub fn figure_18(study: &Study) -> Outcome<Figure> {
    figure(
        study,
        &Flips {
            number: 18,
            title: "flipping the highest-scoring non-digit pixels",
            text: "The highest-scoring pixels that are no part of the digit are flipped first: white ones become black.",
            order: FlipOrder::HighestFirst,
            among: PixelSubset::OutOfMask,
            target: |watched| watched.label,
        },
    )
}

/// Highest-scoring pixels first.
pub fn figure_19(study: &Study) -> Outcome<Figure> {
    figure(
        study,
        &Flips {
            number: 19,
            title: "flipping the highest-scoring pixels",
            text: "The highest-scoring pixels of all are flipped first, whether or not they are the digit's.",
            order: FlipOrder::HighestFirst,
            among: PixelSubset::All,
            target: |watched| watched.label,
        },
    )
}

/// Pixels whose relevance is nearest to zero first.
pub fn figure_20(study: &Study) -> Outcome<Figure> {
    figure(
        study,
        &Flips {
            number: 20,
            title: "flipping the pixels nearest to zero",
            text: "The pixels whose relevance is nearest to zero are flipped first: the score should stay.",
            order: FlipOrder::NearestToZeroFirst,
            among: PixelSubset::All,
            target: |watched| watched.label,
        },
    )
}

/// Lowest-scoring pixels for a wrong class first.
pub fn figure_21(study: &Study) -> Outcome<Figure> {
    figure(
        study,
        &Flips {
            number: 21,
            title: "flipping what speaks against a wrong class",
            text: "The relevance is that for a wrong class, 8 for threes and 9 for fours; the pixels that speak most \
               against it are flipped first.",
            order: FlipOrder::LowestFirst,
            among: PixelSubset::All,
            target: |watched| watched.wrong,
        },
    )
}

fn figure(study: &Study, flips: &Flips) -> Outcome<Figure> {
    let mut figure = Figure::new(flips.number, flips.title).text(flips.text);
    let mut numbers = numbers();
    let (mut plots, mut comparisons) = (Vec::new(), Vec::new());
    for watched in &WATCHED {
        let digits = study.chosen(watched.label, (flips.target)(watched));
        let mut comparison = plot(&format!("Score of {}, by what explains", watched.label));
        for (place, explaining) in explaining(ONE_PERCENT)?.iter().enumerate() {
            let measures = [flipping(flips.order, flips.among, explaining.step)];
            let evaluation = evaluate(study, &digits, explaining, &measures, flips.number)?;
            let scores = [watched.label, watched.wrong, watched.another]
                .map(|class| (class, Points::of(&evaluation, 0, CurveTarget::Class(class.into()))));
            for (class, points) in &scores {
                points.write(&mut numbers, explaining.name, watched.name, flips.order, &class.to_string());
            }
            comparison = comparison.curve(scores[0].1.curve(explaining.name));
            if place > 0 {
                continue;
            }
            let of_classes = plot(&format!("{} {}", digits.len(), watched.name));
            let of_classes = scores
                .iter()
                .fold(of_classes, |plot, (class, points)| plot.curve(points.curve(format!("score of {class}"))));
            let turned = Turned::count(&evaluation, watched.wrong.into());
            let caption = format!(
                "By Eq. 56. {} of {} {} are taken for {} at some step; most at once, {}, when {:.0} % of the pixels are \
                 flipped",
                turned.ever,
                digits.len(),
                watched.name,
                watched.wrong,
                turned.most,
                turned.at
            );
            plots.push((watched.name, of_classes, caption));
            if watched.label == 3 && [18, 21].contains(&flips.number) {
                let label = format!("Threes that turn into eights (Fig. {})", flips.number);
                figure = figure.finding(&label, turned.ever, format!("of {}, at some step", digits.len()));
            }
        }
        comparisons.push((
            format!("{}-compared", watched.name),
            comparison,
            "The same order, by other relevance".to_owned(),
        ));
    }
    let comparisons = comparisons.iter().map(|(part, plot, caption)| (part.as_str(), plot.clone(), caption.clone()));
    Ok(figure.plots(plots)?.plots(comparisons)?.numbers("", numbers))
}

/// How many digits are taken for another class.
struct Turned {
    /// At some step.
    ever: usize,
    /// At the step where they are most.
    most: usize,
    /// How many percent of the pixels are flipped there.
    at: f64,
}

impl Turned {
    fn count(evaluation: &Evaluation, class: usize) -> Self {
        let mut turned = Self { ever: 0, most: 0, at: 0.0 };
        let mut at_step: Vec<(f64, usize)> = Vec::new();
        for judged in judged(evaluation) {
            let Some(curve) = judged.outcomes.first().and_then(|outcome| outcome.curve.as_ref()) else { continue };
            let CurveAxis::Share(shares) = &curve.along else { continue };
            let taken: Vec<bool> = curve.values.outer_iter().map(|scores| largest(&scores.to_vec()) == class).collect();
            turned.ever += usize::from(taken.contains(&true));
            at_step.extend(shares.iter().skip(at_step.len()).map(|&share| (share, 0)));
            for ((_, count), taken) in at_step.iter_mut().zip(taken) {
                *count += usize::from(taken);
            }
        }
        for (share, count) in at_step {
            if count > turned.most {
                (turned.most, turned.at) = (count, 100.0 * share);
            }
        }
        turned
    }
}
