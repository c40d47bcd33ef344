"""Makes the operator tests of this folder from those of the ONNX project.

    python bake.py [--into FOLDER]

Needs numpy, onnxruntime and the package onnx 1.16.2: it carries the tests under onnx/backend/test/data/node, later
wheels do not. Of the operators in OPERATORS it takes every test on float32 data, and those on float64 data as float32, and
writes for each

    NAME/model.onnx      the network of one node (or of a few, where the test writes an operator out in simpler ones:
                         index.json says so; of several such forms the first is taken)
    NAME/input_0.npy     the data; input_1.npy and so on where the operator joins several tensors
    NAME/output_0.npy    what has to come out, as the ONNX project computed it; more where the operator has more

Truth values and integers, of the operators in DECIDING and of quantization, are stored as float32 too, as networks have them here.

The first input is the data. The others (weights, shapes, axes, bounds) become initializers, as they are in networks;
operators of JOINING keep all their tensors as inputs. Those of them that take two get a second test, NAME_constant,
whose second operand is an initializer. Of the operators in FIRST_OUTPUT_ONLY only the first output is kept; those in
SECOND_OUTPUT_TOO get a second test, NAME_positions, with the second output alone.

index.json lists the tests, with the file of each input and output: large arrays that several tests share are stored
once. It also lists what was left out, and why. Every test is run by onnxruntime before it is written; where
onnxruntime can't run it, or does not agree, the test is kept and index.json says so.
"""

import argparse
import json
import re
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, numpy_helper
from onnx.helper import get_attribute_value

OPERATORS = set(
    """
    Gemm MatMul Conv ConvTranspose Attention RotaryEmbedding
    AveragePool MaxPool LpPool GlobalAveragePool GlobalMaxPool GlobalLpPool
    BatchNormalization LayerNormalization InstanceNormalization GroupNormalization RMSNormalization LRN
    Add Sub Mul Div Sum Einsum
    ReduceMean ReduceSum ReduceMax ReduceMin ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceProd ReduceSumSquare
    Concat Slice Split Pad Flatten Reshape Transpose Squeeze Unsqueeze Gather Expand DepthToSpace SpaceToDepth
    Identity Dropout Upsample Resize
    Clip Relu LeakyRelu PRelu ThresholdedRelu Elu Selu Celu Softplus Softsign Tanh Sigmoid HardSigmoid HardSwish Mish Gelu
    Erf Exp Log Sqrt Pow Reciprocal Abs Neg Softmax LogSoftmax
    Max Min Where Equal Greater GreaterOrEqual Less LessOrEqual And Or Xor Not IsNaN IsInf Cast
    Sign Floor Ceil Round ArgMax ArgMin Hardmax
    CumSum Trilu Tile GatherElements GatherND ScatterElements ScatterND TopK MaxUnpool GridSample Col2Im
    MeanVarianceNormalization LpNormalization Shrink QuantizeLinear DequantizeLinear
    DynamicQuantizeLinear QLinearConv QLinearMatMul ConvInteger MatMulInteger LSTM GRU RNN
    Sin Cos Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh
    """.split()
)
IN_ADVANCE = {"Constant", "ConstantOfShape", "Shape", "Size", "CastLike"}  # that networks are read with, not run
COMPARING = {"Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"}
LOGICAL = {"And", "Or", "Xor", "Not"}
DECIDING = COMPARING | LOGICAL | {"IsNaN", "IsInf", "ArgMax", "ArgMin", "Where"}  # of truth values or integers, or giving them
JOINING = {"Add", "Sub", "Mul", "Div", "Sum", "MatMul", "Concat", "Einsum", "Max", "Min", "Where", "And", "Or", "Xor",
           "ScatterElements", "ScatterND", "MaxUnpool", "GridSample"} | COMPARING
PLACES = {"ScatterElements": 1, "ScatterND": 1, "MaxUnpool": 2}  # the input of an operator of JOINING that becomes an initializer all the same
WITH_A_CONSTANT_TOO = {"Add", "Sub", "Mul", "Div", "MatMul", "Einsum", "Max", "Min", "GridSample"} | COMPARING
QUANTIZED = {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger",
             "MatMulInteger"}
