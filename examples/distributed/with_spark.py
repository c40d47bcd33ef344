"""Relevance of many pictures by Spark: mapInPandas, into Parquet. Java 17 has to be there.

    spark-submit --py-files digits.py with_spark.py model.onnx maps/ 10000
"""

import sys

import numpy as np
import pandas as pd
from digits import digit
from pyspark import SparkFiles
from pyspark.sql import SparkSession

import pixelwise as pw


def explain(frames):
    net = pw.load(SparkFiles.get("model.onnx"), threads=1)  # one model for each partition
    for frame in frames:
        x = np.stack([digit(row) for row in frame["id"]])  # yours: read the pictures that the frame names
        a = net.explain(x, composite="epsilon-plus-flat", progress=False)
        maps = list(a.relevance.astype(np.float16).astype(np.float32).reshape(len(x), -1))
        yield pd.DataFrame({"id": frame["id"], "target": a.targets, "relevance": maps})


if __name__ == "__main__":
    model, folder, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    spark = SparkSession.builder.config("spark.sql.execution.arrow.maxRecordsPerBatch", 250).getOrCreate()
    spark.sparkContext.addFile(model)
    rows = spark.range(count, numPartitions=max(2, count // 2500))
    rows.mapInPandas(explain, "id long, target long, relevance array<float>").write.parquet(folder, mode="overwrite")
