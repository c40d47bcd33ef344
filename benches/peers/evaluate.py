"""Times `pixelwise evaluate` beside Quantus: the same network, photos, maps and settings, in one run.

    python benches/peers/evaluate.py --program target/release/pixelwise --photos FOLDER [--threads N] [--out FILE]

It takes torch, torchvision, onnxscript, Pillow and quantus. ResNet18 (random weights, from torchvision) is explained in the
four ways that `pixelwise evaluate` has by default; both sides flip pixels in the order of these maps, a hundredth of them at each
step, and watch the softmax function of the scores. The curves are compared, too.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import quantus
import torch
import torchvision
from PIL import Image

WAYS = {
    "alpha-beta=2": ["--rule", "alpha-beta=2"],
    "epsilon-plus-flat": ["--composite", "epsilon-plus-flat"],
    "input-x-gradient": ["--method", "input-x-gradient"],
    "gradient": ["--method", "gradient"],
}
# One percent of the 50,176 pixels, as far as whole steps go: 98 of them.
PIXELS_A_STEP = 512
# Quantus flips the numbers of three channels one by one, and takes divisors of 50,176: 96 steps are as near as it comes.
NUMBERS_A_STEP = 1568


def arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=Path, required=True, help="pixelwise")
    parser.add_argument("--photos", type=Path, required=True, help="a folder of photos")
    parser.add_argument("--threads", type=int, default=2, help="threads of each side (2)")
    parser.add_argument("--out", type=Path, help="a file that the report is written to as well")
    return parser.parse_args()


def prepare(photos: Path, folder: Path) -> tuple[torch.nn.Module, torch.Tensor, np.ndarray]:
    """Exports the network, and writes its inputs and the predicted classes."""
    torch.manual_seed(0)
    model = torchvision.models.resnet18(weights=None).eval()
    transform = torchvision.models.ResNet18_Weights.DEFAULT.transforms()
    x = torch.stack([transform(Image.open(photo).convert("RGB")) for photo in sorted(photos.iterdir())])
    batch = torch.export.Dim("batch")
    torch.onnx.export(model, (x[:2],), folder / "model.onnx", dynamic_shapes=({0: batch},), external_data=False)
    with torch.no_grad():
        classes = model(x).argmax(1).numpy()
    np.save(folder / "x.npy", x.numpy())
    (folder / "classes.txt").write_text("".join(f"{label}\n" for label in classes))
    return model, x, classes


def pixelwise(program: Path, threads: int, *words: str | Path) -> tuple[float, str]:
    """Runs pixelwise; its seconds, and what it prints."""
    start = time.perf_counter()
    run = subprocess.run([program, *words, "--threads", str(threads)], check=True, capture_output=True, text=True)
    return time.perf_counter() - start, run.stdout + run.stderr


def curves_of(path: Path) -> dict[str, np.ndarray]:
    """The mean curves of a measure, by rule."""
    curves: dict[str, list[float]] = {}
    with path.open() as lines:
        for row in csv.DictReader(lines):
            curves.setdefault(row["rule"], []).append(float(row["mean"]))
    return {rule: np.array(curve) for rule, curve in curves.items()}


def main() -> None:
    """Runs both sides and prints a report."""
    given = arguments()
    torch.set_num_threads(given.threads)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, x, classes = prepare(given.photos, folder)
        subject = [folder / "model.onnx", folder / "x.npy", "--truth", folder / "classes.txt"]

        defaults, said = pixelwise(given.program, given.threads, "evaluate", *subject, "--output", folder / "defaults")
        measure = f"pixel-flipping=features-in-step:{PIXELS_A_STEP},output:softmax"
        ways = [word for way in WAYS for word in ("--rule", way)]
        command = ["evaluate", *subject, "--measure", measure, *ways, "--output", folder / "same"]
        ours, _ = pixelwise(given.program, given.threads, *command)
        (curve_file,) = (folder / "same").glob("pixel-flipping*.csv")
        our_curves = curves_of(curve_file)
        rules = json.loads((folder / "same/evaluation.json").read_text())["rules"]

        maps = {}
        for place, (way, options) in enumerate(WAYS.items()):
            array = folder / f"{place}.npy"
            explained = ["explain", folder / "model.onnx", folder / "x.npy", *options, "--relevance", array]
            pixelwise(given.program, given.threads, *explained, "--output", folder / f"maps-{place}")
            maps[way] = np.load(array).sum(axis=1, keepdims=True)

        forward = 0
        handle = model.register_forward_hook(lambda _module, inputs, _output: add(inputs[0].shape[0]))

        def add(samples: int) -> None:
            nonlocal forward
            forward += samples

        theirs, largest = 0.0, 0.0
        for way, relevance in maps.items():
            flipping = quantus.PixelFlipping(
                features_in_step=NUMBERS_A_STEP,
                perturb_baseline="black",
                abs=False,
                normalise=False,
                disable_warnings=True,
                display_progressbar=False,
            )
            start = time.perf_counter()
            scores = flipping(
                model=model,
                x_batch=x.numpy(),
                y_batch=classes,
                a_batch=relevance,
                softmax=True,
                channel_first=True,
                batch_size=len(x),
            )
            theirs += time.perf_counter() - start
            mean = np.mean(np.array(scores), axis=0)
            largest = max(largest, abs(float(mean.mean() - our_curves[way].mean())))
        handle.remove()

    steps = 50_176 // PIXELS_A_STEP + 1
    passes = steps * len(x) * len(rules)
    cost = next((line for line in said.splitlines() if "forward passes" in line), "")
    lines = [
        f"ResNet18, {len(x)} photos, 4 ways, {given.threads} threads each; torch {torch.__version__}, quantus {quantus.__version__}",
        f"pixelwise evaluate with its defaults: {defaults:.1f} s; it said before: {cost}",
        f"pixel flipping, {PIXELS_A_STEP} pixels a step:",
        f"  pixelwise  {ours:7.1f} s  {passes:6} forward passes, {1000 * ours / passes:6.1f} ms each (with the explanations)",
        f"  Quantus    {theirs:7.1f} s  {forward:6} forward passes, {1000 * theirs / forward:6.1f} ms each (maps given)",
        f"  Quantus takes {theirs / ours:.2f} times as long; the mean heights of the curves differ by {largest:.1e} at most",
    ]
    report = "\n".join(lines) + "\n"
    sys.stdout.write(report)
    if given.out:
        given.out.write_text(report)


if __name__ == "__main__":
    main()
