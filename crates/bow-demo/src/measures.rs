//! The figures of a run: how well the classifier tells, and whether its explanations point at the shapes.

use std::collections::BTreeMap;

use bow_classifier::training::{accuracy, area_under_curve};
use bow_classifier::{BowClassifier, ThirdLayer, dimension_relevance};
use datasets::polygons::{Label, Scene};
use evaluation::{FlipOptions, FlipOrder, flip_curve, mean_at, nearer, separation, share_of_positive, strongest_pixel};
use images::to_unit_range;
use ndarray::{Array1, Array2};
use rayon::prelude::*;
use relevance::ExplainableClassifier;
use serde::Serialize;

use crate::Failure;
use crate::progress::Progress;

/// Pixels up to this far from a shape count as near it.
const NEAR: f64 = 12.0;

/// So many true-positive test tiles are flipped, …
const FLIPPED_TILES: usize = 20;
/// … and this share of the blocks of each.
const FLIPPED_SHARE: f64 = 0.2;

/// What is in `metrics.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Metrics {
    /// Seed of the training tiles.
    pub seed: u64,
    /// Kernel of each channel.
    pub kernels: Vec<String>,
    #[serde(flatten)]
    pub test: TestMetrics,
    #[serde(flatten)]
    pub localization: LocalizationMetrics,
    #[serde(flatten)]
    pub flipping: FlippingMetrics,
    /// The largest `|upper − lower − sinks| / (Σ|lower| + Σ|sinks|)` over all steps of all explanations.
    pub max_conservation_error: f64,
    /// Largest `|f − ΣR³|` of a test tile or `|f − ΣR¹|` of a tile that was explained to the pixel; null for kernels that
    /// need a Taylor expansion.
    pub f_minus_sum_max: Option<f64>,
    /// Seconds of each stage.
    pub stage_seconds: BTreeMap<String, f64>,
}

/// How well the classifier tells polygons on test tiles.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TestMetrics {
    /// Share of test tiles on the right side of zero.
    pub test_accuracy: Option<f64>,
    /// Area under the ROC curve.
    pub test_auc: Option<f64>,
    /// Median of `|f − ΣR³| / |f|` over the test tiles with f ≠ 0; null for exact kernels.
    pub taylor_residual_median: Option<f64>,
    /// Largest `|f − ΣR³|` over the test tiles.
    #[serde(skip)]
    pub max_unexplained: f64,
    #[serde(skip)]
    pub max_conservation_error: f64,
}

/// Scores all test tiles and decomposes the scores over the dimensions of the bags of words.
pub fn test_metrics(
    classifier: &BowClassifier,
    tiles: &[Scene],
    progress: &Progress,
) -> Result<(TestMetrics, Array1<f64>), Failure> {
    struct Tested {
        score: f64,
        residual: f64,
        conservation_error: f64,
    }
    let model = classifier.model(0)?;
    let tested = tiles
        .par_iter()
        .map(|tile| {
            let bag = classifier.bag(to_unit_range(tile.image.view()).view())?;
            let score = model.score(bag.vector.view())?;
            let (dimensions, entry) = dimension_relevance(model, bag.vector.view())?;
            progress.advance();
            Ok(Tested { score, residual: score - dimensions.sum(), conservation_error: entry.relative_error() })
        })
        .collect::<Result<Vec<_>, Failure>>()?;

    let scores: Array1<f64> = tested.iter().map(|tile| tile.score).collect();
    let positive: Vec<bool> = tiles.iter().map(|tile| tile.label == Label::Positive).collect();
    let both_classes = positive.contains(&true) && positive.contains(&false);
    let exact = matches!(model.third_layer(), ThirdLayer::SumDecomposition);
    let relative = tested.iter().filter(|tile| tile.score != 0.0).map(|tile| tile.residual.abs() / tile.score.abs());
    let metrics = TestMetrics {
        test_accuracy: if tested.is_empty() { None } else { Some(accuracy(scores.view(), &positive)?) },
        test_auc: if both_classes { Some(area_under_curve(scores.view(), &positive)?) } else { None },
        taylor_residual_median: if exact { None } else { median(relative.collect()) },
        max_unexplained: tested.iter().map(|tile| tile.residual.abs()).fold(0.0, f64::max),
        max_conservation_error: tested.iter().map(|tile| tile.conservation_error).fold(0.0, f64::max),
    };
    Ok((metrics, scores))
}

/// Where the relevance of composites lies; means over composites.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LocalizationMetrics {
    /// Area under the ROC curve: relevance at polygons against relevance at circles.
    pub polygon_vs_circle_auc: Option<f64>,
    /// Share of all positive relevance near polygons.
    pub positive_relevance_near_polygons: Option<f64>,
    /// Share of all positive relevance near circles.
    pub positive_relevance_near_circles: Option<f64>,
    /// Mean normalized relevance (Eq. 35) at circles.
    pub mean_relevance_at_circles: Option<f64>,
    /// Share of composites whose strongest pixel is at a polygon.
    pub strongest_pixel_at_polygon: Option<f64>,
}

