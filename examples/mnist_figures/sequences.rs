//! Figs 23 and 24: digits, flipped pixel by pixel until they are taken for others.

use std::num::NonZeroU32;

use evaluation::{FlipOptions, FlipOrder, Replacement, flipped_inputs};
use heatmap::{BarChart, ContactSheet, RgbImage, Tile, enlarge};
use ndarray::{Array2, ArrayD, Axis};

use crate::decompositions::signed;
use crate::drawing::{ink, map};
use crate::figure::{Figure, Numbers};
use crate::networks::{DigitNetwork, Kind};
use crate::{Outcome, Study};

/// Fig. 23: classes of the digits, and how many of each.
const FIGURE_23: [(u8, usize); 2] = [(7, 2), (8, 2)];

/// Fig. 24: classes of digits, and the false class towards which each is flipped.
const FIGURE_24: [(u8, usize); 4] = [(4, 6), (7, 1), (3, 8), (9, 4)];

/// The probability of its class from which on a digit is taken: of others, a percent of the pixels leaves little to see.
const SURE: f64 = 0.999;

/// Pictures of a sequence that are shown, at most.
const SHOWN: usize = 7;

/// A pixel of a picture is a square of so many: pictures are as wide as the charts below them.
const MAGNIFICATION: NonZeroU32 = NonZeroU32::new(5).unwrap();

/// Away from the predicted class: the highest-scoring pixels first.
pub fn figure_23(study: &Study) -> Outcome<Figure> {
    let network = study.network(Kind::Rect)?;
    let mut sequences = Vec::new();
    for (label, count) in FIGURE_23 {
        for index in recognized(study, &network, label, count)? {
            sequences.push(Sequence::new(study, &network, index, label.into(), FlipOrder::HighestFirst)?);
        }
    }
    let text = "Pixels are flipped in steps of 1 % of all, the highest-scoring first, by the heatmap of the predicted \
                class, until another class is predicted.";
    draw(Figure::new(23, "flipping away from the predicted class").text(text), &sequences)
}

/// Towards a false class: the lowest-scoring pixels first.
pub fn figure_24(study: &Study) -> Outcome<Figure> {
    let network = study.network(Kind::Rect)?;
    let mut sequences = Vec::new();
    for (label, class) in FIGURE_24 {
        let index = recognized(study, &network, label, 1)?[0];
        sequences.push(Sequence::new(study, &network, index, class, FlipOrder::LowestFirst)?);
    }
    let text = "Pixels are flipped in steps of 1 % of all, the lowest-scoring first, by the heatmap of a false class, \
                until another class is predicted.";
    draw(Figure::new(24, "flipping towards a false class").text(text), &sequences)
}

/// The first digits of a class that are surely taken for what they are.
fn recognized(study: &Study, network: &DigitNetwork<f64>, label: u8, count: usize) -> Outcome<Vec<usize>> {
    let mut found = Vec::new();
    for index in study.digits.of_class(label) {
        let scores = network.scores(network.inputs(study.digit(index).insert_axis(Axis(0))).view())?;
        if softmax(&scores.row(0).to_vec())[usize::from(label)] >= SURE {
            found.push(index);
        }
        if found.len() == count {
            return Ok(found);
        }
    }
    Err(format!("the network is sure of fewer than {count} digits {label}").into())
}

/// A digit, flipped more and more.
struct Sequence {
    index: usize,
    label: u8,
    /// Whose heatmap says which pixels are flipped.
    class: usize,
    relevance: Array2<f64>,
    /// Ink from 0 to 1, one picture for each percent that is flipped.
    pictures: Vec<Array2<f64>>,
    /// The linear scores of each, (pictures, 10).
    scores: Array2<f64>,
}

