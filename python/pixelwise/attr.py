"""Captum's words: `LRP(net).attribute(x, target=…)`.

Tensors of torch come back as such, detached; arrays of NumPy as arrays.

>>> import numpy as np, pixelwise as pw
>>> net = pw.load("tests/golden/neural/lenet5/model.onnx")
>>> x = np.load("tests/golden/neural/lenet5/input.npy")
>>> relevance, delta = pw.attr.LRP(net).attribute(x, target=3, return_convergence_delta=True)
>>> relevance.shape, delta.shape
((2, 1, 32, 32), (2,))
"""

from . import methods as _methods


def to_numpy(values):
    """Arrays of NumPy, whatever is given: torch's tensors are detached."""
    return values.detach().cpu().numpy() if hasattr(values, "detach") else values


def _like(array, given):
    if hasattr(given, "detach"):
        import torch

        return torch.from_numpy(array).to(given.device)
    return array


def _target(target):
    target = to_numpy(target)
    return target.tolist() if getattr(target, "ndim", None) == 0 else target


class _Attribution:
    def __init__(self, net):
        self.forward_func = net

    def _explained(self, inputs, target, composite, return_convergence_delta):
        a = self.forward_func.explain(to_numpy(inputs), target=_target(target), composite=composite)
        relevance = _like(a.relevance, inputs)
        return (relevance, _like(a.deltas, inputs)) if return_convergence_delta else relevance


class LRP(_Attribution):
    """Layer-wise relevance propagation.

    Args:
        net: the model.
        composite: as for `Net.explain`; `None` for the default of the network's kind, `"epsilon"` is Captum's default.
    """

    def __init__(self, net, composite=None):
        super().__init__(net)
        self._composite = composite

    def has_convergence_delta(self):
        """Whether `attribute` can return it."""
        return True

    def attribute(self, inputs, target=None, *, return_convergence_delta=False):
        """The relevance of `inputs`, in their shape.

        With `return_convergence_delta` also `Σ R − f(x)` of each sample `(N,)`, from the ledger.
        """
        return self._explained(inputs, target, self._composite, return_convergence_delta)


class IntegratedGradients(_Attribution):
    """Integrated gradients (Sundararajan et al. 2017)."""

    def has_convergence_delta(self):
        """Whether `attribute` can return it."""
        return True

    def attribute(
        self,
        inputs,
        baselines=None,
        target=None,
        *,
        n_steps=50,
        method="gausslegendre",
        return_convergence_delta=False,
    ):
        """The attribution of `inputs`, in their shape.

        Args:
            baselines: a number, or an array that broadcasts to a sample.
            n_steps: how many gradients are taken.
            method: `"gausslegendre"` or `"riemann_middle"`.

        With `return_convergence_delta` also `Σ R − (f(x) − f(x'))` of each sample `(N,)`.
        """
        rules = {"gausslegendre": "gauss-legendre", "riemann_middle": "midpoint"}
        quadrature = rules.get(method, method)
        integrated = _methods.IntegratedGradients(n_steps, quadrature=quadrature, baseline=to_numpy(baselines))
        a = self.forward_func.explain(to_numpy(inputs), target=_target(target), composite=integrated)
        relevance = _like(a.relevance, inputs)
        return (relevance, _like(a.residuals, inputs)) if return_convergence_delta else relevance


class _Method(_Attribution):
    _composite = ""

    def attribute(self, inputs, target=None):
        """The attribution of `inputs`, in their shape."""
        return self._explained(inputs, target, self._composite, False)


class Saliency(_Attribution):
    """The gradient, without its sign."""

    def attribute(self, inputs, target=None, *, abs=True):
        """The gradient at `inputs`, in their shape; with its sign where `abs` is not set."""
        gradient = self._explained(inputs, target, "gradient", False)
        return abs_of(gradient) if abs else gradient


class InputXGradient(_Method):
    """The gradient times the input."""

    _composite = "input-x-gradient"


class GuidedBackprop(_Method):
    """Guided backpropagation."""

    _composite = "guided-backprop"


class Deconvolution(_Method):
    """Deconvolution."""

    _composite = "deconvnet"


def abs_of(values):
    """The magnitudes."""
    return values.__abs__()


__all__ = ["Deconvolution", "GuidedBackprop", "InputXGradient", "IntegratedGradients", "LRP", "Saliency"]
