//! Fig. 22: pixels of all ten digits are flipped.

use evaluation::{CurveAxis, CurveTarget, Evaluation, FlipOrder, PixelSubset, Score};
use report::{Plot, Table};

use crate::decompositions::signed;
use crate::figure::Figure;
use crate::flipping::{Digit, Points, TWO_PERCENT, evaluate, explaining, flipping, judged, numbers, plot};
use crate::sequences::largest;
use crate::{Outcome, Study};

/// The random one is last: it is the same whatever explains, and made once.
const ORDERS: [FlipOrder; 3] = [FlipOrder::HighestFirst, FlipOrder::NearestToZeroFirst, FlipOrder::Random { seed: 0 }];

/// Percent of flipped pixels at which digits that keep their class are counted.
const COUNTED: [f64; 5] = [10.0, 20.0, 30.0, 50.0, 70.0];

/// The mean curves of one order.
struct Curves {
    of_true: Points,
    of_best_wrong: Points,
}

/// All ten digits, against the best wrong class, with random order.
pub fn figure_22(study: &Study) -> Outcome<Figure> {
    let digits: Vec<Digit> = (0..10).flat_map(|label| study.chosen(label, label)).collect();
    let mut figure = Figure::new(22, "all ten digits, against the best wrong class").text(format!(
        "Averages over {} digits of all classes: the linear score of the true class, and the largest of the wrong ones. \
         In a network of rectifiers, Eq. 56 and input × gradient are the same map up to rounding, which is why their \
         curves are one. The gradient says how the score changes with a little \
         more ink, not what it is made of: where its highest pixels are white, flipping them adds evidence.",
        digits.len()
    ));
    let mut numbers = numbers();
    let mut found: Vec<(&str, Vec<Curves>)> = Vec::new();
    for explaining in explaining(TWO_PERCENT)? {
        let orders = if found.is_empty() { &ORDERS[..] } else { &ORDERS[..2] };
        let measures: Vec<_> = orders.iter().map(|&order| flipping(order, PixelSubset::All, explaining.step)).collect();
        let evaluation = evaluate(study, &digits, &explaining, &measures, 22)?;
        let curves = |measure| Curves {
            of_true: Points::of(&evaluation, measure, CurveTarget::Target),
            of_best_wrong: Points::of(&evaluation, measure, CurveTarget::BestOther),
        };
        let curves: Vec<Curves> = (0..orders.len()).map(curves).collect();
        for (&order, curves) in orders.iter().zip(&curves) {
            curves.of_true.write(&mut numbers, explaining.name, "all", order, "true");
            curves.of_best_wrong.write(&mut numbers, explaining.name, "all", order, "best wrong");
        }
        if let [highest, nearest, random] = curves.as_slice() {
            figure = figure.plots(panels(highest, nearest, random))?.table(kept(&evaluation));
        }
        found.push((explaining.name, curves));
    }
    figure = compare(figure, &found)?;
    Ok(figure.numbers("", numbers))
}

/// The two panels of the paper.
fn panels(highest: &Curves, nearest: &Curves, random: &Curves) -> [(&'static str, Plot, String); 2] {
    let first = plot("The highest first")
        .curve(highest.of_true.curve("true class"))
        .curve(highest.of_best_wrong.curve("best wrong class"));
    let second = plot("Nearest to zero first, and random")
        .curve(nearest.of_true.curve("true class"))
        .curve(nearest.of_best_wrong.curve("best wrong class"))
        .curve(random.of_true.curve("true class, random").colored(0).dashed())
        .curve(random.of_best_wrong.curve("best wrong, random").colored(1).dashed());
    [("highest", first, "By Eq. 56".to_owned()), ("nearest", second, "By Eq. 56".to_owned())]
}

/// How many digits are still taken for what they are.
fn kept(evaluation: &Evaluation) -> Table {
    let titles = COUNTED.map(|percent| format!("{percent:.0} %"));
    let table = Table::new(["order".to_owned()].into_iter().chain(titles)).caption(
        "Digits that are still taken for what they are, in percent, when so many pixels are flipped (by Eq. 56)",
    );
    ORDERS.iter().enumerate().fold(table, |table, (measure, order)| {
        let kept = |percent: f64| {
            let kept = judged(evaluation).filter(|judged| class_at(judged, measure, percent) == Some(judged.target));
            format!("{:.1}", 100.0 * kept.count() as f64 / evaluation.finished().max(1) as f64)
        };
        table.row([order.to_string()].into_iter().chain(COUNTED.map(kept)))
    })
}

/// What a digit is taken for when so many percent of its pixels, or a few more, are flipped.
fn class_at(judged: &Score, measure: usize, percent: f64) -> Option<usize> {
    let curve = judged.outcomes.get(measure)?.curve.as_ref()?;
    let CurveAxis::Share(shares) = &curve.along else { return None };
    let step = shares.iter().position(|&share| 100.0 * share >= percent)?;
    Some(largest(&curve.values.row(step).to_vec()))
}

/// What explains by Eq. 56 beside what explains otherwise, and how far each is from a random order.
fn compare(mut figure: Figure, found: &[(&str, Vec<Curves>)]) -> Outcome<Figure> {
    let Some(random) = found.first().and_then(|(_, curves)| curves.get(2)) else { return Ok(figure) };
    let mut plots =
        [("highest-compared", plot("The highest first")), ("nearest-compared", plot("Nearest to zero first"))];
    let mut table = Table::new([
        "explanation",
        "highest first: falls by",
        "× random's fall",
        "nearest to zero: falls by",
        "× random's fall",
    ])
    .caption("How far the true class's score has fallen when 10 % of the pixels are flipped");
    let times_random = |curves: &Curves| curves.of_true.fall() / random.of_true.fall();
    for (name, curves) in found {
        for ((_, plot), curves) in plots.iter_mut().zip(curves) {
            *plot = std::mem::take(plot).curve(curves.of_true.curve(*name));
        }
        let numbers =
            curves[..2].iter().flat_map(|curves| [signed(curves.of_true.fall()), signed(times_random(curves))]);
        table = table.row([(*name).to_owned()].into_iter().chain(numbers));
    }
    if let Some((_, curves)) = found.first() {
        let remark = "fall of the true class's score, 10 % of the pixels flipped by Eq. 56";
        figure = figure
            .finding(
                "Highest first, times random",
                format!("{:.1}", times_random(&curves[0])),
                format!("{remark}; at least 3 is wanted"),
            )
            .finding("Nearest to zero, times random", format!("{:.2}", times_random(&curves[1])), remark);
    }
    let plots = plots.map(|(part, plot)| {
        (
            part,
            plot.curve(random.of_true.curve("random order").dashed()),
            "The true class's score, by what explains".to_owned(),
        )
    });
    Ok(figure.plots(plots)?.table(table))
}
