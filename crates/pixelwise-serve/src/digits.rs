//! Digits: what a network believes while one draws, and which strokes speak for and against each class.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Json as Answer;
use ndarray::{Array2, Array3, ArrayD, Axis, s};
use neural_lrp::Target;
use pixelwise::Layout;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::packed::{self, Packed};
use crate::request::{Frame, Json};
use crate::state::Server;
use crate::subject::{Against, Subject, best, softmax};
use crate::ways::By;
use crate::work::{Milliseconds, Stop};

/// Rows and columns of a digit.
const SIDE: usize = 28;
const PIXELS: usize = SIDE * SIDE;
/// Samples that go through the network together while pixels are flipped.
const TOGETHER: usize = 64;

/// A network of digits.
#[derive(Debug)]
pub struct DigitNetwork {
    /// Its name in addresses.
    pub id: String,
    /// Its name for people.
    pub title: String,
    /// The network.
    pub subject: Subject,
    /// What it makes of a pixel from 0 to 1.
    pub scale: Scale,
}

/// How pixels from 0 to 1 become what a network takes: `(p − mean) / deviation`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// What is taken away.
    pub mean: f64,
    /// What it is divided by.
    pub deviation: f64,
}

impl Scale {
    /// Pixels as they are.
    pub const NONE: Self = Self { mean: 0.0, deviation: 1.0 };

    /// The value of a pixel.
    pub fn of(self, pixel: u8) -> f64 {
        (f64::from(pixel) / 255.0 - self.mean) / self.deviation
    }
}

/// A digit to begin with.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    /// What it is.
    pub label: u8,
    /// Its pixels.
    #[serde(serialize_with = "base64")]
    pub pixels: Vec<u8>,
}

fn base64<S: serde::Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&packed::text(bytes))
}

/// The page's networks and digits.
#[derive(Debug, Default)]
pub struct Digits {
    /// The networks.
    pub networks: Vec<Arc<DigitNetwork>>,
    /// Digits to begin with.
    pub samples: Vec<Sample>,
}

impl Digits {
    fn network(&self, id: &str) -> Result<Arc<DigitNetwork>, Failure> {
        let found = self.networks.iter().find(|network| network.id == id).cloned();
        found.ok_or_else(|| Failure::NotFound(format!("network of digits {id:?}")))
    }
}

/// Digits to begin with.
pub async fn samples(State(server): State<Arc<Server>>) -> Answer<Vec<Sample>> {
    Answer(server.digits.samples.clone())
}

/// What is asked of a frame.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrameRequest {
    model: String,
    pixels: String,
    by: Option<By>,
    difference: Option<Difference>,
}

/// A class rather than another.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    of: usize,
    minus: Against,
}

/// A frame: scores, and a map of each class.
#[derive(Debug, Serialize)]
pub struct FrameAnswer {
    #[serde(flatten)]
    seen: Seen,
    milliseconds: Milliseconds,
}

#[derive(Debug, Serialize)]
struct Seen {
    scores: Vec<f64>,
    probabilities: Vec<f64>,
    predicted: usize,
    by: String,
    maps: Packed,
    largest: f64,
    sums: Vec<f64>,
    difference: Option<Explained>,
}

#[derive(Debug, Serialize)]
struct Explained {
    of: usize,
    minus: Against,
    value: f64,
    map: Packed,
}

/// One forward pass, and an explanation of each class.
pub async fn frame(
    State(server): State<Arc<Server>>,
    Frame(frame): Frame,
    Json(request): Json<FrameRequest>,
) -> Result<Answer<FrameAnswer>, Failure> {
    let network = server.digits.network(&request.model)?;
    let pixels = packed::bytes("pixels", &request.pixels, PIXELS)?;
    let (seen, milliseconds) = server.work.run(frame, move |stop| network.see(&pixels, &request, stop)).await?;
    Ok(Answer(FrameAnswer { seen, milliseconds }))
}

impl DigitNetwork {
    /// Digits as the network takes them, along axis 0.
    pub fn inputs(&self, digits: &[Vec<u8>]) -> Result<ArrayD<f32>, Failure> {
        let values = digits.iter().flatten().map(|&pixel| self.scale.of(pixel) as f32).collect();
        let shape = [&[digits.len()], self.subject.shape()].concat();
        ArrayD::from_shape_vec(shape, values)
            .map_err(|_| Failure::Model(format!("The network takes {:?}, which is no digit.", self.subject.shape())))
    }

