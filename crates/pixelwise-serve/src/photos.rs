//! Photos: why this class, and not that one?

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Json as Answer, Response};
use bow_classifier::BowClassifier;
use datasets::Labels;
use heatmap::{ColorMap, encode_png, photo_picture};
use images::{Preprocessing, to_unit_range};
use ndarray::{Array2, ArrayD, ArrayView3, Axis, Ix3};
use neural_lrp::Question;
use pixelwise::Layout;
use serde::{Deserialize, Serialize};

use crate::books::{Books, NodeRule, hint};
use crate::failure::Failure;
use crate::kept::Kept;
use crate::limits::Limits;
use crate::packed::Packed;
use crate::request::{File, Frame, Json, Path, Query};
use crate::state::Server;
use crate::subject::{Against, Others, Subject, best, ranked, softmax};
use crate::ways::By;
use crate::work::Milliseconds;

/// Most pixels of a photo for a Bag-of-Words classifier, whose maps have as many.
const LARGEST_MAP: usize = 4_000_000;
/// Most channels that are told of a layer.
const MOST_CHANNELS: usize = 64;
/// Most masks of a request.
const MOST_MASKS: usize = 16;
/// The longest name of a photo.
const LONGEST_NAME: usize = 80;

/// A model of photos, and what the command line makes of its maps.
#[derive(Debug)]
pub struct PhotoModel {
    /// Its name for people.
    pub title: String,
    /// The model.
    pub seer: Seer,
    /// What writes files, where something does.
    pub files: Option<Box<dyn MapFiles>>,
}

/// A model of photos.
#[derive(Debug)]
pub enum Seer {
    /// A network, and how photos are prepared for it.
    Network(Box<Subject>, Preprocessing),
    /// A Bag-of-Words classifier.
    BagOfWords(Box<BowClassifier>),
}

/// What `pixelwise explain` writes and is asked with.
pub trait MapFiles: Send + Sync + fmt::Debug {
    /// The command line that makes a map of a photo of this name.
    fn command(&self, photo: &str, asked: &Asked) -> String;

    /// The files of a map.
    ///
    /// # Errors
    /// A sentence.
    fn make(&self, photo: &SentPhoto, asked: &Asked, colors: Option<ColorMap>) -> Result<Files, String>;
}

/// A photo as it was sent.
#[derive(Clone, Debug)]
pub struct SentPhoto {
    /// Its name: no path, nothing but letters, digits and `._-` and spaces.
    pub name: String,
    /// The file.
    pub bytes: Bytes,
}

/// What is asked about a photo.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The class; none for the predicted one.
    pub target: Option<usize>,
    /// Rather than which.
    pub against: Option<Against>,
    /// The way; none for the default.
    pub by: Option<By>,
    /// What relevance may pass through.
    pub masks: Vec<Mask>,
}

/// Channels that relevance may pass through.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mask {
    /// The tensor's name.
    pub tensor: String,
    /// Its channels.
    pub channels: Vec<usize>,
}

/// The files of a map.
#[derive(Clone, Debug)]
pub struct Files {
    /// The raw relevance.
    pub relevance: NamedFile,
    /// The map.
    pub heatmap: NamedFile,
    /// The map over the photo.
    pub overlay: NamedFile,
    /// The photo's edges over the map, of a Bag-of-Words classifier.
    pub edges: Option<NamedFile>,
    /// The record.
    pub record: NamedFile,
}

/// A file to keep.
#[derive(Clone, Debug)]
pub struct NamedFile {
    /// What it is called.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// The page's model, photos and maps.
#[derive(Debug)]
pub struct Photos {
    /// The model.
    pub model: PhotoModel,
    sent: Kept<Sent>,
    maps: Kept<Map>,
    /// The files that were made last.
    made: Mutex<Option<(String, Arc<Files>)>>,
}

/// A photo that is kept.
#[derive(Debug)]
struct Sent {
    photo: SentPhoto,
    /// What the network takes.
    prepared: Option<ArrayD<f32>>,
    /// What is shown, as PNG.
    shown: Bytes,
    /// Of all classes.
    scores: Vec<f64>,
}

/// A map that is kept: what was asked, of which photo.
#[derive(Debug)]
struct Map {
    photo: Arc<Sent>,
    asked: Asked,
}

impl Photos {
    /// A model, and nothing sent yet.
    pub fn new(model: PhotoModel) -> Self {
        Self { model, sent: Kept::new('p', 16, 128 << 20), maps: Kept::new('m', 64, 128 << 20), made: Mutex::default() }
    }

    fn sent(&self, id: &str) -> Result<Arc<Sent>, Failure> {
        self.sent.get(id).ok_or(Failure::Gone("photo"))
    }
}

impl Server {
    fn photos(&self) -> Result<Arc<Photos>, Failure> {
        let none =
            || Failure::NotFound("model of photos: start the server with one, `pixelwise serve MODEL`".to_owned());
        self.photos.clone().ok_or_else(none)
    }
}

impl Seer {
    /// The names of its classes.
    pub fn labels(&self) -> Labels {
        match self {
            Self::Network(subject, _) => subject.labels.clone(),
            Self::BagOfWords(classifier) => Labels::of(classifier.classes()),
        }
    }