/// Where the relevance of one composite lies.
#[derive(Clone, Debug)]
pub struct Localization {
    pub separation: Option<f64>,
    pub near_polygons: Option<f64>,
    pub near_circles: Option<f64>,
    pub mean_at_circles: Option<f64>,
    pub strongest_at_polygon: bool,
}

impl Localization {
    /// * `relevance`, `normalized` — before and after Eq. 35, (H, W)
    pub fn of(scene: &Scene, relevance: &Array2<f64>, normalized: &Array2<f64>) -> Result<Self, Failure> {
        let (polygons, circles) = nearer(scene.polygon_mask.view(), scene.circle_mask.view(), NEAR)?;
        Ok(Self {
            separation: separation(relevance.view(), polygons.view(), circles.view())?,
            near_polygons: share_of_positive(relevance.view(), polygons.view())?,
            near_circles: share_of_positive(relevance.view(), circles.view())?,
            mean_at_circles: mean_at(normalized.view(), circles.view())?,
            strongest_at_polygon: strongest_pixel(relevance.view())?.is_some_and(|pixel| polygons[pixel]),
        })
    }
}

impl LocalizationMetrics {
    pub fn mean_of(composites: &[Localization]) -> Self {
        let over = |value: fn(&Localization) -> Option<f64>| mean(composites.iter().filter_map(value));
        Self {
            polygon_vs_circle_auc: over(|composite| composite.separation),
            positive_relevance_near_polygons: over(|composite| composite.near_polygons),
            positive_relevance_near_circles: over(|composite| composite.near_circles),
            mean_relevance_at_circles: over(|composite| composite.mean_at_circles),
            strongest_pixel_at_polygon: over(|composite| Some(f64::from(u8::from(composite.strongest_at_polygon)))),
        }
    }
}

/// What flipping blocks does to the score of true-positive test tiles; means over tiles.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FlippingMetrics {
    /// Drop of f when the most relevant 20 % of blocks are flipped.
    pub flip_top_20: Option<f64>,
    /// Drop of f when random blocks are flipped.
    pub flip_random_20: Option<f64>,
    /// Drop of f when the least relevant blocks are flipped.
    pub flip_lowest_20: Option<f64>,
    /// Largest `|f − ΣR¹|` over the flipped tiles.
    #[serde(skip)]
    pub max_unexplained: f64,
    #[serde(skip)]
    pub max_conservation_error: f64,
}

/// Flips blocks of the first true-positive test tiles to the tile's median color.
///
/// * `scores` — of all test tiles
pub fn flipping_metrics(
    classifier: &BowClassifier,
    tiles: &[Scene],
    scores: &Array1<f64>,
    seed: u64,
    progress: &Progress,
) -> Result<FlippingMetrics, Failure> {
    let flipped: Vec<&Scene> = tiles
        .iter()
        .zip(scores)
        .filter(|(tile, score)| tile.label == Label::Positive && **score > 0.0)
        .map(|(tile, _)| tile)
        .take(FLIPPED_TILES)
        .collect();
    struct Flipped {
        drops: [f64; 3],
        unexplained: f64,
        conservation_error: f64,
    }
    progress.stage("flipping", flipped.len());
    let flipped = flipped
        .par_iter()
        .enumerate()
        .map(|(index, tile)| {
            let image = to_unit_range(tile.image.view()).into_dyn();
            let explanation = classifier.explain(image.view(), 0)?;
            let drop = |order| {
                let options = FlipOptions { order, fractions: vec![FLIPPED_SHARE], ..FlipOptions::default() };
                let curve = flip_curve(classifier, image.view(), explanation.relevance.view(), 0, &options)?;
                Ok::<f64, Failure>(curve.scores[0] - curve.scores[1])
            };
            let drops = [
                drop(FlipOrder::HighestFirst)?,
                drop(FlipOrder::Random { seed: seed.wrapping_add(index as u64) })?,
                drop(FlipOrder::LowestFirst)?,
            ];
            progress.advance();
            Ok(Flipped {
                drops,
                unexplained: (explanation.score - explanation.relevance.sum()).abs(),
                conservation_error: explanation.ledger.max_relative_error(),
            })
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    let over = |order: usize| mean(flipped.iter().map(|tile| tile.drops[order]));
    Ok(FlippingMetrics {
        flip_top_20: over(0),
        flip_random_20: over(1),
        flip_lowest_20: over(2),
        max_unexplained: flipped.iter().map(|tile| tile.unexplained).fold(0.0, f64::max),
        max_conservation_error: flipped.iter().map(|tile| tile.conservation_error).fold(0.0, f64::max),
    })
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0usize), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        even if even % 2 == 0 => Some(0.5 * (values[middle - 1] + values[middle])),
        _ => Some(values[middle]),
    }
}
