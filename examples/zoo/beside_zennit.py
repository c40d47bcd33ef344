#!/usr/bin/env python3
"""Explains six convolutional networks of torchvision by zennit and by pixelwise, in double precision.

It needs torch, torchvision, onnx and zennit 1.0. Weights are random, and so are the statistics of batch normalizations.

    examples/zoo/beside_zennit.py --program target/release/pixelwise

Each line is a network, a composite, and the largest difference of both maps in shares of the largest relevance. Exits
with 1 where it is larger than 1e-5.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
import torchvision
from torch import nn
from zennit.attribution import Gradient
from zennit.composites import EpsilonAlpha2Beta1, EpsilonPlusFlat
from zennit.torchvision import ResNetCanonizer, VGGCanonizer

TOLERANCE = 1e-5
# By network: the side of its image, and what makes modules of all that zennit should see.
NETWORKS = {
    "alexnet": (224, VGGCanonizer),
    "vgg11": (224, VGGCanonizer),
    "vgg11_bn": (224, VGGCanonizer),
    "squeezenet1_1": (64, VGGCanonizer),
    "resnet18": (64, ResNetCanonizer),
    "resnet50": (64, ResNetCanonizer),
}
COMPOSITES = {"epsilon-plus-flat": EpsilonPlusFlat, "epsilon-alpha2-beta1": EpsilonAlpha2Beta1}


def main() -> None:
    """Compares all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, required=True, help="pixelwise")
    parser.add_argument("--networks", nargs="*", default=list(NETWORKS), choices=list(NETWORKS))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    worst = 0.0
    for name in arguments.networks:
        size, canonizer = NETWORKS[name]
        torch.manual_seed(len(name))
        image = torch.randn(1, 3, size, size, dtype=torch.float64)
        with tempfile.TemporaryDirectory() as folder:
            for composite, theirs in COMPOSITES.items():
                model = _model(name)
                found = _by_pixelwise(arguments.program, model, image, composite, Path(folder))
                expected = _by_zennit(model, image, theirs(canonizers=[canonizer()]))
                difference = np.abs(found - expected).max() / np.abs(expected).max()
                print(f"{name:14} {composite:22} {difference:.1e}", flush=True)
                worst = max(worst, difference)
    sys.exit(int(worst > TOLERANCE))


def _model(name: str) -> nn.Module:
    torch.manual_seed(1)
    model = torchvision.models.get_model(name, weights=None).double().eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
        if hasattr(module, "inplace"):
            module.inplace = False
    return model


def _by_zennit(model: nn.Module, image: torch.Tensor, composite: object) -> np.ndarray:
    def score(output: torch.Tensor) -> torch.Tensor:
        best = nn.functional.one_hot(output.argmax(1), output.shape[1])
        return output.detach() * best

    with Gradient(model, composite) as attributor:
        return attributor(image, score)[1].numpy()


def _by_pixelwise(program: Path, model: nn.Module, image: torch.Tensor, composite: str, folder: Path) -> np.ndarray:
    network, image_file, relevance = folder / "network.onnx", folder / "image.npy", folder / "relevance.npy"
    torch.onnx.export(model, (image,), str(network), opset_version=17, dynamo=False, do_constant_folding=False)
    np.save(image_file, image.numpy())
    command = [program, "explain", network, image_file, "--composite", composite, "--dtype", "f64"]
    command += ["--relevance", relevance, "--output", folder / "maps"]
    subprocess.run([str(part) for part in command], check=True, capture_output=True)
    return np.load(relevance)


if __name__ == "__main__":
    main()
