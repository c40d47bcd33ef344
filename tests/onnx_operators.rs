//! The operator tests of the ONNX project, run by the networks of `neural-lrp` as `model-files` reads them.
//!
//! Walks `tests/onnx_operators/index.json`. The outcome is the table of `docs/operators.md`, and a test keeps it true;
//! `PIXELWISE_UPDATE=1 cargo test --test onnx_operators` writes it anew.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use model_files::InputShapes;
use ndarray::{ArrayD, ArrayViewD, Dimension};
use ndarray_npy::ReadNpyExt;
use serde::Deserialize;

#[derive(Deserialize)]
struct Index {
    from: String,
    relative_tolerance: f32,
    absolute_tolerance: f32,
    operators_without_a_test: Vec<String>,
    tests: Vec<OperatorTest>,
    left_out: Vec<LeftOut>,
}

#[derive(Deserialize)]
struct OperatorTest {
    name: String,
    operator: String,
    /// Whether the operator itself does not stand in the test, but others that make the same.
    #[serde(default)]
    written_out: bool,
    inputs: Vec<StoredArray>,
    outputs: Vec<StoredArray>,
}

#[derive(Deserialize)]
struct StoredArray {
    name: String,
    file: PathBuf,
}

#[derive(Deserialize)]
struct LeftOut {
    operator: String,
    reason: String,
}

/// What became of the tests: of all of each operator, and of those that fail what went wrong.
struct Outcome {
    index: Index,
    operators: BTreeMap<String, Count>,
    /// The tests that write an operator out in simpler ones.
    written_out: BTreeMap<String, Count>,
    failures: Vec<String>,
}

#[derive(Default)]
struct Count {
    passed: usize,
    total: usize,
}

static OUTCOME: LazyLock<Outcome> = LazyLock::new(|| {
    let text = fs::read_to_string(folder().join("index.json")).unwrap();
    let index: Index = serde_json::from_str(&text).unwrap();
    let (mut operators, mut written_out): (BTreeMap<String, Count>, BTreeMap<String, Count>) = Default::default();
    let mut failures = Vec::new();
    for test in &index.tests {
        // A test that panics is one failure among others, not the end of the walk.
        let result = catch_unwind(AssertUnwindSafe(|| run(test, &index))).unwrap_or_else(|_| Err("it panics".into()));
        let counts = if test.written_out { &mut written_out } else { &mut operators };
        let count = counts.entry(test.operator.clone()).or_default();
        count.total += 1;
        match result {
            Ok(()) => count.passed += 1,
            Err(what) => failures.push(format!("{}: {what}", test.name)),
        }
    }
    Outcome { index, operators, written_out, failures }
});

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx_operators")
}

fn read_array(stored: &StoredArray) -> Result<ArrayD<f32>, String> {
    let file = fs::File::open(folder().join(&stored.file)).map_err(|error| error.to_string())?;
    ArrayD::read_npy(file).map_err(|error| format!("{}: {error}", stored.file.display()))
}

fn run(test: &OperatorTest, index: &Index) -> Result<(), String> {
    let model =
        model_files::read::<f32>(folder().join(&test.name).join("model.onnx")).map_err(|error| error.to_string())?;
    let arrays = test.inputs.iter().map(read_array).collect::<Result<Vec<_>, String>>()?;
    let shapes = test
        .inputs
        .iter()
        .zip(&arrays)
        .fold(InputShapes::new(), |shapes, (input, array)| shapes.with(&input.name, array.shape()));
    let network = model.network(&shapes).map_err(|error| error.to_string())?;
    let activations = network.forward(arrays).map_err(|error| error.to_string())?;
    for stored in &test.outputs {
        let tensor = network.find(&stored.name).map_err(|error| error.to_string())?;
        compare(&activations.value(tensor), &read_array(stored)?, index)
            .map_err(|what| format!("output {:?}: {what}", stored.name))?;
    }
    Ok(())
}

fn compare(found: &ArrayViewD<'_, f32>, expected: &ArrayD<f32>, index: &Index) -> Result<(), String> {
    if found.shape() != expected.shape() {
        return Err(format!("shape {:?} instead of {:?}", found.shape(), expected.shape()));
    }
    let fits = |found: f32, expected: f32| {
        found == expected
            || (found - expected).abs() <= index.absolute_tolerance + index.relative_tolerance * expected.abs()
    };
    match found.indexed_iter().zip(expected).find(|((_, found), expected)| !fits(**found, **expected)) {
        None => Ok(()),
        Some(((place, found), expected)) => Err(format!("{found} instead of {expected} at {:?}", place.slice())),
    }
}