    fn see(&self, pixels: &[u8], request: &FrameRequest, stop: &Stop) -> Result<Seen, Failure> {
        let explainer = self.subject.explainer()?;
        let (attribution, by) = self.subject.attribution(request.by.as_ref())?;
        let forward = explainer.forward(self.inputs(&[pixels.to_vec()])?.view())?;
        let scores = forward.class_scores()?.row(0).to_vec();
        let wanted = request.difference.map(|wanted| self.subject.target(wanted.of, Some(wanted.minus))).transpose()?;
        let targets: Vec<Target> = (0..scores.len()).map(Target::Class).chain(wanted.clone()).collect();
        let explain = |target: &Target| {
            stop.check()?;
            let explained = Subject::explain(&forward, &attribution, target.clone())?;
            Ok(map_of(explained.relevance[0].index_axis(Axis(0), 0)))
        };
        let mut maps = targets.par_iter().map(explain).collect::<Result<Vec<Array2<f64>>, Failure>>()?;
        let difference = match (request.difference, wanted.zip(maps.pop_if(|_| request.difference.is_some()))) {
            (Some(Difference { of, minus }), Some((target, map))) => {
                let value = forward.target_scores(&target)?.first().copied().unwrap_or_default();
                Some(Explained { of, minus, value, map: Packed::of(map.view()) })
            }
            _ => None,
        };
        let views: Vec<_> = maps.iter().map(Array2::view).collect();
        let stacked = ndarray::stack(Axis(0), &views).unwrap_or_else(|_| Array3::zeros((0, SIDE, SIDE)));
        Ok(Seen {
            probabilities: softmax(&scores),
            predicted: best(&scores),
            by,
            largest: stacked.iter().fold(0.0, |largest, value| value.abs().max(largest)),
            sums: maps.iter().map(|map| map.sum()).collect(),
            maps: Packed::of(stacked.view()),
            difference,
            scores,
        })
    }
}

/// The relevance of a digit's pixels.
fn map_of(relevance: ndarray::ArrayViewD<'_, f32>) -> Array2<f64> {
    Layout::of(relevance.shape()).map(relevance)
}

/// What is asked of flips.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlipsRequest {
    model: String,
    pixels: String,
    by: Option<By>,
    target: Option<usize>,
    minus: Option<Against>,
    #[serde(default = "most_steps")]
    steps: usize,
    #[serde(default = "one")]
    each: usize,
}

fn most_steps() -> usize {
    100
}

fn one() -> usize {
    1
}

/// The network, asked after each step.
#[derive(Debug, Serialize)]
pub struct FlipsAnswer {
    #[serde(flatten)]
    flipped: Flipped,
    milliseconds: Milliseconds,
}

#[derive(Debug, Serialize)]
struct Flipped {
    target: usize,
    order: Vec<usize>,
    scores: Vec<Vec<f64>>,
    predicted: Vec<usize>,
    by: String,
}

/// Flips the most relevant pixels of a class first, and asks the network after each step.
pub async fn flips(
    State(server): State<Arc<Server>>,
    Frame(frame): Frame,
    Json(request): Json<FlipsRequest>,
) -> Result<Answer<FlipsAnswer>, Failure> {
    let network = server.digits.network(&request.model)?;
    let pixels = packed::bytes("pixels", &request.pixels, PIXELS)?;
    let range = 1..=PIXELS;
    if !range.contains(&request.steps) || !range.contains(&request.each) {
        return Err(Failure::Request(format!("\"steps\" and \"each\" should be from 1 to {PIXELS}.")));
    }
    let (flipped, milliseconds) = server.work.run(frame, move |stop| network.flip(pixels, &request, stop)).await?;
    Ok(Answer(FlipsAnswer { flipped, milliseconds }))
}

impl DigitNetwork {
    fn flip(&self, pixels: Vec<u8>, request: &FlipsRequest, stop: &Stop) -> Result<Flipped, Failure> {
        let explainer = self.subject.explainer()?;
        let (attribution, by) = self.subject.attribution(request.by.as_ref())?;
        let forward = explainer.forward(self.inputs(std::slice::from_ref(&pixels))?.view())?;
        let scores = forward.class_scores()?.row(0).to_vec();
        let class = request.target.unwrap_or_else(|| best(&scores));
        let target = self.subject.target(class, request.minus)?;
        let explained = Subject::explain(&forward, &attribution, target)?;
        let map = map_of(explained.relevance[0].index_axis(Axis(0), 0));
        let order = most_relevant(&map, request.steps.saturating_mul(request.each));
        let mut digits = vec![pixels];
        for step in order.chunks(request.each) {
            let mut flipped = digits[digits.len() - 1].clone();
            step.iter().for_each(|&pixel| flipped[pixel] = 255 - flipped[pixel]);
            digits.push(flipped);
        }
        let mut scores = Vec::with_capacity(digits.len());
        for together in digits.chunks(TOGETHER) {
            stop.check()?;
            let of_all = explainer.forward(self.inputs(together)?.view())?.class_scores()?;
            scores.extend(of_all.rows().into_iter().map(|row| row.to_vec()));
        }
        let predicted = scores.iter().map(|scores| best(scores)).collect();
        Ok(Flipped { target: class, order, scores, predicted, by })
    }
}

/// The pixels with the most relevance, as many as are wanted and have some; the first of equals first.
fn most_relevant(map: &Array2<f64>, count: usize) -> Vec<usize> {
    let values: Vec<f64> = map.slice(s![.., ..]).iter().copied().collect();
    let mut order: Vec<usize> = (0..values.len()).filter(|&pixel| values[pixel] > 0.0).collect();
    order.sort_by(|&left, &right| values[right].total_cmp(&values[left]));
    order.truncate(count);
    order
}
