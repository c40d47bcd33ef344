//! The demo as a user runs it, on little data.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

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

/// Runs with these numbers of threads, and fails when any file differs; the files.
fn same_bytes(threads: &[&str], arguments: &[&str]) -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let mut runs = threads.iter().enumerate().map(|(run, threads)| {
        let output = folder.path().join(run.to_string());
        success(&output, &[arguments, &["--threads", threads]].concat());
        files(&output)
    });
    let first = runs.next().unwrap();
    for other in runs {
        assert!(first.keys().eq(other.keys()));
        for (name, bytes) in &first {
            assert!(other[name] == *bytes, "{name} differs: {arguments:?}");
        }
    }
    first
}

#[test]
fn one_thread_and_two_and_a_second_run_give_the_same_bytes() {
    let files = same_bytes(&["1", "2", "2"], &SMALL);
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
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
    let page = String::from_utf8(files["report.html"].clone()).unwrap();
    for setting in
        ["dense SIFT, scale 2, grid step 6", "rank, 16 words", "chi-squared, σ = ", "nearest 5 candidates", "2,3"]
    {
        assert!(page.contains(setting), "{setting}");
    }
}

#[test]
fn learned_kernel_weights_and_fisher_vectors_do_not_depend_on_threads_either() {
    same_bytes(&["1", "2"], &[&SMALL[..], &["--mkl", "learned"]].concat());
    let fisher = ["--mapping", "fisher", "--kernel", "rbf", "--normalization", "power-l2"];
    same_bytes(
        &["1", "2"],
        &[&["--train", "20", "--test", "8", "--words", "3", "--composites", "1"][..], &fisher].concat(),
    );
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

    // How root points are searched is a choice of explanation: a saved model takes it, and stays what it is.
    let other = folder.path().join("other search");
    let search = ["--root-candidates", "all", "--root-selection", "nearest"];
    success(&other, &[&["--model", model, "--image", picture, "--test", "6"][..], &search].concat());
    assert_eq!(fs::read(other.join("classifier.model")).unwrap(), fs::read(model).unwrap());
    let map = "image-small picture.relevance.npy";
    assert_ne!(fs::read(other.join(map)).unwrap(), fs::read(output.join(map)).unwrap());
    let page = fs::read_to_string(other.join("report.html")).unwrap();
    assert!(page.contains("all candidates of the opposite sign out of 24, nearest root"));

    let (code, message) = failure(&other, &["--model", model, "--tile", "20"]);
    assert!(code == Some(2) && message.contains("--tile 20") && message.contains("36"), "{message}");
    let (code, message) = failure(&other, &["--model", model, "--image", tiny(folder.path()).to_str().unwrap()]);
    assert!(code == Some(1) && message.contains("tiny") && message.contains("36"), "{message}");
}

/// A picture that is too small for the default descriptors.
fn tiny(folder: &Path) -> PathBuf {
    let path = folder.join("tiny.pgm");
    fs::write(&path, [b"P5 20 20 255\n", &[9; 400][..]].concat()).unwrap();
    path
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

    let (code, message) = failure(&output, &["--image", tiny(folder.path()).to_str().unwrap()]);
    assert!(code == Some(1) && message.contains("tiny") && message.contains("20×20"), "{message}");
    assert!(fs::read_dir(&output).unwrap().next().is_none());
}

#[test]
fn options_that_make_no_sense_are_misuse() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("output");
    for (arguments, expected) in [
        (&["--mapping", "lasso"][..], "--kernel rbf"),
        (&["--mapping", "lasso", "--kernel", "rbf", "--pooling", "1.5"], "--pooling 1.5"),
        (&["--pooling", "0.5"], "0.5"),
        (&["--root-candidates", "0"], "at least 1"),
        (&["--color-map", "sepia"], "jet"),
        (&["--model", "x", "--words", "64"], "--words"),
        (&["--model", "x", "--train", "7"], "--train"),
        (&["--scales", "-1"], "-1"),
        (&["--scales", "40"], "480"),
        (&["--grid", "0"], "at least 1"),
        (&["--grid", "300"], "151"),
        (&["--tile", "0"], "at least 1"),
        (&["--tile", "10"], "--tile 10"),
        (&["--step", "0"], "at least 1"),
        (&["--words", "0"], "--words needs at least 2"),
        (&["--words", "1"], "--words needs at least 2"),
        (&["--words", "0", "--mapping", "ridge", "--kernel", "linear"], "--words needs at least 1"),
        (&["--rank-nearest", "0"], "at least 1"),
        (&["--rank-nearest", "17", "--words", "16"], "--rank-nearest 17"),
        (&["--rank-base", "1"], "larger than 1"),
        (&["--rank-base", "NaN"], "larger than 1"),
        (&["--soft-beta", "-1"], "'-1' is no finite number larger than 0"),
        (&["--lambda", "0"], "larger than 0"),
        (&["--cost", "-3"], "'-3' is no finite number larger than 0"),
        (&["--train", "-3"], "-3"),
        (&["--threads", "0"], "1 to 1024"),
        (&["--threads", "5000"], "1 to 1024"),
    ] {
        let (code, message) = failure(&output, arguments);
        assert!(code == Some(2) && message.contains(expected), "{arguments:?}: {message}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_closed_standard_output_is_no_failure_and_a_full_one_is() {
    let folder = tempfile::tempdir().unwrap();
    let run = |stdout: Stdio| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bow-demo"));
        command.args(["--train", "20", "--test", "0", "--words", "6", "--composites", "0"]).stdout(stdout);
        command.arg("--output").arg(folder.path()).stderr(Stdio::piped()).output().unwrap()
    };
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    assert!(run(writer.into()).status.success());
    let full = run(fs::OpenOptions::new().write(true).open("/dev/full").unwrap().into());
    let message = String::from_utf8(full.stderr).unwrap();
    assert!(full.status.code() == Some(1) && message.contains("can't write to standard output"), "{message}");
}

#[test]
fn data_that_can_not_be_learned_from_ends_in_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, expected) in
        [(&["--train", "1"][..], "class"), (&["--train", "4", "--words", "100000"], "visual word")]
    {
        let (code, message) = failure(folder.path(), arguments);
        assert!(code == Some(1) && message.contains(expected), "{arguments:?}: {message}");
    }
}

#[test]
fn the_help_teaches() {
    let folder = tempfile::tempdir().unwrap();
    let help = success(folder.path(), &["--help"]);
    for word in ["Examples:", "--rotation", "Fig. 6", "--root-candidates", "[default: 2,3]"] {
        assert!(help.contains(word), "{word}");
    }
}
