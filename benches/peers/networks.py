"""The networks that are compared: torchvision's and a perceptron, with seeded random weights."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

PHOTO = (1, 3, 224, 224)


@dataclass(frozen=True)
class Network:
    """A network by name: how it is built, and the shape of its input."""

    name: str
    title: str
    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    # Whether zennit has rules for all of its layers.
    has_rules: bool = True
    # Whether it has convolutions, for which composites have rules of their own.
    has_convolutions: bool = True

    def load(self) -> nn.Module:
        """Returns the network as a trained one would be: evaluating, its normalizations normalizing."""
        torch.manual_seed(0)
        model = self.build().eval()
        _wake(model)
        _settle_batch_norms(model, self.shape)
        for module in model.modules():
            if hasattr(module, "inplace"):
                module.inplace = False
        return model.requires_grad_(False)

    def input(self, seed: int = 1) -> torch.Tensor:
        """Returns the samples that are explained."""
        return torch.randn(self.shape, generator=torch.Generator().manual_seed(seed))


def _perceptron() -> nn.Module:
    widths = [784, 1296, 1296, 1296, 10]
    layers = [layer for pair in pairwise(widths) for layer in (nn.Linear(*pair), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


def _vision(name: str) -> Callable[[], nn.Module]:
    return lambda: getattr(torchvision.models, name)(weights=None)


def _wake(model: nn.Module) -> None:
    """Gives weight to what torchvision begins with (nearly) nothing, so that relevance passes through all of it."""
    if isinstance(model, torchvision.models.VisionTransformer):
        nn.init.trunc_normal_(model.heads.head.weight, std=0.02)
    for name, parameter in model.named_parameters():
        if name.endswith("layer_scale"):
            nn.init.constant_(parameter, 0.1)


def _settle_batch_norms(model: nn.Module, shape: tuple[int, ...]) -> None:
    """Takes the statistics of batch normalizations from four random samples."""
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.train()
        norm.momentum = 1.0
    if norms:
        with torch.no_grad():
            model(torch.randn(4, *shape[1:]))
    model.eval()


NETWORKS = {
    network.name: network
    for network in (
        Network("vgg16", "VGG16", _vision("vgg16"), PHOTO),
        Network("resnet50", "ResNet50", _vision("resnet50"), PHOTO),
        Network("mobilenet_v2", "MobileNetV2", _vision("mobilenet_v2"), PHOTO),
        Network("efficientnet_b0", "EfficientNet-B0", _vision("efficientnet_b0"), PHOTO),
        Network("squeezenet", "SqueezeNet 1.1", _vision("squeezenet1_1"), PHOTO),
        Network("alexnet", "AlexNet", _vision("alexnet"), PHOTO),
        Network("mlp", "MLP, B = 1", _perceptron, (1, 784), has_convolutions=False),
        Network("mlp16", "MLP, B = 16", _perceptron, (16, 784), has_convolutions=False),
        Network("vit_b_16", "ViT-B/16", _vision("vit_b_16"), PHOTO, has_rules=False, has_convolutions=False),
        Network(
            "convnext_tiny", "ConvNeXt-T", _vision("convnext_tiny"), PHOTO, has_rules=False, has_convolutions=False
        ),
    )
}


def multiply_adds(model: nn.Module, image: torch.Tensor) -> int:
    """Counts the multiply-adds of a forward pass: of convolutions, matrix products and attention."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(image)
    return counter.get_total_flops() // 2


def export(model: nn.Module, image: torch.Tensor, folder: Path) -> tuple[Path, Path]:
    """Writes the network and its input; returns where they are."""
    network_file, input_file = folder / "network.onnx", folder / "input.npy"
    # The fused attention of evaluation has no operator in ONNX.
    torch.backends.mha.set_fastpath_enabled(False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, (image,), str(network_file), opset_version=17, dynamo=False, input_names=["input"])
    np.save(input_file, image.numpy())
    return network_file, input_file
