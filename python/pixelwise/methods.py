"""The methods that rules are compared with. `net.explain(x, composite=IntegratedGradients(steps=50))`."""

from ._native import Method


class Gradient(Method):
    """`∂f/∂x` (Eq. 54)."""

    def __new__(cls):
        return super().__new__(cls, "gradient")


class InputXGradient(Method):
    """`x ∂f/∂x`."""

    def __new__(cls):
        return super().__new__(cls, "input-x-gradient")


class IntegratedGradients(Method):
    """`(x − x') ∫ ∂f/∂x (x' + t (x − x')) dt` (Sundararajan et al. 2017).

    Args:
        steps: how many gradients are taken.
        quadrature: `"gauss-legendre"` or `"midpoint"`.
        baseline: x', a number or an array that broadcasts to a sample.

    >>> str(IntegratedGradients(steps=20, quadrature="midpoint"))
    'integrated-gradients=20,midpoint'
    """

    def __new__(cls, steps=50, *, quadrature="gauss-legendre", baseline=None):
        return super().__new__(cls, f"integrated-gradients={int(steps)},{quadrature}", baseline=baseline)


class SmoothGrad(Method):
    """The mean gradient of noisy copies (Smilkov et al. 2017).

    Args:
        samples: how many copies.
        noise: its deviation, as a share of the sample's range.
        seed: what it is drawn from.
    """

    def __new__(cls, samples=25, *, noise=0.15, seed=0):
        return super().__new__(cls, f"smooth-grad={int(samples)},{float(noise)!r},{int(seed)}")


class GuidedBackprop(Method):
    """The gradient, where rectifiers pass what is positive both ways."""

    def __new__(cls):
        return super().__new__(cls, "guided-backprop")


class Deconvnet(Method):
    """The gradient, where rectifiers pass what is positive on its way back."""

    def __new__(cls):
        return super().__new__(cls, "deconvnet")


class ExcitationBackprop(Method):
    """z⁺ in layers with weights."""

    def __new__(cls):
        return super().__new__(cls, "excitation-backprop")


class AttentionRollout(Method):
    """Attention's weights, multiplied layer by layer; for transformers."""

    def __new__(cls):
        return super().__new__(cls, "attention-rollout")


class Taylor(Method):
    """`(x − x₀) ∂f/∂x (x₀)` at a root point x₀ (Eq. 53), searched between the sample and others.

    Args:
        candidates: samples of other classes `(K, …)`.
        of: `"score"`, or `"margin"` to the best other class.
        nearest: how many of the nearest candidates are tried.
        radius: how far a root may be away.
        average: the mean over so many best roots; `None` takes the best.

    >>> import numpy as np
    >>> str(Taylor(np.zeros((3, 1, 4, 4)), of="margin", nearest=2))
    'taylor=margin,candidates=2'
    """

    def __new__(cls, candidates, *, of="score", nearest=None, radius=None, average=None):
        settings = [of]
        settings += [] if nearest is None else [f"candidates={int(nearest)}"]
        settings += [] if radius is None else [f"radius={float(radius)!r}"]
        settings += [] if average is None else [f"average={int(average)}"]
        return super().__new__(cls, f"taylor={','.join(settings)}", candidates=candidates)


def names():
    """The names of all methods.

    >>> "smooth-grad" in names()
    True
    """
    return Method.names()


__all__ = [
    "AttentionRollout",
    "Deconvnet",
    "ExcitationBackprop",
    "Gradient",
    "GuidedBackprop",
    "InputXGradient",
    "IntegratedGradients",
    "Method",
    "SmoothGrad",
    "Taylor",
    "names",
]
