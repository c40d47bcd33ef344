"""zennit's side: the composites that pixelwise has too, and what torchvision's blocks need before them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import MethodType

import torch
from torch import nn
from torchvision.models.efficientnet import MBConv
from torchvision.models.mobilenetv2 import InvertedResidual, MobileNetV2
from torchvision.models.resnet import BasicBlock, Bottleneck
from torchvision.ops import SqueezeExcitation
from zennit.canonizers import AttributeCanonizer, Canonizer, SequentialMergeBatchNorm
from zennit.composites import EpsilonAlpha2Beta1, EpsilonPlus, EpsilonPlusFlat, LayerMapComposite, layer_map_base
from zennit.core import Composite
from zennit.layer import Sum
from zennit.rules import Epsilon
from zennit.torchvision import ResNetCanonizer
from zennit.types import Linear


class _Gate(torch.autograd.Function):
    """A product of which all relevance goes to the signal: the gate is held constant."""

    @staticmethod
    def forward(_ctx, signal, gate):
        return signal * gate

    @staticmethod
    def backward(_ctx, upper):
        return upper, None


def _squeeze_excitation(self, signal):
    return _Gate.apply(signal, self._scale(signal).detach())


def _residual(body: str):
    """Returns a forward pass in which the sum of block and shortcut is a module, so that it can have a rule."""

    def forward(self, x):
        out = getattr(self, body)(x)
        return self.canonizer_sum(torch.stack([x, out], dim=-1)) if self.use_res_connect else out

    return forward


def _pooled(self, x):
    """MobileNetV2's forward pass in which the average is a module."""
    return self.classifier(self.canonizer_pool(self.features(x)).flatten(1))


def _attributes(_name: str, module: nn.Module) -> dict | None:
    match module:
        case InvertedResidual():
            return {"forward": MethodType(_residual("conv"), module), "canonizer_sum": Sum()}
        case MBConv():
            return {"forward": MethodType(_residual("block"), module), "canonizer_sum": Sum()}
        case MobileNetV2():
            return {"forward": MethodType(_pooled, module), "canonizer_pool": nn.AdaptiveAvgPool2d(1)}
        case SqueezeExcitation():
            return {"forward": MethodType(_squeeze_excitation, module)}
    return None


def _canonizers(model: nn.Module) -> list[Canonizer]:
    if any(isinstance(module, (BasicBlock, Bottleneck)) for module in model.modules()):
        return [ResNetCanonizer()]
    return [SequentialMergeBatchNorm(), AttributeCanonizer(_attributes)]


def composite(row: str, model: nn.Module) -> Composite:
    """Returns zennit's composite for a row of pixelwise's."""
    canonizers = _canonizers(model)
    match row:
        case "epsilon":
            return LayerMapComposite([*layer_map_base(), (Linear, Epsilon(1e-6))], canonizers=canonizers)
        case "epsilon-plus":
            return EpsilonPlus(canonizers=canonizers)
        case "epsilon-plus-flat":
            return EpsilonPlusFlat(canonizers=canonizers)
        case "epsilon-alpha2-beta1":
            return EpsilonAlpha2Beta1(canonizers=canonizers)
    raise ValueError(f"zennit has no composite for the row {row!r}")


def relevance(model: nn.Module, image: torch.Tensor) -> torch.Tensor:
    """Explains the predicted class of each sample, beginning with its score. The model has its composite already."""
    pixels = image.clone().requires_grad_()
    scores = model(pixels)
    samples, classes = torch.arange(len(scores)), scores.argmax(1)
    initial = torch.zeros_like(scores)
    initial[samples, classes] = scores.detach()[samples, classes]
    return torch.autograd.grad(scores, pixels, initial)[0]


@contextmanager
def prepared(row: str, model: nn.Module) -> Iterator[nn.Module]:
    """The model with a composite on it, as long as the context lasts."""
    with composite(row, model).context(model) as modified:
        yield modified
