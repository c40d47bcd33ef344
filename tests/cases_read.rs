//! Files of networks that have to be read: `tests/cases/NAME`, a model with an input and what onnxruntime gives for it.

use std::fs::File;
use std::path::{Path, PathBuf};

use model_files::{Error, InputShapes, Model};
use ndarray::ArrayD;
use ndarray_npy::ReadNpyExt;
use neural_lrp::{Composite, Explainer, Initial, Target};

fn path(case: &str, file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(case).join(file)
}

fn array(case: &str, file: &str) -> ArrayD<f32> {
    ArrayD::read_npy(File::open(path(case, file)).unwrap()).unwrap()
}

fn read(case: &str, file: &str) -> Result<Model<f32>, Error> {
    model_files::read(path(case, file))
}

/// The output of a model's network for `x.npy`.
fn output(case: &str, file: &str) -> ArrayD<f32> {
    let (model, x) = (read(case, file).unwrap(), array(case, "x.npy"));
    let [input] = model.inputs() else { panic!("{case}: one input") };
    let network = model.network(&InputShapes::new().with(&input.name, x.shape())).unwrap();
    network.forward(vec![x]).unwrap().output().to_owned()
}

/// Compares to the largest number that is expected, as `pixelwise run --expect` does, to 1e-5.
fn assert_close(found: &ArrayD<f32>, expected: &ArrayD<f32>, what: &str) {
    assert_eq!(found.shape(), expected.shape(), "{what}");
    let scale = expected.iter().fold(0.0f32, |scale, number| scale.max(number.abs()));
    for ((place, found), expected) in found.indexed_iter().zip(expected) {
        assert!((found - expected).abs() <= 1e-5 * scale, "{what}: {found} at {place:?}, expected {expected}");
    }
}

/// Weight standardization, as the older exporter of NF-Net and BiT writes it: a BatchNormalization of the constant kernel
/// in training mode.
#[test]
fn standardized_weights() {
    let case = "standardized-weights";
    assert_close(&output(case, "model.onnx"), &array(case, "logits.npy"), case);
}

/// Weights of 8 bits with a scale for each channel: `w = s (q − z)`.
///
/// The logits are those of onnxruntime without optimizations, which else rounds what is multiplied with such weights too.
#[test]
fn weights_in_int8() {
    let case = "weights-in-int8";
    assert_close(&output(case, "model.onnx"), &array(case, "logits.npy"), case);
}

/// `squeeze(1)`, as the older exporter of PyTorch writes it: Shape, Gather, Equal and If.
#[test]
fn squeeze_as_if() {
    let case = "squeeze-as-if";
    assert_close(&output(case, "model.onnx"), &array(case, "logits.npy"), case);
}

/// Convolution, ReLU, pooling and a linear layer, which mean the same from opset 22 to 25.
#[test]
fn newer_opsets() {
    let case = "newer-opsets";
    for opset in 22..=25 {
        let file = format!("opset{opset}.onnx");
        assert_close(&output(case, &file), &array(case, "logits.npy"), &file);
    }
}

/// Attention and RotaryEmbedding, with the outputs of ONNX's reference implementation: heads of queries that share keys, under
/// a mask of truth values that leaves a query nothing; a mask of numbers; positions by place, of a part of each head.
#[test]
fn attention_operator() {
    let case = "attention-operator";
    for name in ["grouped-heads", "mask-of-numbers", "rotary-positions"] {
        assert_close(&output(case, &format!("{name}.onnx")), &array(case, &format!("{name}.npy")), name);
    }
}

/// Five Concats of 64 copies each, in a file of 1,212 bytes.
#[test]
fn constant_concat_without_bound() {
    let message = read("constant-concat-without-bound", "model.onnx").unwrap_err().to_string();
    assert!(
        message.contains("(Concat)")
            && message.contains("would take more than 64 MiB")
            && message.contains("--max-constants"),
        "{message}"
    );
}

/// A second input that no node takes.
#[test]
fn unused_input() {
    let (model, x) = (read("unused-input", "model.onnx").unwrap(), array("unused-input", "x.npy"));
    assert_eq!(model.inputs().len(), 1);
    let shapes = InputShapes::new().with(&model.inputs()[0].name, x.shape());
    let explainer = Explainer::new(&model.network(&shapes).unwrap()).unwrap();
    let forward = explainer.forward(x.view()).unwrap();
    let start = Initial::Score(Target::Class(0)).into();
    let explanation = forward.explain(&Composite::named("figure-12").unwrap(), &start).unwrap();
    assert_eq!(explanation.relevance.len(), 1);
    assert_eq!(explanation.relevance[0].shape(), x.shape());
}

/// Nearly two hundred operators on constants, which `generate.py` writes: each number of each is as onnxruntime has it.
#[test]
fn constant_operators() {
    let case = "constant-operators";
    let (found, expected) = (output(case, "model.onnx"), array(case, "y.npy"));
    assert_eq!(found.shape(), expected.shape());
    for ((place, found), expected) in found.indexed_iter().zip(&expected) {
        let scale = expected.abs().max(1.0);
        assert!((found - expected).abs() <= 1e-5 * scale, "{found} at {place:?}, expected {expected}");
    }
}
