"""The numbers are those of the command line, to the byte, and those of zennit, to rounding."""

import json
import subprocess
import sys

import numpy as np
import pytest
from conftest import GOLDEN, ROOT, golden
from test_fields import NAMES, scores

import pixelwise as pw

NETWORKS = sorted(path.name for path in GOLDEN.iterdir() if (path / "model.onnx").exists())


@pytest.mark.parametrize("name", NETWORKS)
def test_maps_are_the_command_line_s_to_the_byte(name, program, tmp_path):
    path, x = golden(name)
    for dtype, composite in (("float32", "epsilon-plus"), ("float64", "gradient"), ("float32", None)):
        arguments = [] if composite is None else ["--composite", composite]
        arguments += ["--dtype", dtype.replace("float", "f"), "--output", str(tmp_path / dtype)]
        written = tmp_path / f"{dtype}-{composite}.npy"
        command = [program, "explain", str(path), str(GOLDEN / name / "input.npy"), "--relevance", str(written)]
        subprocess.run([*command, *arguments], check=True, capture_output=True)
        expected = np.load(written)
        found = pw.load(path, dtype=dtype).explain(x.astype(dtype), composite=composite).relevance
        assert found.dtype == expected.dtype and found.tobytes() == expected.tobytes()


def correlation(a, b):
    """Pearson's r."""
    return np.corrcoef(np.ravel(a), np.ravel(b))[0, 1]


def distance(a, exact):
    """The largest difference, relative to the largest magnitude."""
    return np.abs(a - exact).max() / np.abs(exact).max()


def usual_distance(a, exact):
    """The median of the differences, relative to the median of the magnitudes."""
    return np.median(np.abs(a - exact)) / np.median(np.abs(exact))


def theirs(model, x, seed, composite):
    """zennit's relevance."""
    zennit = pytest.importorskip("zennit")
    from zennit.attribution import Gradient
    from zennit.composites import EpsilonPlusFlat, LayerMapComposite
    from zennit.rules import Epsilon, Norm, Pass
    from zennit.torchvision import ResNetCanonizer
    from zennit.types import Activation, AvgPool, Linear
    import zennit.layer

    canonizers = [ResNetCanonizer()]
    epsilon = [(Activation, Pass()), (zennit.layer.Sum, Norm()), (AvgPool, Norm()), (Linear, Epsilon())]
    made = EpsilonPlusFlat(canonizers=canonizers) if composite == "epsilon-plus-flat" else LayerMapComposite(epsilon, canonizers=canonizers)
    with Gradient(model=model, composite=made) as attributor:
        _, relevance = attributor(x, seed)
    return relevance.detach().numpy()


# VGG16's pooling before its dense layers can be exported for this size alone.
@pytest.mark.parametrize("name, side", [("vgg16", 224), ("resnet18", 64)])
def test_maps_are_zennit_s_on_torchvision_s_networks(name, side, tmp_path):
    torch = pytest.importorskip("torch")
    torchvision = pytest.importorskip("torchvision")
    pytest.importorskip("zennit")

    def build():
        torch.manual_seed(0)
        model = getattr(torchvision.models, name)(weights=None).eval()
        norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
        for norm in norms:
            norm.train()
            norm.momentum = 1.0
        if norms:
            with torch.no_grad():
                model(torch.randn(4, 3, side, side))
        for module in model.modules():
            if hasattr(module, "inplace"):
                module.inplace = False
        return model.eval()

    example = torch.randn(1, 3, side, side)
    torch.onnx.export(build(), (example,), str(tmp_path / "net.onnx"), opset_version=17, dynamo=False)
    single, double = pw.load(tmp_path / "net.onnx"), pw.load(tmp_path / "net.onnx", dtype="float64")

    def ratio(composite, image):
        """How far our float32 is from float64, relative to zennit's own."""
        x = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(image))
        out = build().double()(x.double()).detach()
        seed = torch.zeros_like(out)
        seed[0, out.argmax()] = out.max()
        exact = theirs(build().double(), x.double(), seed, composite)
        assert correlation(double.explain(x.double().numpy(), seed.numpy(), composite).relevance, exact) > 0.99999
        their_single = theirs(build(), x, seed.float(), composite)
        ours = single.explain(x.numpy(), seed.float().numpy(), composite).relevance
        return usual_distance(ours, exact) / usual_distance(their_single, exact)

    # Single precision has another winner than double precision in about one of a million windows of a maximum, in any
    # program: all relevance of that window lies elsewhere then, and the largest difference says only whether it happened.
    # The median is that of all the other places. A unit within rounding of zero in a dense layer moves all of them; it is
    # so in one image, hardly in three. A rule that is not the same shows in all images, and at all places.
    for composite in ("epsilon-plus-flat", "epsilon"):
        assert any(ratio(composite, image) <= 2 for image in (1, 2, 3)), composite


