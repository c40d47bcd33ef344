"""What Quantus says of explanations of two networks of ../neural: run `python make.py` here to make values.json again.

Each network is built in torch from its manifest and its ONNX file, in float64; what is explained, and how, is the first
two samples by input x gradient. Every measure sees one sample at a time: Quantus divides relevance by the maximum of a
whole batch.
"""

import json
import platform
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnx.numpy_helper
import quantus
import torch
from torch import nn

warnings.filterwarnings("ignore")
NEURAL = Path(__file__).parent.parent / "neural"
COPIES = 5


def network(case):
    """The network of a case; its modules have the names that the manifest gives them."""
    manifest = json.loads((NEURAL / case / "manifest.json").read_text())
    modules = [eval("nn." + layer["repr"]) for layer in manifest["layers"]]  # the project's own files
    model = nn.Sequential(*modules).double().eval()
    constants = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(NEURAL / case / "model.onnx").graph.initializer}
    unnamed = [values for name, values in constants.items() if name.startswith("onnx::MatMul")]
    state = model.state_dict()
    for name in state:
        values = constants[name] if name in constants else unnamed.pop(0).T  # a linear layer without bias
        state[name] = torch.from_numpy(values.astype(np.float64))
    model.load_state_dict(state)
    x = np.load(NEURAL / case / "input.npy").astype(np.float64)
    logits = np.load(NEURAL / case / "output.npy")
    assert np.abs(model(torch.from_numpy(x)).detach().numpy() - logits).max() < 1e-5
    return model, x, np.array(manifest["chosen_class"])


class Doubled(nn.Module):
    """Quantus hands float32 over."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x.double())


def explain(model, inputs, targets, **_):
    x = torch.from_numpy(np.asarray(inputs, dtype=np.float64)).requires_grad_()
    scores = model(x)
    scores[torch.arange(len(scores)), torch.as_tensor(np.asarray(targets))].sum().backward()
    return (x * x.grad).detach().numpy()


def round_drawn_parameters():
    """Parameters that are drawn are kept as float32."""
    for kind in [nn.Conv2d, nn.Linear]:
        draw = kind.reset_parameters

        def drawn(self, draw=draw):
            draw(self)
            for parameter in self.parameters():
                parameter.data = parameter.data.float().double()

        kind.reset_parameters = drawn


def evaluate(case, index, noise, mask):
    """All measures of one sample."""
    inner, x, y = network(case)
    model = Doubled(inner).eval()
    x, y = x[index : index + 1], y[index : index + 1]
    a = explain(model, x, y)
    quiet = {"disable_warnings": True, "display_progressbar": False}

    def of(measure, **arguments):
        given = {"model": model, "x_batch": x, "y_batch": y, "a_batch": a.copy(), "softmax": False, "channel_first": True}
        return measure(**{**given, "explain_func": explain, **arguments})

    values = {}
    for patch, order, baseline in [(8, "morf", "black"), (4, "lerf", "black"), (5, "morf", 0.25), (8, "morf", "white")]:
        measure = quantus.RegionPerturbation(patch_size=patch, order=order, perturb_baseline=baseline, **quiet)
        values[f"region-perturbation {patch} {order} {baseline}"] = np.asarray(of(measure)[0]).tolist()
    measure = quantus.RegionPerturbation(patch_size=4, regions_evaluation=6, **quiet)
    values["region-perturbation 4 softmax 6"] = np.asarray(of(measure, softmax=True)[0]).tolist()
    values["sparseness"] = float(of(quantus.Sparseness(**quiet))[0])
    values["complexity"] = float(of(quantus.Complexity(**quiet))[0])
    values["completeness"] = completeness(model, x, y, lambda a: of(quantus.Completeness(normalise=False, **quiet), a_batch=a))

    copies = iter(())

    def perturb(arr, indices, **_):
        return arr + next(copies).reshape(1, -1)

    for name, kind in [("max-sensitivity", quantus.MaxSensitivity), ("local-lipschitz-estimate", quantus.LocalLipschitzEstimate)]:
        copies = iter(noise.astype(np.float64))
        values[name] = float(of(kind(nr_samples=COPIES, perturb_func=perturb, **quiet))[0])

    asked = []

    def noting(model, inputs, targets, **_):
        asked.append(int(targets[0]))
        return explain(model, inputs, targets)

    classes = inner[-1].out_features
    score = of(quantus.RandomLogit(num_classes=classes, **quiet), explain_func=noting)
    values["random-logit"] = {"other": asked[-1], "value": float(score[0])}

    for order in ["top_down", "bottom_up", "independent"]:
        correlations = of(quantus.MPRT(layer_order=order, **quiet))
        values[f"mprt {order}"] = {name.removeprefix("inner."): float(rho[0]) for name, rho in correlations.items()}

    if x.shape[1] == 1:
        for step, baseline in [(1, "black"), (8, "white"), (2, 0.25)]:
            measure = quantus.PixelFlipping(features_in_step=step, perturb_baseline=baseline, **quiet)
            values[f"pixel-flipping {step} {baseline}"] = np.asarray(of(measure)[0]).tolist()
        values["pixel-flipping softmax"] = np.asarray(of(quantus.PixelFlipping(**quiet), softmax=True)[0]).tolist()
        s = mask[None, None]
        for name, measure in [
            ("pointing-game", quantus.PointingGame(**quiet)),
            ("relevance-mass-accuracy", quantus.RelevanceMassAccuracy(**quiet)),
            ("relevance-rank-accuracy", quantus.RelevanceRankAccuracy(**quiet)),
            ("top-k-intersection", quantus.TopKIntersection(k=40, **quiet)),
        ]:
            values[name] = float(of(measure, s_batch=s)[0])
    return values


def completeness(model, x, y, of):
    """Whether relevance that is all at one pixel sums to the difference of scores, to the last bit; and with 1 more."""
    scores = [model(torch.Tensor(inputs)).detach().numpy()[0, y[0]] for inputs in [x, np.full_like(x, x.min())]]
    relevance = np.zeros_like(x)
    relevance.flat[0] = scores[0] - scores[1]
    return {"difference": relevance.flat[0], "equal": bool(of(relevance)[0]), "one more": bool(of(relevance + (relevance != 0))[0])}


def parameters_drawn(case):
    """What every layer has once its parameters were drawn; each draw begins with the same seed."""
    inner, _, _ = network(case)
    for module in inner:
        if hasattr(module, "reset_parameters"):
            torch.manual_seed(43)  # MPRT's seed 42, plus one
            module.reset_parameters()
    return {name: values.float().numpy() for name, values in inner.state_dict().items()}


def main():
    round_drawn_parameters()
    versions = {name: module.__version__ for name, module in [("quantus", quantus), ("torch", torch), ("numpy", np)]}
    report = {"versions": {**versions, "python": platform.python_version()}, "cases": {}}
    for number, case in enumerate(["cnn_small", "cnn_odd"]):
        _, x, _ = network(case)
        shape = x.shape[1:]
        noise = np.random.default_rng(number).uniform(-0.2, 0.2, (2, COPIES, *shape)).astype(np.float32)
        np.save(f"{case}_noise.npy", noise)
        np.savez(f"{case}_drawn.npz", **parameters_drawn(case))
        rows, columns = np.mgrid[: shape[1], : shape[2]]
        mask = (rows - 6) ** 2 + (columns - 9) ** 2 <= 20
        samples = [evaluate(case, index, noise[index], mask) for index in range(2)]
        report["cases"][case] = {"mask": "(row - 6)^2 + (column - 9)^2 <= 20", "samples": samples}
    Path("values.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
