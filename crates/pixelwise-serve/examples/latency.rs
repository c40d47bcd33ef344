//! How long the server takes: a frame of ten maps of a digit, and a map of a photo beside the engine's own time.
//!
//! ```text
//! cargo run --release -p pixelwise-serve --example latency [-- NETWORK.onnx PHOTO]
//! ```
//! The network takes photos as EfficientNet-Lite does.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use datasets::Labels;
use datasets::mnist::{Mnist, Split};
use images::Preprocessing;
use ndarray::{ArrayD, Axis};
use neural_lrp::rules::InputRange;
use neural_lrp::{Composite, Question, Target};
use pixelwise::Networks;
use pixelwise_serve::{
    Access, DigitNetwork, Digits, Limits, PhotoModel, Scale, Seer, Server, Settings, ShapeModel, Subject, router,
};
use serde_json::{Value, json};
use tower::ServiceExt;

type Failure = Box<dyn Error>;

const NETWORKS: [(&str, &[usize], Scale); 3] = [
    ("mnist-convolutional", &[1, 28, 28], Scale::NONE),
    ("mnist-400-400-tanh", &[784], Scale { mean: 0.1307, deviation: 0.3081 }),
    ("mnist-vit", &[1, 28, 28], Scale::NONE),
];
const FRAMES: usize = 200;
const MAPS: usize = 15;
const TOGETHER: usize = 200;

fn main() -> Result<(), Failure> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data");
    let networks = NETWORKS.map(|(id, shape, scale)| -> Result<_, Failure> {
        let networks = Networks::<f32>::open(data.join("models").join(format!("{id}.onnx")))?;
        let range = InputRange::of(scale.of(0), scale.of(255))?;
        let subject = Subject::new(networks, shape, range, Labels::default())?;
        Ok(Arc::new(DigitNetwork { id: id.to_owned(), title: id.to_owned(), subject, scale }))
    });
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let photos = match arguments.as_slice() {
        [model, photo] => Some((Networks::<f32>::open(model)?, std::fs::read(photo)?)),
        _ => None,
    };
    let preprocessing = Preprocessing::preset("efficientnet-lite")?;
    let (model, photo) = match photos {
        None => (None, None),
        Some((networks, photo)) => {
            let input = preprocessing.apply(images::decode(&photo, "photo")?.view())?.network.into_dyn();
            let subject = Subject::new(networks, input.shape(), InputRange::of(-1.0, 1.0)?, Labels::default())?;
            let seer = Seer::Network(Box::new(subject), preprocessing);
            (Some(PhotoModel { title: String::new(), seer, files: None }), Some((photo, input)))
        }
    };
    let app = router(Server::new(Settings {
        access: Access::ThisMachine,
        limits: Limits::default(),
        digits: Digits { networks: networks.into_iter().collect::<Result<_, _>>()?, samples: Vec::new() },
        photos: model,
        shapes: ShapeModel::default(),
    }));
    let digits = Mnist::load(data.join("mnist"), Split::Test)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        for (id, ..) in NETWORKS {
            of_digits(&app, &digits, id).await?;
        }
        of_many(&app, &digits).await?;
        match (photo, arguments.first()) {
            (Some((photo, input)), Some(model)) => of_photo(&app, photo, input, model).await,
            _ => Ok(()),
        }
    })
}

async fn of_digits(app: &Router, digits: &Mnist, id: &str) -> Result<(), Failure> {
    let mut computed = Vec::new();
    for index in 0..FRAMES {
        let started = Instant::now();
        frame(app, digits, id, index).await?;
        computed.push(started.elapsed());
    }
    println!("{id}: a frame of ten maps in {:.2?} at the median of {FRAMES}", median(computed));
    Ok(())
}

/// The memory of many frames at once.
async fn of_many(app: &Router, digits: &Mnist) -> Result<(), Failure> {
    let before = resident();
    let started = Instant::now();
    let requests = (0..TOGETHER).map(|index| {
        let (app, request) = (app.clone(), request("/api/digits/frame", body(digits, NETWORKS[0].0, index)));
        tokio::spawn(async move { ask(&app, request?).await.map_err(|failure| failure.to_string()) })
    });
    let requests: Vec<_> = requests.collect();
    for request in requests {
        request.await??;
    }
    println!(
        "{TOGETHER} frames at once: all answered in {:.2?}; {before} before, {} after",
        started.elapsed(),
        resident()
    );
    Ok(())
}

async fn of_photo(app: &Router, photo: Vec<u8>, input: ArrayD<f32>, model: &str) -> Result<(), Failure> {
    let networks = Networks::<f32>::open(model)?;
    let batch = input.insert_axis(Axis(0));
    let explainer = networks.explainer(&[batch.shape()])?;
    let composite = Composite::default_for(explainer.network()).composite()?;
    let request = Request::post("/api/photos").header("host", "localhost").header("content-type", "image/jpeg");
    let id = ask(app, request.body(photo.into())?).await?["id"].clone();
    let (mut own, mut served) = (Vec::new(), Vec::new());
    // By turns, so that whatever else the machine does befalls both.
    for _ in 0..MAPS {
        let started = Instant::now();
        let forward = explainer.forward(batch.view())?;
        forward.explain(&composite, &Question::from(composite.start().at(Target::Predicted)))?;
        own.push(started.elapsed());
        let started = Instant::now();
        ask(app, self::request("/api/maps", json!({"photo": id}))?).await?;
        served.push(started.elapsed());
    }
    let (own, served) = (median(own), median(served));
    let times = served.as_secs_f64() / own.as_secs_f64();
    println!(
        "a map of a photo: {served:.1?} by the server, {own:.1?} by the engine: {times:.2} times, medians of {MAPS}"
    );
    Ok(())
}

fn body(digits: &Mnist, id: &str, index: usize) -> Value {
    let pixels: Vec<u8> = digits.images.index_axis(Axis(0), index).iter().copied().collect();
    json!({"model": id, "pixels": STANDARD.encode(pixels)})
}

async fn frame(app: &Router, digits: &Mnist, id: &str, index: usize) -> Result<Value, Failure> {
    ask(app, request("/api/digits/frame", body(digits, id, index)).map_err(Failure::from)?).await
}

fn request(address: &str, body: Value) -> Result<Request<Body>, String> {
    let request = Request::post(address).header("host", "localhost").header("content-type", "application/json");
    request.body(body.to_string().into()).map_err(|error| error.to_string())
}

async fn ask(app: &Router, request: Request<Body>) -> Result<Value, Failure> {
    let response = app.clone().oneshot(request).await?;
    let status = response.status();
    let bytes = to_bytes(response.into_body(), usize::MAX).await?;
    match status.is_success() {
        true => Ok(serde_json::from_slice(&bytes)?),
        false => Err(format!("{status}: {}", String::from_utf8_lossy(&bytes)).into()),
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// The memory of this process, where the system tells it.
fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.map_or_else(|| "unknown memory".to_owned(), |memory| memory.trim().to_owned())
}
