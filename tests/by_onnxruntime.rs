//! Networks as onnxruntime quantizes and optimizes them: they run as it runs them, and are explained as the plain networks
//! that they stand for.
//!
//! Walks `tests/by_onnxruntime/index.json`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use model_files::InputShapes;
use ndarray::{ArrayD, Axis};
use neural_lrp::{Composite, Explainer, Initial, Network, Target};
use serde::Deserialize;

/// How far what is not quantized may be from single precision's numbers, in shares of the largest.
const NEAR: f64 = 1e-5;

#[derive(Deserialize)]
struct Index {
    files: Vec<File>,
    operators: Vec<Operator>,
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

/// A single node.
#[derive(Deserialize)]
struct Operator {
    file: String,
    inputs: BTreeMap<String, Stored>,
    output: Stored,
}

#[derive(Deserialize)]
struct Stored {
    shape: Vec<usize>,
    values: Vec<f64>,
}

impl Operator {
    fn has_trees(&self) -> bool {
        self.file == "scikit-learn.trees.onnx"
    }
}

impl Stored {
    fn array(&self) -> ArrayD<f64> {
        ArrayD::from_shape_vec(self.shape.clone(), self.values.clone()).unwrap()
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/by_onnxruntime")
}

fn index() -> Index {
    serde_json::from_str(&fs::read_to_string(folder().join("index.json")).unwrap()).unwrap()
}

/// The images of a network, each as a batch of one.
fn images(plain: &str) -> Vec<ArrayD<f64>> {
    let images: ArrayD<f32> = ndarray_npy::read_npy(folder().join(format!("{plain}.input.npy"))).unwrap();
    images.axis_iter(Axis(0)).map(|image| image.insert_axis(Axis(0)).mapv(f64::from)).collect()
}

fn network(file: &str, inputs: &BTreeMap<String, ArrayD<f64>>) -> Network<f64> {
    let shapes = inputs.iter().fold(InputShapes::new(), |shapes, (name, input)| shapes.with(name, input.shape()));
    let model = model_files::read::<f64>(folder().join(file)).unwrap_or_else(|error| panic!("{error}"));
    model.network(&shapes).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The network of a file, for images like this one.
fn of_images(file: &str, image: &ArrayD<f64>) -> Network<f64> {
    network(file, &BTreeMap::from([("image".to_owned(), image.clone())]))
}

fn largest(numbers: &ArrayD<f64>) -> f64 {
    numbers.iter().fold(0.0, |largest: f64, number| largest.max(number.abs()))
}

/// The cosine of two maps, as vectors.
fn cosine(one: &ArrayD<f64>, other: &ArrayD<f64>) -> f64 {
    let dot = |a: &ArrayD<f64>, b: &ArrayD<f64>| (a * b).sum();
    dot(one, other) / (dot(one, one) * dot(other, other)).sqrt()
}

/// The relevance of an image for a class, by the default composite; its books balance.
fn map(network: &Network<f64>, image: &ArrayD<f64>, class: usize) -> ArrayD<f64> {
    let explainer = Explainer::new(network).unwrap();
    let composite = Composite::default_for(network).composite().unwrap();
    let forward = explainer.forward(image.view()).unwrap();
    let explained = forward.explain(&composite, &Initial::Score(Target::Class(class)).into()).unwrap();
    explained.ledgers[0].check(1e-10).unwrap();
    explained.relevance[0].clone()
}

#[test]
fn single_operators_run_as_onnxruntime_runs_them() {
    let operators: Vec<Operator> = index().operators.into_iter().filter(|operator| !operator.has_trees()).collect();
    assert!(operators.len() > 80, "{} operators", operators.len());
    let mut failures = Vec::new();
    for operator in operators {
        let inputs: BTreeMap<String, ArrayD<f64>> =
            operator.inputs.iter().map(|(name, input)| (name.clone(), input.array())).collect();
        let found =
            network(&operator.file, &inputs).forward(inputs.into_values().collect()).unwrap().output().to_owned();
        let expected = operator.output.array();
        let is_near = found.shape() == expected.shape() && largest(&(&found - &expected)) <= NEAR * largest(&expected);
        if !is_near {
            failures.push(format!("{}: {found} instead of {expected}", operator.file));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn trees_are_refused_with_what_can_be_done() {
    let trees = index().operators.into_iter().find(Operator::has_trees).unwrap();
    let message = model_files::read::<f64>(folder().join(trees.file)).unwrap_err().to_string();
    assert!(message.contains("no relevance goes back") && message.contains("MLPClassifier"), "{message}");
}

#[test]
fn gates_of_recurrent_layers_get_no_relevance() {
    for name in ["lstm-both-ways", "gru", "gru-products"] {
        let operator = index().operators.into_iter().find(|operator| operator.file == format!("operator.{name}.onnx"));
        let inputs = operator.unwrap().inputs.into_iter().map(|(name, input)| (name, input.array())).collect();
        let network = network(&format!("operator.{name}.onnx"), &inputs);
        let rules = Composite::named("attnlrp").unwrap().assign(&network).unwrap();
        let products = network.nodes().iter().zip(&rules).filter(|(node, _)| node.operation.kind() == "Mul");
        let rules: Vec<String> = products.map(|(_, rule)| rule.to_string()).collect();
        assert!(rules.len() >= 10, "{name}: {rules:?}");
        assert!(rules.iter().all(|rule| rule == "signal=first" || rule == "signal=second"), "{name}: {rules:?}");
    }
}

#[test]
fn networks_run_as_onnxruntime_runs_them_to_one_quantum() {
    for file in index().files {
        for (image, expected) in images(&file.plain).into_iter().zip(&file.outputs) {
            let output = of_images(&file.file, &image).forward(vec![image]).unwrap().output().to_owned();
            let expected = ArrayD::from_shape_vec(output.shape(), expected.clone()).unwrap();
            let (far, allowed) = (largest(&(&output - &expected)), file.quantum + NEAR * largest(&expected));
            assert!(
                far <= allowed,
                "{}: {far} from what onnxruntime gives, of a quantum of {}",
                file.file,
                file.quantum
            );
        }
    }
}

#[test]
fn networks_are_explained_as_those_that_they_stand_for() {
    let mut failures = Vec::new();
    for file in index().files {
        for (image, scores) in images(&file.plain).iter().zip(&file.outputs) {
            let [plain, other] = [&format!("{}.onnx", file.plain), &file.file].map(|name| of_images(name, image));
            assert_eq!(Composite::default_for(&plain), Composite::default_for(&other), "{}", file.file);
            let class = (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
            let (expected, found) = (map(&plain, image, class), map(&other, image, class));
            let (alike, far) = (cosine(&expected, &found), largest(&(&expected - &found)) / largest(&expected));
            eprintln!("{}: cosine {alike:.5}, difference {far:.1e}", file.file);
            let is_alike = if file.what == What::Quantized { alike >= 0.99 } else { far <= NEAR };
            if !is_alike {
                failures.push(format!("{}: a cosine of {alike}, a largest difference of {far}", file.file));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
