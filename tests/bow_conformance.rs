//! Conformance of the Bag-of-Words half with reference vectors made by independent implementations.
//!
//! Walks `tests/golden/bow`, or `$PIXELWISE_GOLDEN/bow`, and runs every case by its kind and parameters. Each output
//! array is held to its own tolerance; an unknown kind, or an output that was not compared, is a failure.

mod conformance;

#[path = "bow_conformance/encodings.rs"]
mod encodings;
#[path = "bow_conformance/kernels.rs"]
mod expansions;
#[path = "bow_conformance/pipelines.rs"]
mod pipelines;
#[path = "bow_conformance/sources.rs"]
mod sources;
#[path = "bow_conformance/training.rs"]
mod training;

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use conformance::{Case, cases, golden_folder};

fn run(case: &Case) {
    match case.kind.as_str() {
        "encoding" => encodings::encoding(case),
        "r2" => encodings::local_feature_relevance(case),
        "kernel_svm" => training::support_vector_machine(case),
        "mkl_fixed" => training::fixed_kernel_weights(case),
        "mkl_lp" => training::learned_kernel_weights(case),
        "r3_sum" => expansions::sum_decomposition(case),
        "r3_taylor" => expansions::taylor_decomposition(case),
        "root_search" => expansions::root_search(case),
        "r1" => pipelines::pixel_relevance(case),
        "tile_average" => pipelines::tile_average(case),
        "e2e" => pipelines::end_to_end(case),
        "dataset" => sources::dataset(case),
        "descriptor" => sources::descriptor(case),
        unknown => case.require(&format!("that the kind '{unknown}' is known"), false),
    }
}

#[test]
fn every_golden_case_is_met() {
    let folder = golden_folder("bow");
    let cases = cases(&folder);
    let mut compared = 0;
    let mut failures = Vec::new();
    for case in &cases {
        // A case that can't be read or run is one failure among others, not the end of the walk.
        if catch_unwind(AssertUnwindSafe(|| run(case))).is_err() {
            case.require("that the case can be run", false);
        }
        let (arrays, wrong) = case.verdict();
        compared += arrays;
        failures.extend(wrong.into_iter().map(|what| format!("{} ({}): {what}", case.name, case.kind)));
    }
    // Written past the test harness, which would show it for failures only.
    let _ = writeln!(
        std::io::stderr(),
        "{}: {} cases, {compared} arrays compared, {} without a single right value, {} failures",
        folder.display(),
        cases.len(),
        cases.iter().map(Case::left_out).sum::<usize>(),
        failures.len()
    );
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}
