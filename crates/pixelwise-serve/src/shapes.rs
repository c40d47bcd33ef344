//! Shapes: a Bag-of-Words classifier looks for polygons on a canvas.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Json as Answer, Response};
use bow_classifier::BowClassifier;
use datasets::Labels;
use datasets::polygons::composite;
use heatmap::{encode_png, photo_picture};
use images::to_unit_range;
use ndarray::{Array2, Array3, Ix2};
use serde::{Deserialize, Serialize};

use crate::books::Books;
use crate::failure::Failure;
use crate::kept::Kept;
use crate::packed::Packed;
use crate::photos::ScoredClass;
use crate::request::{File, Frame, Path, Query};
use crate::state::Server;
use crate::subject::best;
use crate::work::Milliseconds;
use learning::Progress;
use words::Words;

mod learning;
mod words;

/// Rows and columns of the canvas: those of the paper's composites.
const SIDE: usize = 306;
/// The largest side of a picture that is taken.
const LARGEST_SIDE: usize = 2 * SIDE;
/// Composites to begin with, and their seed.
const SAMPLES: u64 = 6;
const SEED: u64 = 3;

/// Where the classifier of shapes comes from.
#[derive(Debug)]
pub enum ShapeModel {
    /// It is learned from so many tiles when its page is first visited.
    Learned {
        /// How many tiles: the demo learns from 500.
        tiles: usize,
    },
    /// It is there.
    Given(Box<BowClassifier>),
}

impl Default for ShapeModel {
    fn default() -> Self {
        Self::Learned { tiles: 500 }
    }
}

/// The page's classifier and frames.
#[derive(Debug)]
pub struct Shapes {
    stage: Mutex<Stage>,
    progress: Progress,
    frames: Kept<Array3<u8>>,
}

/// How far the classifier is.
#[derive(Clone, Debug)]
enum Stage {
    /// Nobody has asked for it.
    Untouched {
        tiles: usize,
    },
    Learning,
    Ready(Arc<BowClassifier>),
    Failed(String),
}

impl Shapes {
    /// A classifier that is there, or will be.
    pub fn new(model: ShapeModel) -> Self {
        let stage = match model {
            ShapeModel::Learned { tiles } => Stage::Untouched { tiles },
            ShapeModel::Given(classifier) => Stage::Ready(Arc::from(classifier)),
        };
        Self { stage: Mutex::new(stage), progress: Progress::default(), frames: Kept::new('s', 16, 64 << 20) }
    }

    /// How far it is; begins to learn when that is asked for the first time.
    fn stage(self: &Arc<Self>) -> Stage {
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        if let Stage::Untouched { tiles } = *stage {
            *stage = Stage::Learning;
            let shapes = Arc::clone(self);
            std::thread::spawn(move || {
                let learned = match learning::learn(tiles, &shapes.progress) {
                    Ok(classifier) => Stage::Ready(Arc::new(classifier)),
                    Err(failure) => Stage::Failed(failure.to_string()),
                };
                *shapes.stage.lock().unwrap_or_else(PoisonError::into_inner) = learned;
            });
        }
        stage.clone()
    }

    /// The classifier, once it is there.
    fn classifier(self: &Arc<Self>) -> Result<Arc<BowClassifier>, Failure> {
        match self.stage() {
            Stage::Ready(classifier) => Ok(classifier),
            Stage::Failed(sentence) => Err(Failure::Model(sentence)),
            Stage::Untouched { .. } | Stage::Learning => Err(Failure::NotReady(self.progress.sentence())),
        }
    }
}

/// How far the classifier is.
#[derive(Debug, Serialize)]
pub struct Standing {
    state: &'static str,
    stage: &'static str,
    done: f64,
    sentence: String,
    #[serde(flatten)]
    ready: Option<Ready>,
}

#[derive(Debug, Serialize)]
struct Ready {
    width: usize,
    height: usize,
    classes: Vec<String>,
    words: usize,
    samples: Vec<String>,
}

/// How far the classifier is.
pub async fn state(State(server): State<Arc<Server>>) -> Answer<Standing> {
    let progress = &server.shapes.progress;
    Answer(match server.shapes.stage() {
        Stage::Untouched { .. } | Stage::Learning => Standing {
            state: "learning",
            stage: progress.stage(),
            done: progress.done(),
            sentence: progress.sentence(),
            ready: None,
        },
        Stage::Failed(sentence) => Standing { state: "failed", stage: "failed", done: 0.0, sentence, ready: None },
        Stage::Ready(classifier) => Standing {
            state: "ready",
            stage: "ready",
            done: 1.0,
            sentence: "The classifier has learned to tell polygons from circles.".to_owned(),
            ready: Some(Ready {
                width: SIDE,
                height: SIDE,
                classes: classifier.classes().map(str::to_owned).collect(),
                words: classifier.vocabulary().dimensions(),
                samples: (0..SAMPLES).map(|sample| format!("/api/shapes/samples/{sample}.png")).collect(),
            }),
        },
    })
}

