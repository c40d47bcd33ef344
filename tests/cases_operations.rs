//! Networks of operators in files, run to the outputs that other programs give; `tests/cases` says which.

use std::fs::File;
use std::path::{Path, PathBuf};

use model_files::InputShapes;
use ndarray::ArrayD;
use ndarray_npy::ReadNpyExt;
use neural_lrp::{Composite, Explainer, Family, Initial};

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name)
}

fn array(path: &Path) -> ArrayD<f32> {
    ArrayD::read_npy(File::open(path).unwrap()).unwrap()
}

fn network(path: &Path, input: &ArrayD<f32>) -> neural_lrp::Network<f64> {
    let model = model_files::read::<f64>(path).unwrap();
    let name = model.inputs()[0].name.clone();
    model.network(&InputShapes::new().with(&name, input.shape())).unwrap()
}

/// The network gives the expected output, and the books of its relevance balance.
fn check(case_name: &str, file: &str, expected: &str) {
    let folder = case(case_name);
    let input = array(&folder.join("x.npy"));
    let expected = array(&folder.join(expected)).mapv(f64::from);
    let network = network(&folder.join(file), &input);
    let explainer = Explainer::new(&network).unwrap();
    let forward = explainer.forward(input.mapv(f64::from).view()).unwrap();
    assert_eq!(forward.scores().shape(), expected.shape(), "{file}");
    for (found, expected) in forward.scores().iter().zip(&expected) {
        assert!((found - expected).abs() < 1e-5 * (1.0 + expected.abs()), "{file}: {found}, {expected}");
    }
    let initial = Initial::Array(forward.scores().to_owned());
    let explained = forward.explain(&Composite::new("default"), &initial.into()).unwrap();
    for ledger in &explained.ledgers {
        assert!(ledger.check(1e-10).is_ok(), "{file}: {}\n{ledger}", ledger.check(1e-10).unwrap_err());
    }
}

#[test]
fn maxima_over_places_are_run() {
    for file in ["reduce-max.onnx", "global-max-pool.onnx"] {
        check("global-max-pooling", file, "logits.npy");
    }
    check("global-max-pooling", "torch-adaptive.onnx", "torch-adaptive.npy");
    check("global-max-pooling", "torch-amax.onnx", "torch-amax.npy");
}

#[test]
fn maxima_over_places_are_explained_as_maximum_pooling() {
    let folder = case("global-max-pooling");
    let input = array(&folder.join("x.npy"));
    let [pooled, reduced] = ["global-max-pool.onnx", "reduce-max.onnx"].map(|file| {
        let network = network(&folder.join(file), &input);
        let explainer = Explainer::new(&network).unwrap();
        let forward = explainer.forward(input.mapv(f64::from).view()).unwrap();
        let initial = Initial::Array(forward.scores().to_owned());
        forward.explain(&Composite::named("epsilon-plus").unwrap(), &initial.into()).unwrap().relevance
    });
    assert_eq!(pooled, reduced);
}

#[test]
fn instance_and_group_normalization_are_run() {
    check("instance-normalization", "instance.onnx", "instance.npy");
    check("instance-normalization", "group.onnx", "group.npy");
}

#[test]
fn products_by_equations_are_run() {
    check("einsum", "linear.onnx", "linear.npy");
    check("einsum", "pooling.onnx", "pooling.npy");
    let folder = case("einsum");
    let network = network(&folder.join("linear.onnx"), &array(&folder.join("x.npy")));
    assert_eq!(network.nodes()[0].operation.family(), Family::Linear);
}
