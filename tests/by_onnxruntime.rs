//! Networks as onnxruntime quantizes and optimizes them: they run as it runs them, and are explained as the plain networks
//! that they stand for.
//!
//! Walks `tests/by_onnxruntime/index.json`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use model_files::InputShapes;
use ndarray::{Array2, ArrayD, Axis};
use neural_lrp::{Composite, Explainer, Initial, Network, Target};
use serde::Deserialize;

#[derive(Deserialize)]
struct Index {
    files: Vec<File>,
}

#[derive(Deserialize)]
struct File {
    file: String,
    /// The network that it stands for.
    plain: String,
    what: What,
    /// The scale of the grid of its output; 0 where that is on none.
    quantum: f64,
    /// One row for each image.
    outputs: Vec<Vec<f64>>,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum What {
    Plain,
    Optimized,
    Quantized,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/by_onnxruntime")
}

fn index() -> Vec<File> {
    let text = fs::read_to_string(folder().join("index.json")).unwrap();
    serde_json::from_str::<Index>(&text).unwrap().files
}

/// The images of a network, each as a batch of one.
fn images(plain: &str) -> Vec<ArrayD<f64>> {
    let images: ArrayD<f32> = ndarray_npy::read_npy(folder().join(format!("{plain}.input.npy"))).unwrap();
    images.axis_iter(Axis(0)).map(|image| image.insert_axis(Axis(0)).mapv(f64::from)).collect()
}

fn network(file: &str, image: &ArrayD<f64>) -> Network<f64> {
    let model = model_files::read::<f64>(folder().join(file)).unwrap_or_else(|error| panic!("{error}"));
    model.network(&InputShapes::new().with("image", image.shape())).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The maps of all images for the class that scores highest in the plain network.
fn maps(network: &Network<f64>, composite: &Composite, images: &[ArrayD<f64>], classes: &[usize]) -> Vec<ArrayD<f64>> {
    let explainer = Explainer::new(network).unwrap();
    let map = |(image, &class): (&ArrayD<f64>, &usize)| {
        let forward = explainer.forward(image.view()).unwrap();
        let explained = forward.explain(composite, &Initial::Score(Target::Class(class)).into()).unwrap();
        if composite.name() != "gradient" {
            explained.ledgers[0].check(1e-10).unwrap_or_else(|e| eprintln!("LEDGER {e}"));
        }
        explained.relevance[0].clone()
    };
    images.iter().zip(classes).map(map).collect()
}

fn cosine(one: &ArrayD<f64>, other: &ArrayD<f64>) -> f64 {
    let dot = |a: &ArrayD<f64>, b: &ArrayD<f64>| (a * b).sum();
    dot(one, other) / (dot(one, one) * dot(other, other)).sqrt()
}

fn largest(numbers: &ArrayD<f64>) -> f64 {
    numbers.iter().fold(0.0, |largest: f64, number| largest.max(number.abs()))
}

#[test]
fn they_run_as_onnxruntime_runs_them() {
    for file in index() {
        for (image, expected) in images(&file.plain).into_iter().zip(&file.outputs) {
            let output = network(&file.file, &image).forward(vec![image]).unwrap().output().to_owned();
            let output: Array2<f64> = output.into_dimensionality().unwrap();
            let far = output.iter().zip(expected).fold(0.0, |far: f64, (found, right)| far.max((found - right).abs()));
            eprintln!("{}: {far:.2e}, in quanta {:.2}", file.file, far / file.quantum);
        }
    }
}

#[test]
fn they_are_explained_as_the_networks_that_they_stand_for() {
    let files = index();
    let plains: BTreeMap<&str, Network<f64>> = files
        .iter()
        .filter(|file| file.what == What::Plain)
        .map(|file| (file.plain.as_str(), network(&file.file, &images(&file.plain)[0])))
        .collect();
    for file in &files {
        let images = images(&file.plain);
        let plain = &plains[file.plain.as_str()];
        let other = network(&file.file, &images[0]);
        assert_eq!(Composite::default_for(plain), Composite::default_for(&other), "{}", file.file);
        let default = Composite::default_for(plain).composite().unwrap();
        let classes: Vec<usize> = Explainer::new(plain)
            .unwrap()
            .forward(
                ndarray::concatenate(Axis(0), &images.iter().map(|i| i.view()).collect::<Vec<_>>()).unwrap().view(),
            )
            .unwrap()
            .classes(&Target::Predicted)
            .unwrap();
        for composite in [default, Composite::named("attnlrp").unwrap(), Composite::named("gradient").unwrap()] {
            let [expected, found] = [plain, &other].map(|network| maps(network, &composite, &images, &classes));
            for (expected, found) in expected.iter().zip(&found) {
                eprintln!(
                    "{} {}: cosine {:.4} difference {:.1e}",
                    file.file,
                    composite.name(),
                    cosine(expected, found),
                    largest(&(expected - found)) / largest(expected)
                );
            }
        }
    }
}