FIRST_OUTPUT_ONLY = {"MaxPool", "Dropout", "LayerNormalization", "TopK", "DynamicQuantizeLinear"}
SECOND_OUTPUT_TOO = {"MaxPool", "TopK"}

CORRECTED_SINCE = {
    "averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_True": "divides by positions beyond the padding;"
    " corrected in later versions of ONNX, which agree with PyTorch, onnxruntime and pixelwise",
    **{
        f"qlinearmatmul_{axes}_int8_{scales}": "numbers beyond the type come round at its other end; ONNX's own text,"
        " onnxruntime and pixelwise keep them at the nearer one"
        for axes in ("2D", "3D")
        for scales in ("float16", "float32")
    },
}

RELATIVE, ABSOLUTE = 1e-3, 1e-7  # the tolerances of the ONNX project's own runner
STORED_ONCE = 1 << 16  # bytes from which on an array is not stored twice
LARGEST_FILE, LARGEST_FOLDER = 1 << 20, 4 << 20


class LeftOut(Exception):
    """The reason why a test is not taken."""


class Test:
    """One test of the ONNX project: its network, the arrays that go in and those that have to come out."""

    def __init__(self, folder):
        self.name = folder.name.removeprefix("test_")
        self.is_written_out = "_expanded" in self.name
        self.model = onnx.load(folder / "model.onnx")
        self.graph = self.model.graph
        for value in [*self.graph.input, *self.graph.output]:
            if value.type.tensor_type.elem_type == TensorProto.DOUBLE:
                value.type.tensor_type.elem_type = TensorProto.FLOAT
        self.nodes = sorted({node.op_type for node in self.graph.node})
        self.folder = folder / "test_data_set_0"

    def operator(self, all_tests):
        """The operator under test: of a test that writes one out, the operator of the test that it was made from."""
        if len(self.graph.node) == 1 and not self.is_written_out:
            return self.graph.node[0].op_type
        original = all_tests.get(re.sub(r"_expanded(_ver\d+)?$", "", self.name))
        return original.graph.node[0].op_type if original else " ".join(self.nodes)

    def arrays(self, kind, values):
        """The stored arrays of the graph's inputs or outputs, by name."""
        found = {}
        for index, value in enumerate(values):
            tensor = TensorProto.FromString((self.folder / f"{kind}_{index}.pb").read_bytes())
            array = numpy_helper.to_array(tensor)
            found[value.name] = array.astype(np.float32) if array.dtype == np.float64 else array
        return found


def type_name(value):
    """The type of a graph's input or output in words: its elements', or what it is when it is no tensor."""
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        return kind.removesuffix("_type")
    return TensorProto.DataType.Name(value.type.tensor_type.elem_type).lower()


def attribute(node, name, default):
    return next((get_attribute_value(each) for each in node.attribute if each.name == name), default)


def refuse_what_is_not_meant(test):
    """Raises `LeftOut` for a test that is not about float32 data or a trained network, or that is wrong."""
    if test.name in CORRECTED_SINCE:
        raise LeftOut(CORRECTED_SINCE[test.name])
    outside = set(test.nodes) - OPERATORS - IN_ADVANCE
    if outside:
        raise LeftOut(f"spelled out in other operators: {', '.join(sorted(outside))}")
    deciding = set(test.nodes) & DECIDING
    allowed = {"float", "bool", "int32", "int64"} if deciding else {"float"}
    if set(test.nodes) <= QUANTIZED:
        allowed |= {"uint8", "int8", "uint16", "int16", "int32"}
    for value in (*test.graph.input[: 3 if deciding else 1], test.graph.output[0]):
        if type_name(value) not in allowed:
            raise LeftOut(f"data of type {type_name(value)}")
    for node in test.graph.node:
        to_double = node.op_type == "Cast" and attribute(node, "to", 0) == TensorProto.DOUBLE
        if to_double and len(test.graph.node) == 1:
            raise LeftOut("data of type double")  # which is taken as float32
        if node.op_type == "Einsum" and repeats_a_letter(attribute(node, "equation", b"").decode()):
            raise LeftOut("diagonals")
        if node.op_type in ("ReduceMax", "ReduceMin") and any(not size for size in shape_of(test.graph.input[0])):
            raise LeftOut("the largest or smallest of no numbers")
        if node.op_type == "Pow" and test.graph.input[-1].type.tensor_type.shape.dim:
            raise LeftOut("more than one exponent")
        if attribute(node, "block_size", 0):
            raise LeftOut("blocks of scales")
        if node.op_type in ("ScatterElements", "ScatterND") and attribute(node, "reduction", b"none") not in (b"none", b"add"):
            raise LeftOut("products and extremes of what is scattered")
        if node.op_type == "BatchNormalization" and attribute(node, "training_mode", 0):
            raise LeftOut("training mode")
        if node.op_type == "LSTM" and len(node.input) > 7:
            raise LeftOut("peepholes")
        if node.op_type == "Dropout" and len(node.input) > 2:
            raise LeftOut("training mode")


