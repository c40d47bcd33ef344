"""The ways from a network of torch to a file."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn


@dataclass(frozen=True)
class Exporter:
    """An exporter at an operator set."""

    name: str
    write: Callable[[nn.Module, torch.Tensor, Path], None]


def _torchscript(opset: int) -> Callable[[nn.Module, torch.Tensor, Path], None]:
    def write(model: nn.Module, image: torch.Tensor, path: Path) -> None:
        # The fused attention of evaluation has no operator in ONNX.
        torch.backends.mha.set_fastpath_enabled(False)
        torch.onnx.export(
            model, (image,), str(path), opset_version=opset, dynamo=False, input_names=["image"], output_names=["scores"]
        )

    return write


def _dynamo(opset: int) -> Callable[[nn.Module, torch.Tensor, Path], None]:
    def write(model: nn.Module, image: torch.Tensor, path: Path) -> None:
        torch.onnx.export(
            model,
            (image,),
            str(path),
            opset_version=opset,
            dynamo=True,
            external_data=False,
            input_names=["image"],
            output_names=["scores"],
            verbose=False,
        )

    return write


EXPORTERS = [
    Exporter("torchscript 17", _torchscript(17)),
    Exporter("dynamo 18", _dynamo(18)),
    Exporter("dynamo 20", _dynamo(20)),
    Exporter("dynamo 23", _dynamo(23)),
]


def export(exporter: Exporter, model: nn.Module, image: torch.Tensor, path: Path) -> str | None:
    """Writes a network; returns what the exporter says where it can't."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exporter.write(model, image, path)
    except Exception as error:
        return _sentence(error)
    return None


def _sentence(error: BaseException) -> str:
    """The innermost reason, in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:300]
