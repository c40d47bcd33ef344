"""The report: what was measured, as Markdown."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

PEERS = ("onnxruntime", "torch", "torchvision", "zennit", "captum", "numpy")
# By how much pixelwise may be farther from the exact map than the peer's own single precision, how far it may always
# be, and how far never: maps of random weights are sums of large parts that cancel, in which the order of summation
# shows.
FACTOR, LEAST, MOST = 10.0, 1e-4, 0.3
# The rows of pixelwise that have targets.
OURS = ("forward", "epsilon", "epsilon-plus", "epsilon-alpha2-beta1")
# Where there is nothing to say.
NOTHING = "–"


@dataclass(frozen=True)
class Agreement:
    """How far a row is from the same in double precision, here and there, in root mean squares of that."""

    row: str
    # Which image, from 1.
    image: int
    pixelwise: float
    peer: float

    @property
    def differs(self) -> bool:
        """Whether it is farther than rounding takes it."""
        return not self.pixelwise <= min(max(FACTOR * self.peer, LEAST), MOST)


@dataclass(frozen=True)
class Comparison:
    """A network's times in milliseconds, by side and row, and what else was found."""

    title: str
    times: dict[tuple[str, str], list[float]]
    agreements: list[Agreement]
    multiply_adds: int
    # Multiply-adds a millisecond, of each turn.
    peaks: list[float]

    @property
    def at_peak(self) -> float:
        """Milliseconds that the multiply-adds of a forward pass take at the peak."""
        return self.multiply_adds / max(self.peaks)

    def fastest(self, side: str, row: str) -> float | None:
        """Returns the fastest time of a row; None where the side has no such row."""
        times = self.times.get((side, row))
        return min(times) if times else None

    def ratio(self, numerator: tuple[str, str], denominator: tuple[str, str]) -> str:
        """Returns how many times as long the fastest of one row takes as that of another."""
        above, below = self.fastest(*numerator), self.fastest(*denominator)
        return f"{above / below:.2f}" if above and below else NOTHING


def table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Returns a table; all columns but the first are numbers."""
    titles = list(titles)
    rule = ["---", *["---:"] * (len(titles) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (titles, rule, *rows))


def machine() -> str:
    """Returns the processor, with the vectors that it has."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    values = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    name = values.get("model name") or platform.processor() or platform.machine()
    flags = values.get("flags", "").split()
    vectors = ", ".join(known for known in ("avx512f", "avx2", "fma") if known in flags)
    return f"{name}{f' ({vectors})' if vectors else ''}, {os.cpu_count()} cores, {platform.system()}"


def targets(compared: list[Comparison]) -> str:
    """Returns the table that has targets: fastest of all turns."""
    ort = ("ONNX Runtime", "forward")
    titles = (
        "model",
        "forward ÷ ort's",
        "ε in ort forwards",
        "ε + z⁺ in ort forwards",
        "ε + αβ in ort forwards",
        "zennit ÷ ours, ε",
        "zennit ÷ ours, epsilon-plus-flat",
        "zennit ÷ ours, alpha2-beta1",
    )
    shared = ("epsilon", "epsilon-plus-flat", "epsilon-alpha2-beta1")
    rows = (
        [
            comparison.title,
            *(comparison.ratio(("pixelwise", row), ort) for row in OURS),
            *(comparison.ratio(("zennit", row), ("pixelwise", row)) for row in shared),
        ]
        for comparison in compared
    )
    return table(titles, rows)


def agreement(compared: list[Comparison]) -> str:
    """Returns the table of differences."""
    rows = (
        [
            f"{comparison.title}, {row.row}",
            str(row.image),
            f"{row.pixelwise:.1e}",
            f"{row.peer:.1e}",
            "no" if row.differs else "yes",
        ]
        for comparison in compared
        for row in comparison.agreements
    )
    return table(("model and row", "image", "pixelwise, f32", "peer, f32", "the same"), rows)


def shares(compared: list[Comparison]) -> str:
    """Returns the table of what each forward pass could take, and how near the fastest turns come."""
    shown = (("ONNX Runtime", "forward"), *(("pixelwise", row) for row in OURS))
    titles = ("model", "million multiply-adds", "ms at the peak", *(f"{side}, {row}" for side, row in shown))

    def fastest(comparison: Comparison) -> Iterable[float | None]:
        return (comparison.fastest(side, row) for side, row in shown)

    rows = (
        [
            comparison.title,
            f"{comparison.multiply_adds / 1e6:.1f}",
            f"{comparison.at_peak:.2f}",
            *(f"{comparison.at_peak / time:.2f}" if time else NOTHING for time in fastest(comparison)),
        ]
        for comparison in compared
    )
    return table(titles, rows)


def times(comparison: Comparison) -> str:
    """Returns a network's table of times."""
    forward = comparison.fastest("ONNX Runtime", "forward")
    rows = (
        [
            f"{side}, {row}",
            *(f"{time:.2f}" for time in (min(measured), statistics.median(measured), max(measured))),
            f"{min(measured) / forward:.2f}",
            f"{comparison.at_peak / min(measured):.2f}",
        ]
        for (side, row), measured in comparison.times.items()
    )
    titles = ("side and row", "minimum ms", "median ms", "maximum ms", "in ort forwards", "share of the peak")
    return table(titles, rows)


def conditions(compared: list[Comparison], *, threads: int, repeats: int, clock: str) -> str:
    """Returns where and how it was measured."""
    peaks = [2e-6 * peak for comparison in compared for peak in comparison.peaks]
    python = f"{platform.python_implementation()} {platform.python_version()}"
    versions = ", ".join(f"{name} {version(name)}" for name in PEERS)
    meant = {"processor": "processor time of the process", "wall": "time on the clock"}[clock]
    return (
        f"Measured {date.today():%Y-%m-%d} on {machine()}; {python}, {versions}. "
        f"Threads: {threads}. Turns: {repeats}. Times are {meant}, on all sides. "
        f"Peak: {max(peaks):.0f} GFLOP/s at its best, {statistics.median(peaks):.0f} in the median turn, "
        f"{min(peaks):.0f} at its worst."
    )


def text(compared: list[Comparison], *, threads: int, repeats: int, clock: str) -> str:
    """Returns the whole report."""
    parts = [
        conditions(compared, threads=threads, repeats=repeats, clock=clock),
        "## Ratios",
        "The fastest of all turns, on each side.",
        targets(compared),
        "## Are the maps the same?",
        "Root mean square of the difference to the peer's in double precision, in root mean squares of that: scores "
        "and torch in forward rows, relevance and zennit in all others. A row that differs on one image is compared on "
        "others: relevance jumps where a unit whose sum is within rounding of zero is on in one program and off in the "
        "other.",
        agreement(compared),
        "## Shares of the peak",
        "The time of a forward pass's multiply-adds at the peak, by the fastest of all turns.",
        shares(compared),
    ]
    for comparison in compared:
        parts += [f"## {comparison.title}", times(comparison)]
    return "\n\n".join(parts) + "\n"
