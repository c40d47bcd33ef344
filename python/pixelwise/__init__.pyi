from os import PathLike
from typing import Literal

from collections.abc import Sequence

from . import attr as attr, bow as bow, measures as measures, methods as methods, quantus as quantus, rules as rules
from ._errors import (
    DtypeError as DtypeError,
    Error as Error,
    FileError as FileError,
    InputError as InputError,
    InternalError as InternalError,
    LedgerError as LedgerError,
    ModelError as ModelError,
    SettingError as SettingError,
    ShapeError as ShapeError,
    TargetError as TargetError,
    UnsupportedOperator as UnsupportedOperator,
)
from ._native import (
    Attribution as Attribution,
    Composite as Composite,
    Net as Net,
    Preprocess as Preprocess,
    Sample as Sample,
)

__version__: str
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

def load(
    model: str | PathLike[str] | bytes | bytearray | memoryview,
    *,
    dtype: Literal["float32", "float64"] = "float32",
    threads: int | None = None,
    labels: str | PathLike[str] | Sequence[str] | bytes | None = None,
    class_axis: int | None = None,
    output: str | None = None,
) -> Net: ...
