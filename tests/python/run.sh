#!/usr/bin/env bash
# Builds the wheel, makes an environment for it, and runs the tests of the Python package.
#
#   tests/python/run.sh [pytest's options]
#
#   PYTHON                another python3 than the one in PATH, 3.10 or newer
#   PIXELWISE_PROFILE     cargo's profile of the wheel: dev (default; what `cargo test` has built is taken), or release
#   PIXELWISE_PICTURES    how many pictures Ray and Dask explain (2000)
#
# What is installed from PyPI stays in target/python-venv. torch comes in its build for processors alone, where the index
# of these can be reached, or from the environment of benches/peers, if that was made; else what needs it is skipped.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}
venv=$target/python-venv
profile=${PIXELWISE_PROFILE:-dev}

[[ -x $venv/bin/python ]] || "${PYTHON:-python3}" -m venv "$venv"
python=$venv/bin/python
if ! cmp -s tests/python/requirements.txt "$venv/installed.txt"; then
    "$python" -m pip install --quiet --disable-pip-version-check --requirement tests/python/requirements.txt
    # It asks for OpenCV with windows, of which a part without them is enough.
    "$python" -m pip install --quiet --disable-pip-version-check --no-deps quantus==0.6.0
    cp tests/python/requirements.txt "$venv/installed.txt"
fi
if ! "$python" -c "import torch, torchvision" 2>/dev/null; then
    site=$("$python" -c "import sysconfig; print(sysconfig.get_path('purelib'))")
    peers=$(echo "$target"/peers/venv/lib/"$(basename "$(dirname "$site")")"/site-packages)
    if [[ -d $peers/torch ]]; then
        realpath "$peers" >"$site/peers.pth"
    else
        timeout 600 "$python" -m pip install --quiet --disable-pip-version-check --retries 0 \
            --index-url https://download.pytorch.org/whl/cpu torch torchvision ||
            echo "torch for processors alone can't be reached: what needs it is skipped"
    fi
    "$python" -c "import torch" 2>/dev/null &&
        "$python" -m pip install --quiet --disable-pip-version-check --no-deps zennit
fi

rm -f "$target"/wheels/pixelwise-*.whl
"$python" -m maturin build --quiet --profile "$profile" --out "$target/wheels" --target-dir "$target" --interpreter "$python"
"$python" -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall "$target"/wheels/pixelwise-*.whl
if [[ -z ${PIXELWISE:-} ]]; then
    cargo build --quiet --package pixelwise-cli
    export PIXELWISE=$PWD/$target/debug/pixelwise
fi
exec "$python" -m pytest tests/python "$@"
