"""Writes model.onnx, x.npy and y.npy: y = x · w, where w are the outputs of many operators on constants, one after the other.

y.npy is what onnxruntime 1.32 gives; onnx 1.23 and numpy, seed 7.
"""
import numpy as np, onnx, onnxruntime
from onnx import TensorProto as T, helper as h, numpy_helper as nh

rng = np.random.default_rng(7)
nodes, constants, pieces = [], [], []

def const(value, data_type=None):
    name = f"c{len(constants)}"
    if data_type is None:
        constants.append(nh.from_array(np.asarray(value), name))
    else:
        constants.append(h.make_tensor(name, data_type, np.shape(value), np.asarray(value).ravel()))
    return name

def f(*shape):
    return rng.uniform(-1, 1, shape).astype(np.float32)

def i(*values):
    return np.array(values, dtype=np.int64)

def op(kind, *inputs, outputs=1, **attributes):
    names = [n if isinstance(n, str) else const(n) for n in inputs]
    given = [f"t{len(nodes)}_{k}" for k in range(outputs)]
    nodes.append(h.make_node(kind, names, given, name=f"{kind}_{len(nodes)}", **attributes))
    return given[0] if outputs == 1 else given

def piece(tensor):
    as_float = op("Cast", tensor, to=T.FLOAT)
    pieces.append(op("Reshape", as_float, i(-1)))

def check(kind, *inputs, **attributes):
    piece(op(kind, *inputs, **attributes))

