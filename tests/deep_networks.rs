//! Deep convolutional networks, whose biases take nearly all of the score layer by layer, and what their default does about it.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use ndarray::ArrayD;
use ndarray_npy::write_npy;
use pixelwise::model_files;
use pixelwise::neural_lrp::operation::OperatorSpec;
use pixelwise::neural_lrp::operations::{Relu, read};
use pixelwise::neural_lrp::{Network, NetworkBuilder};
use serde_json::Value;

/// Numbers in [−1, 1) that look random.
fn numbers(shape: &[usize], seed: f64) -> ArrayD<f64> {
    let mut place = 0.0;
    ArrayD::from_shape_simple_fn(shape, || {
        place += 1.0;
        (f64::sin(12.9898 * place + 78.233 * seed) * 43_758.545_3).rem_euclid(2.0) - 1.0
    })
}

/// Convolutions of 3 × 3 with biases as large as their outputs, each with a rectifier behind it, and a sum over all places.
fn convolutional(layers: usize) -> Network<f64> {
    let mut network = NetworkBuilder::new();
    network.input("x", [None, Some(4), Some(8), Some(8)]).output("scores");
    let mut known = "x".to_owned();
    for layer in 0..layers {
        let weights = numbers(&[4, 4, 3, 3], layer as f64) / 3.0;
        let bias = numbers(&[4], layer as f64 + 0.5).mapv(f64::abs);
        let spec = OperatorSpec::new("Conv", 1).with_integers("pads", [1, 1, 1, 1]);
        let spec = spec.with_constant(Arc::new(weights)).with_constant(Arc::new(bias));
        let [z, a] = ["z", "a"].map(|name| format!("{name}{layer}"));
        network.node(format!("conv{layer}"), read(&spec).unwrap().operation, [&known], &z);
        network.node(format!("relu{layer}"), Arc::new(Relu), [&z], &a);
        known = a;
    }
    network.node("pool", read(&OperatorSpec::new("GlobalAveragePool", 1)).unwrap().operation, [&known], "pooled");
    network.node("flat", read(&OperatorSpec::new("Flatten", 1)).unwrap().operation, ["pooled"], "scores");
    network.build().unwrap()
}

struct Told {
    text: String,
    /// What came to the input of each sample's score.
    shares: Vec<f64>,
}

/// What `explain` says of two samples.
fn explained(layers: usize, options: &[&str]) -> Told {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    model_files::write(&convolutional(layers), path("model.onnx")).unwrap();
    write_npy(path("x.npy"), &numbers(&[2, 4, 8, 8], 3.0).mapv(f64::abs)).unwrap();
    told(&path("model.onnx"), &[&path("x.npy")], &[options, &["--output", &path("output")]].concat())
}

fn told(model: &str, inputs: &[&str], options: &[&str]) -> Told {
    let said = |more: &[&str]| {
        let run = Command::new(env!("CARGO_BIN_EXE_pixelwise"))
            .args([&["explain", model][..], inputs, options, more].concat())
            .output()
            .unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stdout).unwrap()
    };
    let json: Value = serde_json::from_str(&said(&["--json"])).unwrap();
    let share = |input: &Value| {
        let sunk = input["targets"][0]["findings"]["sunk_share"].as_f64();
        1.0 - sunk.unwrap_or_else(|| panic!("no shares: {input}"))
    };
    Told { text: said(&[]), shares: json["inputs"].as_array().unwrap().iter().map(share).collect() }
}

#[test]
fn the_default_brings_the_score_of_deep_networks_to_the_pixels() {
    let found = explained(20, &[]);
    let first = found.text.lines().next().unwrap();
    let expected =
        "composite      conserving-plus-flat, the default for deep convolutional networks: 20 convolutions with biases";
    assert!(first.starts_with(expected), "{first}");
    assert!(found.shares.iter().all(|&share| share > 0.99), "{:?}", found.shares);
    assert!(!found.text.contains("Warning"), "{}", found.text);
    let shallow = explained(3, &[]);
    assert!(shallow.text.starts_with("composite      epsilon-plus-flat, the default for convolutional networks"));
}

#[test]
fn biases_that_took_the_score_are_told_of_in_one_place() {
    let found = explained(20, &["--composite", "epsilon-plus-flat"]);
    assert!(found.shares.iter().all(|&share| share < 0.05), "{:?}", found.shares);
    let warning = "Note: in 2 of 2 explanations the biases took most of the relevance";
    assert_eq!(found.text.matches(warning).count(), 1, "{}", found.text);
    assert_eq!(found.text.matches("--composite conserving-plus-flat").count(), 1, "{}", found.text);
    assert!(!found.text.contains("(!)"), "{}", found.text);
    let guide = "docs/guide/explain-your-own-model.md";
    assert!(found.text.contains(&format!("{guide}, 7.")), "{}", found.text);
    let guide = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(guide)).unwrap();
    assert!(guide.contains("## 7. Read the ledger"));
}

/// EfficientNet-Lite0 as data/get-efficientnet.sh makes it, and photos, where the environment says where they are.
#[test]
fn efficientnet_accounts_for_its_score() {
    let (Ok(model), Ok(photos)) = (std::env::var("PIXELWISE_EFFICIENTNET"), std::env::var("PIXELWISE_PHOTOS")) else {
        eprintln!("skipped: PIXELWISE_EFFICIENTNET and PIXELWISE_PHOTOS don't say where a network and photos are");
        return;
    };
    let mut photos: Vec<_> = std::fs::read_dir(photos).unwrap().map(|entry| entry.unwrap().path()).collect();
    photos.sort();
    let photos: Vec<&str> = photos.iter().take(3).map(|photo| photo.to_str().unwrap()).collect();
    let folder = tempfile::tempdir().unwrap();
    let output = ["--preprocess", "efficientnet-lite", "--output", folder.path().to_str().unwrap()];
    let found = told(&model, &photos, &output);
    assert!(found.text.starts_with("composite      conserving-plus-flat"), "{}", found.text);
    assert!(found.shares.iter().all(|&share| share > 0.95), "{:?}", found.shares);
}