def torch_network(name):
    """A golden network in torch, from its manifest and its ONNX file."""
    torch = pytest.importorskip("torch")
    onnx = pytest.importorskip("onnx")
    from torch import nn  # noqa: F401 (the manifest's modules are its)

    manifest = json.loads((GOLDEN / name / "manifest.json").read_text())
    modules = [eval("nn." + layer["repr"], {"nn": nn}) for layer in manifest["layers"]]  # the project's own files
    model = torch.nn.Sequential(*modules).double().eval()
    graph = onnx.load(GOLDEN / name / "model.onnx").graph
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    unnamed = [values for key, values in constants.items() if key.startswith("onnx::MatMul")]
    state = model.state_dict()
    for key in state:
        values = constants[key] if key in constants else unnamed.pop(0).T  # a linear layer without bias
        state[key] = torch.from_numpy(values.astype(np.float64))
    model.load_state_dict(state)
    return model


@pytest.mark.parametrize("name", ["lenet5", "cnn_small"])
def test_maps_and_what_quantus_says_of_them_are_zennit_s_on_golden_networks(name):
    torch = pytest.importorskip("torch")
    path, x = golden(name)
    x = x.astype(np.float64)
    net = pw.load(path, dtype="float64")
    seed = np.load(GOLDEN / name / "R_init.npy").astype(np.float64)
    exact = theirs(torch_network(name), torch.from_numpy(x), torch.from_numpy(seed), "epsilon-plus-flat")
    ours = net.explain(x, seed, "epsilon-plus-flat").relevance
    assert correlation(ours, exact) > 0.99999 and distance(ours, exact) <= 1e-6
    model, y = pw.quantus.as_torch(net), np.abs(seed).argmax(1)
    for metric in NAMES:
        if metric in ("MaxSensitivity", "LocalLipschitzEstimate"):
            continue  # these explain by themselves
        pair = [scores(metric, model, x, y, a_batch=a, explain_func=pw.quantus.explain_func) for a in (ours, exact)]
        np.testing.assert_allclose(*pair, rtol=1e-6, atol=1e-6, err_msg=metric)


def test_the_wheel_s_own_doctests():
    import doctest
    import importlib

    names = ["", ".attr", ".bow", ".measures", ".methods", ".quantus", ".rules", "._native"]
    results = [doctest.testmod(importlib.import_module(f"pixelwise{name}")) for name in names]
    assert sum(result.failed for result in results) == 0
    assert sum(result.attempted for result in results) > 30


def test_the_types_are_those_of_the_package():
    pytest.importorskip("mypy")
    command = [sys.executable, "-m", "mypy.stubtest", "pixelwise", "--mypy-config-file", str(ROOT / "pyproject.toml")]
    command += ["--ignore-unused-allowlist", "--allowlist", str(ROOT / "tests/python/stubtest.txt")]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT / "tests")
    assert result.returncode == 0, result.stdout + result.stderr
