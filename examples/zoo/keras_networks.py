"""Networks of Keras, written by tf2onnx: NAME SIZE FILE. It runs in an environment of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf2onnx

OPSET = 17

def write(name: str, size: int, path: Path) -> None:
    """Writes a network; its images have channels last, as Keras has them."""
    tf.keras.utils.set_random_seed(0)
    model = getattr(tf.keras.applications, name)(weights=None, input_shape=(size, size, 3), classifier_activation=None)
    random = np.random.default_rng(0)
    _settle_batch_norms(model, random.standard_normal((4, size, size, 3)).astype(np.float32), random)
    signature = [tf.TensorSpec((None, size, size, 3), tf.float32, name="image")]
    tf2onnx.convert.from_keras(model, signature, opset=OPSET, output_path=str(path))


def _settle_batch_norms(model: tf.keras.Model, images: np.ndarray, random: np.random.Generator) -> None:
    """Takes the statistics of batch normalizations from random images, and moves them by chance."""
    norms = [layer for layer in model._flatten_layers() if isinstance(layer, tf.keras.layers.BatchNormalization)]
    for norm in norms:
        norm.momentum = 0.0
    if norms:
        model(images, training=True)
    for norm in norms:
        mean, variance = norm.moving_mean.numpy(), norm.moving_variance.numpy()
        variance = np.maximum(variance, 0.25 * mean**2)
        norm.moving_mean.assign(mean + 0.1 * np.sqrt(variance) * random.standard_normal(mean.shape))
        norm.moving_variance.assign(variance * random.uniform(0.5, 1.5, variance.shape))


if __name__ == "__main__":
    write(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
