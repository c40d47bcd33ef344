"""Makes the files of this folder: small networks as onnxruntime quantizes and optimizes them.

    python make.py [--into FOLDER]

Needs the packages onnx, onnxruntime and sympy (versions that made these files: index.json says). Three networks with seeded
weights (a convolutional one, a perceptron, one block of a vision transformer) are written as exporters write them:

    NAME.onnx            the plain network
    NAME.input.npy       images for it, as many as the first axis is long

and then by onnxruntime, in all forms that its quantizer and its optimizers write. index.json has a line for each: the file, the
plain network that it stands for, its outputs as onnxruntime computes them image by image, and the quantum of the output
where it is quantized.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.transformers.fusion_options import FusionOptions
from onnxruntime.transformers.optimizer import optimize_model

IMAGES = 3


class Network:
    """Nodes one after the other, with their weights."""

    def __init__(self, seed, shape, opset=17):
        self.random = np.random.default_rng(seed)
        self.nodes, self.weights, self.shape, self.opset = [], [], shape, opset

    def weight(self, *shape, gain=1.6, shift=0.0):
        fan = int(np.prod(shape[1:])) if len(shape) > 1 else 1
        values = self.random.normal(size=shape) * gain / np.sqrt(fan) + shift
        return self.constant(values.astype(np.float32))

    def matrix(self, rows, columns, gain=1.0):
        return self.constant((self.random.normal(size=(rows, columns)) * gain / np.sqrt(rows)).astype(np.float32))

    def constant(self, values):
        name = f"c{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def add(self, kind, *inputs, **attributes):
        name = f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def model(self, output):
        self.nodes[-1].output[0] = "scores"
        graph = helper.make_graph(
            self.nodes,
            "network",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", *self.shape])],
            [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", output])],
            self.weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        return model


def convolutional():
    n = Network(1, (3, 12, 12))
    vector = lambda count: n.constant((n.random.normal(size=count) * 0.1).astype(np.float32))
    x = n.add("Conv", "image", n.weight(8, 3, 3, 3), vector(8), pads=[1, 1, 1, 1])
    x = n.add("Relu", x)
    x = n.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    skip = x
    x = n.add("Conv", x, n.weight(8, 8, 3, 3), vector(8), pads=[1, 1, 1, 1])
    x = n.add("LeakyRelu", x, alpha=0.125)
    x = n.add("Conv", x, n.weight(8, 8, 3, 3, gain=1.0), vector(8), pads=[1, 1, 1, 1])
    x = n.add("Add", x, skip)
    x = n.add("Relu", x)
    # Squeeze and excitation.
    s = n.add("GlobalAveragePool", x)
    s = n.add("Conv", s, n.weight(8, 8, 1, 1), vector(8))
    s = n.add("Sigmoid", s)
    x = n.add("Mul", x, s)
    left = n.add("Conv", x, n.weight(6, 8, 1, 1), vector(6))
    left = n.add("Relu", left)
    right = n.add("AveragePool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    x = n.add("Concat", left, right, axis=1)
    x = n.add("Conv", x, n.weight(12, 14, 3, 3), vector(12), strides=[2, 2])
    x = n.add("Clip", x, n.constant(np.float32(0)), n.constant(np.float32(6)))
    x = n.add("GlobalAveragePool", x)
    x = n.add("Flatten", x)
    n.add("Gemm", x, n.weight(5, 12), vector(5), transB=1)
    return n.model(5)


def perceptron():
    n = Network(2, (1, 6, 6))
    x = n.add("Flatten", "image")
    x = n.add("Gemm", x, n.weight(20, 36), n.weight(20, gain=0.1), transB=1)
    x = n.add("Relu", x)
    x = n.add("MatMul", x, n.matrix(20, 12, gain=1.4))
    x = n.add("Add", x, n.weight(12, gain=0.1))
    x = n.add("Relu", x)
    x = n.add("Gemm", x, n.weight(4, 12), n.weight(4, gain=0.1), transB=1)
    n.add("Softmax", x, axis=1)
    return n.model(4)


def transformer():
    size, heads, patches = 16, 2, 9
    n = Network(3, (1, 12, 12))
    vector = lambda count, shift=0.0: n.constant((n.random.normal(size=count) * 0.1 + shift).astype(np.float32))

    def linear(x, rows, columns, gain=1.0):
        product = n.add("MatMul", x, n.matrix(rows, columns, gain))
        return n.add("Add", vector(columns), product)

    def norm(x):
        return n.add("LayerNormalization", x, vector(size, 1.0), vector(size), axis=-1, epsilon=1e-5)

    x = n.add("Conv", "image", n.weight(size, 1, 4, 4), vector(size), strides=[4, 4])
    x = n.add("Reshape", x, n.constant(np.array([0, size, patches])))
    x = n.add("Transpose", x, perm=[0, 2, 1])
    tokens = n.add("Add", x, n.constant((n.random.normal(size=(1, patches, size)) * 0.3).astype(np.float32)))
    x = norm(tokens)

    def parted(x, perm):
        x = n.add("Reshape", x, n.constant(np.array([0, 0, heads, size // heads])))
        return n.add("Transpose", x, perm=perm)

    q, k, v = [linear(x, size, size, gain) for gain in (1.5, 1.5, 1.0)]
    q, k, v = parted(q, [0, 2, 1, 3]), parted(k, [0, 2, 3, 1]), parted(v, [0, 2, 1, 3])
    a = n.add("MatMul", q, k)
    a = n.add("Div", a, n.constant(np.float32(np.sqrt(size // heads))))
    a = n.add("Softmax", a, axis=-1)
    x = n.add("MatMul", a, v)
    x = n.add("Transpose", x, perm=[0, 2, 1, 3])
    x = n.add("Reshape", x, n.constant(np.array([0, 0, size])))
    tokens = n.add("Add", linear(x, size, size), tokens)
    x = norm(tokens)
    x = linear(x, size, 2 * size, 1.5)
    half = n.add("Div", x, n.constant(np.float32(np.sqrt(2))))
    half = n.add("Erf", half)
    half = n.add("Add", half, n.constant(np.float32(1)))
    x = n.add("Mul", x, half)
    x = n.add("Mul", x, n.constant(np.float32(0.5)))
    tokens = n.add("Add", linear(x, 2 * size, size), tokens)
    x = norm(tokens)
    x = n.add("ReduceMean", x, axes=[1], keepdims=0)
    n.add("Gemm", x, n.weight(5, size), vector(5), transB=1)
    return n.model(5)


NETWORKS = {"convolutional": convolutional, "perceptron": perceptron, "transformer": transformer}


def images(shape, count, seed):
    """Images with large and small structures."""
    random = np.random.default_rng(seed)
    coarse = random.normal(size=(count, shape[0], 3, 3)).repeat(shape[1] // 3, 2).repeat(shape[2] // 3, 3)
    return (coarse + 0.3 * random.normal(size=(count, *shape))).astype(np.float32)


class Calibration(CalibrationDataReader):
    def __init__(self, shape):
        self.images = iter(images(shape, 64, 99))

    def get_next(self):
        image = next(self.images, None)
        return None if image is None else {"image": image[None]}


def session(path, level=onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL, saved=None):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    options.log_severity_level = 3
    if saved is not None:
        options.optimized_model_filepath = str(saved)
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run(path, inputs):
    runner = session(path)
    return np.concatenate([runner.run(None, {"image": image[None]})[0] for image in inputs])


def last_quantum(model):
    """The largest scale of a grid onto which the network's output may go, 0 where there is none."""
    constants = {weight.name: numpy_helper.to_array(weight) for weight in model.graph.initializer}
    tensor = model.graph.output[0].name
    givers = {output: node for node in model.graph.node for output in node.output}
    while tensor in givers:
        node = givers[tensor]
        if node.op_type == "DequantizeLinear":
            return float(np.max(constants[node.input[1]]))
        if node.op_type not in ("Reshape", "Identity"):
            return 0.0
        tensor = node.input[0]
    return 0.0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--into", type=Path, default=Path(__file__).parent)
    into = parser.parse_args().into
    into.mkdir(parents=True, exist_ok=True)
    files = []

    def add(name, plain, what):
        path = into / f"{name}.onnx"
        model = onnx.load(path)
        outputs = run(path, np.load(into / f"{plain}.input.npy"))
        files.append(
            {
                "file": path.name,
                "plain": plain,
                "what": what,
                "operators": sorted({node.domain + ":" * bool(node.domain) + node.op_type for node in model.graph.node}),
                "quantum": last_quantum(model),
                "outputs": [[float(value) for value in row] for row in outputs],
            }
        )

    level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    for plain, make in NETWORKS.items():
        model = make()
        shape = tuple(dimension.dim_value for dimension in model.graph.input[0].type.tensor_type.shape.dim[1:])
        source = into / f"{plain}.onnx"
        onnx.save(model, source)
        np.save(into / f"{plain}.input.npy", images(shape, IMAGES, 7))
        add(plain, plain, "plain")

        static = {
            "qoperator": dict(quant_format=QuantFormat.QOperator, activation_type=QuantType.QUInt8,
                              weight_type=QuantType.QInt8, per_channel=True),
            "qoperator-uint8": dict(quant_format=QuantFormat.QOperator, activation_type=QuantType.QUInt8,
                                    weight_type=QuantType.QUInt8),
            "qdq": dict(quant_format=QuantFormat.QDQ, activation_type=QuantType.QInt8, weight_type=QuantType.QInt8,
                        per_channel=True),
            "qdq-16-bits": dict(quant_format=QuantFormat.QDQ, activation_type=QuantType.QUInt16,
                                weight_type=QuantType.QUInt8),
        }
        for form, options in static.items():
            path = into / f"{plain}.{form}.onnx"
            quantize_static(str(source), str(path), Calibration(shape), **options)
            add(path.stem, plain, "quantized")
        path = into / f"{plain}.dynamic.onnx"
        quantize_dynamic(str(source), str(path), per_channel=True)
        add(path.stem, plain, "quantized")

        for name in [plain, f"{plain}.qdq", f"{plain}.dynamic"]:
            path = into / f"{name}.extended.onnx"
            session(into / f"{name}.onnx", level, path)
            add(path.stem, plain, "optimized" if name == plain else "quantized")

    # The optimizer of transformers, which knows attention.
    for name, by_heads in [("attention", False), ("multi-head", True)]:
        fusions = FusionOptions("vit")
        fusions.use_multi_head_attention = by_heads
        optimized = optimize_model(
            str(into / "transformer.onnx"), "vit", num_heads=2, hidden_size=16, optimization_options=fusions, opt_level=0
        )
        optimized.save_model_to_file(str(into / f"transformer.{name}.onnx"))
        add(f"transformer.{name}", "transformer", "optimized")

    index = {"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__, "files": files}
    text = json.dumps(index, indent=1)
    (into / "index.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