impl Sequence {
    /// Up to the first picture that is taken for another class.
    fn new(study: &Study, network: &DigitNetwork<f64>, index: usize, class: usize, order: FlipOrder) -> Outcome<Self> {
        let digit = study.digit(index).insert_axis(Axis(0));
        let relevance = network.decompose(digit, &[class])?.relevance.index_axis_move(Axis(0), 0);
        let input = network.inputs(digit).into_shape_with_order(28 * 28)?.into_dyn();
        let flat = relevance.clone().into_shape_with_order(28 * 28)?.into_dyn();
        let options = FlipOptions {
            region_side: 1,
            order,
            replacement: Replacement::Inversion,
            fractions: (1..=100).map(|percent| f64::from(percent) / 100.0).collect(),
        };
        let inputs = flipped_inputs(input.view(), flat.view(), None, &options)?;
        let views: Vec<_> = inputs.iter().map(ArrayD::view).collect();
        let batch = ndarray::stack(Axis(0), &views)?.into_dimensionality()?;
        let scores = network.scores(batch.view())?;
        let predicted: Vec<usize> = scores.outer_iter().map(|scores| largest(&scores.to_vec())).collect();
        let changed = predicted.iter().position(|&class| class != predicted[0]).unwrap_or(predicted.len() - 1);
        let picture =
            |input: &ArrayD<f64>| Ok(input.mapv(|input| network.kind.ink(input)).into_shape_with_order((28, 28))?);
        Ok(Self {
            index,
            label: study.digits.labels[index],
            class,
            relevance,
            pictures: inputs[..=changed].iter().map(picture).collect::<Outcome<_>>()?,
            scores: scores.slice_move(ndarray::s![..=changed, ..]),
        })
    }

    /// Which pictures are shown: the first and the last, and others evenly between them.
    fn shown(&self) -> Vec<usize> {
        let last = self.pictures.len() - 1;
        let mut shown: Vec<usize> = (0..SHOWN).map(|place| place * last / (SHOWN - 1)).collect();
        shown.dedup();
        shown
    }

    /// Three rows: pictures, softmax, linear scores.
    fn rows(&self) -> Outcome<[Vec<Tile>; 3]> {
        let largest_score = self.scores.iter().fold(0.0_f64, |largest, score| largest.max(score.abs()));
        let chart = |values: &[f64], low: f64, high: f64| -> Outcome<RgbImage> {
            let labels = (0..10).map(|class| class.to_string());
            Ok(BarChart::new(values.iter().copied(), labels).marked(largest(values)).range(low, high).draw()?)
        };
        let mut rows = [Vec::new(), Vec::new(), Vec::new()];
        for place in self.shown() {
            let scores = self.scores.row(place).to_vec();
            let probabilities = softmax(&scores);
            let class = largest(&scores);
            let picture = enlarge(&ink(self.pictures[place].view()), MAGNIFICATION)?;
            rows[0].push(Tile::from((picture, format!("{place} %: ({class})"))));
            rows[1].push(Tile::from((chart(&probabilities, 0.0, 1.0)?, format!("y = {:.2}", probabilities[class]))));
            rows[2].push(Tile::from((
                chart(&scores, -largest_score, largest_score)?,
                format!("yp = {}", signed(scores[class])),
            )));
        }
        let heatmap = enlarge(&map(self.relevance.view())?, MAGNIFICATION)?;
        rows[0].push(Tile::from((heatmap, format!("heatmap ({})", self.class))));
        Ok(rows)
    }
}

fn draw(mut figure: Figure, sequences: &[Sequence]) -> Outcome<Figure> {
    let classes = (0..10).map(|class| format!(",y{class}")).chain((0..10).map(|class| format!(",yp{class}")));
    let columns = format!("test digit,label,heatmap class,percent flipped,predicted{}", classes.collect::<String>());
    let mut numbers = Numbers::new(&columns);
    for (place, sequence) in sequences.iter().enumerate() {
        for (percent, scores) in sequence.scores.outer_iter().enumerate() {
            let scores = scores.to_vec();
            let cells = [sequence.index, sequence.label.into(), sequence.class, percent, largest(&scores)]
                .map(|cell| cell.to_string());
            let values = softmax(&scores).into_iter().chain(scores.iter().copied()).map(|value| format!("{value:.5}"));
            numbers.row(cells.into_iter().chain(values));
        }
        let sheet = sequence.rows()?.into_iter().fold(ContactSheet::new(), ContactSheet::row);
        let last = sequence.scores.row(sequence.scores.nrows() - 1).to_vec();
        let caption = format!(
            "Digit {}, flipped by the heatmap for {}: taken for {} when {} % of the pixels are flipped. Below, y and yp \
             of the ten classes; the predicted one is orange, with its value",
            sequence.label,
            sequence.class,
            largest(&last),
            sequence.pictures.len() - 1
        );
        figure = figure.picture(&format!("{}", place + 1), &sheet.draw()?, caption)?;
    }
    Ok(figure.numbers("", numbers))
}

/// The class of the largest score, the first of equal ones.
pub fn largest(scores: &[f64]) -> usize {
    (0..scores.len()).fold(0, |best, class| if scores[class] > scores[best] { class } else { best })
}

fn softmax(scores: &[f64]) -> Vec<f64> {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}
