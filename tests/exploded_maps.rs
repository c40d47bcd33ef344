//! What is said of maps whose parts for and against cancel by many orders of magnitude.

use std::process::Command;
use std::sync::Arc;

use ndarray::{Array1, Array2, ArrayD};
use ndarray_npy::write_npy;
use pixelwise::model_files;
use pixelwise::neural_lrp::operations::{BatchNormalization, Concat, Dense, Multiplication, Relu, Statistics};
use pixelwise::neural_lrp::{Network, NetworkBuilder};
use serde_json::Value;
use tempfile::TempDir;

/// Numbers in [−1, 1) that look random.
fn random(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    (0..count + 8).map(|_| next()).skip(8).collect()
}

fn dense(outputs: usize, inputs: usize, seed: u64) -> Arc<Dense<f64>> {
    let weights = Array2::from_shape_vec((outputs, inputs), random(outputs * inputs, seed)).unwrap();
    let bias = Array1::from_vec(random(outputs, seed + 1000)) * 0.1;
    Arc::new(Dense::new(weights / (inputs as f64).sqrt(), Some(bias)).unwrap())
}

/// Batch normalization that shifts and scales, as trained ones do.
fn normalization(channels: usize, seed: u64) -> Arc<BatchNormalization<f64>> {
    let positive = |seed| random(channels, seed).into_iter().map(|value| 0.6 + 0.5 * value).collect();
    let statistics = Statistics {
        gamma: positive(seed),
        beta: random(channels, seed + 1),
        mean: random(channels, seed + 2),
        variance: positive(seed + 3),
        epsilon: 1e-5,
    };
    Arc::new(BatchNormalization::new(statistics).unwrap())
}

const INPUTS: usize = 16;
const GROWTH: usize = 12;

/// Each layer takes what all before it gave, normalized, and so no normalization is behind a layer that takes it in.
fn densely_connected(layers: usize) -> Network<f64> {
    let mut network = NetworkBuilder::new();
    network.input("x", [None, Some(INPUTS)]).output("scores");
    let mut known = "x".to_owned();
    for layer in 0..layers {
        let channels = INPUTS + GROWTH * layer;
        let [normal, active, new, all] = ["n", "a", "z", "c"].map(|name| format!("{name}{layer}"));
        network.node(format!("norm{layer}"), normalization(channels, 10 * layer as u64 + 1), [&known], &normal);
        network.node(format!("relu{layer}"), Arc::new(Relu), [&normal], &active);
        network.node(format!("dense{layer}"), dense(GROWTH, channels, 10 * layer as u64 + 7), [&active], &new);
        network.node(format!("concat{layer}"), Arc::new(Concat { axis: 1, operands: 2 }), [&known, &new], &all);
        known = all;
    }
    network.node("last", dense(4, INPUTS + GROWTH * layers, 99), [&known], "scores");
    network.build().unwrap()
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// A network's file and samples for it.
    fn files(&self, network: &Network<f64>, samples: usize) -> [String; 2] {
        let [model, x] = ["model.onnx", "x.npy"].map(|name| self.path(name));
        model_files::write(network, &model).unwrap();
        let values = ArrayD::from_shape_vec(vec![samples, INPUTS], random(samples * INPUTS, 5)).unwrap();
        write_npy(&x, &values).unwrap();
        [model, x]
    }

    fn told(&self, arguments: &[&str]) -> String {
        let output = ["--output".to_owned(), self.path("output")];
        let output = if arguments[0] == "inspect" { &[][..] } else { &output[..] };
        let run = Command::new(env!("CARGO_BIN_EXE_pixelwise")).args(arguments).args(output).output().unwrap();
        assert!(run.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stdout).unwrap()
    }
}

const EPSILON: &str = "epsilon=1e-9";

#[test]
fn an_exploded_map_is_called_so_with_its_reason_and_a_way_out() {
    let folder = Folder::new();
    let [model, x] = folder.files(&densely_connected(24), 1);
    let text = folder.told(&["explain", &model, &x, "--rule", EPSILON]);
    for part in [
        "Warning: this map exploded: parts for and against cancel: Σ|R| is ",
        "f32 has no digits left for it; --dtype f64 has more.",
        "The composites epsilon-plus-flat, epsilon-plus, epsilon-gamma-box, and the rules z-plus and gamma=0.25 keep",
        "24 batch normalizations can't be folded into a layer",
        "--layer-rule normalization=detached",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("ended in sinks"), "{text}");
    let records: Value = serde_json::from_slice(&std::fs::read(folder.path("output/x-0.json")).unwrap()).unwrap();
    let findings = &records["targets"][0]["findings"];
    assert!(findings["growth"].as_f64().unwrap() > 1e6 && findings["stage"].is_string(), "{findings}");
    assert_eq!([&findings["cancels"], &findings["exploded"], &findings["beyond_precision"]], [&Value::Bool(true); 3]);
    // Shares of the score that have lost their meaning are short.
    let shares: Vec<&str> = text.lines().filter(|line| line.ends_with(" %")).collect();
    assert!(!shares.is_empty() && shares.iter().all(|line| line.len() < 60), "{text}");
}

