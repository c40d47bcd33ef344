//! A network file, read and checked.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use neural_lrp::operation::ParsedOperation;
use neural_lrp::operation::{Constant, Input, OperatorSpec};
use neural_lrp::operations::{self, KINDS};
use neural_lrp::{Network, Real};

use crate::graph::{Graph, Node};
use crate::{
    Error, InputDeclaration, InputShapes, UnsupportedNode, assembly, evaluation, lowering, onnx, opset, patterns,
    rewriting, toolbox,
};

/// A network as a file describes it, for inputs of any shape that the file allows.
///
/// The [`network`](Self::network) for inputs of certain shapes shares its weights with all others of the model.
#[derive(Clone, Debug)]
pub struct Model<F: Real> {
    pub(crate) inputs: Vec<InputDeclaration>,
    pub(crate) outputs: Vec<String>,
    pub(crate) constants: std::collections::BTreeMap<String, Constant<F>>,
    pub(crate) steps: Vec<Step<F>>,
}

/// A node, and when it can be understood.
#[derive(Clone, Debug)]
pub(crate) enum Step<F: Real> {
    /// Computed in advance, once the shapes of the inputs are known.
    Advance(Node),
    /// An operation that takes values which are computed in advance, or whose form depends on the shape of its operand.
    Shaped(Node),
    /// An operation, whatever the shapes.
    Ready(Node, ParsedOperation<F>),
}

/// Reads a network file: an ONNX model, or a text network of the LRP toolbox.
///
/// Which of them it is, its first bytes tell. A text network's images are samples × height × width × channels, as its
/// toolbox has them.
///
/// # Errors
/// [`Error::Read`] when the file can't be read; else [`Error::File`] with what is wrong in it.
pub fn read<F: Real>(path: impl AsRef<Path>) -> Result<Model<F>, Error> {
    let path = path.as_ref();
    let bytes = fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Model::from_bytes(&bytes, folder).map_err(|error| error.in_file(path))
}

impl<F: Real> Model<F> {
    /// Reads the bytes of a network file, whose external data lie in `folder`.
    ///
    /// # Errors
    /// What is wrong in the bytes; [`Error::Unsupported`] lists all nodes that there is no operation for.
    pub fn from_bytes(bytes: &[u8], folder: &Path) -> Result<Self, Error> {
        if let Some(reason) = foreign(bytes) {
            return Err(Error::NoNetwork { reason: reason.to_owned() });
        }
        if toolbox::is_likely(bytes) {
            return Self::from_graph(toolbox::read(bytes)?);
        }
        if !onnx::is_likely(bytes) {
            return Err(Error::NoNetwork { reason: "its first bytes are those of no known format".to_owned() });
        }
        let (mut graph, version) = onnx::read(bytes, folder)?;
        opset::modernize(&mut graph, version)?;
        Self::from_graph(graph)
    }

    pub(crate) fn from_graph(mut graph: Graph<F>) -> Result<Self, Error> {
        evaluate_constants(&mut graph)?;
        let in_advance = known_in_advance(&graph);
        patterns::recognize(&mut graph, &in_advance);
        rewriting::rewrite(&mut graph, |node| !in_advance.contains(node.output()));
        check_support(&graph, &in_advance)?;
        let mut steps = Vec::new();
        for node in std::mem::take(&mut graph.nodes) {
            let waits = node.given_inputs().any(|input| in_advance.contains(input)) || lowering::needs_shape(&node);
            steps.push(if in_advance.contains(node.output()) {
                Step::Advance(node)
            } else if waits {
                Step::Shaped(node)
            } else {
                let parsed = read_operation(&node, |name| graph.constants.get(name))?;
                Step::Ready(node, parsed)
            });
        }
        let mut taken: BTreeSet<&str> = graph.outputs.iter().map(String::as_str).collect();
        for step in &steps {
            match step {
                Step::Advance(node) | Step::Shaped(node) => taken.extend(node.given_inputs()),
                Step::Ready(node, parsed) => taken.extend(parsed.operands.iter().filter_map(|&at| node.input(at))),
            }
        }
        // What the operations hold need not be kept twice.
        graph.constants.retain(|name, _| taken.contains(name.as_str()));
        Ok(Self { inputs: graph.inputs, outputs: graph.outputs, constants: graph.constants, steps })
    }

