#!/usr/bin/env python3
"""Exports the networks that people use, and shows what pixelwise makes of them beside onnxruntime.

It takes cargo, and a python3 with venv, 3.11 (tf2onnx takes no newer one). What it needs of Python's packages is
installed into target/zoo once; pip's own settings hold, so that an index of torch's builds for processors alone makes
it less. Weights are random, so that nothing is downloaded. Files are removed as soon as they are explained.

    examples/zoo/zoo.py                                  # all networks, and docs/models.md of them
    examples/zoo/zoo.py --networks 'timm:vit*,*:resnet*' # some of them
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
ENVIRONMENT = TARGET / "zoo" / "venv"
RESULTS = TARGET / "zoo" / "results"
PROGRAM = TARGET / "release" / "pixelwise"
# Seconds that one network may take with all of its exporters.
PATIENCE = 1800


def main() -> None:
    """Runs the zoo as the command line asks."""
    arguments = _arguments()
    if Path(sys.prefix) != ENVIRONMENT:
        _install()
        python = str(ENVIRONMENT / "bin" / "python")
        os.execv(python, [python, __file__, *sys.argv[1:]])
    if arguments.program == PROGRAM:
        build = ["cargo", "build", "--quiet", "--release", "--package", "pixelwise-cli", "--bin", "pixelwise"]
        subprocess.run(build, cwd=ROOT, check=True)
    _run(arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", default="*", help="patterns of LIBRARY:NAME, with commas between them")
    parser.add_argument("--exporters", default="*", help="patterns of exporters, as 'dynamo*'")
    parser.add_argument("--again", action="store_true", help="also those that an earlier run has results of")
    parser.add_argument("--keep", type=Path, help="a folder for the files, where the next run finds them")
    parser.add_argument("--program", type=Path, default=PROGRAM, help="pixelwise; it is built if none is given")
    parser.add_argument("--report", type=Path, default=ROOT / "docs" / "models.md", help="the page that is written")
    return parser.parse_args()


def _install() -> None:
    """Makes the virtual environments, unless they are there with the same packages."""
    _install_into(ENVIRONMENT, HERE / "requirements.txt")
    try:
        _install_into(ENVIRONMENT.with_name("keras"), HERE / "requirements-keras.txt")
    except subprocess.CalledProcessError as error:
        print(f"Keras and tf2onnx can't be installed, so that their networks are left out: {error}", file=sys.stderr)


def _install_into(environment: Path, requirements: Path) -> None:
    installed = environment / "installed.txt"
    if installed.is_file() and installed.read_bytes() == requirements.read_bytes():
        return
    venv.create(environment, with_pip=True)
    subprocess.run([environment / "bin" / "pip", "install", "--quiet", "--requirement", requirements], check=True)
    installed.write_bytes(requirements.read_bytes())


def _run(arguments: argparse.Namespace) -> None:
    import report
    from catalog import networks
    from exporters import EXPORTERS, KERAS

    RESULTS.mkdir(parents=True, exist_ok=True)
    exporters = [exporter.name for exporter in EXPORTERS if _fits(exporter.name, arguments.exporters)]
    for network in networks():
        file = RESULTS / f"{network.key.replace(':', '-')}.json"
        if network.library == "keras" and not (KERAS / "installed.txt").is_file():
            continue
        if not _fits(network.key, arguments.networks) or (file.is_file() and not arguments.again):
            continue
        before = json.loads(file.read_text())["results"] if file.is_file() else []
        found = _in_its_own_process(network, arguments, exporters)
        kept = [result for result in before if result["exporter"] not in exporters]
        found["results"] = sorted(found["results"] + kept, key=lambda result: _order(EXPORTERS, result))
        file.write_text(json.dumps({"library": network.library, "name": network.name, "size": network.size} | found))
        report.progress(network, found)
    report.write(arguments.report, [json.loads(file.read_text()) for file in sorted(RESULTS.glob("*.json"))])


def _order(exporters: list, result: dict) -> int:
    return [exporter.name for exporter in exporters].index(result["exporter"])


def _fits(text: str, patterns: str) -> bool:
    return any(fnmatch.fnmatch(text, pattern) for pattern in patterns.split(","))


def _in_its_own_process(network: object, arguments: argparse.Namespace, exporters: list[str]) -> dict:
    """Measures a network where it can take down or hold up no other."""
    import multiprocessing
    import queue

    # Libraries are loaded once, and computed with in forks alone.
    import timm  # noqa: F401
    import torchvision  # noqa: F401
    import transformers  # noqa: F401

    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    process = context.Process(target=_work, args=(answers, network, arguments, exporters))
    process.start()
    try:
        return answers.get(timeout=PATIENCE)
    except queue.Empty:
        return {"error": f"no result within {PATIENCE} seconds", "results": []}
    finally:
        process.terminate()
        process.join()


def _work(answers: object, network: object, arguments: argparse.Namespace, exporters: list[str]) -> None:
    import traceback

    from measure import Pixelwise, measure

    try:
        answers.put({"results": measure(network, Pixelwise(arguments.program), exporters, arguments.keep)})
    except Exception as error:
        traceback.print_exc()
        answers.put({"error": f"{type(error).__name__}: {error}"[:500], "results": []})
    answers.close()
    answers.join_thread()


if __name__ == "__main__":
    main()
