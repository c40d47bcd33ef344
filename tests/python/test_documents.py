"""What readers are told runs: notebooks, and the guide's programs."""

import json
import re

import numpy as np
import pytest
from conftest import GOLDEN, ROOT

import pixelwise as pw

NOTEBOOKS = sorted((ROOT / "examples/notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_run(notebook, tmp_path, monkeypatch):
    nbconvert = pytest.importorskip("nbconvert.preprocessors")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    book = nbformat.read(notebook, as_version=4)
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in book.cells)
    nbconvert.ExecutePreprocessor(timeout=300).preprocess(book, {"metadata": {"path": str(notebook.parent)}})
    assert any(cell.get("outputs") for cell in book.cells)


def test_the_guide_s_programs_run():
    text = (ROOT / "docs/guide/python.md").read_text()
    programs = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names = {"x": np.load(GOLDEN / "lenet5/input.npy"), "pw": pw}
    for program in programs:
        exec(program.replace("model.onnx", str(GOLDEN / "lenet5/model.onnx")), names)
    assert len(programs) == 2 and names["own"].rules and json.dumps(names["a"].ledger[0])
