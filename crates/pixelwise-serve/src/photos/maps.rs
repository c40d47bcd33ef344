//! Maps of photos: relevance of pixels, of a layer and its channels, and the files to keep.

use std::sync::{Arc, PoisonError};

use axum::body::Body;
use axum::extract::State;
use axum::response::{Json as Answer, Response};
use bow_classifier::BowClassifier;
use datasets::Labels;
use heatmap::ColorMap;
use images::to_unit_range;
use ndarray::{Array2, ArrayD, Axis, Ix3};
use neural_lrp::Question;
use pixelwise::Layout;
use serde::{Deserialize, Serialize};

use super::{Asked, Files, Map, Mask, NamedFile, Photos, Seer, Sent, attachment};
use crate::books::{Books, NodeRule, hint};
use crate::failure::Failure;
use crate::packed::Packed;
use crate::request::{Frame, Json, Path, Query};
use crate::state::Server;
use crate::subject::{Against, Others, Subject, best};
use crate::ways::By;
use crate::work::Milliseconds;

/// Most channels that are told of a layer.
const MOST_CHANNELS: usize = 64;
/// Most masks of a request.
const MOST_MASKS: usize = 16;

/// What is asked for a map.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MapRequest {
    photo: String,
    target: Option<usize>,
    against: Option<Against>,
    by: Option<By>,
    #[serde(default)]
    masks: Vec<Mask>,
    at: Option<At>,
}

/// A layer whose relevance is asked for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct At {
    tensor: String,
    #[serde(default)]
    strongest: usize,
}

/// A map.
#[derive(Debug, Serialize)]
pub struct MapAnswer {
    id: String,
    photo: String,
    #[serde(flatten)]
    found: Found,
    command: Option<String>,
    files: Option<Addresses>,
    milliseconds: Milliseconds,
}

#[derive(Debug, Serialize)]
struct Addresses {
    npy: String,
    heatmap: String,
    overlay: String,
    edges: Option<String>,
    record: String,
}

#[derive(Debug, Serialize)]
struct Found {
    target: ScoredClass,
    against: Option<ScoredAgainst>,
    value: f64,
    by: String,
    map: Packed,
    largest: f64,
    sum: f64,
    positive: f64,
    negative: f64,
    ledger: Option<Books>,
    at: Option<AtLayer>,
    rules: Vec<NodeRule>,
    hint: Option<&'static str>,
}

/// A class and its score.
#[derive(Debug, Serialize)]
pub struct ScoredClass {
    class: usize,
    label: Option<String>,
    score: f64,
}

impl ScoredClass {
    /// A class, by the name that it has.
    pub fn of(labels: &Labels, scores: &[f64], class: usize) -> Self {
        let label = labels.name(class).map(str::to_owned);
        Self { class, label, score: scores.get(class).copied().unwrap_or(f64::NAN) }
    }
}

#[derive(Debug, Serialize)]
struct ScoredAgainst {
    class: Against,
    label: Option<String>,
    score: f64,
}

#[derive(Debug, Serialize)]
struct AtLayer {
    tensor: String,
    shape: Vec<usize>,
    sum: f64,
    map: Option<Packed>,
    strongest: Vec<Channel>,
}

#[derive(Debug, Serialize)]
struct Channel {
    channel: usize,
    relevance: f64,
    map: Option<Packed>,
}

/// Explains a photo.
pub async fn map(
    State(server): State<Arc<Server>>,
    Frame(frame): Frame,
    Json(request): Json<MapRequest>,
) -> Result<Answer<MapAnswer>, Failure> {
    let photos = server.photos()?;
    let photo = photos.sent(&request.photo)?;
    if request.masks.len() > MOST_MASKS {
        return Err(Failure::Request(format!("A map takes up to {MOST_MASKS} masks.")));
    }
    let MapRequest { photo: photo_id, target, against, by, masks, at } = request;
    let asked = Asked { target, against, by, masks };
    let (looking, seen, wanted) = (Arc::clone(&photos), Arc::clone(&photo), asked.clone());
    let task = move |_: &_| looking.model.seer.explain(&seen, &wanted, at);
    let (found, milliseconds) = server.work.run(frame, task).await?;
    let command = photos.model.files.as_ref().map(|files| files.command(&photo.photo.name, &asked));
    let bytes = photo.photo.bytes.len();
    let (id, _) = photos.maps.keep(Map { photo, asked }, bytes / 16);
    let address = |file: &str| format!("/api/maps/{id}/{file}");
    let files = command.is_some().then(|| Addresses {
        npy: address("relevance.npy"),
        heatmap: address("heatmap.png"),
        overlay: address("overlay.png"),
        edges: matches!(photos.model.seer, Seer::BagOfWords(_)).then(|| address("edges.png")),
        record: address("record.json"),
    });
    Ok(Answer(MapAnswer { photo: photo_id, found, command, files, milliseconds, id }))
}

