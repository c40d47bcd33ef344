#!/usr/bin/env bash
# Times pixelwise beside ONNX Runtime, zennit and Captum, on the same networks, in turns, and checks that the maps are
# the same. docs/performance.md says how to read what it prints.
#
#   benches/peers/run.sh [--models vgg16,mlp] [--repeats N] [--threads N] [--out FILE]
#
#   --models   vgg16, resnet50, mobilenet_v2, efficientnet_b0, squeezenet, alexnet, mlp, mlp16, vit_b_16, convnext_tiny
#              (all of them)
#   --repeats  how often all sides take their turn (5)
#   --threads  threads of each side (1)
#   --out      a file that the report is written to as well
#
# It takes cargo, and a python3 with venv, 3.11 or newer, from 3.12 on with zennit 1.0 (PYTHON=python3.13 takes another
# one than python3). What it needs of Python's packages is installed into target/peers once, with all that torch brings
# some gigabytes; pip's own settings hold, so that an index of torch's builds for processors alone makes it less.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

if [[ " $* " == *" --help "* || " $* " == *" -h "* ]]; then
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$here/run.sh"
    exit
fi

target=${CARGO_TARGET_DIR:-$here/../../target}
venv=$target/peers/venv
if ! cmp -s "$here/requirements.txt" "$venv/installed.txt"; then
    [[ -x $venv/bin/python ]] || "${PYTHON:-python3}" -m venv "$venv"
    "$venv/bin/pip" install --quiet --requirement "$here/requirements.txt"
    cp "$here/requirements.txt" "$venv/installed.txt"
fi
cargo build --quiet --release --manifest-path "$here/../../Cargo.toml" --package pixelwise-cli --example time_networks
export PYTHONDONTWRITEBYTECODE=1
exec "$venv/bin/python" "$here/compare.py" --program "$target/release/examples/time_networks" "$@"
