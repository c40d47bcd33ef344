"""Relevance of many pictures by Ray Data: actors with a model each, into Parquet.

    python with_ray.py model.onnx maps/ 10000
"""

import sys

import numpy as np
import ray
from digits import digit

import pixelwise as pw


class Explain:
    """One model for each actor, on one thread: Ray counts processors."""

    def __init__(self, model):
        self.net = pw.load(ray.get(model), threads=1)

    def __call__(self, batch):
        x = np.stack([digit(row) for row in batch["id"]])  # yours: read the pictures that the batch names
        a = self.net.explain(x, composite="epsilon-plus-flat", progress=False)
        return {"id": batch["id"], "target": a.targets, "relevance": a.relevance.astype(np.float16).reshape(len(x), -1)}


def main(model, folder, count, workers=2):
    with open(model, "rb") as file:
        model = ray.put(file.read())  # once for all actors
    rows = ray.data.range(count, override_num_blocks=max(1, count // 250))
    rows = rows.map_batches(Explain, fn_constructor_args=(model,), batch_size=250, compute=ray.data.ActorPoolStrategy(size=workers))
    rows.write_parquet(folder)


if __name__ == "__main__":
    ray.init(num_cpus=4, include_dashboard=False)  # two for the actors; what reads and writes takes the others
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
