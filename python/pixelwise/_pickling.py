"""How objects come back from their pickles."""

from . import _native


def composite(toml, bounds):
    """A composite from the text of its file and the range of the network's input."""
    made = _native.Composite.toml(toml)
    return made if bounds is None else made.with_input_range(*bounds)