a, b = f(2, 3), f(2, 3)
positive = np.abs(f(2, 3)) + np.float32(0.5)
big = np.abs(f(2, 3)) + np.float32(1.5)
table = np.arange(12, dtype=np.int64).reshape(3, 4)
yes = np.array([[True, False, True], [False, False, True]])
# numbers through operations
check("MatMul", f(3, 4), f(4, 2)); check("MatMul", f(2, 3, 4), f(4)); check("MatMul", f(4), f(2, 4, 3))
check("Gemm", f(4, 3), f(2, 4), f(3, 1), transA=1, transB=1, alpha=0.5, beta=2.0)
check("Gemm", f(3, 4), f(4, 2), f(2))
check("Conv", f(1, 2, 4, 4), f(3, 2, 3, 3), f(3), pads=[1, 1, 1, 1], strides=[2, 2])
check("ConvTranspose", f(1, 2, 3, 3), f(2, 1, 2, 2), strides=[2, 2])
check("AveragePool", f(1, 1, 4, 4), kernel_shape=[2, 2]); check("MaxPool", f(1, 1, 4, 4), kernel_shape=[2, 2])
check("Softmax", a, axis=0); check("LogSoftmax", a); check("Relu", a); check("Sigmoid", a); check("Tanh", a); check("Erf", a)
check("BatchNormalization", f(2, 3, 2), f(3), f(3), f(3), np.abs(f(3)) + np.float32(1))
check("LayerNormalization", f(2, 5), f(5), f(5))
check("Resize", f(1, 1, 2, 3), "", np.array([1, 1, 2, 2], dtype=np.float32), mode="nearest")
check("Resize", f(1, 1, 2, 3), "", "", i(1, 1, 3, 5), mode="linear")
check("Pad", a, i(0, 1, 1, 0), np.float32(2)); check("Pad", table, i(1, 0, 0, 1), np.int64(9)); check("Pad", table, i(1, 1, 0, 0), mode="reflect")
check("Add", a, f(3)); check("Sub", a, f(2, 1)); check("Mul", a, b); check("Div", a, positive)
check("Pow", positive, b); check("Pow", a, np.float32(2)); check("Pow", positive, i(2, 3, 1)); check("Pow", table, np.int64(2))
check("Sum", a, b, f(1, 3)); check("Max", a, b, f(3)); check("Min", a, b); check("Max", table, i(4, 5, 6, 7))
check("Abs", a); check("Neg", a); check("Exp", a); check("Log", positive); check("Sqrt", positive); check("Reciprocal", positive)
for kind in ["Ceil", "Floor", "Sign", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Atanh"]:
    check(kind, a)
check("Acosh", big); check("Round", np.array([0.5, 1.5, -2.5, 2.4, -0.6], dtype=np.float32))
check("Mod", i(7, -7, 5), i(3, 3, -3)); check("Mod", a, b, fmod=1); check("Mod", i(7, -7), i(3, 3), fmod=1)
check("Abs", i(-3, 4)); check("Neg", i(-3, 4)); check("Sign", i(-3, 0, 4)); check("Div", i(7, -7), i(2, 2)); check("Clip", table, np.int64(2), np.int64(7))
# comparisons and logic
for kind in ["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"]:
    check(kind, table, i(0, 5, 6, 11)); check(kind, a, b)
for kind in ["And", "Or", "Xor"]:
    check(kind, yes, np.array([True, False, False]))
check("Not", yes); check("Where", yes, a, b); check("Where", yes, i(1, 2, 3), np.int64(-1))
check("IsNaN", np.array([1, np.nan], dtype=np.float32)); check("IsInf", np.array([np.inf, -np.inf, 1], dtype=np.float32), detect_negative=0)
# along axes
for kind in ["ReduceL1", "ReduceL2", "ReduceMax", "ReduceMin", "ReduceMean", "ReduceProd", "ReduceSum"]:
    check(kind, f(2, 3, 2), i(1), keepdims=0); check(kind, a)
for kind in ["ReduceMax", "ReduceMin", "ReduceProd", "ReduceSum"]:
    check(kind, table, i(-1))
check("CumSum", a, np.int64(1)); check("CumSum", a, np.int64(0), reverse=1); check("CumSum", table, np.int64(1), exclusive=1, reverse=1)
# arrangements, of numbers and of integers
for value in [f(3, 4), table]:
    check("Transpose", value); check("Reshape", value, i(2, -1)); check("Flatten", value, axis=0); check("Unsqueeze", value, i(0, -1))
    check("Squeeze", op("Unsqueeze", value, i(1))); check("Expand", value, i(2, 1, 1)); check("Tile", value, i(2, 3)); check("Concat", value, value, axis=1)
    check("Slice", value, i(-1, 0), i(-4, 4), i(0, 1), i(-1, 2)); check("Gather", value, i(2, -1, 0), axis=1)
    first, second = op("Split", value, i(1, 3), axis=1, outputs=2)
    piece(first); piece(second)
    check("Trilu", value, np.int64(1)); check("Trilu", value, upper=0); check("Identity", value)
    check("GatherElements", value, np.array([[0, -1], [1, 2]], dtype=np.int64), axis=1)
    check("GatherND", value, np.array([[0, 1], [2, -1]], dtype=np.int64)); check("GatherND", value, np.array([[1], [0], [3]], dtype=np.int64), batch_dims=1)
    check("ScatterElements", value, np.array([[1, 0]], dtype=np.int64), (np.array([[8, 9]])).astype(value.dtype), axis=1)
    check("ScatterElements", value, np.array([[1, 1]], dtype=np.int64), (np.array([[8, 9]])).astype(value.dtype), axis=1, reduction="add")
    check("ScatterND", value, np.array([[2], [0]], dtype=np.int64), (np.arange(8).reshape(2, 4)).astype(value.dtype))
    check("ScatterND", value, np.array([[2, 1], [2, 1]], dtype=np.int64), np.array([3, 4]).astype(value.dtype), reduction="mul")
check("DepthToSpace", f(1, 4, 1, 2), blocksize=2); check("SpaceToDepth", f(1, 1, 2, 4), blocksize=2)
check("OneHot", i(1, -1, 5), np.int64(3), np.array([0.5, 2], dtype=np.float32)); check("OneHot", i(1, 0), np.int64(3), i(0, 1), axis=0)
check("EyeLike", a, k=1); check("EyeLike", np.zeros((2, 2), dtype=np.int64), dtype=T.FLOAT)
check("Range", np.int64(1), np.int64(8), np.int64(3)); check("Range", np.float32(1), np.float32(0), np.float32(-0.25))
check("ConstantOfShape", i(2, 2), value=nh.from_array(np.array([2.5], dtype=np.float32))); check("ConstantOfShape", i(3), value=nh.from_array(i(4)))
check("NonZero", yes); check("NonZero", np.array([0.5, 0, 2], dtype=np.float32)); check("Shape", f(4, 1, 2), start=1); check("Size", a)
# types
check("Cast", np.array([1.9, -1.9], dtype=np.float32), to=T.INT64); check("Cast", i(300, -1), to=T.UINT8); check("Cast", i(200), to=T.INT8); check("Cast", a, to=T.BOOL)
check("CastLike", i(3, 4), a); check("CastLike", positive, i(1))
q8 = const([[-128, 5, 127], [0, 1, -1]], T.INT8)
check("DequantizeLinear", q8, np.float32(0.1), const(np.int8(3), T.INT8))
check("DequantizeLinear", q8, np.array([0.1, 0.2, 0.3], dtype=np.float32), const([1, 2, 3], T.INT8), axis=1)
check("DequantizeLinear", q8, np.array([0.1, 0.2], dtype=np.float32), axis=0)
check("DequantizeLinear", const([[0, 255], [7, 8]], T.UINT8), np.float32(0.5), const(np.uint8(128), T.UINT8))
check("DequantizeLinear", const([-70000, 5], T.INT32), np.float32(0.01))
check("DequantizeLinear", const([[-300, 5]], T.INT16), np.float32(0.01))
check("DequantizeLinear", const([[-8, 7, 3, 1], [0, 1, -1, 2], [1, 2, 3, 4]], T.INT4), f(3, 2), const([[1, 0], [0, 1], [-1, 2]], T.INT4), axis=1, block_size=2)
check("DequantizeLinear", const([15, 0, 7], T.UINT4), np.float32(0.25), const(8, T.UINT4))
check("QuantizeLinear", np.array([0.25, 0.75, -100, 100], dtype=np.float32), np.float32(0.5))
check("QuantizeLinear", np.array([0.25, 0.75, -100, 100], dtype=np.float32), np.float32(0.5), const(np.int8(1), T.INT8))

w = op("Concat", *pieces, axis=0)
nodes.append(h.make_node("Mul", ["x", w], ["y"], name="Mul"))
graph = h.make_graph(nodes, "constants", [h.make_tensor_value_info("x", T.FLOAT, ["N", None])], [h.make_tensor_value_info("y", T.FLOAT, ["N", None])], constants)
model = h.make_model(graph, opset_imports=[h.make_opsetid("", 21)], ir_version=10)
onnx.checker.check_model(model)
onnx.save(model, "model.onnx")
options = onnxruntime.SessionOptions(); options.log_severity_level = 3
session = onnxruntime.InferenceSession("model.onnx", options)
import re
if __name__ == "__main__":
    # how many numbers there are, the session says
    try:
        session.run(None, {"x": np.ones((1, 2), dtype=np.float32)}); raise SystemExit("no length")
    except Exception as error:
        length = int(re.search(r"2 by (\d+)", str(error)).group(1))
    x = np.ones((1, length), dtype=np.float32)
    y = session.run(None, {"x": x})[0]
    np.save("x.npy", x); np.save("y.npy", y)
    print(length, np.isnan(y).sum())
