"""Times explanations of networks beside ONNX Runtime's forward pass and zennit's rules: same machine, same networks, in turns.

    python compare_with_peers.py [--models vgg16,resnet50] [--rounds 2] [--repeat 3] [--threads 1]

The networks are torchvision's with random weights, 224×224 images; relevance starts from the largest score. Each time is
the fastest of all rounds, which leaves out what other programs on the machine take away. It needs torch, torchvision,
zennit, onnx and onnxruntime, and cargo for our side.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="vgg16,resnet50", help="names of torchvision models")
    parser.add_argument("--rounds", type=int, default=2, help="how often the sides take turns")
    parser.add_argument("--repeat", type=int, default=3, help="repeats in each turn")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def fastest(repeat, run):
    run()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1e3)
    return min(times)


def peers(model, image, network_file, threads, repeat):
    """Milliseconds of ONNX Runtime's and torch's forward pass and of zennit's explanations, by row."""
    import onnxruntime
    import torch
    from torch import nn
    from zennit.canonizers import SequentialMergeBatchNorm
    from zennit.composites import EpsilonAlpha2Beta1, EpsilonPlusFlat, LayerMapComposite, layer_map_base
    from zennit.rules import AlphaBeta, Epsilon, ZPlus
    from zennit.torchvision import ResNetCanonizer
    from zennit.types import Linear

    torch.set_num_threads(threads)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(network_file), options, providers=["CPUExecutionProvider"])
    rows = {"ONNX Runtime forward": fastest(repeat, lambda: session.run(None, {"input": image.numpy()}))}

    def forward():
        with torch.no_grad():
            model(image)

    rows["torch forward"] = fastest(repeat, forward)
    is_resnet = any(type(module).__name__ in ("BasicBlock", "Bottleneck") for module in model.modules())
    canonizers = [ResNetCanonizer() if is_resnet else SequentialMergeBatchNorm()]
    uniform = lambda rule: LayerMapComposite(layer_map_base() + [(Linear, rule)], canonizers=canonizers)
    composites = {
        "epsilon": uniform(Epsilon(1e-6)),
        "z-plus": uniform(ZPlus()),
        "alpha-beta": uniform(AlphaBeta(2, 1)),
        "epsilon-plus-flat": EpsilonPlusFlat(canonizers=canonizers),
        "epsilon-alpha2-beta1": EpsilonAlpha2Beta1(canonizers=canonizers),
    }
    for name, composite in composites.items():
        with composite.context(model) as modified:

            def explain():
                pixels = image.clone().requires_grad_()
                scores = modified(pixels)
                initial = torch.zeros_like(scores)
                best = scores.argmax(1)
                initial[0, best] = scores.detach()[0, best]
                torch.autograd.grad(scores, pixels, initial)

            rows[f"zennit {name}"] = fastest(repeat, explain)
    return rows


def ours(network_file, image_file, threads, repeat):
    """Milliseconds of our rows."""
    command = ["cargo", "run", "--quiet", "--release", "--example", "time_networks", "--", str(network_file), str(image_file)]
    command += ["--threads", str(threads), "--repeat", str(repeat)]
    lines = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    rows = map(json.loads, lines)
    return {row["row"]: row["fastest_ms"] for row in rows}


def main():
    given = arguments()
    os.environ.update({name: str(given.threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")})
    import numpy as np
    import torch
    import torchvision

    with tempfile.TemporaryDirectory() as folder:
        for name in given.models.split(","):
            torch.manual_seed(0)
            model = getattr(torchvision.models, name)(weights=None).eval()
            for module in model.modules():
                if isinstance(module, torch.nn.ReLU):
                    module.inplace = False
            image = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(1))
            network_file, image_file = Path(folder) / f"{name}.onnx", Path(folder) / f"{name}.npy"
            torch.onnx.export(model, image, network_file, opset_version=17, dynamo=False, input_names=["input"])
            np.save(image_file, image.numpy())
            best = {}
            for _ in range(given.rounds):
                turns = {f"pixelwise {row}": ms for row, ms in ours(network_file, image_file, given.threads, given.repeat).items()}
                turns |= peers(model, image, network_file, given.threads, given.repeat)
                best = {row: min(ms, best.get(row, ms)) for row, ms in turns.items()}
            print(f"\n{name}, {given.threads} thread(s)\n\n| row | ms | to our forward | to ONNX Runtime's forward |\n| --- | --- | --- | --- |")
            for row, ms in best.items():
                forward, runtime = best["pixelwise forward"], best["ONNX Runtime forward"]
                print(f"| {row} | {ms:.0f} | {ms / forward:.2f} | {ms / runtime:.2f} |", flush=True)


if __name__ == "__main__":
    main()
