"""Times pixelwise beside ONNX Runtime, zennit and Captum, and checks that the maps are the same.

`run.sh` calls it with all that it needs; docs/performance.md says how to read what it prints.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import torch

import maps
import report
from networks import NETWORKS, Network, export, multiply_adds
from sides import Captum, OnnxRuntime, Pixelwise, Torch, Zennit

EPSILON = "epsilon"
OF_CONVOLUTIONS = ("epsilon-plus", "epsilon-alpha2-beta1")


def arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="benches/peers/run.sh", description=__doc__.splitlines()[0])
    parser.add_argument("--models", default=",".join(NETWORKS), help="which ones, with commas between them (all)")
    parser.add_argument("--repeats", type=int, default=5, help="how often all sides take their turn (5)")
    parser.add_argument("--threads", type=int, default=1, help="threads of each side (1)")
    parser.add_argument("--out", type=Path, help="a file that the report is written to as well")
    parser.add_argument("--program", type=Path, required=True, help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.models = given.models.split(",")
    for name in given.models:
        if name not in NETWORKS:
            parser.error(f"there is no model {name!r}; there are {', '.join(NETWORKS)}")
    if min(given.repeats, given.threads) < 1:
        parser.error("--repeats and --threads are at least 1")
    return given


def explanations(network: Network) -> list[str]:
    """Returns the rows beside the forward pass."""
    if not network.has_rules:
        return [EPSILON]
    return [EPSILON, "epsilon-plus-flat", *(OF_CONVOLUTIONS if network.has_convolutions else ())]


def compare(network: Network, given: argparse.Namespace, clock: str) -> report.Comparison:
    """Measures one network: all sides take turns, as often as was asked for, after one turn that is not counted."""
    model, image = network.load(), network.input()
    rows = explanations(network)
    with tempfile.TemporaryDirectory() as folder:
        network_file, input_file = export(model, image, Path(folder))
        with Pixelwise(given.program, network_file, input_file, Path(folder), given.threads) as ours:
            turns = [("ONNX Runtime", OnnxRuntime(network_file, image, given.threads), "forward")]
            turns += [("pixelwise", ours, row) for row in ("forward", *rows)]
            turns += [("torch", Torch(model, image), "forward")]
            if network.has_rules:
                turns += [("zennit", Zennit(model, image), row) for row in rows]
            captum = Captum(model, image)
            if captum.knows():
                turns += [("Captum", captum, EPSILON)]
            times, peaks = {}, []
            for repeat in range(given.repeats + 1):
                peaks.append(ours.peak(clock))
                for name, side, row in turns:
                    time = getattr(side.run(row), clock)
                    if repeat > 0:
                        times.setdefault((name, row), []).append(time)
    agreements = maps.compare(network, given.program, ["forward", *(rows if network.has_rules else [])])
    return report.Comparison(network.title, times, agreements, multiply_adds(model, image), peaks)


def main() -> None:
    """Compares the networks that were asked for, and prints the report."""
    given = arguments()
    torch.set_num_threads(given.threads)
    # Processor time leaves out what other programs take; of several threads it would count the waiting.
    clock = "processor" if given.threads == 1 else "wall"
    compared = []
    for name in given.models:
        print(f"{name} …", file=sys.stderr, flush=True)
        compared.append(compare(NETWORKS[name], given, clock))
    text = report.text(compared, threads=given.threads, repeats=given.repeats, clock=clock)
    print(text)
    if given.out:
        given.out.write_text(text)
    if any(row.differs for comparison in compared for row in comparison.agreements):
        sys.exit("some maps are not the same: see the rows that say so")


if __name__ == "__main__":
    main()
