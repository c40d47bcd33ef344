//! Small files of one function in several spellings: each gets the map of the others.
//!
//! The files of `tests/cases` come from exporters and from numpy; each folder is one question.

use std::path::PathBuf;
use std::process::Command;

use model_files::InputShapes;
use ndarray::{ArrayD, IxDyn};
use ndarray_npy::read_npy;
use neural_lrp::rules::InputRange;
use neural_lrp::{Composite, Explainer, Initial, Question, Target};

fn case(folder: &str, file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(folder).join(file)
}

fn input(folder: &str) -> ArrayD<f64> {
    read_npy::<_, ArrayD<f32>>(case(folder, "x.npy")).unwrap().mapv(f64::from)
}

/// The relevance at the input, for the predicted class of each sample.
fn map(folder: &str, model: &str, x: &ArrayD<f64>, composite: &Composite) -> ArrayD<f64> {
    let model = model_files::read::<f64>(case(folder, model)).unwrap();
    let name = model.inputs()[0].name.clone();
    let network = model.network(&InputShapes::new().with(&name, x.shape().to_vec())).unwrap();
    let explainer = Explainer::new(&network).unwrap();
    let forward = explainer.forward(x.view()).unwrap();
    let explained = forward.explain(composite, &Question::from(Initial::Score(Target::Predicted))).unwrap();
    explained.ledgers.iter().for_each(|ledger| {
        ledger.check(1e-10).unwrap();
    });
    explained.relevance[0].clone()
}

/// The largest difference, in shares of the largest number.
fn difference(found: &ArrayD<f64>, expected: &ArrayD<f64>) -> f64 {
    let largest = |values: &ArrayD<f64>| values.iter().fold(0.0f64, |largest, value| value.abs().max(largest));
    assert_eq!(found.shape(), expected.shape());
    largest(&(found - expected)) / largest(expected)
}

fn composites() -> Vec<Composite> {
    let range = InputRange::of(-3.0, 3.0).unwrap();
    let names = ["epsilon-plus", "epsilon-plus-flat", "epsilon-alpha2-beta1", "epsilon-gamma-box"];
    names.iter().map(|name| Composite::named(name).unwrap().with_input_range(&range)).collect()
}

#[test]
fn batch_normalization_in_any_spelling_is_part_of_the_convolution() {
    let folder = "batch-norm-as-mul-and-add";
    let x = input(folder);
    for composite in composites() {
        let folded = map(folder, "folded.onnx", &x, &composite);
        for spelling in ["batch-norm.onnx", "mul-add.onnx"] {
            // The file folded by hand holds the products in single precision.
            let difference = difference(&map(folder, spelling, &x, &composite), &folded);
            assert!(difference < 1e-5, "{spelling}, {}: {difference}", composite.name());
        }
        let spellings = ["batch-norm.onnx", "mul-add.onnx"].map(|spelling| map(folder, spelling, &x, &composite));
        let difference = difference(&spellings[0], &spellings[1]);
        assert!(difference < 1e-5, "{}: {difference}", composite.name());
    }
}

#[test]
fn a_gate_in_any_spelling_gets_nothing() {
    let folder = "one-gate-written-three-ways";
    let x = input(folder);
    for composite in composites() {
        let whole = map(folder, "hard-sigmoid.onnx", &x, &composite);
        for spelling in ["clip-div.onnx", "mul-add-clip.onnx"] {
            let difference = difference(&map(folder, spelling, &x, &composite), &whole);
            assert!(difference < 1e-6, "{spelling}, {}: {difference}", composite.name());
        }
    }
}

/// Relevance by the command line: of the input, or of a tensor.
fn explained(folder: &str, model: &str, photo: &str, options: &[&str]) -> ArrayD<f64> {
    let output = tempfile::tempdir().unwrap();
    let file = |name: &str| case(folder, name).to_str().unwrap().to_owned();
    let (relevance, output) = (output.path().join("relevance.npy"), output.path().join("output"));
    let run = Command::new(env!("CARGO_BIN_EXE_pixelwise"))
        .args(["explain", &file(model), &file(photo), "--dtype", "f64"])
        .args(["--relevance", relevance.to_str().unwrap(), "--output", output.to_str().unwrap()])
        .args(options.iter().map(|option| if option.ends_with(".toml") { file(option) } else { (*option).to_owned() }))
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    read_npy(relevance).unwrap()
}

#[test]
fn the_range_of_the_input_is_carried_through_a_normalization_inside_of_the_network() {
    let folder = "normalization-inside-and-z-box";
    let options = ["--preprocess", "bytes.toml", "--composite", "box.toml"];
    // Bounds at the convolution are (0 − mean) / deviation and (1 − mean) / deviation; the file has both in single precision.
    let right: ArrayD<f64> = read_npy(case(folder, "right.npy")).unwrap();
    let right = right.clone().into_shape_with_order(right.raw_dim()).unwrap();
    let at_convolution = explained(folder, "inside.onnx", "photo.png", &[&options[..], &["--at", "n"]].concat());
    assert!(difference(&at_convolution, &right) < 1e-7, "{}", difference(&at_convolution, &right));
    // An affine map of each pixel alone hands its relevance to that pixel.
    let at_input = explained(folder, "inside.onnx", "photo.png", &options);
    assert!(difference(&at_input, &right) < 1e-7, "{}", difference(&at_input, &right));
}

#[test]
fn bounds_follow_the_layout() {
    let folder = "channels-last-and-z-box";
    let options = ["--preprocess", "normalized.toml", "--composite", "box.toml"];
    let first = explained(folder, "first12.onnx", "photo12.png", &options);
    let last = explained(folder, "last12.onnx", "photo12.png", &options);
    let turned = last.permuted_axes(IxDyn(&[0, 3, 1, 2])).as_standard_layout().into_owned();
    assert!(difference(&turned, &first) < 1e-6, "{}", difference(&turned, &first));
}
