"""Measures of explanations: is a heatmap right?

>>> import numpy as np, pixelwise as pw
>>> net = pw.load("tests/golden/neural/lenet5/model.onnx")
>>> x = np.load("tests/golden/neural/lenet5/input.npy")
>>> measure = pw.measures.PixelFlipping(features_in_step=64)
>>> measure(net, x, net.explain(x)).values.shape
(2,)
>>> measure.better
'lower'
"""

from ._native import Measure, Scores


def _text(name, settings):
    given = ",".join(f"{key.replace('_', '-')}:{_word(value)}" for key, value in settings.items())
    return f"{name}={given}" if given else name


def _word(value):
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, float) else str(value)


class _Named(Measure):
    _name = ""

    def __new__(cls, **settings):
        """Settings are named as in `pixelwise evaluate`, with underscores; `settings` has them all."""
        return super().__new__(cls, _text(cls._name, settings))


class PixelFlipping(_Named):
    """Pixels are flipped in the order of their relevance (Bach et al. 2015, Figs 18 to 22)."""

    _name = "pixel-flipping"


class RegionPerturbation(_Named):
    """Regions are replaced, the most relevant first (Samek et al. 2017)."""

    _name = "region-perturbation"


class Insertion(_Named):
    """Pixels are put into an empty picture, the most relevant first (Petsiuk et al. 2018)."""

    _name = "insertion"


class Deletion(_Named):
    """Pixels are taken away, the most relevant first (Petsiuk et al. 2018)."""

    _name = "deletion"


class PointingGame(_Named):
    """Whether the most relevant pixel lies in the mask (Zhang et al. 2018)."""

    _name = "pointing-game"


class RelevanceMassAccuracy(_Named):
    """The share of relevance in the mask (Arras et al. 2022)."""

    _name = "relevance-mass-accuracy"


class RelevanceRankAccuracy(_Named):
    """The share of the most relevant pixels in the mask (Arras et al. 2022)."""

    _name = "relevance-rank-accuracy"


class TopKIntersection(_Named):
    """The same for the k most relevant pixels (Theiner et al. 2021)."""

    _name = "top-k-intersection"


class MaxSensitivity(_Named):
    """How much an explanation changes, at most, when the input changes a little (Yeh et al. 2019)."""

    _name = "max-sensitivity"


class LocalLipschitzEstimate(_Named):
    """The same, relative to the change of the input (Alvarez-Melis and Jaakkola 2018)."""

    _name = "local-lipschitz-estimate"


class Sparseness(_Named):
    """The Gini index of the relevance (Chalasani et al. 2020)."""

    _name = "sparseness"


class Complexity(_Named):
    """The entropy of the relevance (Bhatt et al. 2020)."""

    _name = "complexity"


class Completeness(_Named):
    """Whether relevance adds up to the score (Eq. 1)."""

    _name = "completeness"


class ModelParameterRandomisation(_Named):
    """How similar explanations stay when layers forget what they learned (Adebayo et al. 2018)."""

    _name = "model-parameter-randomisation"


class RandomLogit(_Named):
    """How similar the explanations of two classes are (Sixt et al. 2020)."""

    _name = "random-logit"


def names():
    """The names of all measures; `Measure(text)` makes any of them.

    >>> len(names())
    15
    """
    return Measure.names()


__all__ = [
    "Completeness",
    "Complexity",
    "Deletion",
    "Insertion",
    "LocalLipschitzEstimate",
    "MaxSensitivity",
    "Measure",
    "ModelParameterRandomisation",
    "PixelFlipping",
    "PointingGame",
    "RandomLogit",
    "RegionPerturbation",
    "RelevanceMassAccuracy",
    "RelevanceRankAccuracy",
    "Scores",
    "Sparseness",
    "TopKIntersection",
    "names",
]