def repeats_a_letter(equation):
    """Whether an equation takes a diagonal: a letter stands twice in one operand."""
    terms = equation.split("->")[0].replace(" ", "").replace(".", "").split(",")
    return any(len(set(term)) < len(term) for term in terms)


def shape_of(value):
    return [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]


def bake(test, operator, constants, output=0):
    """The test's network with the arrays of `constants` as initializers, without the outputs nobody reads."""
    model = onnx.ModelProto()
    model.CopyFrom(test.model)
    model.ir_version = max(model.ir_version, 4)  # from here on an initializer is no input
    graph = model.graph
    remaining = [value for value in graph.input if value.name not in constants]
    del graph.input[:]
    graph.input.extend(remaining)
    graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in constants.items())
    if operator in FIRST_OUTPUT_ONLY:
        kept = graph.output[output]
        del graph.output[:]
        graph.output.append(kept)
    onnx.checker.check_model(model)
    return model


def forms(test, operator):
    """(name, network, inputs, outputs) for each way in which the test is asked."""
    inputs = test.arrays("input", test.graph.input)
    first, *others = inputs
    if not all(np.isfinite(array).all() for array in inputs.values()):
        raise LeftOut("a network's input is finite")
    outputs = test.arrays("output", test.graph.output)
    constants = {name: inputs[name] for name in others}
    baked = bake(test, operator, constants)
    joins = len(test.graph.node) == 1 and test.nodes[0] in JOINING
    places = list(inputs)[PLACES[test.nodes[0]] :][:1] if test.nodes[0] in PLACES else []
    yield test.name, bake(test, operator, {name: inputs[name] for name in places}) if joins else baked, inputs, outputs
    row_major = not attribute(test.graph.node[0], "storage_order", 0)
    if test.nodes[0] in SECOND_OUTPUT_TOO and len(test.graph.output) > 1 and row_major:
        yield f"{test.name}_positions", bake(test, operator, constants, output=1), inputs, outputs
    if joins and others and test.nodes[0] in WITH_A_CONSTANT_TOO:
        yield f"{test.name}_constant", baked, inputs, outputs


def onnxruntime_says(model, inputs, outputs):
    """None where onnxruntime computes the outputs, else what it has to say."""
    try:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        computed = session.run(list(outputs), inputs)
    except Exception as error:  # onnxruntime's errors have no common ancestor
        return "can't run it: " + str(error).splitlines()[0].strip()
    for name, got in zip(outputs, computed):
        expected = outputs[name]
        if got.shape != expected.shape:
            return f"has another shape for {name}: {list(got.shape)}"
        if not np.allclose(got, expected, RELATIVE, ABSOLUTE):
            return f"differs in {name} by up to {np.abs(got - expected).max():.3g}"
    return None


class Folder:
    """The folder of tests: writes arrays, the large ones once."""

    def __init__(self, path):
        self.path = path
        self.shared = {}

    def clear(self):
        self.path.mkdir(parents=True, exist_ok=True)
        for each in self.path.iterdir():
            if each.is_dir():
                shutil.rmtree(each)

    def write_model(self, name, model):
        (self.path / name).mkdir()
        (self.path / name / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))

    def write_array(self, file, array):
        """The file that holds the array: `file`, or an earlier one with the same content."""
        content = (array.dtype.str, array.shape, array.tobytes())
        file = self.shared.setdefault(content, file) if array.nbytes >= STORED_ONCE else file
        if not (self.path / file).exists():
            np.save(self.path / file, array.astype(np.float32))
        return file

    def check_sizes(self):
        sizes = {file: file.stat().st_size for file in self.path.rglob("*") if file.suffix in (".npy", ".onnx")}
        for file, size in sizes.items():
            if size > LARGEST_FILE:
                raise SystemExit(f"{file} has {size:,} bytes; at most {LARGEST_FILE:,} are kept")
        if sum(sizes.values()) > LARGEST_FOLDER:
            raise SystemExit(f"the tests have {sum(sizes.values()):,} bytes; at most {LARGEST_FOLDER:,} are kept")
        return len(sizes), sum(sizes.values())


