//! The visual words at a point: which local features cover it, what they are, and what that is worth.

use std::collections::BTreeMap;

use bow_classifier::{BowClassifier, Tiling, pixel_wise_decomposition};
use bow_mapping::Assignment;
use images::to_unit_range;
use local_features::Area;
use ndarray::Array3;
use serde::Serialize;

use crate::failure::Failure;

/// Most words that are told, and most features.
const MOST_WORDS: usize = 12;
const MOST_AREAS: usize = 24;

/// The visual words at a point.
#[derive(Debug, Serialize)]
pub struct Words {
    x: usize,
    y: usize,
    features: usize,
    words: Vec<Word>,
    areas: Vec<Support>,
}

/// A visual word at a point.
#[derive(Clone, Copy, Debug, Serialize)]
struct Word {
    channel: usize,
    word: usize,
    /// How much of the point's features it is; over all words this sums to 1.
    weight: f64,
    /// R³, the word's relevance, the mean over the tiles that hold the point.
    relevance: f64,
    /// How much of that the features at the point get.
    here: f64,
}

/// The pixels that a feature covers, as a rectangle around them.
#[derive(Clone, Copy, Debug, Serialize)]
struct Support {
    x: i64,
    y: i64,
    width: i64,
    height: i64,
    /// R², the mean over the tiles that hold the point.
    relevance: f64,
}

/// What a word comes to at the point, over the tiles that hold it.
#[derive(Default)]
struct Sum {
    weight: f64,
    relevance: f64,
    here: f64,
}

/// The visual words at a point (row, column) of a picture.
pub fn at(classifier: &BowClassifier, picture: &Array3<u8>, point: (usize, usize)) -> Result<Words, Failure> {
    let picture = to_unit_range(picture.view());
    let (height, width, _) = picture.dim();
    let tiles = classifier.tiling().unwrap_or(Tiling::WHOLE).tiles(height, width)?;
    let holds = |(start, length): (usize, usize), at: usize| (start..start + length).contains(&at);
    let tiles = tiles
        .into_iter()
        .filter(|tile| holds((tile.top, tile.height), point.0) && holds((tile.left, tile.width), point.1));
    let tiles: Vec<_> = tiles.collect();
    let share = 1.0 / tiles.len().max(1) as f64;
    let model = classifier.model(0)?;
    let (mut words, mut areas) = (BTreeMap::<(usize, usize), Sum>::new(), Vec::new());
    for tile in &tiles {
        let bag = classifier.bag(tile.of(&picture.view()))?;
        let found = pixel_wise_decomposition(model, &bag)?;
        let inside = (point.0 - tile.top, point.1 - tile.left);
        let channels = bag.channels.iter().zip(&found.features).zip(model.channel_dimensions()).enumerate();
        for (channel, ((encoded, of_features), dimensions)) in channels {
            let rows = Rows::of(&encoded.assignment);
            let totals = rows.totals();
            let mut fired = BTreeMap::<usize, (f64, f64)>::new();
            for (feature, area) in encoded.areas.iter().enumerate().filter(|(_, area)| area.covers(inside)) {
                areas.push(Support::of(area, (tile.top, tile.left), share * of_features[feature]));
                for &(word, value) in &rows.0[feature] {
                    let word = fired.entry(word).or_default();
                    *word = (word.0 + value, word.1 + value);
                }
            }
            for (word, (weight, value)) in fired {
                let relevance = found.dimensions[dimensions.start + word];
                let sum = words.entry((channel, word)).or_default();
                sum.weight += weight;
                sum.relevance += share * relevance;
                sum.here += share * relevance * if totals[word] == 0.0 { 0.0 } else { value / totals[word] };
            }
        }
    }
    Ok(Words { x: point.1, y: point.0, features: areas.len(), words: strongest(words), areas: largest(areas) })
}

/// The values of each feature that are not 0, by word.
struct Rows(Vec<Vec<(usize, f64)>>, usize);

impl Rows {
    fn of(assignment: &Assignment) -> Self {
        let rows = match assignment {
            Assignment::Sparse(rows) => (0..rows.features()).map(|feature| rows.row(feature).collect()).collect(),
            whole => {
                let row = |row: ndarray::ArrayView1<'_, f64>| {
                    row.iter().copied().enumerate().filter(|(_, value)| *value != 0.0).collect()
                };
                whole.to_dense().rows().into_iter().map(row).collect()
            }
        };
        Self(rows, assignment.words())
    }

    /// `Σ_l m_(d)(l)` of each word.
    fn totals(&self) -> Vec<f64> {
        let mut totals = vec![0.0; self.1];
        self.0.iter().flatten().for_each(|&(word, value)| totals[word] += value);
        totals
    }
}

fn strongest(words: BTreeMap<(usize, usize), Sum>) -> Vec<Word> {
    let whole: f64 = words.values().map(|sum| sum.weight).sum();
    let word = |((channel, word), Sum { weight, relevance, here }): ((usize, usize), Sum)| Word {
        channel,
        word,
        weight: if whole == 0.0 { 0.0 } else { weight / whole },
        relevance,
        here,
    };
    let mut words: Vec<Word> = words.into_iter().map(word).collect();
    words.sort_by(|left, right| right.weight.total_cmp(&left.weight));
    words.truncate(MOST_WORDS);
    words
}

fn largest(mut areas: Vec<Support>) -> Vec<Support> {
    areas.sort_by(|left, right| right.relevance.abs().total_cmp(&left.relevance.abs()));
    areas.truncate(MOST_AREAS);
    areas
}

impl Support {
    fn of(area: &Area, (top, left): (usize, usize), relevance: f64) -> Self {
        let (row, column, half_height, half_width) = match *area {
            Area::Rectangle { top, left, bottom, right } => {
                let middle = |from: i64, to: i64| (from + to) as f64 / 2.0;
                (middle(top, bottom), middle(left, right), (bottom - top) as f64 / 2.0, (right - left) as f64 / 2.0)
            }
            Area::Circle { row, column, radius } => (row, column, radius, radius),
            Area::RotatedSquare { row, column, side, angle } => {
                let half = side / 2.0 * (angle.cos().abs() + angle.sin().abs());
                (row, column, half, half)
            }
        };
        let begin = |middle: f64, half: f64, offset: usize| (middle - half + offset as f64).round() as i64;
        Self {
            x: begin(column, half_width, left),
            y: begin(row, half_height, top),
            width: (2.0 * half_width).round() as i64,
            height: (2.0 * half_height).round() as i64,
            relevance,
        }
    }
}
