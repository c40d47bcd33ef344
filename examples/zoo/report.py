"""The page of what was found."""

from __future__ import annotations

from pathlib import Path


def progress(network: object, found: dict) -> None:
    """Prints what became of one network."""
    print(f"{network.key}: {found.get('error', '')}", flush=True)
    for result in found["results"]:
        print(f"    {result['exporter']}: {_line(result)}", flush=True)


def _line(result: dict) -> str:
    if result["not_written"]:
        return f"not written: {result['not_written']}"
    difference = result["difference"]
    parts = [] if difference is None else [f"difference {difference:.1e}" + ("" if difference <= 1e-4 else " (!)")]
    if result["refused"]:
        return ", ".join([*parts, f"REFUSED: {result['refused']}"])
    parts += [
        result["composite"],
        f"share {result['share']:.3g}" + (" exploded" if result["exploded"] else ""),
        f"cosine {result['cosine']:.6f}" + ("" if result["cosine"] > 0.999 else " (!)"),
        f"{result['seconds']:.1f} s",
    ]
    if result["half_and_half"]:
        parts.append(f"HALF {len(result['half_and_half'])}: {result['half_and_half'][:3]}")
    return ", ".join(parts)


def write(path: Path, networks: list[dict]) -> None:
    """Writes the page."""
