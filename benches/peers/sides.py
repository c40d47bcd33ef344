"""The sides that take turns: each runs a row once and says how long that took."""

from __future__ import annotations

import copy
import json
import subprocess
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from captum.attr import LRP
from torch import nn

import rules


@dataclass(frozen=True)
class Time:
    """Milliseconds of one run, on the clock and of processor time."""

    wall: float
    processor: float


def timed(run: Callable[[], object]) -> Time:
    """Runs something once in this process."""
    wall, processor = time.perf_counter(), time.process_time()
    run()
    return Time(wall=(time.perf_counter() - wall) * 1e3, processor=(time.process_time() - processor) * 1e3)


class Pixelwise:
    """pixelwise, in a process of its own that runs a row whenever it is asked to."""

    def __init__(self, program: Path, network_file: Path, input_file: Path, maps: Path, threads: int):
        self.maps = maps
        command = [program, network_file, input_file, "--on-request", "--maps", maps, "--threads", str(threads)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Pixelwise:
        return self

    def __exit__(self, *_failure) -> None:
        self.process.stdin.close()
        self.process.wait()

    def _ask(self, row: str) -> dict:
        self.process.stdin.write(f"{row}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"pixelwise ended at the row {row!r}, with exit code {self.process.wait()}")
        return json.loads(answer)

    def run(self, row: str) -> Time:
        """Runs a row."""
        answer = self._ask(row)
        return Time(wall=answer["wall_ms"], processor=answer["processor_ms"])

    def peak(self, clock: str) -> float:
        """Returns the multiply-adds a millisecond of a loop in registers."""
        answer = self._ask("peak")
        return answer["multiply_adds"] / answer[f"{clock}_ms"]

    def map(self, row: str) -> np.ndarray:
        """Returns what a row gave when it was first run: scores or relevance."""
        return np.load(self.maps / f"{row}.npy")


class OnnxRuntime:
    """ONNX Runtime's forward pass."""

    def __init__(self, network_file: Path, image: torch.Tensor, threads: int):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Its threads wait in a loop for more work, which would take the processor from whose turn is next.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        self.session = onnxruntime.InferenceSession(str(network_file), options, providers=["CPUExecutionProvider"])
        self.inputs = {"input": image.numpy()}

    def run(self, _row: str) -> Time:
        """Runs the forward pass."""
        return timed(lambda: self.session.run(None, self.inputs))


class Torch:
    """torch's forward pass."""

    def __init__(self, model: nn.Module, image: torch.Tensor):
        self.model, self.image = model, image

    def run(self, _row: str) -> Time:
        """Runs the forward pass."""
        with torch.no_grad():
            return timed(lambda: self.model(self.image))


class Zennit:
    """zennit's explanations; what it does once for many of them is not timed."""

    def __init__(self, model: nn.Module, image: torch.Tensor):
        self.model, self.image = model, image

    def run(self, row: str) -> Time:
        """Explains the predicted classes."""
        with rules.prepared(row, self.model) as model:
            return timed(lambda: rules.relevance(model, self.image))

    def map(self, row: str) -> np.ndarray:
        """Returns the relevance of the input."""
        with rules.prepared(row, self.model) as model:
            return rules.relevance(model, self.image).detach().numpy()


class Captum:
    """Captum's explanations by its ε-rule, for networks that it knows."""

    def __init__(self, model: nn.Module, image: torch.Tensor):
        self.method, self.image = LRP(copy.deepcopy(model)), image
        with torch.no_grad():
            self.classes = model(image).argmax(1)

    def knows(self) -> bool:
        """Tries it: whether it has rules for all layers, and takes them in the order that they have."""
        try:
            self._explain()
        except (TypeError, RuntimeError, AssertionError, KeyError, AttributeError):
            return False
        return True

    def run(self, _row: str) -> Time:
        """Explains the predicted classes."""
        return timed(self._explain)

    def _explain(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.method.attribute(self.image.clone(), target=self.classes)