    /// What the network takes.
    pub fn inputs(&self) -> &[InputDeclaration] {
        &self.inputs
    }

    /// The names of what the network gives. Labels (integers, text) beside scores are left out.
    pub fn outputs(&self) -> &[String] {
        &self.outputs
    }

    /// The network for inputs of these shapes.
    ///
    /// Where nothing in the file depends on the shapes, the network takes inputs of all shapes that the file allows.
    ///
    /// # Errors
    /// [`Error::Input`] for shapes that the file does not allow; [`Error::Node`] and [`Error::Network`] name the first
    /// node that can't work on them.
    pub fn network(&self, shapes: &InputShapes) -> Result<Network<F>, Error> {
        assembly::assemble(self, shapes)
    }

    /// The network for the shapes that the file leaves no doubt about, with a batch of one where it is open.
    ///
    /// # Errors
    /// As [`InputShapes::defaults`] and [`network`](Self::network).
    pub fn network_with_defaults(&self) -> Result<Network<F>, Error> {
        self.network(&InputShapes::defaults(&self.inputs)?)
    }
}

/// Computes what depends on no input, and drops what nobody takes any more.
fn evaluate_constants<F: Real>(graph: &mut Graph<F>) -> Result<(), Error> {
    for node in std::mem::take(&mut graph.nodes) {
        let is_known = |name: &str| graph.constants.contains_key(name);
        if !evaluation::KINDS.contains(&node.kind.as_str()) || !node.given_inputs().all(is_known) {
            graph.nodes.push(node);
            continue;
        }
        let values = evaluation::evaluate(&node, &evaluation::facts(&node, |name| graph.constants.get(name)))?;
        graph.constants.extend(node.outputs.into_iter().zip(values));
    }
    let taken: BTreeSet<&str> =
        graph.nodes.iter().flat_map(Node::given_inputs).chain(graph.outputs.iter().map(String::as_str)).collect();
    graph.constants.retain(|name, _| taken.contains(name.as_str()));
    Ok(())
}

/// The tensors that are known once the shapes of the inputs are.
fn known_in_advance<F: Real>(graph: &Graph<F>) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for node in &graph.nodes {
        let is_known = |name: &str| known.contains(name) || graph.constants.contains_key(name);
        let takes_shape = matches!(node.kind.as_str(), "Shape" | "Size");
        if takes_shape || evaluation::KINDS.contains(&node.kind.as_str()) && node.given_inputs().all(is_known) {
            known.extend(node.outputs.iter().cloned());
        }
    }
    known
}

/// Lists all nodes that there is no operation for.
fn check_support<F: Real>(graph: &Graph<F>, in_advance: &BTreeSet<String>) -> Result<(), Error> {
    let taken: BTreeSet<&str> =
        graph.nodes.iter().flat_map(Node::given_inputs).chain(graph.outputs.iter().map(String::as_str)).collect();
    let mut unsupported = Vec::new();
    for node in graph.nodes.iter().filter(|node| !in_advance.contains(node.output())) {
        let has_operation = KINDS.contains(&node.kind.as_str());
        let further = node.outputs.iter().skip(1).position(|output| taken.contains(output.as_str()));
        let kind = match further {
            _ if node.kind == "Split" => continue,
            _ if !has_operation => node.kind.clone(),
            Some(further) => format!("{}, its output {}", node.kind, further + 1),
            None => continue,
        };
        unsupported.push(UnsupportedNode { node: node.name.clone(), kind });
    }
    if unsupported.is_empty() { Ok(()) } else { Err(Error::Unsupported(unsupported)) }
}

