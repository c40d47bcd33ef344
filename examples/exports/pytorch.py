"""Does what docs/guide/explain-your-own-model.md says of PyTorch, word by word, and asks pixelwise whether the network is the same.

    python examples/exports/pytorch.py [--program target/release/pixelwise]

It takes torch, onnx and onnxscript of today. The listing is read from the guide, so that the guide can't fall behind.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import tempfile
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs/guide/explain-your-own-model.md"


def listing() -> str:
    """The guide's first listing of Python behind the word PyTorch."""
    found = re.search(r"\*\*PyTorch\*\*.*?```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    if found is None:
        message = f"{GUIDE} has no listing for PyTorch"
        raise SystemExit(message)
    return found[1]


def network() -> torch.nn.Module:
    """A small network for images of any number, with what most have: normalization, a residual, pools."""

    class Residual(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = torch.nn.Sequential(
                torch.nn.Conv2d(8, 8, 3, padding=1), torch.nn.BatchNorm2d(8), torch.nn.ReLU(), torch.nn.Dropout(0.5)
            )

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.layers(x)

    torch.manual_seed(0)
    stem = (torch.nn.Conv2d(3, 8, 7, stride=4), torch.nn.ReLU(), torch.nn.MaxPool2d(2))
    head = (torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(8, 10))
    return torch.nn.Sequential(*stem, Residual(), *head)


def main() -> None:
    """Runs the listing and pixelwise."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=Path, default=ROOT / "target/release/pixelwise", help="pixelwise")
    program = parser.parse_args().program.resolve()
    code = compile(listing(), str(GUIDE), "exec")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        exec(code, {"model": network()})  # noqa: S102, the guide is our own
        subprocess.run([program, "run", "model.onnx", "x.npy", "--expect", "logits.npy"], check=True)
        subprocess.run([program, "explain", "model.onnx", "x.npy"], check=True)
        os.chdir(ROOT)
    print(f"torch {torch.__version__}: the guide's export is the same network")


if __name__ == "__main__":
    main()
