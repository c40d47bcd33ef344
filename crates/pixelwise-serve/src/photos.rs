//! Photos: why this class, and not that one? What is sent and kept; [`maps`] are made of it.

mod maps;

use std::fmt;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Json as Answer, Response};
use bow_classifier::BowClassifier;
use datasets::Labels;
use heatmap::{ColorMap, encode_png, photo_picture};
use images::{Preprocessing, to_unit_range};
use ndarray::{ArrayD, ArrayView3};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::kept::Kept;
use crate::limits::Limits;
use crate::request::{File, Frame, Path, Query};
use crate::state::Server;
use crate::subject::{Against, Subject, ranked, softmax};
use crate::ways::By;
use crate::work::Milliseconds;

pub use maps::{ALGORITHM_1, ScoredClass, map, map_file};

/// Most pixels of a photo for a Bag-of-Words classifier, whose maps have as many.
const LARGEST_MAP: usize = 4_000_000;
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
