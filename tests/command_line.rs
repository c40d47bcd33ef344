//! The command line `pixelwise`.

use std::process::{Command, Output};

use bow_classifier::{BowClassifier, BowModel, Encoder, ThirdLayer, Tiling, decompose_tiles};
use bow_mapping::{Codebook, Hard, Normalization, Pooling};
use image::{GrayImage, Luma};
use kernels::{Coefficients, ExpansionTerm, KernelExpansion, Linear};
use local_features::DenseSift;
use ndarray::{Array1, Array2};
use serde_json::Value;

fn pixelwise(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pixelwise")).args(arguments).output().unwrap()
}

fn classifier() -> BowClassifier {
    let encoder = Encoder {
        mapping: Hard::new(Codebook::new(Array2::eye(128)).unwrap()).into(),
        pooling: Pooling::MEAN,
        normalization: Normalization::L1,
    };
    let term = ExpansionTerm { kernel: Linear.into(), weight: 1.0, support: Array2::ones((3, 128)).into() };
    let expansion = KernelExpansion::new(vec![term], Coefficients::Shared(Array1::ones(3)), -0.5).unwrap();
    let model = BowModel::new(vec![encoder], expansion, ThirdLayer::SumDecomposition).unwrap();
    BowClassifier::new(vec![DenseSift::default().into()], model).unwrap().with_tiling(Tiling::default())
}

#[test]
fn inspect_says_what_a_model_is_made_of() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.model");
    classifier().save(&path).unwrap();
    let run = pixelwise(&["inspect", path.to_str().unwrap()]);
    assert!(run.status.success());
    let printed = String::from_utf8(run.stdout).unwrap();
    for part in ["128 dimensions", "3 support vectors", "hard, 128 words", "dense SIFT", "p = 1", "linear", "Eq. 24"] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
}

#[test]
fn tile_classifiers_are_explained_as_networks_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    classifier().save(path("a.model")).unwrap();
    GrayImage::from_fn(150, 110, |x, y| Luma([(40 + x * y % 150) as u8])).save(path("picture.png")).unwrap();
    let explain = |options: &[&str]| {
        pixelwise(
            &[&["explain", &path("a.model"), &path("picture.png"), "--output", &path("output")], options].concat(),
        )
    };
    let run = explain(&["--json", "--colormap", "seismic"]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let json: Value = serde_json::from_slice(&run.stdout).unwrap();
    let relevance: Array2<f64> = ndarray_npy::read_npy(path("output/picture.predicted.relevance.npy")).unwrap();
    assert_eq!(relevance.dim(), (110, 150));
    let photo = images::to_unit_range(images::read(path("picture.png")).unwrap().view());
    let tiled = decompose_tiles(&classifier(), photo.view(), 0, Tiling::default()).unwrap();
    assert_eq!(relevance, tiled.pixels);
    assert!(tiled.scores.len() > 1);
    let score: f64 = tiled.scores.iter().map(|(_, score)| score).sum();
    assert_eq!(json["inputs"][0]["targets"][0]["class"]["score"], score);

    for (option, value) in [("--rule", "z-plus"), ("--dtype", "f64"), ("--labels", "labels.txt")] {
        let refused = explain(&[option, value]);
        let message = String::from_utf8(refused.stderr).unwrap();
        assert!(
            message.contains(&format!("{option} is for networks")) && message.contains("is a Bag-of-Words classifier"),
            "{message}"
        );
    }
    assert_eq!(explain(&["--target", "1"]).status.code(), Some(1));
}

#[test]
fn bag_of_words_classifiers_are_evaluated() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    classifier().save(path("a.model")).unwrap();
    GrayImage::from_fn(60, 50, |x, y| Luma([(40 + x * y % 150) as u8])).save(path("picture.png")).unwrap();
    let output = path("output");
    let evaluate = |options: &[&str]| {
        pixelwise(&[&["evaluate", &path("a.model"), &path("picture.png"), "--output", &output], options].concat())
    };
    let run = evaluate(&["--measure", "completeness=against:nothing,sparseness", "--json"]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let json: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!((&json["rules"][0]["rule"], &json["dtype"]), (&"Algorithm 1".into(), &"f64".into()));
    // The linear kernel decomposes: nothing of the score is missing.
    assert!(json["rules"][0]["measures"][0]["mean"].as_f64().unwrap() < 1e-9, "{json}");

    let refused = evaluate(&["--rule", "gradient"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("--rule is for networks"));
}

#[test]
fn failures_and_misuse_have_their_own_exit_codes() {
    let run = pixelwise(&["inspect", "no such file"]);
    assert_eq!(run.status.code(), Some(1));
    assert!(String::from_utf8(run.stderr).unwrap().contains("can't read no such file"));
    assert_eq!(pixelwise(&["inspect"]).status.code(), Some(2));
    let help = String::from_utf8(pixelwise(&["--help"]).stdout).unwrap();
    assert!(help.contains("Examples:"));
}

#[test]
fn shells_complete_verbs_and_options() {
    for (shell, sign) in [("bash", "_pixelwise()"), ("zsh", "#compdef pixelwise"), ("fish", "complete -c pixelwise")] {
        let run = pixelwise(&["completions", shell]);
        let script = String::from_utf8(run.stdout).unwrap();
        assert!(run.status.success() && script.contains(sign) && script.contains("explain-probability"), "{shell}");
    }
    assert_eq!(pixelwise(&["completions", "tcsh"]).status.code(), Some(2));
}