impl Seer {
    fn explain(&self, sent: &Sent, asked: &Asked, at: Option<At>) -> Result<Found, Failure> {
        match (self, &sent.prepared) {
            (Self::Network(subject, _), Some(input)) => explain_network(subject, input, sent, asked, at),
            (Self::BagOfWords(classifier), _) => explain_words(classifier, sent, asked, at),
            (Self::Network(..), None) => unreachable!("a network's photos are prepared"),
        }
    }
}

fn explain_network(
    subject: &Subject,
    input: &ArrayD<f32>,
    sent: &Sent,
    asked: &Asked,
    at: Option<At>,
) -> Result<Found, Failure> {
    let explainer = subject.explainer()?;
    let (attribution, by) = subject.attribution(asked.by.as_ref())?;
    let class = asked.target.unwrap_or_else(|| best(&sent.scores));
    let target = subject.target(class, asked.against)?;
    let forward = explainer.forward(input.view())?;
    let value = forward.target_scores(&target)?.first().copied().unwrap_or(f64::NAN);
    let question = Question {
        initial: attribution.initial(target),
        masks: asked.masks.iter().map(|mask| (mask.tensor.clone(), mask.channels.clone())).collect(),
        at: at.iter().map(|at| at.tensor.clone()).collect(),
    };
    let explained = attribution.explain(&forward, &question)?;
    let relevance = explained.relevance[0].index_axis(Axis(0), 0);
    let map = Layout::of(relevance.shape()).map(relevance);
    let rules = NodeRule::all(explainer.network(), &explained.rules, explainer.skipped());
    let ledger = explained.ledgers.first();
    let at = at.and_then(|at| Some(AtLayer::of(&at, explained.at.get(&at.tensor)?)));
    Ok(Found {
        ledger: ledger.and_then(|ledger| Books::of(ledger, &rules)),
        hint: ledger.and_then(hint),
        at,
        rules,
        ..Found::of(&subject.labels, &sent.scores, (class, asked.against), value, by, &map)
    })
}

fn explain_words(classifier: &BowClassifier, sent: &Sent, asked: &Asked, at: Option<At>) -> Result<Found, Failure> {
    if asked.against.is_some() || asked.by.is_some() || !asked.masks.is_empty() || at.is_some() {
        let sentence = "A Bag-of-Words classifier is explained by Algorithm 1, class by class: it has no contrasts, other \
                        ways, masks or layers.";
        return Err(Failure::Model(sentence.to_owned()));
    }
    let photo = to_unit_range(images::decode(&sent.photo.bytes, &sent.photo.name)?.view());
    let explained = classifier.explain_image(photo.view(), &[asked.target])?.classes.into_iter().next();
    let explained = explained.unwrap_or_else(|| unreachable!("one class was asked for"));
    let (class, explanation) = (explained.class, explained.explanation);
    let map = Layout::of(explanation.relevance.shape()).map(explanation.relevance.view());
    let map = explanation.relevance.into_dimensionality().unwrap_or(map);
    let labels = Labels::of(classifier.classes());
    Ok(Found {
        ledger: Books::of(&explanation.ledger, &[]),
        ..Found::of(&labels, &sent.scores, (class, None), explanation.score, ALGORITHM_1.to_owned(), &map)
    })
}

/// The one way in which Bag-of-Words classifiers are explained.
pub const ALGORITHM_1: &str = "Algorithm 1";