def entries(folder, test, operator):
    """Writes the test in all its forms; what index.json says of each."""
    for name, model, inputs, outputs in forms(test, operator):
        read = {value.name for value in model.graph.input}
        kept = {value.name: outputs[value.name] for value in model.graph.output}
        inputs = {key: array for key, array in inputs.items() if key in read}
        folder.write_model(name, model)
        arrays = {}
        for kind, named in (("input", inputs), ("output", kept)):
            arrays[kind] = [
                {"name": key, "file": folder.write_array(f"{name}/{kind}_{index}.npy", array), "shape": list(array.shape)}
                for index, (key, array) in enumerate(named.items())
            ]
        entry = {"name": name, "operator": operator, "opset": model.opset_import[0].version}
        if test.is_written_out:
            entry["written_out"] = True
        if len(model.graph.node) > 1:
            entry["nodes"] = [node.op_type for node in model.graph.node]
        entry |= {"inputs": arrays["input"], "outputs": arrays["output"]}
        if doubt := onnxruntime_says(model, inputs, kept):
            entry["onnxruntime"] = doubt
        yield entry


def is_another_form(test):
    """Whether a test writes an operator out in the way of another opset, beside that of its own."""
    return re.search(r"_expanded_ver\d+$", test.name) is not None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--into", metavar="FOLDER", type=Path, default=Path(__file__).parent,
                        help="the folder to write to, this script's own by default; the folders in it are replaced")
    into = parser.parse_args().into

    source = Path(onnx.__file__).parent / "backend/test/data/node"
    if not source.is_dir():
        raise SystemExit(f"{source} does not exist: onnx {onnx.__version__} carries no tests; install onnx==1.16.2")
    all_tests = {test.name: test for test in map(Test, sorted(source.iterdir()))}

    folder = Folder(into)
    folder.clear()
    taken, left_out = [], []
    for test in all_tests.values():
        operator = test.operator(all_tests)
        kinds = set(test.nodes)
        spelled_out = kinds & OPERATORS and kinds <= OPERATORS | IN_ADVANCE
        if not test.graph.input or not (operator in OPERATORS or spelled_out) or is_another_form(test):
            continue
        try:
            refuse_what_is_not_meant(test)
            taken += entries(folder, test, operator)
        except LeftOut as reason:
            left_out.append({"name": test.name, "operator": operator, "reason": str(reason)})

    index = {
        "from": f"onnx {onnx.__version__}, onnx/backend/test/data/node",
        "by": f"bake.py, with onnxruntime {onnxruntime.__version__} and numpy {np.__version__}",
        "relative_tolerance": RELATIVE,
        "absolute_tolerance": ABSOLUTE,
        "operators_without_a_test": sorted(
            OPERATORS - {entry["operator"] for entry in taken if "written_out" not in entry}
        ),
        "tests": sorted(taken, key=lambda entry: (entry["operator"], entry["name"])),
        "left_out": sorted(left_out, key=lambda entry: (entry["operator"], entry["name"])),
    }
    (into / "index.json").write_text(as_lines(index), encoding="utf-8", newline="\n")

    files, size = folder.check_sizes()
    print(f"{len(taken)} tests, {len(left_out)} left out, {files} files, {size:,} bytes")
    for entry in taken:
        if "onnxruntime" in entry:
            print(f"{entry['name']}: onnxruntime {entry['onnxruntime']}")


def as_lines(index):
    """JSON with one test a line."""
    parts = []
    for key, value in index.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            rows = ",\n".join(f"  {json.dumps(row, ensure_ascii=False)}" for row in value)
            parts.append(f'"{key}": [\n{rows}\n]')
        else:
            parts.append(f'"{key}": {json.dumps(value, ensure_ascii=False)}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    main()
