"""Errors: one hierarchy, sentences, and no panic whatever comes."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import GOLDEN, ROOT, golden

import pixelwise as pw


def hostile():
    """Arrays that nobody should give, with what is to be said of them."""
    x = golden("lenet5")[1]
    holey, infinite = x.copy(), x.copy()
    holey[1, 0, 3, 4], infinite[0, 0, 0, 0] = np.nan, np.inf
    record = np.zeros((2, 1, 32, 32), [("byte", np.uint8), ("x", np.float32)])["x"]
    return {
        "empty": (x[:0], pw.ShapeError, "no numbers"),
        "no rows": (x[:, :, :0], pw.ShapeError, "takes"),
        "a number": (np.float32(3), pw.ShapeError, "takes"),
        "0-d": (np.array(3, np.float32), pw.ShapeError, "takes"),
        "no sample axis": (x[0], pw.ShapeError, r"\(N, 1, 32, 32\)"),
        "many axes": (x.reshape((2,) + (1,) * 28 + (32, 32)), pw.ShapeError, "axes"),
        "float64": (x.astype(np.float64), pw.DtypeError, r"astype\(numpy.float32\)"),
        "float16": (x.astype(np.float16), pw.DtypeError, "float16"),
        "big-endian": (x.astype(">f4"), pw.DtypeError, ">f4"),
        "int": (x.astype(np.int32), pw.DtypeError, "int32"),
        "bool": (x > 0, pw.DtypeError, "bool"),
        "complex": (x.astype(np.complex64), pw.DtypeError, "complex64"),
        "object": (x.astype(object), pw.DtypeError, "object"),
        "text": (np.full((2, 1, 32, 32), "1.0"), pw.DtypeError, "dtype"),
        "date": (np.zeros((2, 1, 32, 32), "M8[s]"), pw.DtypeError, "datetime64"),
        "NaN": (holey, pw.InputError, "finite"),
        "infinite": (infinite, pw.InputError, "finite"),
        "not aligned": (record, pw.InputError, "aligned"),
        "ragged list": ([[1.0], [1.0, 2.0]], pw.InputError, "no array"),
        "None": (None, pw.DtypeError, "object"),
        "text itself": ("x.npy", pw.DtypeError, "dtype"),
        "2 GiB of another shape": (np.broadcast_to(np.float32(0), (2**24, 1, 32)), pw.ShapeError, "takes"),
        "2 GiB in a row": (np.broadcast_to(np.float32(0), (1, 1, 32, 2**24)), pw.ShapeError, "takes"),
        "dictionary": ({"image": x}, pw.ShapeError, "input"),
        "masked": (np.ma.masked_array(x.astype(np.float64), x > 0), pw.DtypeError, "float64"),
    }


@pytest.mark.parametrize("name", hostile())
def test_hostile_arrays_are_refused_in_a_sentence(name, lenet):
    array, error, says = hostile()[name]
    for call in (lenet[0].explain, lenet[0], lambda x: pw.attr.LRP(lenet[0]).attribute(x)):
        with pytest.raises(error, match=says):
            call(array)


def test_read_only_and_overlapping_views_are_taken(lenet):
    net, x = lenet
    repeated = np.broadcast_to(x[:1], (5, 1, 32, 32))
    relevance = net.explain(repeated).relevance
    assert (relevance == net.explain(x[:1]).relevance).all()


@pytest.mark.parametrize(
    "arguments, error, says",
    [
        ({"target": 10}, pw.TargetError, "0 to 9"),
        ({"target": -1}, pw.TargetError, "from 0"),
        ({"target": 2**80}, pw.TargetError, "from 0"),
        ({"target": True}, pw.TargetError, "class"),
        ({"target": "cat"}, pw.TargetError, "no names"),
        ({"target": [1]}, pw.TargetError, "2 samples"),
        ({"target": [1, None]}, pw.TargetError, "no class"),
        ({"target": np.zeros((2, 2), int)}, pw.TargetError, "shape"),
        ({"target": np.ones((2, 3), np.float32)}, pw.SettingError, r"\[2, 10\]"),
        ({"target": np.ones((2, 10))}, pw.DtypeError, "float32"),
        ({"target": np.ones((3, 3), bool)}, pw.TargetError, "positions"),
        ({"composite": "nothing"}, pw.SettingError, "epsilon-plus"),
        ({"composite": "gamma=many"}, pw.SettingError, "number"),
        ({"composite": "no-such.toml"}, pw.FileError, "no-such.toml"),
        ({"composite": 3}, pw.SettingError, "composite"),
        ({"composite": "z-box"}, pw.SettingError, "smallest"),
        ({"composite": {"first": "flat"}}, pw.SettingError, "composite"),
        ({"at": ["layer4"]}, pw.SettingError, "no tensor, node or module"),
        ({"masks": {"nowhere": [0]}}, pw.SettingError, "nowhere"),
    ],
)
def test_settings_that_make_no_sense(lenet, arguments, error, says):
    net, x = lenet
    with pytest.raises(error, match=says):
        net.explain(x, **arguments)


def test_files_that_hold_no_model(tmp_path):
    with pytest.raises(pw.FileError, match="no/such/file"):
        pw.load("no/such/file")
    with pytest.raises(OSError):
        pw.load(tmp_path)
    for content, says in ((b"", "empty"), (b"\x80\x02}", "pickle"), (b"PK\x03\x04", "zip"), (b"hello", "no layer")):
        (tmp_path / "model").write_bytes(content)
        for given in (tmp_path / "model", content):
            with pytest.raises(pw.ModelError, match=says):
                pw.load(given)
    whole = (GOLDEN / "lenet5/model.onnx").read_bytes()
    for length in (7, 100, len(whole) // 2, len(whole) - 1):
        with pytest.raises(pw.Error):
            pw.load(whole[:length])
    for dtype, threads in (("float16", None), ("float32", 0)):
        with pytest.raises(pw.SettingError):
            pw.load(whole, dtype=dtype, threads=threads)


def test_operators_that_are_not_known_are_named(tmp_path):
    onnx = pytest.importorskip("onnx")
    value = onnx.helper.make_tensor_value_info
    node = onnx.helper.make_node("Strange", ["x"], ["y"], name="odd", domain="com.example")
    kinds = [value(name, onnx.TensorProto.FLOAT, ["N", 2]) for name in "xy"]
    graph = onnx.helper.make_graph([node], "g", kinds[:1], kinds[1:])
    opsets = [onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid("com.example", 1)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)
    with pytest.raises(pw.UnsupportedOperator, match="Strange") as caught:
        pw.load(model.SerializeToString())
    [(name, kind)] = caught.value.nodes
    assert name == "odd" and "Strange" in kind and isinstance(caught.value, NotImplementedError)


def test_all_errors_are_one_kind():
    errors = [value for value in vars(pw).values() if isinstance(value, type) and issubclass(value, Exception)]
    assert len(errors) == 11 and all(issubclass(error, pw.Error) for error in errors)


def test_books_that_do_not_balance_are_told(lenet):
    net, x = lenet
    with pytest.raises(pw.LedgerError, match="step|stage|Conv|Gemm"):
        net.explain(x).check(0.0)


def test_ctrl_c_stops_a_long_run(tmp_path):
    code = (
        "import numpy as np, pixelwise as pw\n"
        f"net = pw.load({str(GOLDEN / 'lenet5/model.onnx')!r}); x = np.load({str(GOLDEN / 'lenet5/input.npy')!r})\n"
        "many = np.broadcast_to(x[:1], (10_000_000, 1, 32, 32))\n"
        "print('begun', flush=True)\n"
        "try: net.explain(many, composite='smooth-grad=10')\n"
        "except KeyboardInterrupt: print('stopped', net.explain(x).targets.tolist(), flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout.readline() == "begun\n"
        time.sleep(1.0)
        os.kill(process.pid, signal.SIGINT)
        assert process.communicate(timeout=60)[0].startswith("stopped [")
