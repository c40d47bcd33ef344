"""The ways from a network of torch to a file."""

from __future__ import annotations

import functools
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from catalog import Network

# The environment of Keras and tf2onnx, beside that of torch.
KERAS = Path(sys.prefix).with_name("keras")


# A network of torch, or what it is once torch has captured it.
Write = Callable[["Subject", Path], None]


class Subject:
    """A network and its image, to be exported several times."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.image = network.image()

    @functools.cached_property
    def model(self) -> nn.Module:
        """The network, which is built only if there is a file to write."""
        return self.network.load()

    @functools.cached_property
    def captured(self) -> torch.export.ExportedProgram:
        """What torch's default exporter makes of the network first, whatever the operator set."""
        return torch.export.export(self.model, (self.image,), strict=False)


@dataclass(frozen=True)
class Exporter:
    """An exporter at an operator set."""

    name: str
    write: Write


NAMES = {"input_names": ["image"], "output_names": ["scores"]}


def _torchscript(opset: int) -> Write:
    def write(subject: Subject, path: Path) -> None:
        # The fused attention of evaluation has no operator in ONNX.
        torch.backends.mha.set_fastpath_enabled(False)
        torch.onnx.export(subject.model, (subject.image,), str(path), opset_version=opset, dynamo=False, **NAMES)

    return write


def _dynamo(opset: int) -> Write:
    def write(subject: Subject, path: Path) -> None:
        options = {"external_data": False, "verbose": False} | NAMES
        torch.onnx.export(subject.captured, (), str(path), opset_version=opset, dynamo=True, **options)

    return write


def _tf2onnx(subject: Subject, path: Path) -> None:
    network, script = subject.network, Path(__file__).with_name("keras_networks.py")
    command = [KERAS / "bin" / "python", script, network.name, network.size, path]
    run = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise RuntimeError(run.stderr.strip().splitlines()[-1])


OF_TORCH = [
    Exporter("torchscript 17", _torchscript(17)),
    Exporter("dynamo 18", _dynamo(18)),
    Exporter("dynamo 20", _dynamo(20)),
    Exporter("dynamo 23", _dynamo(23)),
]
OF_KERAS = [Exporter("tf2onnx 17", _tf2onnx)]
EXPORTERS = OF_TORCH + OF_KERAS


def export(exporter: Exporter, subject: Subject, path: Path) -> str | None:
    """Writes a network; returns what the exporter says where it can't."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exporter.write(subject, path)
    except Exception as error:
        return _sentence(error)
    return None


def _sentence(error: BaseException) -> str:
    """The innermost reason, in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:300]
