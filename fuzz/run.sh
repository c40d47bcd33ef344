#!/usr/bin/env bash
# Fuzzes each reader for SECONDS (60) by the runner, which any stable compiler builds; seeds are the files of the tests.
# Where cargo-fuzz and a nightly compiler are, `FUZZED=onnx cargo +nightly fuzz run --features libfuzzer reader -- -dict=fuzz/onnx.dict`
# looks deeper.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${SECONDS_EACH:-60}

cargo build --quiet --manifest-path fuzz/Cargo.toml --target-dir target --bin runner
fuzzed() { target/debug/runner "$1" "${@:2}" --seconds "$seconds"; }
fuzzed onnx tests/golden/neural tests/golden/modern tests/onnx_operators tests/cases
fuzzed toolbox tests/golden/neural tests/cases
fuzzed picture tests/cases crates/images/tests
fuzzed annotation tests/cases crates/datasets
fuzzed labels tests/cases
fuzzed preprocessing crates/images/tests tests/cases
fuzzed composite docs/guide tests/cases
fuzzed configuration tests/cases
fuzzed bag-of-words tests/cases