/// The page `docs/operators.md`.
fn page(outcome: &Outcome) -> String {
    let mut rows = passed(&outcome.operators);
    rows.extend(outcome.index.operators_without_a_test.iter().map(|operator| (operator.as_str(), "none".to_owned())));

    let mut reasons: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for left_out in &outcome.index.left_out {
        *reasons.entry(&left_out.reason).or_default().entry(&left_out.operator).or_default() += 1;
    }
    let reasons: Vec<String> = reasons
        .iter()
        .map(|(reason, operators)| {
            let operators: Vec<String> =
                operators.iter().map(|(operator, count)| format!("{operator} ({count})")).collect();
            format!("| {reason} | {} |\n", operators.join(", "))
        })
        .collect();

    let Count { passed: all_passed, total } = total(&outcome.operators);
    format!(
        "# Operators\n\n\
         The operators of ONNX that pixelwise runs and explains, and how many of the ONNX project's own tests of them\n\
         pass: {all_passed} of {total}. The tests are those of {from}, as far as their data\n\
         are floating-point numbers, or truth values and integers where an operator is about these;\n\
         [tests/onnx_operators](../tests/onnx_operators/README.md) tells how they are made. Where an operator takes two\n\
         tensors, each of its tests counts twice: with two tensors, and with a constant; and where it gives positions too,\n\
         these are a test of their own. Each of them runs the operator itself.\n\n\
         This page is written by `PIXELWISE_UPDATE=1 cargo test --test onnx_operators`; a test keeps it true.\n\n\
         | Operator | Tests passed |\n| --- | --- |\n{rows}\n\
         ## Of other domains\n\nOperators of onnxruntime and scikit-learn are read as those of ONNX that they stand for, and Loop and Scan as\n\
         their rounds, where the number of these follows from the shapes of the inputs; how\n\
         many single nodes and models of [tests/by_onnxruntime](../tests/by_onnxruntime/make.py) run as onnxruntime runs them.\n\n\
         | Operator | Tests |\n| --- | --- |\n{foreign}\n\
         ## Written out\n\nTests of the same operators in simpler ones, as some exporters write them.\n\n\
         | Operator | Tests passed |\n| --- | --- |\n{written_out}\n\
         ## Left out\n\n| Why | Tests of |\n| --- | --- |\n{reasons}",
        from = outcome.index.from,
        rows = table(rows),
        foreign = foreign(),
        written_out = table(passed(&outcome.written_out)),
        reasons = reasons.concat(),
    )
}

/// How many tests of each operator pass, `"3/4"`.
fn passed(counts: &BTreeMap<String, Count>) -> BTreeMap<&str, String> {
    counts.iter().map(|(operator, count)| (operator.as_str(), format!("{}/{}", count.passed, count.total))).collect()
}

fn table(rows: BTreeMap<&str, String>) -> String {
    rows.iter().map(|(operator, count)| format!("| {operator} | {count} |\n")).collect()
}

/// The operators of other domains that are tested in `tests/by_onnxruntime`, all of whose tests pass there.
fn foreign() -> String {
    #[derive(Deserialize)]
    struct ByOnnxruntime {
        operators: Vec<Foreign>,
    }
    #[derive(Deserialize)]
    struct Foreign {
        operator: String,
    }
    let is_of_rounds = |foreign: &&Foreign| matches!(foreign.operator.as_str(), "Loop" | "Scan");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/by_onnxruntime/index.json");
    let index: ByOnnxruntime = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for foreign in index.operators.iter().filter(|foreign| foreign.operator.contains(':') || is_of_rounds(foreign)) {
        *counts.entry(&foreign.operator).or_default() += 1;
    }
    counts.iter().map(|(operator, count)| format!("| {operator} | {count} |\n")).collect()
}

fn total(counts: &BTreeMap<String, Count>) -> Count {
    counts.values().fold(Count::default(), |sum, count| Count {
        passed: sum.passed + count.passed,
        total: sum.total + count.total,
    })
}

#[test]
fn every_operator_test_passes() {
    // Written past the test harness, which would show it for failures only.
    let mut stderr = std::io::stderr();
    for (operator, Count { passed, total }) in OUTCOME.operators.iter().chain(&OUTCOME.written_out) {
        let _ = writeln!(stderr, "{operator}: {passed}/{total}");
    }
    let [Count { passed, total }, written_out] = [&OUTCOME.operators, &OUTCOME.written_out].map(total);
    let (passed, total) = (passed + written_out.passed, total + written_out.total);
    let _ = writeln!(stderr, "{passed} of {total} operator tests pass");
    assert!(OUTCOME.failures.is_empty(), "\n{}", OUTCOME.failures.join("\n"));
}

#[test]
fn the_page_of_operators_is_true() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operators.md");
    let page = page(&OUTCOME);
    if std::env::var_os("PIXELWISE_UPDATE").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/operators.md is not what the tests say: run PIXELWISE_UPDATE=1 cargo test --test onnx_operators"
    );
}
