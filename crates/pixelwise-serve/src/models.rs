//! What models there are, and what can be asked of them.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Json as Answer;
use serde::Serialize;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::guard::Access;
use crate::photos::{ALGORITHM_1, Seer};
use crate::request::Path;
use crate::state::Server;
use crate::subject::{Layer, Subject};

/// The id of the model of photos.
const PHOTOS: &str = "photos";

/// What the server is.
pub async fn server(State(server): State<Arc<Server>>) -> Answer<Value> {
    let has_photos = server.photos.is_some();
    let pages = [("digits", !server.digits.networks.is_empty()), (PHOTOS, has_photos), ("shapes", true)];
    let pages: Vec<&str> = pages.iter().filter(|(_, there)| *there).map(|(page, _)| *page).collect();
    Answer(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "pages": pages,
        "model": has_photos.then_some(PHOTOS),
        "limits": server.limits,
        "working": server.work.load(),
        "token": matches!(server.access, Access::Token(_)),
    }))
}

/// A model, and what can be asked of it.
#[derive(Debug, Serialize)]
pub struct Description {
    id: String,
    page: &'static str,
    title: String,
    kind: &'static str,
    input: Option<Vec<usize>>,
    preprocess: Option<String>,
    classes: usize,
    labels: Option<Vec<String>>,
    default_by: String,
    ways: Value,
    contrast: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    layers: Option<Vec<Layer>>,
}

/// All models.
pub async fn all(State(server): State<Arc<Server>>) -> Result<Answer<Vec<Description>>, Failure> {
    let asked = Arc::clone(&server);
    let describe = move |_: &_| {
        let digits = asked.digits.networks.iter().map(|network| network.id.as_str());
        digits.chain(asked.photos.is_some().then_some(PHOTOS)).map(|id| asked.describe(id, false)).collect()
    };
    Ok(Answer(server.work.run(None, describe).await?.0))
}

/// One model.
pub async fn one(State(server): State<Arc<Server>>, Path(id): Path<String>) -> Result<Answer<Description>, Failure> {
    let asked = Arc::clone(&server);
    Ok(Answer(server.work.run(None, move |_| asked.describe(&id, true)).await?.0))
}

impl Server {
    fn describe(&self, id: &str, with_layers: bool) -> Result<Description, Failure> {
        if let Some(network) = self.digits.networks.iter().find(|network| network.id == id) {
            return of_network(id, "digits", &network.title, &network.subject, with_layers);
        }
        let photos = self.photos.as_ref().filter(|_| id == PHOTOS);
        let model = &photos.ok_or_else(|| Failure::NotFound(format!("model {id:?}")))?.model;
        match &model.seer {
            Seer::Network(subject, preprocessing) => {
                let description = of_network(id, PHOTOS, &model.title, subject, with_layers)?;
                Ok(Description { preprocess: Some(preprocessing.to_string()), ..description })
            }
            Seer::BagOfWords(classifier) => {
                let labels: Vec<String> = classifier.classes().map(str::to_owned).collect();
                Ok(Description {
                    id: id.to_owned(),
                    page: PHOTOS,
                    title: model.title.clone(),
                    kind: "bag-of-words",
                    input: None,
                    preprocess: None,
                    classes: labels.len(),
                    labels: Some(labels),
                    default_by: ALGORITHM_1.to_owned(),
                    ways: json!([]),
                    contrast: false,
                    layers: with_layers.then(Vec::new),
                })
            }
        }
    }
}

fn of_network(
    id: &str,
    page: &'static str,
    title: &str,
    subject: &Subject,
    with_layers: bool,
) -> Result<Description, Failure> {
    let classes = subject.classes()?;
    let labels = (0..classes).map(|class| subject.labels.name(class).map(str::to_owned));
    let labels: Vec<Option<String>> = labels.collect();
    let are_known = labels.iter().any(Option::is_some);
    let named = labels.into_iter().enumerate().map(|(class, label)| label.unwrap_or_else(|| class.to_string()));
    Ok(Description {
        id: id.to_owned(),
        page,
        title: title.to_owned(),
        kind: "network",
        input: Some(subject.shape().to_vec()),
        preprocess: None,
        classes,
        labels: are_known.then(|| named.collect()),
        default_by: subject.attribution(None)?.1,
        ways: serde_json::to_value(subject.ways()?).unwrap_or_default(),
        contrast: true,
        layers: with_layers.then(|| subject.layers()).transpose()?,
    })
}
