//! The demo as a user runs it, on little data.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// Little data and few words: a second or two, and no claim to accuracy.
const SMALL: [&str; 8] = ["--train", "24", "--test", "16", "--words", "16", "--composites", "1"];

fn demo(output: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bow-demo")).arg("--output").arg(output).args(arguments).output().unwrap()
}

fn success(output: &Path, arguments: &[&str]) -> String {
    let run = demo(output, arguments);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}

/// The exit code, and what standard error says.
fn failure(output: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let run = demo(output, arguments);
    assert!(!run.status.success());
    (run.status.code(), String::from_utf8(run.stderr).unwrap())
}

/// All files of a folder, without what may differ between two runs: times.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let read = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        let bytes = fs::read(entry.path()).unwrap();
        let bytes = match name.as_str() {
            "metrics.json" => {
                let mut metrics: Value = serde_json::from_slice(&bytes).unwrap();
                assert!(metrics.as_object_mut().unwrap().remove("stage_seconds").is_some());
                serde_json::to_vec(&metrics).unwrap()
            }
            "report.html" => {
                let page = String::from_utf8(bytes).unwrap();
                let (before, rest) = page.split_once("<section id=\"timings\"").unwrap();
                let (_, after) = rest.split_once("</section>").unwrap();
                [before, after].concat().into_bytes()
            }
            _ => bytes,
        };
        (name, bytes)
    };
    fs::read_dir(folder).unwrap().map(|entry| read(entry.unwrap())).collect()
}

#[test]
fn one_thread_and_two_and_a_second_run_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let mut runs = ["1", "2", "2"].iter().enumerate().map(|(run, threads)| {
        let output = folder.path().join(run.to_string());
        success(&output, &[&SMALL[..], &["--threads", threads]].concat());
        files(&output)
    });
    let first = runs.next().unwrap();
    let names: Vec<&str> = first.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "classifier.model",
            "composite-0.heatmap.png",
            "composite-0.overlay.png",
            "composite-0.png",
            "composite-0.relevance.npy",
            "contact-sheet.png",
            "metrics.json",
            "report.html"
        ]
    );
    for other in runs {
        for (name, bytes) in &first {
            assert!(other[name] == *bytes, "{name} differs");
        }
    }
}

#[test]
fn every_kernel_and_mapping_runs_and_conserves() {
    let folder = tempfile::tempdir().unwrap();
    let combinations = [
        ["--kernel", "hi", "--mapping", "rank"],
        ["--kernel", "rbf", "--mapping", "soft"],
        ["--kernel", "linear", "--mapping", "hard"],
        ["--kernel", "linear", "--mapping", "lasso"],
        ["--kernel", "rbf", "--mapping", "ridge"],
        ["--kernel", "linear", "--mapping", "fisher"],
        ["--mkl", "learned", "--pooling", "inf"],
        ["--root-candidates", "all", "--rotation", "fixed"],
    ];
    for combination in combinations {
        let small = ["--train", "20", "--test", "8", "--words", "6", "--composites", "1", "--seed", "5", "--json"];
        let printed = success(folder.path(), &[&small[..], &combination].concat());
        let metrics: Value = serde_json::from_str(&printed).unwrap();
        let error = metrics["max_conservation_error"].as_f64().unwrap();
        assert!(error <= 1e-12, "{combination:?}: {error:e}");
        let exact = metrics["f_minus_sum_max"].as_f64();
        let taylor = metrics["taylor_residual_median"].as_f64();
        assert!(exact.is_some() != taylor.is_some(), "{combination:?}");
        assert!(exact.is_none_or(|difference| difference <= 1e-10), "{combination:?}");
    }
}

#[test]
fn a_saved_model_explains_pictures_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let learned = folder.path().join("learned");
    success(&learned, &SMALL);
    let model = learned.join("classifier.model");
    let model = model.to_str().unwrap();

    // A picture that is smaller than a tile in one direction, and larger in the other.
    let picture = folder.path().join("small picture.ppm");
    let pixels: Vec<u8> = (0..60 * 130 * 3).map(|index| (index * index / 97 % 251) as u8).collect();
    fs::write(&picture, [b"P6 130 60 255\n", &pixels[..]].concat()).unwrap();
    let output = folder.path().join("explained");
    let picture = picture.to_str().unwrap();
    let printed = success(&output, &["--model", model, "--image", picture, "--test", "6", "--json"]);
    let metrics: Value = serde_json::from_str(&printed).unwrap();
    assert!(metrics["test_accuracy"].is_number() && metrics["polygon_vs_circle_auc"].is_null());
    assert!(output.join("image-small picture.heatmap.png").is_file() && output.join("report.html").is_file());
    assert_eq!(fs::read(output.join("classifier.model")).unwrap(), fs::read(model).unwrap());
}

#[test]
fn what_can_not_be_done_is_said_before_anything_is_learned() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("output");

    let occupied = folder.path().join("a file");
    fs::write(&occupied, "not a folder").unwrap();
    let (code, message) = failure(&occupied, &SMALL);
    assert!(code == Some(1) && message.contains("can't write to the output folder"), "{message}");

    let (code, message) = failure(&output, &["--image", "no such picture.png"]);
    assert!(code == Some(1) && message.contains("no such picture.png"), "{message}");
    let text = folder.path().join("text.png");
    fs::write(&text, "no picture").unwrap();
    let (code, message) = failure(&output, &["--image", text.to_str().unwrap()]);
    assert!(code == Some(1) && message.contains("text.png"), "{message}");

    let (code, message) = failure(&output, &["--model", text.to_str().unwrap()]);
    assert!(code == Some(1) && message.contains("is no Bag-of-Words model"), "{message}");

    for (arguments, expected) in [
        (&["--mapping", "lasso"][..], "--kernel rbf"),
        (&["--pooling", "0.5"], "0.5"),
        (&["--root-candidates", "0"], "at least 1"),
        (&["--color-map", "sepia"], "jet"),
        (&["--model", "x", "--words", "64"], "--words"),
        (&["--scales", "-1"], "-1"),
    ] {
        let (code, message) = failure(&output, arguments);
        assert!(code == Some(2) && message.contains(expected), "{arguments:?}: {message}");
    }
}

#[test]
fn data_that_can_not_be_learned_from_ends_in_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, expected) in [
        (&["--train", "1"][..], "class"),
        (&["--train", "4", "--words", "100000"], "words"),
        (&["--train", "8", "--cost", "-3"], "cost"),
        (&["--train", "8", "--scales", "40"], "102"),
    ] {
        let (code, message) = failure(folder.path(), arguments);
        assert!(code == Some(1) && message.contains(expected), "{arguments:?}: {message}");
    }
    let tiny = folder.path().join("tiny.pgm");
    fs::write(&tiny, [b"P5 20 20 255\n", &[9; 400][..]].concat()).unwrap();
    let (code, message) = failure(folder.path(), &[&SMALL[..], &["--image", tiny.to_str().unwrap()]].concat());
    assert!(code == Some(1) && message.contains("tiny") && message.contains("20"), "{message}");
}

#[test]
fn the_help_teaches() {
    let folder = tempfile::tempdir().unwrap();
    let help = success(folder.path(), &["--help"]);
    for word in ["Examples:", "--rotation", "Fig. 6", "--root-candidates"] {
        assert!(help.contains(word), "{word}");
    }
}
