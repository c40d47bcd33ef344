"""Explains image classifiers pixel by pixel: which pixels speak for the decision, and which against it?

Layer-wise relevance propagation (Bach et al. 2015) for ONNX networks and Bag-of-Words classifiers. The mathematics is in
Rust; arrays come and go without copies.

>>> import numpy as np, pixelwise as pw
>>> net = pw.load("tests/golden/neural/lenet5/model.onnx")
>>> x = np.load("tests/golden/neural/lenet5/input.npy")  # (2, 1, 32, 32), float32
>>> a = net.explain(x, composite="epsilon-plus-flat")
>>> a.relevance.shape
(2, 1, 32, 32)
>>> sorted(a.sinks)
['bias', 'stabilizer']
"""

import os as _os

from . import _native, measures, methods, rules
from ._errors import (
    DtypeError,
    Error,
    FileError,
    InputError,
    InternalError,
    LedgerError,
    ModelError,
    SettingError,
    ShapeError,
    TargetError,
    UnsupportedOperator,
)
from ._native import Attribution, Composite, Net, Preprocess, Sample

__version__ = _native.__version__

__all__ = [
    "Attribution",
    "Composite",
    "DtypeError",
    "Error",
    "FileError",
    "InputError",
    "InternalError",
    "LedgerError",
    "ModelError",
    "Net",
    "Preprocess",
    "Sample",
    "SettingError",
    "ShapeError",
    "TargetError",
    "UnsupportedOperator",
    "attr",
    "bow",
    "load",
    "measures",
    "methods",
    "quantus",
    "rules",
]


def load(model, *, dtype="float32", threads=None, labels=None, class_axis=None, output=None):
    """Reads a model: an ONNX file, a text network of the LRP toolbox, or a Bag-of-Words classifier.

    Args:
        model: the file, or its bytes.
        dtype: what a network computes in, `"float32"` or `"float64"`; Bag-of-Words classifiers compute in float64.
        threads: how many threads it computes on; `None` for one for each processor, shared by all models.
        labels: the names of the classes: a list, or a file with class k on line k + 1, or JSON.
        class_axis: the axis of the output that holds the classes; `None` finds it.
        output: the output that is explained; `None` for the first.

    Returns:
        A `Net`. It pickles by its file's bytes.

    Raises:
        FileError: the file cannot be read.
        ModelError: it holds no model, or a damaged one; `UnsupportedOperator` names nodes that there is no operation for.

    >>> import pixelwise as pw
    >>> net = pw.load("tests/golden/neural/lenet5/model.onnx", labels=list("0123456789"))
    >>> net.kind, net.dtype, net.inputs[0]["shape"]
    ('network', 'float32', ('N', 1, 32, 32))
    """
    options = (str(dtype), threads, labels, class_axis, output)
    if isinstance(model, (bytes, bytearray, memoryview)):
        return Net.from_bytes(bytes(model), _os.getcwd(), *options)
    return Net.open(model, *options)


def __getattr__(name):
    # What few programs need is imported where it is asked for.
    if name in ("attr", "bow", "quantus"):
        import importlib

        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
