//! What is fuzzed: each reader, given any bytes, returns; what it returns is right or an error of fewer characters than a
//! screen. `cargo fuzz` and the runner of this crate call the same functions.

use std::path::Path;

use bow_classifier::{BowClassifier, Configuration};
use datasets::Labels;
use datasets::voc::Annotation;
use images::{Preprocessing, Settings};
use model_files::{InputShapes, Model};
use ndarray::ArrayD;
use neural_lrp::{Composite, Explainer, Initial, Target};

/// A reader under its name.
pub type Body = fn(&[u8]);

/// All of them.
pub const BODIES: &[(&str, Body)] = &[
    ("onnx", onnx),
    ("toolbox", onnx),
    ("picture", picture),
    ("annotation", annotation),
    ("labels", labels),
    ("preprocessing", preprocessing),
    ("composite", composite),
    ("configuration", configuration),
    ("bag-of-words", bag_of_words),
];

/// The most numbers that a network of a file may compute with here: more are right, and take too long.
const FEW: usize = 1 << 16;

/// Reads a network; where it is small, takes it forward and explains it.
pub fn onnx(bytes: &[u8]) {
    let Ok(model) = Model::<f32>::from_bytes(bytes, Path::new("/nonexistent")) else { return };
    let [input] = model.inputs() else { return };
    let Ok(given) = InputShapes::defaults(model.inputs()) else { return };
    let Some(shape) = given.get(&input.name).map(<[usize]>::to_vec) else { return };
    let Ok(network) = model.network(&given) else { return };
    let Ok(all) = network.shapes(&[&shape]) else { return };
    if all.iter().any(|shape| shape.iter().product::<usize>() > FEW) {
        return;
    }
    let Ok(explainer) = Explainer::new(&network) else { return };
    let batch = ArrayD::from_elem(shape, 0.5);
    let Ok(forward) = explainer.forward(batch.view()) else { return };
    if let Ok(composite) = Composite::default_for(explainer.network()).composite() {
        let _ = forward.explain(&composite, &Initial::Score(Target::Predicted).into());
    }
}

/// Decodes a picture, and prepares one of few pixels.
pub fn picture(bytes: &[u8]) {
    images::set_max_pixels(1 << 20);
    let _ = images::damage(bytes);
    let Ok(picture) = images::decode(bytes, "picture") else { return };
    let _ = Preprocessing::preset("mnist").and_then(|preprocessing| preprocessing.apply(picture.view()));
}

/// Reads the boxes of a photo.
pub fn annotation(bytes: &[u8]) {
    let _ = Annotation::parse(&String::from_utf8_lossy(bytes));
}

/// Reads names of classes, and looks one up.
pub fn labels(bytes: &[u8]) {
    if let Ok(labels) = Labels::from_bytes(bytes) {
        let _ = labels.find("golden retriever").map_err(|error| short(&error.to_string()));
    }
}

/// Reads a preprocessing; what is read is written and read again.
pub fn preprocessing(bytes: &[u8]) {
    match Preprocessing::from_text(&String::from_utf8_lossy(bytes)) {
        Ok(read) => drop(Settings::from(read)),
        Err(error) => short(&error.to_string()),
    }
}

/// Reads a composite; what is read is written and read again.
pub fn composite(bytes: &[u8]) {
    if let Ok(composite) = Composite::from_toml(&String::from_utf8_lossy(bytes)) {
        assert!(Composite::from_toml(&composite.to_toml()).is_ok(), "a composite does not come back from its file");
    }
}

/// Reads a configuration for photographs.
pub fn configuration(bytes: &[u8]) {
    let _ = Configuration::from_toml(&String::from_utf8_lossy(bytes)).map_err(|error| short(&error.to_string()));
}

/// Reads a Bag-of-Words classifier.
pub fn bag_of_words(bytes: &[u8]) {
    let _ = BowClassifier::from_bytes(bytes, "model");
}

/// A message that hides nothing by its length.
fn short(message: &str) {
    assert!(message.chars().count() <= 2000, "a message of {} characters", message.chars().count());
}