#[test]
fn the_ways_out_lead_out() {
    let folder = Folder::new();
    let [model, x] = folder.files(&densely_connected(24), 3);
    let detached = ["--rule", EPSILON, "--layer-rule", "normalization=detached"];
    for options in [&detached[..], &["--rule", "z-plus"], &["--rule", "gamma=0.25"]] {
        folder.told(&[&["explain", &model, &x][..], options].concat());
        for sample in ["x-0", "x-1", "x-2"] {
            let record = std::fs::read(folder.path(&format!("output/{sample}.json"))).unwrap();
            let record: Value = serde_json::from_slice(&record).unwrap();
            let growth = record["targets"][0]["findings"]["growth"].as_f64().unwrap();
            assert!(growth < 100.0, "{options:?}: {growth}");
        }
    }
}

#[test]
fn many_exploded_maps_have_one_warning() {
    let folder = Folder::new();
    let [model, x] = folder.files(&densely_connected(24), 3);
    let text = folder.told(&["explain", &model, &x, "--rule", EPSILON]);
    let exploded = text.matches("(exploded: Σ|R| is ").count();
    assert!(exploded > 0, "{text}");
    let warning = format!("Warning: {exploded} of 3 maps exploded: parts for and against cancel.");
    assert_eq!((text.matches(&warning).count(), text.matches("normalization=detached").count()), (1, 1), "{text}");
}

#[test]
fn compare_says_which_of_its_maps_exploded() {
    let folder = Folder::new();
    let [model, x] = folder.files(&densely_connected(24), 1);
    let sheet = ["--rules", EPSILON, "z-plus"];
    let text = folder.told(&[&["compare", &model, &x][..], &sheet].concat());
    assert!(text.contains(&format!("{EPSILON}: this map exploded")), "{text}");
    assert!(!text.contains("z-plus: this map exploded"), "{text}");
    assert!(text.contains("normalization=detached") && text.contains("largest Σ|R|"), "{text}");
    let json: Value =
        serde_json::from_str(&folder.told(&[&["compare", &model, &x, "--json"][..], &sheet].concat())).unwrap();
    let exploded = |way: usize| json["samples"][0]["explanations"][way]["findings"]["exploded"].as_bool();
    assert_eq!((exploded(0), exploded(1)), (Some(true), Some(false)));
}

#[test]
fn a_calm_map_has_no_word_about_it() {
    let folder = Folder::new();
    let [model, x] = folder.files(&densely_connected(1), 1);
    let text = folder.told(&["explain", &model, &x, "--rule", "z-plus"]);
    assert!(!text.contains("exploded") && !text.contains("detached"), "{text}");
}

/// Of two computed factors neither is known to be the one that only weighs.
#[test]
fn products_are_named_that_share_their_relevance_half_and_half() {
    let folder = Folder::new();
    let mut network = NetworkBuilder::new();
    network.input("x", [None, Some(INPUTS)]).output("scores");
    network.node("left", dense(5, INPUTS, 1), ["x"], "l");
    network.node("right", dense(5, INPUTS, 2), ["x"], "r");
    network.node("product", Arc::new(Multiplication::Mul), ["l", "r"], "p");
    network.node("last", dense(3, 5, 3), ["p"], "scores");
    let [model, x] = folder.files(&network.build().unwrap(), 1);
    let text = folder.told(&["explain", &model, &x]);
    assert!(text.contains("half and half  1 product of two tensors: product; pixelwise inspect"), "{text}");
    let text = folder.told(&["explain", &model, &x, "--layer-rule", "product=signal=first"]);
    assert!(!text.contains("half and half"), "{text}");
    let text = folder.told(&["inspect", &model]);
    assert!(text.contains("1 product shares its relevance half and half: product; look at it"), "{text}");
    assert!(text.contains("--layer-rule 'product=signal=first'"), "{text}");
    let json = |options: &[&str]| -> Value {
        serde_json::from_str(&folder.told(&[&["inspect", &model, "--json"], options].concat())).unwrap()
    };
    assert_eq!(json(&[])["shared_half_and_half"], serde_json::json!(["product"]));
    assert_eq!(json(&["--layer-rule", "product=signal=first"])["shared_half_and_half"], serde_json::json!([]));
}
