"""Makes the files of this folder: small networks as onnxruntime quantizes and optimizes them.

    python make.py [--into FOLDER]

Needs the packages onnx, onnxruntime, sympy, scikit-learn and skl2onnx (index.json says which versions made these files). Three networks with seeded
weights (a convolutional one, a perceptron, one block of a vision transformer) are written as exporters write them:

    NAME.onnx            the plain network
    NAME.input.npy       images for it, as many as the first axis is long

and then by onnxruntime, in all forms that its quantizer and its optimizers write. index.json has a line for each: the file, the
plain network that it stands for, its outputs as onnxruntime computes them image by image, and the quantum of the output
where it is quantized. Tensors have short names there, so that the files are small.

operator.NAME.onnx is one node of an operator of onnxruntime's own, of quantization, or of scikit-learn, and
scikit-learn.NAME.onnx a model of that library, rounds.NAME.onnx a network with a Loop or Scan; index.json has inputs and
output.
"""

import argparse
import json
import math
import warnings
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
from skl2onnx import to_onnx
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, Normalizer, StandardScaler
from sklearn.svm import SVC

from rounds import rounds

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
    x = n.add("Conv", "image", n.weight(6, 3, 3, 3), vector(6), pads=[1, 1, 1, 1])
    x = n.add("Relu", x)
    x = n.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    skip = x
    x = n.add("Conv", x, n.weight(6, 6, 3, 3), vector(6), pads=[1, 1, 1, 1])
    x = n.add("LeakyRelu", x, alpha=0.125)
    x = n.add("Conv", x, n.weight(6, 6, 3, 3, gain=1.0), vector(6), pads=[1, 1, 1, 1])
    x = n.add("Add", x, skip)
    x = n.add("Relu", x)
    # Squeeze and excitation.
    s = n.add("GlobalAveragePool", x)
    s = n.add("Conv", s, n.weight(6, 6, 1, 1), vector(6))
    s = n.add("Sigmoid", s)
    x = n.add("Mul", x, s)
    left = n.add("Conv", x, n.weight(4, 6, 1, 1), vector(4))
    left = n.add("Relu", left)
    right = n.add("AveragePool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    x = n.add("Concat", left, right, axis=1)
    x = n.add("Conv", x, n.weight(8, 10, 3, 3), vector(8), strides=[2, 2])
    x = n.add("Clip", x, n.constant(np.float32(0)), n.constant(np.float32(6)))
    x = n.add("GlobalAveragePool", x)
    x = n.add("Flatten", x)
    n.add("Gemm", x, n.weight(5, 8), vector(5), transB=1)
    return n.model(5)


def perceptron():
    # A seed with which no unit is near its kink for these images: there a map jumps, whoever makes it.
    n = Network(80, (1, 6, 6))
    x = n.add("Flatten", "image")
    x = n.add("Gemm", x, n.weight(14, 36), n.weight(14, gain=0.1), transB=1)
    x = n.add("Relu", x)
    x = n.add("MatMul", x, n.matrix(14, 10, gain=1.4))
    x = n.add("Add", x, n.weight(10, gain=0.1))
    x = n.add("Relu", x)
    x = n.add("Gemm", x, n.weight(4, 10), n.weight(4, gain=0.1), transB=1)
    n.add("Softmax", x, axis=1)
    return n.model(4)


def transformer():
    size, heads, patches = 8, 2, 9
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


# What another network shows too.
LEFT_OUT = {
    ("convolutional", "qdq-16-bits"),
    ("perceptron", "qoperator-uint8"),
    ("transformer", "qoperator-uint8"),
}
NETWORKS = {"convolutional": convolutional, "perceptron": perceptron, "transformer": transformer}


def images(shape, count, seed):
    """Images with large and small structures."""
    random = np.random.default_rng(seed)
    coarse = random.normal(size=(count, shape[0], 3, 3)).repeat(shape[1] // 3, 2).repeat(shape[2] // 3, 3)
    return (coarse + 0.3 * random.normal(size=(count, *shape))).astype(np.float32)


class Calibration(CalibrationDataReader):
    def __init__(self, shape):
        self.images = iter(np.concatenate([images(shape, 61, 99), images(shape, IMAGES, 7)]))

    def get_next(self):
        image = next(self.images, None)
        return None if image is None else {"image": image[None]}


def shortened(path):
    """Gives all tensors but inputs and outputs short names, and leaves out what no network needs."""
    model = onnx.load(path)
    graph = model.graph
    kept = {value.name for value in [*graph.input, *graph.output]} | {""}
    names = {}

    def short(name):
        return name if name in kept else names.setdefault(name, f"t{len(names)}")

    for node in graph.node:
        node.name = ""
        node.input[:] = [short(name) for name in node.input]
        node.output[:] = [short(name) for name in node.output]
    used = {name for node in graph.node for name in node.input}
    weights = [weight for weight in graph.initializer if short(weight.name) in used]
    for weight in weights:
        weight.name = short(weight.name)
    del graph.initializer[:], graph.value_info[:], model.metadata_props[:]
    graph.initializer.extend(weights)
    graph.doc_string = model.doc_string = model.producer_name = model.producer_version = ""
    domains = {node.domain for node in graph.node} | {""}
    opsets = [opset for opset in model.opset_import if opset.domain in domains]
    del model.opset_import[:]
    model.opset_import.extend(opsets)
    onnx.save(model, path)


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


def lines(value):
    """A list with a line for each entry."""
    return "[\n" + ",\n".join(map(json.dumps, value)) + "\n]" if isinstance(value, list) else json.dumps(value)


MICROSOFT = "com.microsoft"


def session_of(kind, arrays):
    """What one of ONNX's own nodes gives."""
    names = [f"x{position}" for position in range(len(arrays))]
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, array.shape) for name, array in zip(names, arrays)]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([helper.make_node(kind, names, ["y"])], "operator", inputs, [output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    runner = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return runner.run(None, dict(zip(names, arrays)))[0]


def operators(into):
    """Single nodes; what is no input is an initializer."""
    random = np.random.default_rng(5)
    normal = lambda *shape: random.normal(size=shape).astype(np.float32)
    bytes_ = lambda *shape: random.integers(0, 256, shape).astype(np.uint8)
    signed = lambda *shape: random.integers(-128, 128, shape).astype(np.int8)
    words = lambda *shape: random.integers(-500, 500, shape).astype(np.int32)
    f = lambda *values: np.array(values if len(values) != 1 else values[0], np.float32)
    u = lambda *values: np.array(values if len(values) != 1 else values[0], np.uint8)
    i = lambda *values: np.array(values if len(values) != 1 else values[0], np.int8)
    index = []

    def one(name, kind, data, *rest, domain=MICROSOFT, outputs=("y",), wanted=None, expected=None, **attributes):
        """`data`, but a single number, and of the rest what is given as ("x", values), are inputs of floats, which a Cast brings to their type.
        What onnxruntime has no CPU kernel for says what is `expected`."""
        nodes, weights, inputs, names = [], [], {}, []
        for position, value in enumerate([data, *rest]):
            name_of = f"x{position}"
            if value is None:
                names.append("")
            elif isinstance(value, tuple) or position == 0 and value.ndim > 0:
                value = value[1] if isinstance(value, tuple) else value
                inputs[name_of] = value.astype(np.float32)
                if value.dtype != np.float32:
                    to = helper.np_dtype_to_tensor_dtype(value.dtype)
                    nodes.append(helper.make_node("Cast", [name_of], [f"{name_of}.cast"], to=to))
                    name_of += ".cast"
                names.append(name_of)
            else:
                weights.append(numpy_helper.from_array(value, name_of))
                names.append(name_of)
        wanted = wanted or outputs[0]
        nodes.append(helper.make_node(kind, names, list(outputs), domain=domain, **attributes))
        nodes.append(helper.make_node("Cast", [wanted], ["scores"], to=TensorProto.FLOAT))
        graph = helper.make_graph(
            nodes,
            "operator",
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, value.shape) for name, value in inputs.items()],
            [helper.make_tensor_value_info("scores", TensorProto.FLOAT, None)],
            weights,
        )
        opsets = [helper.make_opsetid("", 17)] + [helper.make_opsetid(domain, 1)] * bool(domain)
        path = into / f"operator.{name}.onnx"
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
        output = session(path).run(None, inputs)[0] if expected is None else expected
        array = lambda values: {"shape": values.shape, "values": [float(f"{value:.8g}") for value in values.flat]}
        index.append(
            {
                "file": path.name,
                "operator": domain + ":" * bool(domain) + kind,
                "by_onnxruntime": expected is None,
                "inputs": {name: array(value) for name, value in inputs.items()},
                "output": array(output),
            }
        )
        return output

    image, weights, bias = normal(1, 2, 4, 4), normal(3, 2, 3, 3), normal(3)
    for activation, parameters in [("Relu", []), ("Tanh", []), ("Sigmoid", []), ("LeakyRelu", [0.25]),
                                   ("Clip", [-0.5, 0.75]), ("HardSigmoid", [0.3, 0.4])]:
        more = {"activation_params": parameters} if parameters else {}
        one(f"fused-conv-{activation.lower()}", "FusedConv", image, weights, bias, activation=activation,
            pads=[1, 1, 1, 1], **more)
    one("fused-conv-sum", "FusedConv", image, weights, bias, ("x", normal(1, 3, 2, 2)), activation="Relu")
    one("fused-gemm", "FusedGemm", normal(2, 4), normal(3, 4), bias, activation="LeakyRelu", activation_alpha=0.25,
        transB=1, alpha=0.5)
    one("fused-matmul", "FusedMatMul", normal(2, 3, 4), normal(5, 4), transB=1, alpha=0.5)
    one("fused-matmul-turned", "FusedMatMul", normal(2, 2, 4, 3), ("x", normal(2, 2, 5, 4)), transA=1, transB=1)
    one("fused-matmul-batch", "FusedMatMul", normal(3, 2, 4), ("x", normal(2, 4, 5)), transBatchA=1)
    one("gelu", "Gelu", normal(2, 5))
    one("bias-gelu", "BiasGelu", normal(2, 3), bias)
    one("fast-gelu", "FastGelu", normal(2, 3), bias)
    one("quick-gelu", "QuickGelu", normal(2, 5))
    split, split_bias = normal(1, 3, 8), normal(8)
    left, right = np.split(split + split_bias, 2, axis=-1)
    erf = np.vectorize(math.erf)
    one("bias-split-gelu", "BiasSplitGelu", split, split_bias, expected=left * right * (1 + erf(right / 2**0.5)) / 2)
    scores, score_bias = normal(2, 3, 4), normal(2, 3, 4)
    powers = np.exp(scores + score_bias)
    one("bias-softmax", "BiasSoftmax", scores, score_bias, axis=2, is_inner_broadcast=0,
        expected=powers / powers.sum(axis=2, keepdims=True))
    in_nhwc = session_of("Conv", [image, weights, bias]).transpose(0, 2, 3, 1)
    one("nhwc-conv", "NhwcConv", image.transpose(0, 2, 3, 1), weights, bias, expected=in_nhwc)
    one("nhwc-fused-conv", "NhwcFusedConv", image.transpose(0, 2, 3, 1), weights, bias, activation="Relu",
        expected=np.maximum(in_nhwc, 0))
    tokens, scale, shift = normal(1, 3, 4), 1 + 0.1 * normal(4), normal(4)
    one("simplified-norm", "SimplifiedLayerNormalization", tokens, scale, domain="", axis=-1, epsilon=1e-3)
    one("skip-norm", "SkipLayerNormalization", tokens, ("x", normal(1, 3, 4)), scale, shift, normal(4), epsilon=1e-3)
    one("skip-norm-sum", "SkipLayerNormalization", tokens, ("x", normal(1, 3, 4)), scale, shift, normal(4),
        outputs=("y", "", "", "sum"), wanted="sum")
    one("skip-simplified-norm", "SkipSimplifiedLayerNormalization", tokens, ("x", normal(1, 3, 4)), scale, normal(4),
        epsilon=1e-3)
    one("attention", "Attention", tokens, normal(4, 12), normal(12), num_heads=2)
    one("attention-biased", "Attention", tokens, normal(4, 12), normal(12), None, None, ("x", normal(1, 2, 3, 3)),
        num_heads=2, scale=0.3)
    one("attention-causal", "Attention", tokens, normal(4, 20), normal(20), num_heads=2, unidirectional=1,
        qkv_hidden_sizes=[8, 8, 4])
    one("multi-head", "MultiHeadAttention", tokens, ("x", normal(1, 5, 4)), ("x", normal(1, 5, 4)), normal(12),
        num_heads=2)
    others = normal(2, 1, 3, 4)
    plain = one("multi-head-plain", "MultiHeadAttention", tokens, *[("x", other) for other in others], num_heads=2)
    heads = [tensor.reshape(1, 3, 2, 2) for tensor in (tokens, *others)]
    one("multi-head-packed", "MultiHeadAttention", np.stack(heads, axis=3), num_heads=2, expected=plain)
    one("multi-head-packed-keys", "MultiHeadAttention", tokens, ("x", np.stack(heads[1:], axis=3)), num_heads=2,
        expected=plain)
    one("q-attention", "QAttention", bytes_(1, 3, 4), signed(4, 12), normal(12), f(0.01), f(0.02), None, u(120), i(0),
        num_heads=2)

    picture = bytes_(1, 2, 4, 4)
    filters, filter_scales, filter_zeros = signed(3, 2, 3, 3), f(0.01, 0.02, 0.015), i(0, 0, 0)
    one("qlinear-conv", "QLinearConv", picture, f(0.02), u(120), filters, filter_scales, filter_zeros, f(0.2), u(100),
        words(3), domain="", pads=[1, 1, 1, 1])
    one("qlinear-conv-channels-last", "QLinearConv", bytes_(1, 4, 4, 2), f(0.02), u(120), filters, f(0.01), i(0), f(0.2),
        u(100), channels_last=1)
    one("qlinear-matmul", "QLinearMatMul", bytes_(2, 4), f(0.02), u(120), signed(4, 3), filter_scales, i(1, 2, -3), f(0.1),
        u(100), domain="")
    one("conv-integer", "ConvInteger", picture, bytes_(3, 2, 3, 3), u(120), u(3), domain="")
    one("matmul-integer", "MatMulInteger", bytes_(2, 4), signed(4, 3), u(120), domain="")
    for name, output in [("quantized", "y"), ("scale", "s"), ("zero", "z")]:
        one(f"dynamic-{name}", "DynamicQuantizeLinear", normal(2, 5), domain="", outputs=("y", "s", "z"), wanted=output)
    one("dynamic-matmul", "DynamicQuantizeMatMul", normal(2, 4), signed(4, 3), filter_scales, None, bias)
    one("matmul-integer-to-float", "MatMulIntegerToFloat", bytes_(2, 4), signed(4, 3), f(0.01), filter_scales, u(120),
        None, bias)
    one("q-gemm", "QGemm", bytes_(2, 4), f(0.02), u(120), signed(3, 4), filter_scales, filter_zeros, words(3), f(0.2),
        u(100), transB=1)
    one("q-gemm-to-float", "QGemm", bytes_(2, 4), f(0.02), u(120), signed(4, 3), f(0.01), i(2), words(3), alpha=0.5)
    two = [("x", bytes_(2, 3)), f(0.03), u(100)]
    one("qlinear-add", "QLinearAdd", bytes_(2, 3), f(0.02), u(120), *two, f(0.05), u(110))
    one("qlinear-mul", "QLinearMul", bytes_(2, 3), f(0.02), u(120), *two, f(0.06), u(110))
    one("qlinear-concat", "QLinearConcat", f(0.05), u(110), ("x", bytes_(2, 3)), f(0.02), u(120), *two, axis=1)
    grids = [f(0.02), u(120), f(0.03), u(110)]
    one("qlinear-average", "QLinearAveragePool", picture, *grids, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    one("qlinear-average-channels-last", "QLinearAveragePool", bytes_(1, 4, 4, 2), *grids, kernel_shape=[2, 2],
        channels_last=1)
    one("qlinear-global-average", "QLinearGlobalAveragePool", picture, *grids)
    one("qlinear-leaky-relu", "QLinearLeakyRelu", bytes_(2, 5), *grids, alpha=0.25)
    one("qlinear-sigmoid", "QLinearSigmoid", bytes_(2, 5), f(0.02), u(120), f(1 / 256), u(0))
    one("qlinear-softmax", "QLinearSoftmax", bytes_(2, 5), f(0.02), u(120), f(1 / 255), u(0), axis=-1, opset=17)
    one("qlinear-softmax-old", "QLinearSoftmax", bytes_(1, 2, 5), f(0.02), u(120), f(1 / 256), u(0), axis=1, opset=11)
    one("qlinear-where", "QLinearWhere", np.array([[True], [False]]), ("x", bytes_(2, 3)), f(0.02), u(120), *two, f(0.05),
        u(110))
    one("nhwc-max-pool", "NhwcMaxPool", bytes_(1, 4, 4, 2), kernel_shape=[2, 2], strides=[2, 2])
    one("matmul-4-bits", "MatMulNBits", normal(2, 24), bytes_(3, 2, 8), np.abs(normal(6)), K=24, N=3, bits=4,
        block_size=16)
    one("matmul-4-bits-zeros", "MatMulNBits", normal(2, 48), bytes_(3, 3, 8), np.abs(normal(9)), bytes_(6), K=48, N=3,
        bits=4, block_size=16)
    one("matmul-8-bits", "MatMulNBits", normal(2, 32), bytes_(3, 2, 16), np.abs(normal(6)), K=32, N=3, bits=8,
        block_size=16)
    learned = dict(domain="ai.onnx.ml", outputs=("label", "scores_of"), wanted="scores_of")
    labels = dict(classlabels_ints=[0, 1, 2], coefficients=[float(value) for value in normal(12)],
                  intercepts=[0.5, -0.25, 0.125])
    for function in ["NONE", "LOGISTIC", "SOFTMAX"]:
        one(f"linear-classifier-{function.lower()}", "LinearClassifier", normal(2, 4), post_transform=function,
            **labels, **learned)
    one("linear-regressor", "LinearRegressor", normal(2, 4), domain="ai.onnx.ml", targets=2,
        coefficients=[float(value) for value in normal(8)], intercepts=[0.5, -0.25])
    for norm in ["MAX", "L1", "L2"]:
        one(f"normalizer-{norm.lower()}", "Normalizer", normal(2, 4), domain="ai.onnx.ml", norm=norm)
    one("scaler", "Scaler", normal(2, 3), domain="ai.onnx.ml", offset=[0.5, 1.0, -1.0], scale=[2.0, 0.5, 1.0])
    vectors = [float(value) for value in normal(20)]
    for kernel in ["LINEAR", "POLY", "RBF", "SIGMOID"]:
        of_kernel = dict(kernel_type=kernel, kernel_params=[0.5, 0.25, 3.0], support_vectors=vectors)
        one(f"svm-{kernel.lower()}-two", "SVMClassifier", normal(2, 4), classlabels_ints=[0, 1], vectors_per_class=[2, 3],
            coefficients=[float(value) for value in normal(5)], rho=[0.3], **of_kernel, **learned)
        one(f"svm-{kernel.lower()}-three", "SVMClassifier", normal(2, 4), classlabels_ints=[0, 1, 2],
            vectors_per_class=[2, 1, 2], coefficients=[float(value) for value in normal(10)], rho=[0.3, -0.2, 0.1],
            **of_kernel, **learned)
        one(f"svm-{kernel.lower()}-regressor", "SVMRegressor", normal(2, 4), domain="ai.onnx.ml", n_supports=5,
            coefficients=[float(value) for value in normal(5)], rho=[0.3], **of_kernel)
    index += scikit_learn(into)

    sequence, small = normal(4, 2, 3), lambda *shape: (0.7 * normal(*shape)).astype(np.float32)
    for kind, gates in [("LSTM", 4), ("GRU", 3), ("RNN", 1)]:
        name, cells = kind.lower(), [("x", normal(2, 2, 3))] if kind == "LSTM" else []
        one_way = [small(1, 3 * gates, 3), small(1, 3 * gates, 3), small(1, 6 * gates)]
        both_ways = [small(2, 3 * gates, 3), small(2, 3 * gates, 3), small(2, 6 * gates)]
        one(name, kind, sequence, *one_way, domain="", hidden_size=3)
        one(f"{name}-last", kind, sequence, *one_way[:2], domain="", hidden_size=3, outputs=("", "h"), wanted="h",
            direction="reverse")
        one(f"{name}-both-ways", kind, sequence, *both_ways, None, ("x", normal(2, 2, 3)), *cells, domain="", hidden_size=3,
            direction="bidirectional")
    one("lstm-cell", "LSTM", sequence, small(1, 12, 3), small(1, 12, 3), domain="", hidden_size=3, outputs=("y", "h", "c"),
        wanted="c")
    one("gru-products", "GRU", sequence, small(1, 9, 3), small(1, 9, 3), small(1, 18), domain="", hidden_size=3,
        linear_before_reset=1)
    one("rnn-relu", "RNN", sequence, small(1, 3, 3), small(1, 3, 3), small(1, 6), domain="", hidden_size=3,
        activations=["Relu"])
    one("quantize-16-bits", "QuantizeLinear", normal(2, 5), f(0.001), np.array(3, np.int16))
    one("dequantize-16-bits", "DequantizeLinear", random.integers(-500, 500, (2, 5)).astype(np.int16), f(0.001),
        np.array(3, np.int16))
    return index


def scikit_learn(into):
    """Models of that library, as its exporter writes them."""
    random = np.random.default_rng(11)
    data = random.normal(size=(60, 6)).astype(np.float32)
    two = (data[:, 0] + data[:, 1] * data[:, 2] > 0).astype(int)
    three = two + (data[:, 3] > 0.5)
    models = {
        "logistic": (make_pipeline(StandardScaler(), LogisticRegression()), three),
        "logistic-two": (LogisticRegression(), two),
        "perceptron": (make_pipeline(MinMaxScaler(), Normalizer(), MLPClassifier((5, 4), max_iter=40, random_state=1)), three),
        "perceptron-two": (MLPClassifier((5,), activation="tanh", max_iter=40, random_state=1), two),
        "support-vectors": (SVC(C=0.1), three),
        "support-vectors-two": (SVC(kernel="poly", coef0=0.5), two),
        "trees": (RandomForestClassifier(2, max_depth=2, random_state=1), two),
    }
    index = []
    for name, (model, classes) in models.items():
        path = into / f"scikit-learn.{name}.onnx"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exported = to_onnx(model.fit(data, classes), data[:1], target_opset={"": 17, "ai.onnx.ml": 1})
        onnx.save(exported, path)
        output = session(path).run(None, {"X": data[:3]})[1]
        if isinstance(output, list):
            output = np.array([[row[label] for label in sorted(row)] for row in output], np.float32)
        array = lambda values: {"shape": values.shape, "values": [float(f"{value:.8g}") for value in values.flat]}
        index.append(
            {
                "file": path.name,
                "operator": "scikit-learn",
                "by_onnxruntime": True,
                "inputs": {"X": array(data[:3])},
                "output": array(output),
            }
        )
    return index


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--into", type=Path, default=Path(__file__).parent)
    into = parser.parse_args().into
    into.mkdir(parents=True, exist_ok=True)
    files = []

    def add(name, plain, what):
        path = into / f"{name}.onnx"
        shortened(path)
        model = onnx.load(path)
        outputs = run(path, np.load(into / f"{plain}.input.npy"))
        files.append(
            {
                "file": path.name,
                "plain": plain,
                "what": what,
                "quantum": last_quantum(model),
                "outputs": [[float(f"{value:.8g}") for value in row] for row in outputs],
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
            if (plain, form) in LEFT_OUT:
                continue
            path = into / f"{plain}.{form}.onnx"
            # In 8 bits, transformers are quantized where the weights are, as onnxruntime advises: of small random ones the
            # residual stream does not stand more. In 16 bits all of it is.
            if plain == "transformer" and "16" not in form:
                options = dict(options, op_types_to_quantize=["Conv", "Gemm", "MatMul"])
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
            str(into / "transformer.onnx"), "vit", num_heads=2, hidden_size=8, optimization_options=fusions, opt_level=0
        )
        optimized.save_model_to_file(str(into / f"transformer.{name}.onnx"))
        add(f"transformer.{name}", "transformer", "optimized")

    index_of_operators = operators(into) + rounds(into)
    index = {"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__, "files": files, "operators": index_of_operators}
    text = "{\n" + ",\n".join(f"{json.dumps(key)}: {lines(value)}" for key, value in index.items()) + "\n}"
    (into / "index.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
