//! The command line on explanations: `pixelwise evaluate`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use ndarray::{Array3, ArrayD, s};
use ndarray_npy::{read_npy, write_npy};
use serde_json::Value;

fn golden(case: &str, file: &str) -> String {
    format!("{}/tests/golden/neural/{case}/{file}", env!("CARGO_MANIFEST_DIR"))
}

fn run(folder: &Path, options: &[&str]) -> Output {
    let (model, input) = (golden("cnn_small", "model.onnx"), golden("cnn_small", "input.npy"));
    let output = folder.to_str().unwrap();
    let arguments = [&["evaluate", &model, &input, "--output", output], options].concat();
    Command::new(env!("CARGO_BIN_EXE_pixelwise")).args(arguments).output().unwrap()
}

/// Standard output of a run that has to succeed.
fn evaluate(folder: &Path, options: &[&str]) -> String {
    let run = run(folder, options);
    assert!(run.status.success(), "{options:?}: {}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}

/// Standard error of a run that has to fail.
fn refuse(folder: &Path, options: &[&str]) -> String {
    let run = run(folder, options);
    assert!(!run.status.success(), "{options:?}");
    String::from_utf8(run.stderr).unwrap()
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let file = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.unwrap().path();
        (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap())
    };
    fs::read_dir(folder).unwrap().map(file).collect()
}

#[test]
fn rules_stand_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let measures = "pixel-flipping=order:highest,sparseness,completeness";
    let options = ["--rule", "epsilon=1e-6", "--rule", "gradient", "--measure", measures];
    let table = evaluate(folder.path(), &options);
    assert!(table.contains("2 samples") && table.contains("epsilon=1e-6") && table.contains("gradient"), "{table}");
    assert!(table.contains("sparseness ↑") && table.contains('±'), "{table}");

    let json: Value = serde_json::from_str(&evaluate(folder.path(), &[&options[..], &["--json"]].concat())).unwrap();
    let completeness = |rule: usize| json["rules"][rule]["measures"][2]["values"].as_array().unwrap();
    // ε keeps what it is given but for biases; a gradient is no decomposition at all.
    assert_eq!((completeness(0).len(), completeness(1).len()), (2, 2));
    let written = files(folder.path());
    for name in ["table.csv", "samples.csv", "evaluation.json", "report.html"] {
        assert!(written.contains_key(name), "{name}");
    }
    let table = String::from_utf8(written["table.csv"].clone()).unwrap();
    assert_eq!(table.lines().count(), 1 + 2 * 3);
    let curves: Vec<&String> = written.keys().filter(|name| name.ends_with(".svg")).collect();
    assert_eq!(curves.len(), 1, "{curves:?}");
    let svg = String::from_utf8(written[curves[0]].clone()).unwrap();
    assert!(svg.contains("epsilon=1e-6") && svg.contains("gradient"));
    assert!(!written.contains_key("unfinished.cbor"));
    let page = String::from_utf8(written["report.html"].clone()).unwrap();
    for told in ["The maps that are judged", "pixelwise evaluate", "--rule gradient", "features-in-step: 1%"] {
        assert!(page.contains(told), "{told}");
    }
    assert!(svg.contains("fill-opacity"), "confidence intervals are bands");
}

#[test]
fn the_cost_is_said_first_and_the_page_is_written_while_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let said = run(folder.path(), &["--rule", "z-plus", "--measure", "deletion=steps:10,max-sensitivity", "--live"]);
    assert!(said.status.success());
    // Two samples: 11 inputs each, 50 explanations each beside those that are judged.
    let said = String::from_utf8(said.stderr).unwrap();
    assert!(said.contains("22 forward passes and 102 explanations, about "), "{said}");
    let page = fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(!page.contains("http-equiv"), "a page that is finished does not load itself anew");
}

#[test]
fn the_same_for_any_number_of_threads() {
    let run = |threads: &str| {
        let folder = tempfile::tempdir().unwrap();
        let measures = "pixel-flipping=order:random,max-sensitivity,random-logit";
        let options = ["--measure", measures, "--rule", "z-plus", "--threads", threads, "--json"];
        (evaluate(folder.path(), &options), files(folder.path()))
    };
    let ((json, one), (other_json, two)) = (run("1"), run("2"));
    assert_eq!(json, other_json);
    assert!(one == two);
}

#[test]
fn the_classes_that_are_explained_can_be_given() {
    let folder = tempfile::tempdir().unwrap();
    let truth = folder.path().join("classes.txt");
    fs::write(&truth, "1\n0\n").unwrap();
    let output = folder.path().join("output");
    evaluate(&output, &["--measure", "sparseness", "--rule", "gradient", "--truth", truth.to_str().unwrap()]);
    let samples = fs::read_to_string(output.join("samples.csv")).unwrap();
    let classes: Vec<&str> = samples.lines().skip(1).map(|line| line.split(',').nth(1).unwrap()).collect();
    assert_eq!(classes, ["1", "0"]);
    let one = evaluate(&output, &["--measure", "sparseness", "--rule", "gradient", "--samples", "1"]);
    assert!(one.starts_with("1 samples"), "{one}");

    fs::write(&truth, "1\n").unwrap();
    let message = refuse(&output, &["--measure", "sparseness", "--truth", truth.to_str().unwrap()]);
    assert!(message.contains("2 samples"), "{message}");
}

#[test]
fn masks_say_where_relevance_should_lie() {
    let folder = tempfile::tempdir().unwrap();
    let input: ArrayD<f32> = read_npy(golden("cnn_small", "input.npy")).unwrap();
    let mut masks = Array3::<f32>::zeros((input.shape()[0], input.shape()[2], input.shape()[3]));
    masks.slice_mut(s![.., 4..12, 4..12]).fill(1.0);
    let path = folder.path().join("masks.npy");
    write_npy(&path, &masks).unwrap();
    let output = folder.path().join("output");
    let measure = ["--measure", "pointing-game,relevance-mass-accuracy", "--rule", "z-plus"];
    let table = evaluate(&output, &[&measure[..], &["--masks", path.to_str().unwrap()]].concat());
    assert!(table.contains("relevance-mass-accuracy"), "{table}");
    assert!(refuse(&output, &measure).contains("--masks"));
}

#[test]
fn what_can_not_be_measured_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(refuse(folder.path(), &["--measure", "beauty"]).contains("pixel-flipping"));
    assert!(refuse(folder.path(), &["--rule", "nonsense"]).contains("nonsense"));
    assert!(refuse(folder.path(), &["--target", "99"]).contains("99"));
}