impl Found {
    fn of(
        labels: &Labels,
        scores: &[f64],
        (class, against): (usize, Option<Against>),
        value: f64,
        by: String,
        map: &Array2<f64>,
    ) -> Self {
        let against = against.map(|against| match against {
            Against::Class(other) => {
                let ScoredClass { label, score, .. } = ScoredClass::of(labels, scores, other);
                ScoredAgainst { class: Against::Class(other), label, score }
            }
            Against::Others(Others::Others) => {
                let own = scores.get(class).copied().unwrap_or(f64::NAN);
                let others = scores.iter().sum::<f64>() - own;
                let score = others / scores.len().saturating_sub(1) as f64;
                ScoredAgainst { class: Against::Others(Others::Others), label: None, score }
            }
        });
        Self {
            target: ScoredClass::of(labels, scores, class),
            against,
            value,
            by,
            map: Packed::of(map.view()),
            largest: map.iter().fold(0.0, |largest, value| value.abs().max(largest)),
            sum: map.sum(),
            positive: map.iter().filter(|value| **value > 0.0).sum(),
            negative: map.iter().filter(|value| **value < 0.0).sum(),
            ledger: None,
            at: None,
            rules: Vec::new(),
            hint: None,
        }
    }
}

impl AtLayer {
    /// The relevance at a layer, with its strongest channels.
    fn of(at: &At, relevance: &ArrayD<f32>) -> Self {
        let relevance = relevance.index_axis(Axis(0), 0).mapv(f64::from);
        let sums: Vec<f64> = match relevance.ndim() {
            0 => vec![relevance.sum()],
            _ => relevance.outer_iter().map(|channel| channel.sum()).collect(),
        };
        let mut order: Vec<usize> = (0..sums.len()).collect();
        order.sort_by(|&left, &right| sums[right].abs().total_cmp(&sums[left].abs()));
        order.truncate(at.strongest.min(MOST_CHANNELS));
        let planes = relevance.view().into_dimensionality::<Ix3>().ok();
        let channel = |channel: usize| Channel {
            channel,
            relevance: sums[channel],
            map: planes.map(|planes| Packed::of(planes.index_axis(Axis(0), channel))),
        };
        Self {
            tensor: at.tensor.clone(),
            shape: relevance.shape().to_vec(),
            sum: sums.iter().sum(),
            map: planes.map(|planes| Packed::of(planes.sum_axis(Axis(0)).view())),
            strongest: order.into_iter().map(channel).collect(),
        }
    }
}

/// The colors of a picture.
#[derive(Debug, Deserialize)]
pub struct Colored {
    colormap: Option<String>,
}

/// A file of a map: made when it is asked for.
pub async fn map_file(
    State(server): State<Arc<Server>>,
    Path((id, file)): Path<(String, String)>,
    Query(colored): Query<Colored>,
) -> Result<Response, Failure> {
    let photos = server.photos()?;
    let map = photos.maps.get(&id).ok_or(Failure::Gone("map"))?;
    let none = || Failure::NotFound(format!("file {file:?} of this map"));
    let (kind, part): (&'static str, fn(&Files) -> Option<&NamedFile>) = match file.as_str() {
        "relevance.npy" => ("application/octet-stream", |files| Some(&files.relevance)),
        "heatmap.png" => ("image/png", |files| Some(&files.heatmap)),
        "overlay.png" => ("image/png", |files| Some(&files.overlay)),
        "edges.png" => ("image/png", |files| files.edges.as_ref()),
        "record.json" => ("application/json", |files| Some(&files.record)),
        _ => return Err(none()),
    };
    let colors = colored.colormap.as_deref().map(str::parse::<ColorMap>).transpose();
    let colors = colors.map_err(|error| Failure::Request(format!("{error}.")))?;
    let making = move |_: &_| photos.files(&id, &map, colors);
    let (files, _) = server.work.run(None, making).await?;
    let NamedFile { name, bytes } = part(&files).ok_or_else(none)?;
    Ok(attachment(kind, name, Body::from(bytes.clone())))
}

impl Photos {
    fn files(&self, id: &str, map: &Map, colors: Option<ColorMap>) -> Result<Arc<Files>, Failure> {
        let Some(writer) = &self.model.files else {
            return Err(Failure::NotFound("writer of files here".to_owned()));
        };
        let key = format!("{id} {colors:?}");
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, files)) = made.as_ref().filter(|(known, _)| *known == key) {
            return Ok(Arc::clone(files));
        }
        let files = Arc::new(writer.make(&map.photo.photo, &map.asked, colors).map_err(Failure::Model)?);
        *made = Some((key, Arc::clone(&files)));
        Ok(files)
    }
}
