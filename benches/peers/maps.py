"""Are the maps the same? pixelwise's beside those of a peer, in single and in double precision."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch

from networks import Network, export
from report import Agreement
from sides import Pixelwise, Zennit

# Relevance jumps where a unit is switched on: one whose sum is within rounding of zero is on in one program and off in
# the other, which changes the map by more than all rounding does. It does so in one image, hardly in three; a rule
# that is not the same shows in all of them.
IMAGES = 3


def compare(network: Network, program: Path, rows: list[str]) -> list[Agreement]:
    """Compares rows on one image, and those that differ there on others; of each row the nearest."""
    nearest = {}
    for image in range(1, IMAGES + 1):
        differing = [row for row in rows if row not in nearest or nearest[row].differs]
        for found in _compare_on(network, program, image, differing) if differing else []:
            known = nearest.get(found.row)
            if known is None or found.pixelwise < known.pixelwise:
                nearest[found.row] = found
    return [nearest[row] for row in rows]


def _compare_on(network: Network, program: Path, number: int, rows: list[str]) -> list[Agreement]:
    image = network.input(number)
    # zennit's canonizers leave tensors behind that no longer change their type with the model: one for each type.
    single, double = network.load(), network.load().double()
    # The scores are needed for the classes in any case.
    every = dict.fromkeys(("forward", *rows))
    exact = {row: _theirs(row, double, image.double()) for row in every}
    with tempfile.TemporaryDirectory() as folder:
        network_file, input_file = export(network.load(), image, Path(folder))
        with Pixelwise(program, network_file, input_file, Path(folder), threads=1) as pixelwise:
            for row in every:
                pixelwise.run(row)
            ours = {row: pixelwise.map(row) for row in every}
    if (ours["forward"].argmax(1) != exact["forward"].argmax(1)).any():
        raise RuntimeError(f"{network.name}: pixelwise predicts other classes than torch: no maps can be compared")
    return [
        Agreement(row, number, _difference(ours[row], exact[row]), _difference(_theirs(row, single, image), exact[row]))
        for row in rows
    ]


def _theirs(row: str, model: torch.nn.Module, image: torch.Tensor) -> np.ndarray:
    """Returns torch's scores or zennit's relevance."""
    if row == "forward":
        with torch.no_grad():
            return model(image).numpy()
    return Zennit(model, image).map(row)


def _difference(found: np.ndarray, expected: np.ndarray) -> float:
    """Returns the root mean square of the difference, in that of what is expected."""
    error = np.square(found.astype(np.float64) - expected).mean()
    return float(np.sqrt(error / np.square(expected).mean()))