    /// Prepares and classifies a photo.
    fn look(&self, photo: SentPhoto, limits: &Limits) -> Result<(Sent, Sizes), Failure> {
        let extent = images::extent(&photo.bytes, &photo.name)?;
        let most = match self {
            Self::Network(..) => limits.pixels,
            Self::BagOfWords(_) => limits.pixels.min(LARGEST_MAP),
        };
        if extent.height.saturating_mul(extent.width) > most {
            return Err(Failure::TooLarge(format!(
                "{} has {}×{} pixels; {most} of them are all that is taken here.",
                photo.name, extent.width, extent.height
            )));
        }
        let pixels = images::decode(&photo.bytes, &photo.name)?;
        let (height, width, _) = pixels.dim();
        let (prepared, shown, scores) = match self {
            Self::Network(subject, preprocessing) => {
                let prepared = preprocessing.apply(pixels.view())?;
                let input = subject.batch(prepared.network.view().into_dyn())?;
                let scores = subject.explainer()?.forward(input.view())?.class_scores()?.row(0).to_vec();
                (Some(input), prepared.shown, scores)
            }
            Self::BagOfWords(classifier) => {
                let scores = classifier.scores_of_image(to_unit_range(pixels.view()).view())?.to_vec();
                (None, pixels, scores)
            }
        };
        let (shown_height, shown_width, _) = shown.dim();
        let shown = png(shown.view())?;
        Ok((Sent { photo, prepared, shown, scores }, Sizes { height, width, shown_height, shown_width }))
    }
}

struct Sizes {
    height: usize,
    width: usize,
    shown_height: usize,
    shown_width: usize,
}

fn png(photo: ArrayView3<'_, u8>) -> Result<Bytes, Failure> {
    Ok(encode_png(&photo_picture(photo)?)?.into())
}

/// What a sent photo is called.
#[derive(Debug, Deserialize)]
pub struct Named {
    #[serde(default)]
    name: String,
}

/// A photo, seen.
#[derive(Debug, Serialize)]
pub struct Seen {
    id: String,
    name: String,
    width: usize,
    height: usize,
    prepared: Shown,
    scores: Vec<f64>,
    probabilities: Option<Vec<f64>>,
    order: Vec<usize>,
    warnings: Vec<String>,
    milliseconds: Milliseconds,
}

#[derive(Debug, Serialize)]
struct Shown {
    width: usize,
    height: usize,
    picture: String,
}

/// Takes a photo.
pub async fn send(
    State(server): State<Arc<Server>>,
    Query(named): Query<Named>,
    Frame(frame): Frame,
    file: File,
) -> Result<Answer<Seen>, Failure> {
    let (photos, limits) = (server.photos()?, server.limits.clone());
    let name = plain_name(&named.name);
    let looking = Arc::clone(&photos);
    let ((sent, sizes, damage), milliseconds) = server
        .work
        .run(frame, move |_| {
            let photo = SentPhoto { name, bytes: file.bytes.clone() };
            let (sent, sizes) = looking.model.seer.look(photo, &limits)?;
            Ok((sent, sizes, images::damage(&file.bytes)))
        })
        .await?;
    let bytes = sent.photo.bytes.len() + sent.shown.len() + sent.prepared.as_ref().map_or(0, |input| 4 * input.len());
    let (id, sent) = photos.sent.keep(sent, bytes);
    let is_network = sent.prepared.is_some();
    let warning = damage.map(|damage| {
        format!("{} is damaged inside, so that parts of it may not be what was taken: {damage}.", sent.photo.name)
    });
    Ok(Answer(Seen {
        name: sent.photo.name.clone(),
        width: sizes.width,
        height: sizes.height,
        prepared: Shown {
            width: sizes.shown_width,
            height: sizes.shown_height,
            picture: format!("/api/photos/{id}/prepared.png"),
        },
        probabilities: is_network.then(|| softmax(&sent.scores)),
        order: ranked(&sent.scores),
        scores: sent.scores.clone(),
        warnings: warning.into_iter().collect(),
        milliseconds,
        id,
    }))
}

/// A name that is no path and needs no care: letters, digits, spaces and `._-`.
fn plain_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let plain = |character: char| character.is_alphanumeric() || " ._-".contains(character);
    let name: String = last.chars().map(|character| if plain(character) { character } else { '_' }).collect();
    let name: String = name.trim().trim_start_matches(['.', '-']).chars().take(LONGEST_NAME).collect();
    let name = name.trim_end_matches([' ', '.']).trim_start().to_owned();
    if name.is_empty() { "photo".to_owned() } else { name }
}

/// What the model sees of a photo.
pub async fn prepared(State(server): State<Arc<Server>>, Path(id): Path<String>) -> Result<Response, Failure> {
    let sent = server.photos()?.sent(&id)?;
    Ok(([(header::CONTENT_TYPE, "image/png")], Body::from(sent.shown.clone())).into_response())
}

/// A photo as it was sent.
pub async fn file(State(server): State<Arc<Server>>, Path(id): Path<String>) -> Result<Response, Failure> {
    let sent = server.photos()?.sent(&id)?;
    // Whatever it is, no browser shall take it for a page.
    Ok(attachment("application/octet-stream", &sent.photo.name, Body::from(sent.photo.bytes.clone())))
}

/// A file to keep.
fn attachment(kind: &'static str, name: &str, body: Body) -> Response {
    let plain: String = name.chars().map(|letter| if letter.is_ascii() { letter } else { '_' }).collect();
    let encoded: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let disposition = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}");
    let mut response = ([(header::CONTENT_TYPE, kind)], body).into_response();
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
    }
    response
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_nowhere() {
        let names = [
            ("cat.jpg", "cat.jpg"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\me\\my cat.png", "my cat.png"),
            ("..", "photo"),
            ("", "photo"),
            ("-rf.jpg", "rf.jpg"),
            ("a\r\nSet-Cookie: b.jpg", "a__Set-Cookie_ b.jpg"),
            ("*?[x].jpg", "___x_.jpg"),
            ("Käse.jpg", "Käse.jpg"),
        ];
        for (given, plain) in names {
            assert_eq!(plain_name(given), plain);
        }
        assert_eq!(plain_name(&"ä".repeat(500)).chars().count(), LONGEST_NAME);
    }
}
