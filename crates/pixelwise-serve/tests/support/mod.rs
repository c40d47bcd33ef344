//! A server in this process, and requests to it.
#![allow(dead_code)]

use std::path::Path;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bow_classifier::{BowClassifier, ChannelSettings, Configuration, Tiling, Truth};
use datasets::Labels;
use datasets::mnist::{Mnist, Split};
use datasets::polygons::{Label, tile};
use heatmap::{ColorMap, encode_png, photo_picture};
use images::{Preprocessing, to_unit_range};
use local_features::DenseSift;
use ndarray::{Array3, Axis};
use neural_lrp::rules::InputRange;
use pixelwise::Networks;
use pixelwise_serve::*;
use serde_json::Value;
use tower::ServiceExt;

/// What came back.
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&self.bytes)))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The code of an error; its sentence is one.
    pub fn code(&self) -> String {
        let error = &self.json()["error"];
        let sentence = error["sentence"].as_str().unwrap();
        assert!(sentence.len() > 10 && sentence.ends_with(['.', ')', ':']) || sentence.len() > 20, "{sentence}");
        error["code"].as_str().unwrap().to_owned()
    }
}

pub fn data() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data"))
}

pub fn test_digits() -> &'static Mnist {
    static DIGITS: OnceLock<Mnist> = OnceLock::new();
    DIGITS.get_or_init(|| Mnist::load(data().join("mnist"), Split::Test).unwrap())
}

/// A digit of a class.
pub fn digit(class: u8) -> Vec<u8> {
    let index = test_digits().of_class(class).next().unwrap();
    test_digits().images.index_axis(Axis(0), index).iter().copied().collect()
}

pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The numbers of a packed array.
pub fn unpacked(packed: &Value) -> (Vec<usize>, Vec<f32>) {
    let shape: Vec<usize> = serde_json::from_value(packed["shape"].clone()).unwrap();
    let bytes = STANDARD.decode(packed["data"].as_str().unwrap()).unwrap();
    let values: Vec<f32> = bytes.chunks(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
    assert_eq!(shape.iter().product::<usize>(), values.len());
    (shape, values)
}

pub fn png(picture: &Array3<u8>) -> Vec<u8> {
    encode_png(&photo_picture(picture.view()).unwrap()).unwrap()
}

/// A photo of a digit.
pub fn photo(class: u8) -> Vec<u8> {
    png(&Array3::from_shape_vec((28, 28, 1), digit(class)).unwrap())
}

fn subject(file: &str, shape: &[usize]) -> Subject {
    let networks = Networks::<f32>::open(data().join("models").join(file)).unwrap();
    let names: Vec<String> = (0..10).map(|digit| digit.to_string()).collect();
    let labels = Labels::of(names.iter().map(String::as_str));
    Subject::new(networks, shape, InputRange::of(0.0, 1.0).unwrap(), labels).unwrap()
}

/// A classifier of shapes that knows little.
pub fn shapes() -> BowClassifier {
    static LEARNED: OnceLock<BowClassifier> = OnceLock::new();
    let learned = LEARNED.get_or_init(|| {
        let scenes: Vec<_> = (0..20).map(|index| tile(1, index)).collect();
        let pictures: Vec<_> = scenes.iter().map(|scene| to_unit_range(scene.image.view())).collect();
        let truths = scenes.iter().map(|scene| Truth::from(scene.label == Label::Positive)).collect();
        let channel = ChannelSettings { words: 16, ..ChannelSettings::of(DenseSift::default()) };
        let configuration = Configuration { sample: 5_000, ..Configuration::of(vec![channel]) };
        let classes = [("polygon".to_owned(), truths)];
        let classifier = BowClassifier::learn(&configuration, &pictures[..], &classes, &()).unwrap();
        classifier.with_tiling(Tiling { side: 102, step: 51 })
    });
    learned.clone()
}

/// Writes nothing real, but says what it was asked.
#[derive(Debug)]
pub struct Told;

impl MapFiles for Told {
    fn command(&self, photo: &str, asked: &Asked) -> String {
        format!("pixelwise explain model {photo} {:?}", asked.target)
    }

    fn make(&self, photo: &SentPhoto, asked: &Asked, colors: Option<ColorMap>) -> Result<Files, String> {
        if asked.target == Some(9) {
            return Err("Nines are not written.".to_owned());
        }
        let file =
            |name: &str| NamedFile { name: format!("{}.{name}", photo.name), bytes: format!("{colors:?}").into() };
        Ok(Files {
            relevance: file("relevance.npy"),
            heatmap: file("heatmap.png"),
            overlay: file("overlay.png"),
            edges: None,
            record: file("json"),
        })
    }
}

pub fn settings() -> Settings {
    let digits = Digits {
        networks: vec![Arc::new(DigitNetwork {
            id: "convolutional".to_owned(),
            title: "Convolutional network".to_owned(),
            subject: subject("mnist-convolutional.onnx", &[1, 28, 28]),
            scale: Scale::NONE,
        })],
        samples: vec![Sample { label: 7, pixels: digit(7) }],
    };
    let seer = Seer::Network(
        Box::new(subject("mnist-convolutional.onnx", &[1, 28, 28])),
        Preprocessing::preset("mnist").unwrap().with_input_size(28, 28).unwrap(),
    );
    Settings {
        access: Access::ThisMachine,
        limits: Limits::default(),
        digits,
        photos: Some(PhotoModel { title: "digits.onnx".to_owned(), seer, files: Some(Box::new(Told)) }),
        shapes: ShapeModel::Given(Box::new(shapes())),
    }
}

/// The same with a Bag-of-Words classifier of photos.
pub fn words_settings() -> Settings {
    let seer = Seer::BagOfWords(Box::new(shapes()));
    Settings { photos: Some(PhotoModel { title: "shapes.model".to_owned(), seer, files: None }), ..settings() }
}

pub fn app(settings: Settings) -> Router {
    router(Server::new(settings))
}

/// The server of most tests.
pub fn server() -> Router {
    static SERVER: OnceLock<Router> = OnceLock::new();
    SERVER.get_or_init(|| app(settings())).clone()
}

pub async fn send(app: &Router, request: Request<Body>) -> Reply {
    let response = app.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap().to_vec();
    Reply { status: parts.status, headers: parts.headers, bytes }
}

pub fn request(method: &str, address: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(address);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", "127.0.0.1:8686");
    }
    for (name, value) in headers.iter().filter(|(name, value)| (*name, *value) != ("host", "")) {
        request = request.header(*name, *value);
    }
    request.body(body.into()).unwrap()
}

pub async fn get(app: &Router, address: &str) -> Reply {
    send(app, request("GET", address, &[], Body::empty())).await
}

pub async fn post(app: &Router, address: &str, body: &Value) -> Reply {
    send(app, request("POST", address, &[("content-type", "application/json")], body.to_string())).await
}

pub async fn post_file(app: &Router, address: &str, bytes: Vec<u8>) -> Reply {
    send(app, request("POST", address, &[("content-type", "image/png")], bytes)).await
}
