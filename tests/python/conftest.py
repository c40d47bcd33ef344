"""What the tests share: golden networks and the command line's program."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

import pixelwise as pw

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/golden/neural"

# Doctests name files by their place in the repository.
os.chdir(ROOT)


def golden(name):
    """A golden network's file and its input."""
    return GOLDEN / name / "model.onnx", np.load(GOLDEN / name / "input.npy")


@pytest.fixture(scope="session")
def lenet():
    path, x = golden("lenet5")
    return pw.load(path), x


@pytest.fixture(scope="session")
def lenet64():
    path, x = golden("lenet5")
    return pw.load(path, dtype="float64"), x.astype(np.float64)


@pytest.fixture(scope="session")
def program():
    """The command line's program, as it was built last."""
    found = os.environ.get("PIXELWISE") or shutil.which("pixelwise", path=str(ROOT / "target/debug"))
    if found is None:
        pytest.skip("there is no program pixelwise: cargo build -p pixelwise-cli")
    return found
