"""Relevance of many pictures by Dask: a bag of parts, each into a Parquet file of its own.

    python with_dask.py model.onnx maps/ 10000
"""

import os
import sys

import dask.bag
import numpy as np
import pyarrow as pa
import pyarrow.parquet
from digits import digit
from distributed import Client, LocalCluster, get_worker

import pixelwise as pw


def explain(part, model, folder, size, count):
    file = f"{folder}/part-{part:06}.parquet"
    if os.path.exists(file):  # of an earlier run: files appear whole or not at all
        return file
    worker = get_worker()
    if not hasattr(worker, "net"):
        worker.net = pw.load(model, threads=1)  # one model for each process
    ids = np.arange(part * size, min((part + 1) * size, count))
    x = np.stack([digit(row) for row in ids])  # yours: read the pictures of the part
    a = worker.net.explain(x, composite="epsilon-plus-flat", progress=False)
    maps = list(a.relevance.astype(np.float16).reshape(len(x), -1))
    pa.parquet.write_table(pa.table({"id": ids, "target": a.targets, "relevance": maps}), f"{file}.{os.getpid()}")
    os.replace(f"{file}.{os.getpid()}", file)
    return file


def main(model, folder, count, size=250):
    os.makedirs(folder, exist_ok=True)
    parts = dask.bag.from_sequence(range(-(-count // size)), partition_size=1)
    return parts.map(explain, model, folder, size, count).compute()


if __name__ == "__main__":
    with Client(LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)):
        main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
