"""What pixelwise makes of a file, beside onnxruntime."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch

from catalog import Network
from exporters import OF_KERAS, OF_TORCH, Subject, export

# How far scores may be from onnxruntime's, in shares of the largest.
TOLERANCE = 1e-4


@dataclass
class Result:
    """What became of one network by one exporter."""

    exporter: str
    # Why the exporter did not write a file, or onnxruntime does not run it.
    not_written: str | None = None
    operators: list[str] = field(default_factory=list)
    # What pixelwise says where it does not run or explain the file.
    refused: str | None = None
    # The largest difference of scores from onnxruntime's, in shares of the largest score.
    difference: float | None = None
    composite: str | None = None
    # The share of the score that arrives at the pixels.
    share: float | None = None
    exploded: bool = False
    half_and_half: list[str] = field(default_factory=list)
    # The cosine to the map of the first exporter's file.
    cosine: float | None = None
    # Seconds of reading, running and explaining.
    seconds: float | None = None

    @property
    def agrees(self) -> bool:
        """Whether the scores are those of onnxruntime."""
        return self.difference is not None and self.difference <= TOLERANCE


class Pixelwise:
    """The program."""

    def __init__(self, program: Path) -> None:
        self.program = program

    def __call__(self, *arguments: object) -> subprocess.CompletedProcess:
        command = [str(self.program), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)


def measure(network: Network, pixelwise: Pixelwise, exporters: list[str], keep: Path | None) -> list[dict]:
    """Exports a network in each way and returns what becomes of the files."""
    subject = Subject(network)
    results, first = [], None
    for exporter in OF_KERAS if network.library == "keras" else OF_TORCH:
        if exporter.name not in exporters:
            continue
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            if keep:
                folder = keep / network.key.replace(":", "-") / exporter.name.replace(" ", "")
                folder.mkdir(parents=True, exist_ok=True)
            result = Result(exporter.name)
            path = folder / "network.onnx"
            if not path.is_file():
                result.not_written = export(exporter, subject, path)
            if result.not_written is None:
                relevance = _examine(result, path, subject.image, pixelwise, folder)
                first = relevance if first is None else first
                if relevance is not None:
                    result.cosine = _cosine(first, relevance)
            results.append(asdict(result))
    return results


def _examine(
    result: Result, path: Path, image: torch.Tensor, pixelwise: Pixelwise, folder: Path
) -> np.ndarray | None:
    """Runs, inspects and explains a file; returns the map."""
    import onnx

    result.operators = sorted({node.op_type for node in onnx.load(path, load_external_data=False).graph.node})
    image_file, scores_file = folder / "image.npy", folder / "scores.npy"
    np.save(image_file, image.numpy())
    try:
        np.save(scores_file, _scores(path, image))
    except Exception as error:
        result.not_written = f"onnxruntime does not run it: {error}"[:300]
        return None
    run = pixelwise("run", path, image_file, "--expect", scores_file, "--json")
    if not run.stdout.strip():
        result.refused = _message(run)
        return None
    result.difference = _difference(json.loads(run.stdout))
    inspected = pixelwise("inspect", path, "--json")
    if inspected.returncode != 0:
        result.refused = _message(inspected)
        return None
    description = json.loads(inspected.stdout)
    result.composite, result.half_and_half = description["composite"], description["shared_half_and_half"]
    return _explain(result, path, image_file, pixelwise, folder)


def _explain(result: Result, path: Path, image_file: Path, pixelwise: Pixelwise, folder: Path) -> np.ndarray | None:
    map_file = folder / "relevance.npy"
    start = time.perf_counter()
    run = pixelwise("explain", path, image_file, "--json", "--output", folder / "maps", "--relevance", map_file)
    result.seconds = time.perf_counter() - start
    if run.returncode != 0:
        result.refused = _message(run)
        return None
    target = json.loads(run.stdout)["inputs"][0]["targets"][0]
    relevance = np.load(map_file).astype(np.float64)
    result.share = float(relevance.sum() / target["class"]["score"])
    result.exploded = target["findings"]["exploded"]
    return relevance


def _scores(path: Path, image: torch.Tensor) -> np.ndarray:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: image.numpy()})[0]


def _difference(answer: dict) -> float:
    compared = answer["expected"][0]
    return compared["relative"]


def _cosine(first: np.ndarray, second: np.ndarray) -> float:
    norms = np.linalg.norm(first) * np.linalg.norm(second)
    return float((first * second).sum() / norms) if norms > 0 else float("nan")


def _message(run: subprocess.CompletedProcess) -> str:
    return " ".join(run.stderr.split())[:1500]
