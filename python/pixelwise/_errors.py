"""The exceptions of pixelwise: one hierarchy, with the messages of the Rust side."""


class Error(Exception):
    """Anything that pixelwise refuses or cannot do."""


class FileError(Error, OSError):
    """A file that cannot be read or written."""


class ModelError(Error):
    """A file that holds no model, or a damaged one."""


class UnsupportedOperator(ModelError, NotImplementedError):
    """A network with operators that there is no operation for.

    Attributes:
        nodes: the nodes and their operators, `[("/act/Op", "com.example:Op"), …]`.
    """

    nodes: "list[tuple[str, str]]" = []


class InputError(Error, ValueError):
    """An array that cannot be explained, as one with numbers that are not finite."""


class ShapeError(InputError):
    """An array of a shape that the model does not take."""


class DtypeError(InputError, TypeError):
    """An array of other numbers than the model's."""


class SettingError(Error, ValueError):
    """A rule, composite, method, measure or option that makes no sense, or does not fit the model."""


class TargetError(SettingError):
    """A class or a position that the model's output does not have."""


class LedgerError(Error, ArithmeticError):
    """Books that do not balance: relevance that is unaccounted for."""


class InternalError(Error, RuntimeError):
    """A defect of pixelwise itself."""
