"""Loops and scans, as operators that index.json lists: rounds.NAME.onnx, of one input x and one output y."""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


def _body(name, nodes, inputs, outputs, constants):
    kinds = {"i": TensorProto.INT64, "j": TensorProto.INT64, "goes": TensorProto.BOOL, "on": TensorProto.BOOL}
    # ONNX says that numbers, conditions and those alone have no axes; the other shapes follow.
    value = lambda tensor: helper.make_tensor_value_info(
        tensor, kinds.get(tensor, TensorProto.FLOAT), [] if tensor in kinds else None
    )
    return helper.make_graph(nodes, name, [*map(value, inputs)], [*map(value, outputs)], constants)


def _rounds():
    random = np.random.default_rng(23)
    normal = lambda *shape: random.normal(size=shape).astype(np.float32)
    node, whole = helper.make_node, lambda name, *values: numpy_helper.from_array(np.array(values, np.int64), name)
    number = lambda name, value: numpy_helper.from_array(np.array(value), name)
    weights = lambda name, *shape: numpy_helper.from_array(normal(*shape), name)

    def loop(count, *before, inner=()):
        """v ← tanh(v W + i), of which all are listed; y is the last one and the sum of all."""
        body = _body(
            "body",
            [
                *inner,
                node("MatMul", ["s" if inner else "v", "w"], ["z"]),
                node("Cast", ["i"], ["number"], to=TensorProto.FLOAT),
                node("Add", ["z", "number"], ["moved"]),
                node("Tanh", ["moved"], ["next"]),
                node("Mul", ["next", "next"], ["listed"]),
                node("Identity", ["goes"], ["on"]),
            ],
            ["i", "goes", "v"],
            ["on", "next", "listed"],
            [weights("w", 3, 3)],
        )
        nodes = [
            *before,
            node("Loop", [count, "", "x"], ["last", "all"], body=body),
            node("ReduceSum", ["all", "first"], ["sum"], keepdims=0),
            node("Add", ["last", "sum"], ["y"]),
        ]
        return nodes, [whole("first", 0)], normal(2, 3)

    by_shape = [node("Shape", ["x"], ["shape"]), node("Gather", ["shape", "one"], ["width"])]
    nodes, constants, x = loop("width", *by_shape)
    yield "by-shape", nodes, [*constants, number("one", np.int64(1))], x
    nodes, constants, x = loop("three")
    yield "loop", nodes, [*constants, number("three", np.int64(3))], x
    added = _body(
        "inner",
        [node("Add", ["u", "x"], ["more"]), node("Identity", ["goes"], ["on"])],
        ["j", "goes", "u"],
        ["on", "more"],
        [],
    )
    nodes, constants, x = loop("three", inner=[node("Loop", ["two", "", "v"], ["s"], body=added)])
    yield "loop-in-loop", nodes, [*constants, number("three", np.int64(3)), number("two", np.int64(2))], x

    for name, direction in [("scan", 0), ("scan-backward", 1)]:
        cell = _body(
            "cell",
            [
                node("MatMul", ["item", "w"], ["a"]),
                node("MatMul", ["h", "u"], ["b"]),
                node("Add", ["a", "b"], ["z"]),
                node("Tanh", ["z"], ["next"]),
                node("Add", ["next", "item"], ["listed"]),
            ],
            ["h", "item"],
            ["next", "listed"],
            [weights("w", 3, 3), weights("u", 3, 3)],
        )
        directions = {"scan_input_directions": [direction], "scan_output_directions": [direction]}
        axes = {"scan_input_axes": [1], "scan_output_axes": [1]}
        nodes = [
            node("ReduceMax", ["x"], ["start"], axes=[1], keepdims=0),
            node("Scan", ["start", "x"], ["last", "y"], body=cell, num_scan_inputs=1, **axes, **directions),
        ]
        yield name, nodes, [], normal(2, 4, 3)


def rounds(into):
    """Writes the files; returns their entries."""
    index = []
    for name, nodes, constants, x in _rounds():
        inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)]
        outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
        graph = helper.make_graph(nodes, name, inputs, outputs, constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        path = into / f"rounds.{name}.onnx"
        onnx.save(model, path)
        y = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(["y"], {"x": x})[0]
        array = lambda values: {"shape": values.shape, "values": [float(f"{value:.8g}") for value in values.flat]}
        operator = next(node.op_type for node in nodes if node.op_type in ("Loop", "Scan"))
        entry = {"file": path.name, "operator": operator, "by_onnxruntime": True, "inputs": {"x": array(x)}}
        index.append(entry | {"output": array(y)})
    return index