/// The operation of a node whose constant inputs are known.
pub(crate) fn read_operation<'c, F: Real>(
    node: &Node,
    constant: impl Fn(&str) -> Option<&'c Constant<F>>,
) -> Result<ParsedOperation<F>, Error> {
    let input = |name: &String| match constant(name) {
        _ if name.is_empty() => Input::Absent,
        Some(value) => Input::Constant(value.clone()),
        None => Input::Tensor,
    };
    let spec = OperatorSpec {
        kind: node.kind.clone(),
        attributes: node.attributes.clone(),
        inputs: node.inputs.iter().map(input).collect(),
    };
    operations::read(&spec).map_err(|error| at(node, error))
}

/// An error of the network, with the node where it arose.
pub(crate) fn at(node: &Node, source: neural_lrp::Error) -> Error {
    neural_lrp::Error::Node { node: node.name.clone(), kind: node.kind.clone(), source: Box::new(source) }.into()
}

/// What a file is that people take for a network, as far as its first bytes tell.
fn foreign(bytes: &[u8]) -> Option<&'static str> {
    Some(match bytes {
        [] => "the file is empty",
        [b'P', b'K', ..] => "it is a zip archive, perhaps of PyTorch: export the model with torch.onnx.export",
        [0x80, ..] => "it is a Python pickle: export the model with torch.onnx.export",
        [0x89, b'H', b'D', b'F', ..] => "it is an HDF5 file, perhaps of Keras: export the model with tf2onnx",
        [_, _, _, _, b'T', b'F', b'L', b'3', ..] => "it is a TensorFlow Lite file: convert it with tf2onnx",
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => "it is a numpy array",
        [b'<', ..] => "it is a web page: the download went wrong",
        _ if bytes.starts_with(b"version https://git-lfs") => {
            "it is a pointer of Git LFS, not the file itself: fetch it with git lfs pull"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use ndarray::{ArrayD, IxDyn, arr2, array};
    use proptest::prelude::*;
    use rten_onnx::onnx::{GraphProto, NodeProto, TensorProto};

    use super::*;
    use crate::fixtures::{floats, graph, integer, integers, longs, model, node};

    fn read_at(opset: i64, graph: GraphProto) -> Result<Model<f64>, Error> {
        Model::from_bytes(&model(graph, opset), Path::new("."))
    }

    /// The model of nodes from `x`, of shape [N, …dimensions], to `y`.
    fn read_nodes(dimensions: &[i64], nodes: Vec<NodeProto>, constants: Vec<TensorProto>) -> Result<Model<f64>, Error> {
        read_at(18, graph(dimensions, nodes, constants))
    }

    fn shapes(shape: &[usize]) -> InputShapes {
        InputShapes::new().with("x", shape)
    }

    fn numbers(shape: &[usize]) -> ArrayD<f64> {
        let count = shape.iter().product::<usize>();
        let number = |index: usize| ((index * 37 + 11) % 23) as f64 / 8.0 - 1.0;
        ArrayD::from_shape_vec(IxDyn(shape), (0..count).map(number).collect()).unwrap()
    }

    fn output(model: &Model<f64>, input: ArrayD<f64>) -> ArrayD<f64> {
        let network = model.network(&shapes(input.shape())).unwrap();
        network.forward(vec![input]).unwrap().output().to_owned()
    }

    /// The last two of three axes flattened by the shape that comes in, as exporters write it.
    fn flattened_by_shape() -> Model<f64> {
        let nodes = vec![
            node("Shape", &["x"], &["shape"], vec![]),
            node("Gather", &["shape", "zero"], &["batch"], vec![]),
            node("Unsqueeze", &["batch", "axis"], &["batch1"], vec![]),
            node("Concat", &["batch1", "rest"], &["target"], vec![integer("axis", 0)]),
            node("Reshape", &["x", "target"], &["flat"], vec![]),
            node("Gemm", &["flat", "w"], &["y"], vec![]),
        ];
        let constants = vec![
            longs("zero", &[], &[0]),
            longs("axis", &[1], &[0]),
            longs("rest", &[1], &[6]),
            floats("w", &[6, 1], &[1.0; 6]),
        ];
        read_nodes(&[2, 3], nodes, constants).unwrap()
    }

    #[test]
    fn shapes_are_computed_for_batches_of_any_size() {
        let model = flattened_by_shape();
        for batch in [1, 3] {
            let input = numbers(&[batch, 2, 3]);
            let sums = input.clone().into_shape_with_order((batch, 6)).unwrap().sum_axis(ndarray::Axis(1));
            assert_eq!(output(&model, input), sums.insert_axis(ndarray::Axis(1)).into_dyn());
        }
        assert_eq!(model.network_with_defaults().unwrap().inputs()[0].shape, [Some(1), Some(2), Some(3)]);
        let names: Vec<String> =
            model.network(&shapes(&[2, 2, 3])).unwrap().nodes().iter().map(|node| node.name.clone()).collect();
        assert_eq!(names, ["FLAT", "Y"]);
    }

    #[test]
    fn networks_of_one_model_share_their_operations() {
        let model = flattened_by_shape();
        let (one, two) = (model.network(&shapes(&[1, 2, 3])).unwrap(), model.network(&shapes(&[2, 2, 3])).unwrap());
        assert!(std::sync::Arc::ptr_eq(&one.nodes()[1].operation, &two.nodes()[1].operation));
    }

    #[test]
    fn a_network_that_needs_no_shapes_takes_what_the_file_allows() {
        let model = read_nodes(&[3], vec![node("Relu", &["x"], &["y"], vec![])], vec![]).unwrap();
        let network = model.network_with_defaults().unwrap();
        assert_eq!(network.inputs()[0].shape, [None, Some(3)]);
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let model = flattened_by_shape();
        let message = model.network(&shapes(&[1, 2, 4])).unwrap_err().to_string();
        assert!(message.contains("[N, 2, 3]") && message.contains("[1, 2, 4]"), "{message}");
        let nodes = vec![node("Reshape", &["x", "s"], &["y"], vec![])];
        let wrong = read_nodes(&[2, 3], nodes, vec![longs("s", &[2], &[-1, 4])]).unwrap();
        let message = wrong.network_with_defaults().unwrap_err().to_string();
        assert!(message.contains("node \"Y\" (Reshape)"), "{message}");
    }

    #[test]
    fn all_unsupported_nodes_are_listed() {
        let nodes = vec![
            node("Fancy", &["x"], &["a"], vec![]),
            node("Relu", &["a"], &["b"], vec![]),
            node("MaxPool", &["b"], &["c", "places"], vec![integers("kernel_shape", &[1])]),
            node("Cast", &["places"], &["d"], vec![integer("to", 7)]),
            node("Dead", &["x"], &["dead"], vec![]),
            NodeProto { domain: Some("com.example".to_owned()), ..node("Relu", &["d"], &["y"], vec![]) },
        ];
        let error = read_nodes(&[1, 4], nodes, vec![]).unwrap_err();
        let Error::Unsupported(nodes) = &error else { panic!("{error}") };
        let nodes: Vec<String> = nodes.iter().map(UnsupportedNode::to_string).collect();
        assert_eq!(
            nodes,
            ["\"A\" (Fancy)", "\"C\" (MaxPool, its output 1)", "\"D\" (Cast to INT64)", "\"Y\" (com.example:Relu)",]
        );
        let message = error.to_string();
        assert!(message.starts_with("4 of") && message.contains("supported are ") && message.contains("Conv"));
    }

    #[test]
    fn what_depends_on_no_input_is_computed_once() {
        let nodes = vec![
            node("Transpose", &["w"], &["wt"], vec![]),
            node("Sqrt", &["four"], &["two"], vec![]),
            node("Mul", &["wt", "two"], &["wt2"], vec![]),
            node("MatMul", &["x", "wt2"], &["p"], vec![]),
            node("Add", &["b", "p"], &["y"], vec![]),
        ];
        let constants =
            vec![floats("w", &[1, 2], &[1.0, -1.0]), floats("four", &[], &[4.0]), floats("b", &[1], &[0.5])];
        let model = read_nodes(&[2], nodes, constants).unwrap();
        assert_eq!(model.steps.len(), 1);
        assert!(model.constants.is_empty());
        assert_eq!(output(&model, array![[3.0, 1.0]].into_dyn()), array![[4.5]].into_dyn());
    }

    #[test]
    fn splits_are_slices() {
        let nodes = vec![
            node("Split", &["x", "lengths"], &["a", "b"], vec![integer("axis", -1)]),
            node("Concat", &["b", "a"], &["y"], vec![integer("axis", 1)]),
        ];
        let given = read_nodes(&[3], nodes.clone(), vec![longs("lengths", &[2], &[1, 2])]).unwrap();
        let input = array![[1.0, 2.0, 3.0]].into_dyn();
        assert_eq!(output(&given, input.clone()), array![[2.0, 3.0, 1.0]].into_dyn());
        let network = given.network_with_defaults().unwrap();
        let names: Vec<&str> = network.nodes().iter().map(|node| node.name.as_str()).collect();
        assert_eq!(names, ["A.0", "A.1", "Y"]);
        let equal = NodeProto { input: vec!["x".to_owned()], ..nodes[0].clone() };
        let equal = NodeProto { attribute: vec![integer("axis", 1), integer("num_outputs", 2)], ..equal };
        let equal = read_nodes(&[3], vec![equal, nodes[1].clone()], vec![]).unwrap();
        assert_eq!(output(&equal, input), array![[3.0, 1.0, 2.0]].into_dyn());
        let wrong = read_nodes(&[3], nodes, vec![longs("lengths", &[2], &[1, 1])]).unwrap();
        assert!(wrong.network_with_defaults().unwrap_err().to_string().contains("[1, 1]"));
    }

    #[test]
    fn a_softmax_of_old_runs_over_all_following_axes() {
        let read = |dimensions: &[i64]| {
            read_at(12, graph(dimensions, vec![node("Softmax", &["x"], &["y"], vec![])], vec![])).unwrap()
        };
        let (flat, several) = (numbers(&[2, 6]), numbers(&[2, 2, 3]));
        let expected = output(&read(&[6]), flat);
        assert!((expected.sum() - 2.0).abs() < 1e-12);
        let result = output(&read(&[2, 3]), several);
        assert_eq!(result, expected.clone().into_shape_with_order(IxDyn(&[2, 2, 3])).unwrap());
        let only = read(&[6, 1, 1]).network_with_defaults().unwrap();
        assert_eq!(only.nodes().len(), 1);
        let result = output(&read(&[6, 1, 1]), numbers(&[2, 6, 1, 1]));
        assert_eq!(result, expected.into_shape_with_order(IxDyn(&[2, 6, 1, 1])).unwrap());
    }

    #[test]
    fn gemm_is_read_in_all_its_forms() {
        let x = array![[1.0, 2.0], [0.5, -1.0], [3.0, 0.25]];
        let w = arr2(&[[1.0, 0.0, 2.0], [-1.0, 0.5, 1.0]]);
        let alpha_beta = || vec![crate::fixtures::float("alpha", 0.5), crate::fixtures::float("beta", 2.0)];
        let flag = |name: &str| integer(name, 1);
        let weights = |name: &str, w: &ndarray::Array2<f64>| {
            let values: Vec<f32> = w.iter().map(|&value| value as f32).collect();
            floats(name, &[w.nrows() as i64, w.ncols() as i64], &values)
        };
        let product = x.dot(&w) * 0.5;
        let biases = [
            (floats("c", &[], &[0.25]), arr2(&[[0.25]])),
            (floats("c", &[1], &[0.25]), arr2(&[[0.25]])),
            (floats("c", &[3], &[1.0, 2.0, 3.0]), arr2(&[[1.0, 2.0, 3.0]])),
            (floats("c", &[1, 3], &[1.0, 2.0, 3.0]), arr2(&[[1.0, 2.0, 3.0]])),
            (floats("c", &[3, 1], &[1.0, 2.0, 3.0]), arr2(&[[1.0], [2.0], [3.0]])),
        ];
        for (bias, expected) in biases {
            let expected = (&product + &(expected * 2.0)).into_dyn();
            let gemm = |attributes| vec![node("Gemm", &["x", "w", "c"], &["y"], attributes)];
            let plain = read_nodes(&[2], gemm(alpha_beta()), vec![weights("w", &w), bias.clone()]).unwrap();
            assert_eq!(output(&plain, x.clone().into_dyn()), expected);
            let attributes = [alpha_beta(), vec![flag("transA"), flag("transB")]].concat();
            let transposed_weights = weights("w", &w.t().as_standard_layout().into_owned());
            let transposed = read_nodes(&[3], gemm(attributes), vec![transposed_weights, bias]).unwrap();
            assert_eq!(output(&transposed, x.t().as_standard_layout().into_owned().into_dyn()), expected);
        }
        let attributes = [alpha_beta(), vec![flag("transB")]].concat();
        let of_itself = read_nodes(
            &[2],
            vec![node("Gemm", &["x", "x", "x3"], &["y"], attributes)],
            vec![floats("x3", &[1], &[1.0])],
        );
        assert_eq!(output(&of_itself.unwrap(), x.clone().into_dyn()), (x.dot(&x.t()) * 0.5 + 2.0).into_dyn());
    }

    #[test]
    fn a_layer_normalization_in_parts_is_that_of_one_operation() {
        let parts = |axis: i64| {
            let nodes = vec![
                node("ReduceMean", &["x", "axes"], &["m"], vec![]),
                node("Sub", &["x", "m"], &["d"], vec![]),
                node("Pow", &["d", "two"], &["q"], vec![]),
                node("ReduceMean", &["q", "axes"], &["v"], vec![]),
                node("Add", &["v", "epsilon"], &["e"], vec![]),
                node("Sqrt", &["e"], &["r"], vec![]),
                node("Div", &["d", "r"], &["y"], vec![]),
            ];
            let constants =
                vec![longs("axes", &[1], &[axis]), floats("two", &[], &[2.0]), floats("epsilon", &[], &[0.5])];
            read_nodes(&[2, 3], nodes, constants).unwrap()
        };
        let input = numbers(&[1, 2, 3]);
        let rows = input.rows().into_iter().flat_map(|row| {
            let mean = row.sum() / 3.0;
            let variance = row.mapv(|value| (value - mean).powi(2)).sum() / 3.0;
            row.iter().map(|value| (value - mean) / (variance + 0.5).sqrt()).collect::<Vec<f64>>()
        });
        let expected: Vec<f64> = rows.collect();
        for axis in [-1, 2] {
            let result = output(&parts(axis), input.clone());
            assert!(result.iter().zip(&expected).all(|(value, expected)| (value - expected).abs() < 1e-12));
        }
        let over_columns = output(&parts(1), input.clone());
        for column in 0..3 {
            let half = (input[[0, 1, column]] - input[[0, 0, column]]) / 2.0;
            let expected = half / (half * half + 0.5).sqrt();
            assert!((over_columns[[0, 0, column]] + expected).abs() < 1e-12);
            assert!((over_columns[[0, 1, column]] - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn scaled_inputs_and_named_columns_of_scikit_learn_are_read() {
        let of_ml = |node: NodeProto| NodeProto { domain: Some("ai.onnx.ml".to_owned()), ..node };
        let reals = |name: &str, values: &[f32]| rten_onnx::onnx::AttributeProto {
            floats: values.to_vec(),
            r#type: Some(rten_onnx::onnx::AttributeType::FLOATS),
            ..integers(name, &[])
        };
        let scaling = vec![reals("offset", &[1.0, -1.0]), reals("scale", &[2.0, 0.5])];
        let nodes = vec![
            of_ml(node("Scaler", &["x"], &["a"], scaling)),
            node("ArgMax", &["a"], &["label"], vec![]),
            of_ml(node("ZipMap", &["a"], &["y"], vec![integers("classlabels_int64s", &[0, 1])])),
        ];
        let mut graph = graph(&[2], nodes, vec![]);
        let mut label = crate::fixtures::value("label", None);
        if let Some(tensor) = label.r#type.as_mut().and_then(|kind| kind.tensor_type.as_mut()) {
            tensor.elem_type = Some(rten_onnx::onnx::DataType::INT64);
        }
        graph.output.insert(0, label);
        let model = read_at(17, graph).unwrap();
        assert_eq!(model.outputs(), ["y"]);
        assert_eq!(output(&model, array![[2.0, 3.0]].into_dyn()), array![[2.0, 2.0]].into_dyn());
    }

    #[test]
    fn files_of_other_kinds_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        for (bytes, part) in [
            (&b""[..], "empty"),
            (b"PK\x03\x04", "torch.onnx.export"),
            (b"\x89HDF\r\n", "Keras"),
            (b"\x89PNG\r\n", "no known format"),
            (b"<!DOCTYPE html>", "web page"),
            (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
            (b"hello\n", "\"hello\" is no layer"),
            (b"\x08\x08", "a graph"),
        ] {
            fs::write(&path, bytes).unwrap();
            let message = read::<f32>(&path).unwrap_err().to_string();
            assert!(message.contains("model.onnx") && message.contains(part), "{message}");
        }
        let message = read::<f32>(folder.path().join("missing.onnx")).unwrap_err().to_string();
        assert!(message.contains("can't read") && message.contains("missing.onnx"), "{message}");
    }

    #[test]
    fn shapes_that_no_memory_holds_are_errors() {
        let across = |lengths: &[i64]| {
            let nodes = vec![node("Expand", &["x", "huge"], &["v"], vec![]), node("Flatten", &["v"], &["y"], vec![])];
            read_nodes(&[1, 1], nodes, vec![longs("huge", &[lengths.len() as i64], lengths)])
                .unwrap()
                .network_with_defaults()
        };
        for lengths in [&[1 << 40, 1 << 40][..], &[i64::MAX, i64::MAX], &[1 << 62, 1]] {
            let error = across(lengths).unwrap_err().to_string();
            assert!(error.contains("Expand"), "{error}");
        }
        assert!(across(&[3, 2]).is_ok());
    }

    proptest! {
        #[test]
        fn damaged_models_are_errors_or_other_networks_but_never_panics(
            flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
        ) {
            let nodes = vec![
                node("Shape", &["x"], &["s"], vec![]),
                node("Slice", &["s", "one", "nine"], &["t"], vec![]),
                node("Concat", &["minus", "t"], &["u"], vec![integer("axis", 0)]),
                node("Expand", &["x", "u"], &["v"], vec![]),
                node("Reshape", &["v", "u"], &["w"], vec![]),
                node("Conv", &["w", "k"], &["c"], vec![integers("strides", &[1, 2])]),
                node("MaxPool", &["c"], &["y"], vec![integers("kernel_shape", &[2, 1])]),
            ];
            let constants = vec![
                longs("one", &[1], &[1]),
                longs("nine", &[1], &[9]),
                longs("minus", &[1], &[1]),
                floats("k", &[2, 1, 1, 2], &[0.5; 4]),
            ];
            let mut bytes = model(graph(&[1, 4, 4], nodes, constants), 17);
            for (position, value) in flips {
                let position = position.index(bytes.len());
                bytes[position] = value;
            }
            if let Ok(model) = Model::<f32>::from_bytes(&bytes, Path::new("."))
                && let Ok(network) = model.network_with_defaults()
            {
                let shape: Vec<usize> = network.inputs()[0].shape.iter().map(|axis| axis.unwrap_or(1)).collect();
                prop_assert!(network.shapes(&[&shape]).is_ok());
            }
        }
    }
}