/// A composite to begin with.
pub async fn sample(Path(name): Path<String>) -> Result<Response, Failure> {
    let index = name.strip_suffix(".png").and_then(|index| index.parse().ok()).filter(|index| *index < SAMPLES);
    let index =
        index.ok_or_else(|| Failure::NotFound(format!("sample {name:?}: they are 0.png to {}.png", SAMPLES - 1)))?;
    let png = encode_png(&photo_picture(composite(SEED, index).image.view())?)?;
    Ok(([(header::CONTENT_TYPE, "image/png")], Body::from(png)).into_response())
}

/// A canvas, explained.
#[derive(Debug, Serialize)]
pub struct FrameAnswer {
    id: String,
    #[serde(flatten)]
    seen: Seen,
    milliseconds: Milliseconds,
}

#[derive(Debug, Serialize)]
struct Seen {
    classes: Vec<ScoredClass>,
    map: Packed,
    largest: f64,
    positive: f64,
    negative: f64,
    ledger: Option<Books>,
}

/// Explains a canvas.
pub async fn frame(
    State(server): State<Arc<Server>>,
    Frame(frame): Frame,
    file: File,
) -> Result<Answer<FrameAnswer>, Failure> {
    let classifier = server.shapes.classifier()?;
    let ((seen, canvas), milliseconds) = server.work.run(frame, move |_| see(&classifier, &file.bytes)).await?;
    let bytes = canvas.len();
    let (id, _) = server.shapes.frames.keep(canvas, bytes);
    Ok(Answer(FrameAnswer { id, seen, milliseconds }))
}

fn see(classifier: &BowClassifier, png: &[u8]) -> Result<(Seen, Array3<u8>), Failure> {
    let extent = images::extent(png, "the canvas")?;
    if extent.height.max(extent.width) > LARGEST_SIDE {
        return Err(Failure::TooLarge(format!(
            "The canvas has {}×{} pixels; up to {LARGEST_SIDE}×{LARGEST_SIDE} are taken.",
            extent.width, extent.height
        )));
    }
    let canvas = images::decode(png, "the canvas")?;
    let unit = to_unit_range(canvas.view());
    let explained = classifier.explain_image(unit.view(), &[None])?;
    let scores = explained.scores.to_vec();
    let class = best(&scores);
    let explained = explained.classes.into_iter().find(|explained| explained.class == class);
    let explanation = explained.unwrap_or_else(|| unreachable!("the best class was asked for")).explanation;
    let map: Array2<f64> =
        explanation.relevance.into_dimensionality::<Ix2>().map_err(|error| Failure::model(&error))?;
    let labels = Labels::of(classifier.classes());
    let seen = Seen {
        classes: (0..scores.len()).map(|class| ScoredClass::of(&labels, &scores, class)).collect(),
        map: Packed::of(map.view()),
        largest: map.iter().fold(0.0, |largest, value| value.abs().max(largest)),
        positive: map.iter().filter(|value| **value > 0.0).sum(),
        negative: map.iter().filter(|value| **value < 0.0).sum(),
        ledger: Books::of(&explanation.ledger, &[]),
    };
    Ok((seen, canvas))
}

/// A point of a frame.
#[derive(Debug, Deserialize)]
pub struct Point {
    x: usize,
    y: usize,
}

/// The visual words at a point of a frame.
pub async fn words_at(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    Query(Point { x, y }): Query<Point>,
    Frame(frame): Frame,
) -> Result<Answer<Words>, Failure> {
    let classifier = server.shapes.classifier()?;
    let canvas = server.shapes.frames.get(&id).ok_or(Failure::Gone("frame"))?;
    let (height, width, _) = canvas.dim();
    if x >= width || y >= height {
        return Err(Failure::Request(format!("The point {x}, {y} is not on the canvas of {width}×{height} pixels.")));
    }
    let (words, _) = server.work.run(frame, move |_| words::at(&classifier, &canvas, (y, x))).await?;
    Ok(Answer(words))
}
