"""The rules: how a layer hands its relevance down. Each is its text, `str(Gamma(0.25)) == "gamma=0.25"`.

x are a layer's inputs, w its weights, b its biases, z = Σ x w + b; +, − are positive and negative parts.
"""

from ._native import Rule


def _number(value):
    return repr(float(value))


class LrpZero(Rule):
    """`R_i = Σ_j x_i w_ij / z_j · R_j` (Eq. 56)."""

    def __new__(cls):
        return super().__new__(cls, "lrp-0")


class Epsilon(Rule):
    """`R_i = Σ_j x_i w_ij / (z_j + ε sign z_j) · R_j` (Eq. 58).

    >>> str(Epsilon(0.01))
    'epsilon=0.01'
    """

    def __new__(cls, epsilon=1e-6):
        return super().__new__(cls, f"epsilon={_number(epsilon)}")


class AlphaBeta(Rule):
    """`R_i = Σ_j (α z⁺_ij / z⁺_j + β z⁻_ij / z⁻_j) · R_j`, with α + β = 1 in the sign of Eq. 60.

    >>> AlphaBeta(2)
    Rule("alpha-beta=2")
    """

    def __new__(cls, alpha=2.0):
        return super().__new__(cls, f"alpha-beta={_number(alpha)}")


class ZPlus(Rule):
    """αβ with α = 1, β = 0: contributions that speak for an output alone."""

    def __new__(cls):
        return super().__new__(cls, "z-plus")


class ConservingZPlus(Rule):
    """z⁺, where the inputs share what the bias would take."""

    def __new__(cls):
        return super().__new__(cls, "conserving-z-plus")


class Gamma(Rule):
    """`R_i = Σ_j x_i (w_ij + γ w⁺_ij) / (…) · R_j`; for inputs of both signs by the sign of z.

    >>> Gamma(0.25) == Rule("gamma=0.25")
    True
    """

    def __new__(cls, gamma=0.25):
        return super().__new__(cls, f"gamma={_number(gamma)}")


class Flat(Rule):
    """All inputs of an output get the same."""

    def __new__(cls):
        return super().__new__(cls, "flat")


class WSquare(Rule):
    """`R_i = Σ_j w²_ij / Σ_i w²_ij · R_j`."""

    def __new__(cls):
        return super().__new__(cls, "w-square")


class ZBox(Rule):
    """z^B: `x w − low w⁺ − high w⁻`, for the layer that sees the input.

    Its bounds are numbers, or come by `Composite.with_input_range`.
    """

    def __new__(cls, low=None, high=None):
        bounds = "" if low is None else f"={_number(low)},{_number(high)}"
        return super().__new__(cls, f"z-box{bounds}")


class Pass(Rule):
    """`R_i = R_i`: relevance passes."""

    def __new__(cls):
        return super().__new__(cls, "pass")


class Norm(Rule):
    """ε for sums and averages, which have no weights."""

    def __new__(cls, epsilon=1e-6):
        return super().__new__(cls, f"norm={_number(epsilon)}")


class WinnerTakesAll(Rule):
    """The largest input of a maximum gets all."""

    def __new__(cls):
        return super().__new__(cls, "winner")


class TiesShared(Rule):
    """Equal maxima share."""

    def __new__(cls):
        return super().__new__(cls, "ties-shared")


class Gradient(Rule):
    """The gradient (Eq. 54)."""

    def __new__(cls):
        return super().__new__(cls, "gradient")


def names():
    """The names of all rules; `Rule(text)` makes any of them.

    >>> "alpha-beta" in names()
    True
    """
    return Rule.names()


__all__ = [
    "AlphaBeta",
    "ConservingZPlus",
    "Epsilon",
    "Flat",
    "Gamma",
    "Gradient",
    "LrpZero",
    "Norm",
    "Pass",
    "Rule",
    "TiesShared",
    "WSquare",
    "WinnerTakesAll",
    "ZBox",
    "ZPlus",
    "names",
]
