"""Models, explanations, the ledger, pictures, files."""

import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
from conftest import GOLDEN, golden

import pixelwise as pw


def test_relevance_and_ledger_belong_together(lenet64):
    net, x = lenet64
    a = net.explain(x, composite="epsilon-plus-flat")
    assert a.relevance.shape == x.shape and a.relevance.dtype == np.float64
    assert a.scores.shape == (2, 10) and a.targets.tolist() == a.scores.argmax(1).tolist()
    np.testing.assert_array_equal(a.target_scores, a.scores.max(1))
    a.check(1e-10)
    sunk = sum(a.sinks.values())
    np.testing.assert_allclose(a.relevance.sum((1, 2, 3)) + sunk, a.target_scores, rtol=1e-9)
    np.testing.assert_allclose(a.deltas, a.relevance.sum((1, 2, 3)) - a.target_scores, rtol=1e-9)
    assert (a.errors < 1e-10).all() and (abs(a.residuals) < 1e-10).all()
    steps = {row["step"] for row in a.ledger}
    assert len(a.ledger) == 2 * len(steps) and len({tuple(row) for row in a.ledger}) == 1
    assert a.relevance is a.relevance


def test_targets_in_all_words(lenet):
    path, x = golden("lenet5")
    net = pw.load(path, labels=[f"digit {digit}" for digit in range(10)])
    by_number = net.explain(x, 3)
    assert by_number.targets.tolist() == [3, 3]
    for target in ("digit 3", np.int64(3), [3, 3], np.array([3, 3], np.uint8), ["digit 3", "digit 3"]):
        np.testing.assert_array_equal(net.explain(x, target).relevance, by_number.relevance)
    each = net.explain(x, [3, 5])
    np.testing.assert_array_equal(each.relevance[1], net.explain(x, 5).relevance[1])
    seed = np.zeros((2, 10), np.float32)
    seed[:, 3] = by_number.scores[:, 3]
    given = net.explain(x, seed)
    assert given.targets is None
    np.testing.assert_array_equal(given.relevance, by_number.relevance)


def test_samples_are_explained_alike_alone_and_in_any_number_of_threads(lenet):
    net, x = lenet
    many = np.concatenate([x] * 20)
    a = net.explain(many, composite="smooth-grad=3")
    for index in (0, 39):
        np.testing.assert_array_equal(a.relevance[index], a.relevance[index % 2])
    for threads in (1, 3):
        other = pw.load(GOLDEN / "lenet5/model.onnx", threads=threads)
        np.testing.assert_array_equal(other.explain(many).relevance, net.explain(many).relevance)


def test_arrays_of_any_strides_give_the_same(lenet):
    net, x = lenet
    expected = net.explain(x).relevance
    frozen = x.copy()
    frozen.flags.writeable = False
    spread = np.zeros((4, 1, 64, 32), np.float32)[::2, :, ::2]
    spread[:] = x
    turned = np.ascontiguousarray(x[:, :, ::-1])[:, :, ::-1]
    for same in (np.asfortranarray(x), frozen, spread, turned):
        np.testing.assert_array_equal(net.explain(same).relevance, expected)


def test_layers_by_any_of_their_names(lenet):
    net, x = lenet
    a = net.explain(x, at=["/3/Conv"])
    kept = a.at("/3/Conv")
    assert kept.shape == (2, 16, 10, 10)
    np.testing.assert_array_equal(net.explain(x).at("/3/Conv_output_0"), kept)
    np.testing.assert_array_equal(a.at("3"), kept)
    layer = next(layer for layer in net.layers if layer["name"] == "/3/Conv")
    assert layer["operation"] == "Conv" and layer["parameters"] == 2416 and layer["rule"] == "z-plus"
    row = next(row for row in a.ledger if row["stage"].startswith("/3/Conv"))
    np.testing.assert_allclose(kept[0].sum(), row["upper"], rtol=1e-5)


def test_the_forward_pass_is_the_network_s(lenet):
    net, x = lenet
    expected = np.load(GOLDEN / "lenet5/output.npy")
    np.testing.assert_allclose(net(x), expected, rtol=1e-4, atol=1e-6)
    named = net(x, outputs=["logits", "/3/Conv"])
    assert list(named) == ["logits", "/3/Conv"] and named["/3/Conv"].shape == (2, 16, 10, 10)


def test_a_network_in_memory_pickles(lenet):
    net, x = lenet
    path = GOLDEN / "lenet5/model.onnx"
    in_memory = pw.load(path.read_bytes(), labels=list("0123456789"), threads=1)
    for again in (pickle.loads(pickle.dumps(net)), pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(in_memory))))):
        np.testing.assert_array_equal(again.explain(x).relevance, net.explain(x).relevance)
    assert pickle.loads(pickle.dumps(in_memory)).labels == list("0123456789")


def test_a_model_s_file_that_changed_is_not_pickled(tmp_path):
    path, _ = golden("lenet5")
    copy = tmp_path / "model.onnx"
    copy.write_bytes(path.read_bytes())
    net = pw.load(copy)
    copy.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(pw.FileError, match="has changed"):
        pickle.dumps(net)


def test_a_forked_process_has_threads_of_its_own(lenet):
    net, x = lenet
    net.explain(x)
    code = (
        "import os, sys, numpy as np, pixelwise as pw\n"
        f"net = pw.load({str(GOLDEN / 'lenet5/model.onnx')!r}); x = np.load({str(GOLDEN / 'lenet5/input.npy')!r})\n"
        "net.explain(x)\n"
        "child = os.fork()\n"
        "if child == 0: net.explain(x); os._exit(7)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 7


def test_pictures(lenet):
    net, x = lenet
    a = net.explain(x)
    maps = a.heatmap("seismic")
    assert maps.shape == (2, 32, 32, 3) and maps.dtype == np.uint8
    np.testing.assert_array_equal(a[1].heatmap(), maps[1])
    assert a[0]._repr_png_().startswith(b"\x89PNG") and len(a) == 2 and a[-1].target == a.targets[1]
    assert "data:image/png" in a._repr_html_() and "ledger" in a._repr_html_()
    assert not np.array_equal(a.heatmap(scale="batch"), maps) and [sample.score for sample in a]
    with pytest.raises(IndexError):
        a[2]
    with pytest.raises(pw.SettingError, match="seismic"):
        a.heatmap("no such colors")


def test_files(lenet, tmp_path):
    net, x = lenet
    a = net.explain(x)
    a.save(tmp_path / "out")
    np.testing.assert_array_equal(np.load(tmp_path / "out/relevance.npy"), a.relevance)
    record = json.loads((tmp_path / "out/attribution.json").read_text())
    assert [sample["target"] for sample in record["samples"]] == a.targets.tolist()
    assert (tmp_path / "out/000001.heatmap.png").read_bytes().startswith(b"\x89PNG")
    (tmp_path / "file").write_text("")
    with pytest.raises(pw.FileError):
        a.save(tmp_path / "file")


def test_words_of_a_network(lenet):
    net, _ = lenet
    assert net.inputs == [{"name": "input", "shape": ("N", 1, 32, 32), "dtype": "float32"}]
    assert net.outputs == ["logits"] and net.labels is None and net.kind == "network"
    assert net.default.startswith("epsilon-plus-flat, the default for convolutional networks")
    assert repr(net).endswith("61706 parameters") and "flat" in repr(net)
    assert net.describe("gamma=0.25")[0]["rule"] == "gamma=0.25"


def test_importing_brings_numpy_only_when_it_is_needed():
    code = "import sys, pixelwise; print([m for m in ('numpy', 'torch', 'tqdm', 'PIL') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
