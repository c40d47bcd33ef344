"""What was found, for a person: a line for each file, and a page of all."""

from __future__ import annotations

import math
from importlib.metadata import version
from pathlib import Path

from exporters import EXPORTERS
from measure import TOLERANCE

LIBRARIES = ["torchvision", "timm", "transformers", "keras"]
# From which cosine on two maps are one.
SAME_MAP = 0.999

HEAD = """\
# Models

What pixelwise makes of the files that people export today: {networks} networks of torchvision, timm and transformers,
exported in {exporters} ways. Weights are random, and so are the statistics of normalizations; images are noise, so
that maps mean nothing, but every sum has to balance. Each file runs beside onnxruntime, and is explained by the
composite that pixelwise takes on its own. [examples/zoo](../examples/zoo/zoo.py) makes the files and this page:

```sh
examples/zoo/zoo.py
```

| exporter | files | scores as onnxruntime's | explained | no half-and-half | same map as the first file |
| --- | --- | --- | --- | --- | --- |
{summary}

- **Scores as onnxruntime's**: the largest difference is at most 1e-4 of the largest score.
- **Half-and-half**: products of two computed tensors that relevance arrives at, and whose factors get half of it each.
  `pixelwise inspect` lists them; `--layer-rule` gives one a rule of its own.
- **Same map**: the cosine of the map, in f32, to the map of the first file of the same network is at least {same}.
- **Share**: the part of the score that arrives at the pixels; the rest is in sinks, mostly biases. Random networks
  cancel more than trained ones, so that some of these shares are large, or negative; "exploded" is what pixelwise
  warns of then.
- **Time** is that of the whole command `pixelwise explain`, with reading and drawing, on two cores that had other
  work too.
"""

VERSIONS = ["torch", "torchvision", "timm", "transformers", "onnx", "onnxscript", "onnxruntime"]


def progress(network: object, found: dict) -> None:
    """Prints what became of one network."""
    print(f"{network.key}: {found.get('error', '')}", flush=True)
    for result in found["results"]:
        print(f"    {result['exporter']}: {_line(result)}", flush=True)


def _line(result: dict) -> str:
    if result["not_written"]:
        return f"not written: {result['not_written']}"
    parts = [] if result["difference"] is None else [_difference(result)]
    if result["refused"]:
        return ", ".join([*parts, f"refused: {result['refused']}"])
    parts += [result["composite"], f"share {_share(result)}", f"cosine {_cosine(result)}", f"{result['seconds']:.1f} s"]
    if result["half_and_half"]:
        parts.append(f"{len(result['half_and_half'])} half and half: {result['half_and_half'][:3]}")
    return ", ".join(parts)


def write(path: Path, networks: list[dict]) -> None:
    """Writes the page."""
    networks = [network for network in networks if network["results"]]
    exporters = [e.name for e in EXPORTERS if any(_by(network, e.name) for network in networks)]
    summary = "\n".join(_summary(networks, exporter) for exporter in exporters)
    parts = [HEAD.format(networks=len(networks), exporters=len(exporters), summary=summary, same=SAME_MAP)]
    parts.append(f"Versions: {', '.join(f'{name} {version(name)}' for name in VERSIONS)}.\n")
    for library in LIBRARIES:
        rows = [_rows(network) for network in networks if network["library"] == library]
        if rows:
            parts.append(f"## {library}\n\n{_TABLE}\n" + "\n".join(rows) + "\n")
    parts += _lists(networks)
    path.write_text("\n".join(parts))


_TABLE = """\
| network | image | exporter | difference | composite | share | half and half | cosine | time |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |"""


def _by(network: dict, exporter: str) -> list[dict]:
    return [result for result in network["results"] if result["exporter"] == exporter]


def _summary(networks: list[dict], exporter: str) -> str:
    results = [result for network in networks for result in _by(network, exporter) if not result["not_written"]]
    explained = [result for result in results if not result["refused"]]
    counts = [
        len(results),
        sum(result["difference"] is not None and result["difference"] <= TOLERANCE for result in results),
        len(explained),
        sum(not result["half_and_half"] for result in explained),
        sum(result["cosine"] is not None and result["cosine"] >= SAME_MAP for result in explained),
    ]
    return f"| {exporter} | " + " | ".join(map(str, counts)) + " |"


def _rows(network: dict) -> str:
    rows, name = [], f"{network['name']} | {network['size']}"
    for result in network["results"]:
        if result["not_written"]:
            continue
        if result["refused"]:
            cells = ["" if result["difference"] is None else _difference(result), "refused", "", "", "", ""]
        else:
            halves = str(len(result["half_and_half"]) or "none")
            share, cosine = _share(result), _cosine(result)
            cells = [_difference(result), result["composite"], share, halves, cosine, f"{result['seconds']:.1f} s"]
        rows.append(f"| {name} | {result['exporter']} | " + " | ".join(cells) + " |")
        name = " | "
    return "\n".join(rows)


def _lists(networks: list[dict]) -> list[str]:
    """What was refused, what has products half and half, and what exporters could not write."""
    refused, halves, unwritten = [], [], []
    for network in networks:
        for result in network["results"]:
            head = f"- {network['library']} {network['name']}, {result['exporter']}: "
            if result["not_written"]:
                unwritten.append(head + f"`{result['not_written'].replace('`', '')}`")
            elif result["refused"]:
                refused.append(head + result["refused"])
            elif result["half_and_half"]:
                halves.append(head + ", ".join(f"`{node}`" for node in result["half_and_half"][:4]))
        if network.get("error"):
            unwritten.append(f"- {network['library']} {network['name']}: {network['error']}")
    titles = {
        "## Refused": refused,
        "## Half and half": halves,
        "## Not written by the exporter, or not run by onnxruntime": unwritten,
    }
    return [f"{title}\n\n" + "\n".join(lines or ["None."]) + "\n" for title, lines in titles.items()]


def _difference(result: dict) -> str:
    return f"{result['difference']:.0e}" + ("" if result["difference"] <= TOLERANCE else " (!)")


def _share(result: dict) -> str:
    share = result["share"]
    text = f"{100 * share:.1f} %" if abs(share) < 100 else f"{share:.1e}"
    return text + (", exploded" if result["exploded"] else "")


def _cosine(result: dict) -> str:
    # Never rounded up to 1.
    text = f"{math.floor(result['cosine'] * 1e5 + 1e-4) / 1e5:.5f}"
    return text + ("" if result["cosine"] >= SAME_MAP else " (!)")
