//! A network file, read and checked.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::Path;

use neural_lrp::operation::{Constant, Input, OperatorSpec, ParsedOperation};
use neural_lrp::operations::Operators;
use neural_lrp::{Network, Real};

use crate::graph::{Graph, Node};
use crate::{
    Error, InputDeclaration, InputShapes, UnsupportedNode, assembly, folding, lowering, onnx, opset, patterns,
    rewriting, toolbox, training,
};

/// A network as a file describes it, for inputs of any shape that the file allows.
///
/// The [`network`](Self::network) for inputs of certain shapes shares its weights with all others of the model.
#[derive(Clone, Debug)]
pub struct Model<F: Real> {
    pub(crate) inputs: Vec<InputDeclaration>,
    pub(crate) outputs: Vec<String>,
    pub(crate) constants: BTreeMap<String, Constant<F>>,
    pub(crate) steps: Vec<Step<F>>,
    pub(crate) operators: Operators<F>,
}

/// A node, and when it can be understood.
#[derive(Clone, Debug)]
pub(crate) enum Step<F: Real> {
    /// Folded, once the shapes of the inputs are known.
    Advance(Node),
    /// One of two branches, by a condition that is known once the shapes are.
    Branch(Node),
    /// An operation that takes values which are computed in advance, or whose form depends on the shape of its operand.
    Shaped(Node),
    /// An operation, whatever the shapes.
    Ready(Node, ParsedOperation<F>),
}

impl<F: Real> Step<F> {
    pub(crate) fn node(&self) -> &Node {
        match self {
            Self::Advance(node) | Self::Branch(node) | Self::Shaped(node) | Self::Ready(node, _) => node,
        }
    }
}

/// Reads a network file: an ONNX model, or a text network of the LRP toolbox.
///
/// Which of them it is, its first bytes tell. A text network's images are samples × height × width × channels, as its
/// toolbox has them.
///
/// # Errors
/// [`Error::Read`] when the file can't be read; else [`Error::File`] with what is wrong in it.
pub fn read<F: Real>(path: impl AsRef<Path>) -> Result<Model<F>, Error> {
    read_with(path, &Operators::new())
}

/// Reads a network file, whose nodes may be of further operators than those built in.
///
/// ```
/// use ndarray::{ArrayD, ArrayViewD, array};
/// use neural_lrp::operation::{OperatorSpec, ParsedOperation};
/// use neural_lrp::operations::Operators;
/// use neural_lrp::{Error, Family, NetworkBuilder, Operation, Step};
///
/// /// `y = x / 2`
/// #[derive(Debug)]
/// struct Halve;
///
/// impl Operation<f32> for Halve {
///     fn to_spec(&self) -> OperatorSpec<f32> {
///         OperatorSpec::new("com.example:Halve", 1)
///     }
///     fn kind(&self) -> &'static str {
///         "com.example:Halve"
///     }
///     fn family(&self) -> Family {
///         Family::Activation // relevance passes
///     }
///     fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
///         Ok(operands[0].to_vec())
///     }
///     fn forward(&self, operands: &[ArrayViewD<'_, f32>]) -> ArrayD<f32> {
///         operands[0].mapv(|x| x / 2.0)
///     }
///     fn gradient(&self, _: &Step<'_, f32>, upper: ArrayViewD<'_, f32>) -> Vec<ArrayD<f32>> {
///         vec![upper.mapv(|u| u / 2.0)]
///     }
/// }
///
/// let mut halving = NetworkBuilder::new();
/// halving.input("x", [None, Some(2)]);
/// halving.node("halve", std::sync::Arc::new(Halve), ["x"], "y");
/// halving.output("y");
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("halving.onnx");
/// model_files::write(&halving.build()?, &path)?;
///
/// let operators = Operators::new().with("com.example:Halve", |_| Ok(ParsedOperation::new(Halve, vec![0])));
/// let network = model_files::read_with(&path, &operators)?.network_with_defaults()?;
/// assert_eq!(network.forward(vec![array![[1.0, 3.0]].into_dyn()])?.output(), array![[0.5, 1.5]].into_dyn());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`read()`].
pub fn read_with<F: Real>(path: impl AsRef<Path>, operators: &Operators<F>) -> Result<Model<F>, Error> {
    let path = path.as_ref();
    let bytes = fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Model::from_bytes_with(&bytes, folder, operators).map_err(|error| error.in_file(path))
}

impl<F: Real> Model<F> {
    /// Reads the bytes of a network file, whose external data lie in `folder`.
    ///
    /// # Errors
    /// The first error in the bytes; [`Error::Unsupported`] lists all nodes that there is no operation for.
    pub fn from_bytes(bytes: &[u8], folder: &Path) -> Result<Self, Error> {
        Self::from_bytes_with(bytes, folder, &Operators::new())
    }

    /// Reads the bytes of a network file, whose nodes may be of further operators than those built in.
    ///
    /// # Errors
    /// As [`from_bytes`](Self::from_bytes).
    pub fn from_bytes_with(bytes: &[u8], folder: &Path, operators: &Operators<F>) -> Result<Self, Error> {
        if let Some(reason) = foreign(bytes) {
            return Err(Error::NoNetwork { reason: reason.to_owned() });
        }
        if toolbox::is_likely(bytes) {
            return Self::from_graph(toolbox::read(bytes)?, operators);
        }
        if !onnx::is_likely(bytes) {
            return Err(Error::NoNetwork { reason: "its first bytes are those of no known format".to_owned() });
        }
        let (mut graph, version) = onnx::read(bytes, folder)?;
        opset::modernize(&mut graph, version)?;
        Self::from_graph(graph, operators)
    }

    fn from_graph(mut graph: Graph<F>, operators: &Operators<F>) -> Result<Self, Error> {
        let steps = steps(&mut graph, operators)?;
        let mut taken: BTreeSet<&str> = graph.outputs.iter().map(String::as_str).collect();
        for step in &steps {
            match step {
                Step::Advance(node) | Step::Branch(node) | Step::Shaped(node) => taken.extend(node.given_inputs()),
                Step::Ready(node, parsed) => taken.extend(parsed.operands.iter().filter_map(|&at| node.input(at))),
            }
        }
        // What the operations hold need not be kept twice.
        graph.constants.retain(|name, _| taken.contains(name.as_str()));
        graph.inputs.retain(|input| taken.contains(input.name.as_str()));
        if graph.inputs.is_empty() {
            return Err(Error::Graph("its outputs depend on none of its inputs".to_owned()));
        }
        let (inputs, outputs, constants) = (graph.inputs, graph.outputs, graph.constants);
        Ok(Self { inputs, outputs, constants, steps, operators: operators.clone() })
    }

    /// The inputs of the network. Inputs that no node takes are left out.
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

/// The nodes of a graph, folded and in terms of operations; its constants are those that they may take.
pub(crate) fn steps<F: Real>(graph: &mut Graph<F>, operators: &Operators<F>) -> Result<Vec<Step<F>>, Error> {
    fold_constants(graph, operators)?;
    let in_advance = known_in_advance(graph, operators);
    patterns::recognize(graph, &in_advance);
    let flows = |node: &Node| !in_advance.contains(node.output());
    for node in graph.nodes.iter().filter(|node| flows(node)) {
        training::check(node, |name| graph.constants.get(name))?;
    }
    rewriting::rewrite(graph, flows);
    check_support(graph, operators, &in_advance)?;
    let nodes = std::mem::take(&mut graph.nodes);
    let step = |node: &Node| {
        let waits = node.given_inputs().any(|input| in_advance.contains(input)) || lowering::needs_shape(node);
        Ok(if node.branches.is_some() {
            Step::Branch(node.clone())
        } else if in_advance.contains(node.output()) {
            Step::Advance(node.clone())
        } else if waits {
            Step::Shaped(node.clone())
        } else {
            let parsed = read_operation(node, operators, |name| graph.constants.get(name), || nodes.iter())?;
            Step::Ready(node.clone(), parsed)
        })
    };
    nodes.iter().map(step).collect()
}

/// Computes what depends on no input, and drops what nobody takes any more.
fn fold_constants<F: Real>(graph: &mut Graph<F>, operators: &Operators<F>) -> Result<(), Error> {
    let wanted = wanted(&graph.nodes, &graph.outputs);
    let mut open = VecDeque::from(std::mem::take(&mut graph.nodes));
    while let Some(mut node) = open.pop_front() {
        if node.kind == "CastLike" {
            node = rewriting::cast_like(graph, node);
        }
        if let Some(branch) = node.branch(|name| graph.constants.get(name))? {
            branch.iter().rev().for_each(|node| open.push_front(node.clone()));
            continue;
        }
        let is_known = node.given_inputs().all(|name| graph.constants.contains_key(name));
        if !is_known || !can_fold(&node, operators, &wanted) {
            graph.nodes.push(node);
            continue;
        }
        let facts = folding::facts(&node, |name| graph.constants.get(name));
        let values = folding::fold(&node, &facts, operators)?;
        graph.constants.extend(values);
    }
    let taken: BTreeSet<&str> =
        graph.nodes.iter().flat_map(Node::given_inputs).chain(graph.outputs.iter().map(String::as_str)).collect();
    graph.constants.retain(|name, _| taken.contains(name.as_str()));
    Ok(())
}

/// Returns whether folding gives all outputs of a node that somebody wants: the first, or the pieces of a Split.
fn can_fold<F: Real>(node: &Node, operators: &Operators<F>, wanted: &BTreeSet<String>) -> bool {
    let further = || node.given_outputs().filter(|output| *output != node.output());
    folding::can_fold(&node.kind, operators) && (node.kind == "Split" || !further().any(|name| wanted.contains(name)))
}

/// The names of all tensors that nodes take, those of their branches too, and of the outputs.
fn wanted(nodes: &[Node], outputs: &[String]) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = outputs.iter().cloned().collect();
    for node in nodes {
        names.extend(node.inputs.iter().cloned());
        node.branches().into_iter().for_each(|branch| names.extend(wanted(branch, &[])));
    }
    names
}

/// The tensors that are known once the shapes of the inputs are.
fn known_in_advance<F: Real>(graph: &Graph<F>, operators: &Operators<F>) -> BTreeSet<String> {
    let wanted = wanted(&graph.nodes, &graph.outputs);
    let can_fold = |node: &Node| can_fold(node, operators, &wanted);
    known_after(&graph.nodes, BTreeSet::new(), &|name| graph.constants.contains_key(name), &can_fold)
}

/// The tensors that are known in advance after some nodes, of which `known` are before them.
fn known_after(
    nodes: &[Node],
    mut known: BTreeSet<String>,
    is_constant: &impl Fn(&str) -> bool,
    can_fold: &impl Fn(&Node) -> bool,
) -> BTreeSet<String> {
    for node in nodes {
        let is_known = |name: &str| known.contains(name) || is_constant(name);
        if let Some(branches) = &node.branches {
            if node.input(0).is_some_and(is_known) {
                let [holds, otherwise] = [&branches.holds, &branches.otherwise]
                    .map(|branch| known_after(branch, known.clone(), is_constant, can_fold));
                known = holds.intersection(&otherwise).cloned().collect();
            }
        } else if matches!(node.kind.as_str(), "Shape" | "Size") || can_fold(node) && node.given_inputs().all(is_known)
        {
            known.extend(node.outputs.iter().cloned());
        }
    }
    known
}

/// Lists all nodes that there is no operation for.
fn check_support<F: Real>(
    graph: &Graph<F>,
    operators: &Operators<F>,
    in_advance: &BTreeSet<String>,
) -> Result<(), Error> {
    let is_known = |name: &str| in_advance.contains(name) || graph.constants.contains_key(name);
    let wanted = wanted(&graph.nodes, &graph.outputs);
    let mut unsupported = Vec::new();
    for node in graph.nodes.iter().filter(|node| !in_advance.contains(node.output())) {
        let further = node.outputs.iter().skip(1).position(|output| wanted.contains(output.as_str()));
        let kind = match further {
            _ if node.kind == "Split" => continue,
            _ if node.branches.is_some() && node.input(0).is_some_and(is_known) => continue,
            _ if node.branches.is_some() => "If, by what the network computes".to_owned(),
            _ if !operators.contains(&node.kind) => node.kind.clone(),
            Some(further) => format!("{}, its output {}", node.kind, further + 1),
            None => continue,
        };
        unsupported.push(UnsupportedNode { node: node.name.clone(), kind });
    }
    if unsupported.is_empty() { Ok(()) } else { Err(Error::Unsupported(unsupported)) }
}

/// The operation of a node whose constant inputs are known. `nodes` are those that its other inputs may come from.
pub(crate) fn read_operation<'c, F: Real, Nodes: Iterator<Item = &'c Node>>(
    node: &Node,
    operators: &Operators<F>,
    constant: impl Fn(&str) -> Option<&'c Constant<F>>,
    nodes: impl Fn() -> Nodes,
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
    let computed = || node.inputs.iter().skip(1).find(|name| !name.is_empty() && constant(name).is_none());
    operators.read(&spec).map_err(|error| match (&error, computed()) {
        (neural_lrp::Error::NotConstant { input, .. }, Some(tensor)) => {
            let sources = sources(tensor, nodes().collect(), |name| constant(name).is_some());
            node.refuse(format!("it needs its {input} as a constant, and {tensor:?} is computed from {sources}"))
        }
        _ => at(node, error),
    })
}

/// The tensors that a tensor is computed from, and no node gives.
fn sources(tensor: &str, nodes: Vec<&Node>, is_constant: impl Fn(&str) -> bool) -> String {
    let givers: BTreeMap<&str, &Node> =
        nodes.iter().flat_map(|node| node.given_outputs().map(move |output| (output, *node))).collect();
    let (mut open, mut seen, mut sources) = (vec![tensor], BTreeSet::new(), BTreeSet::new());
    while let Some(tensor) = open.pop() {
        match givers.get(tensor) {
            _ if is_constant(tensor) || !seen.insert(tensor) => {}
            Some(giver) => open.extend(giver.given_inputs()),
            None => {
                sources.insert(format!("{tensor:?}"));
            }
        }
    }
    sources.into_iter().collect::<Vec<String>>().join(", ")
}

/// An error of the network, with the node where it arose.
pub(crate) fn at(node: &Node, source: neural_lrp::Error) -> Error {
    neural_lrp::Error::Node { node: node.name.clone(), kind: node.kind.clone(), source: Box::new(source) }.into()
}

/// The kind of a file that people take for a network, as far as its first bytes tell.
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
        let twice = vec![
            node("Fancy", &["x"], &["a"], vec![]),
            node("Fancy", &["a"], &["b"], vec![]),
            node("Rare", &["b"], &["y"], vec![]),
        ];
        let message = read_nodes(&[1, 4], twice, vec![]).unwrap_err().to_string();
        let lines: Vec<&str> = message.lines().skip(1).collect();
        assert_eq!(lines, ["  Fancy: 2 nodes, the first of them \"A\"", "  Rare: node \"Y\""]);
    }

    #[test]
    fn operators_of_ones_own_are_read_and_folded() {
        // Of numbers between 0 and 2, a hard sigmoid is the half.
        let half = OperatorSpec::<f64>::new("HardSigmoid", 1).with_real("alpha", 0.5).with_real("beta", 0.0);
        let halve = move |_: &OperatorSpec<f64>| neural_lrp::operations::read(&half);
        let operators = Operators::new().with("com.example:Halve", halve.clone()).with("Halve", halve);
        let own = |node: NodeProto| NodeProto { domain: Some("com.example".to_owned()), ..node };
        let nodes = vec![
            own(node("Halve", &["w"], &["half"], vec![])),
            node("Mul", &["x", "half"], &["a"], vec![]),
            node("Halve", &["a"], &["y"], vec![]),
        ];
        let bytes = model(graph(&[2], nodes, vec![floats("w", &[2], &[1.0, 2.0])]), 18);
        assert!(
            matches!(Model::<f64>::from_bytes(&bytes, Path::new(".")), Err(Error::Unsupported(nodes)) if nodes.len() == 2)
        );
        let model = Model::from_bytes_with(&bytes, Path::new("."), &operators).unwrap();
        assert_eq!(output(&model, array![[1.0, 1.0]].into_dyn()), array![[0.25, 0.5]].into_dyn());
    }

    #[test]
    fn inputs_that_no_node_takes_are_left_out() {
        let nodes = vec![node("Dropout", &["x", "", "learning_phase"], &["y"], vec![])];
        let mut graph = graph(&[2], nodes, vec![]);
        graph.input.extend(["learning_phase", "unused"].map(|name| crate::fixtures::value(name, None)));
        let read = read_at(18, graph).unwrap();
        assert_eq!(read.inputs().iter().map(|input| input.name.as_str()).collect::<Vec<_>>(), ["x"]);
        assert_eq!(output(&read, array![[1.0, 2.0]].into_dyn()), array![[1.0, 2.0]].into_dyn());
        let constant = vec![node("Relu", &["c"], &["y"], vec![])];
        let error = read_nodes(&[2], constant, vec![floats("c", &[1], &[1.0])]).unwrap_err().to_string();
        assert!(error.contains("depend on none of its inputs"), "{error}");
    }

    #[test]
    fn weights_are_standardized_by_their_own_statistics() {
        let standardize = |input: &str| {
            let attributes = vec![integer("training_mode", 1), crate::fixtures::float("epsilon", 1.0)];
            node("BatchNormalization", &[input, "ones", "zeros", "zeros", "ones"], &["s"], attributes)
        };
        let constants = || {
            vec![
                floats("w", &[1, 2, 2], &[1.0, 3.0, 5.0, 5.0]),
                floats("ones", &[2], &[1.0, 1.0]),
                floats("zeros", &[2], &[0.0, 0.0]),
            ]
        };
        let flat = node("Flatten", &["s"], &["f"], vec![]);
        let nodes = vec![standardize("w"), flat, node("Mul", &["x", "f"], &["y"], vec![])];
        let model = read_nodes(&[4], nodes, constants()).unwrap();
        let (found, root) = (output(&model, array![[1.0; 4]].into_dyn()), 0.5f64.sqrt());
        assert!(found.iter().zip([-root, root, 0.0, 0.0]).all(|(found, expected)| (found - expected).abs() < 1e-12));
        let nodes = vec![standardize("x"), node("Relu", &["s"], &["y"], vec![])];
        let message = read_nodes(&[2, 2], nodes, constants()).unwrap_err().to_string();
        assert!(message.contains("\"S\" (BatchNormalization)") && message.contains("what the network computes"));
    }

    #[test]
    fn computed_weights_are_named_with_what_they_are_computed_from() {
        let nodes = vec![
            node("Mul", &["w", "x"], &["scaled"], vec![]),
            node("Relu", &["scaled"], &["kernel"], vec![]),
            node("Conv", &["x", "kernel"], &["y"], vec![]),
        ];
        let error = read_nodes(&[1, 1, 1], nodes, vec![floats("w", &[], &[2.0])]).unwrap_err().to_string();
        let expected = "node \"Y\" (Conv): it needs its weights as a constant, and \"kernel\" is computed from \"x\"";
        assert_eq!(error, expected);
    }

    #[test]
    fn a_dropout_that_drops_is_refused() {
        let read = |ratio: f32| {
            let nodes = vec![node("Dropout", &["x", "ratio", "training"], &["y"], vec![])];
            read_nodes(&[2], nodes, vec![floats("ratio", &[], &[ratio]), longs("training", &[], &[1])])
        };
        assert!(read(0.5).unwrap_err().to_string().contains("(Dropout): it is in training mode"));
        assert!(read(0.0).is_ok());
    }

    /// An If whose branches are double `x` and `x` plus an inner constant, with a name of its own inside and outside.
    fn either(condition: &str) -> NodeProto {
        let twice = vec![node("Add", &["x", "x"], &["inner"], vec![])];
        let more = vec![node("Add", &["x", "c"], &["inner"], vec![])];
        let branches = vec![
            crate::fixtures::branch("then_branch", twice, vec![], "inner"),
            crate::fixtures::branch("else_branch", more, vec![floats("c", &[], &[0.5])], "inner"),
        ];
        node("If", &[condition], &["y"], branches)
    }

    #[test]
    fn a_known_condition_takes_one_branch() {
        for (holds, expected) in [(1, 6.0), (0, 3.5)] {
            let model = read_nodes(&[1], vec![either("holds")], vec![longs("holds", &[1], &[holds])]).unwrap();
            assert_eq!(output(&model, array![[3.0]].into_dyn()), array![[expected]].into_dyn());
            assert_eq!(model.steps.len(), 1);
        }
        let by_value = vec![node("Fancy", &["x"], &["b"], vec![]), either("b")];
        let message = read_nodes(&[1], by_value, vec![]).unwrap_err().to_string();
        assert!(message.contains("If, by what the network computes"), "{message}");
        let mut broken = either("holds");
        broken.attribute.pop();
        let message = read_nodes(&[1], vec![broken], vec![longs("holds", &[1], &[0])]).unwrap_err().to_string();
        assert!(message.contains("no graph as its else_branch"), "{message}");
    }

    #[test]
    fn a_condition_on_shapes_takes_its_branch_for_each() {
        let by_batch = || {
            vec![
                node("Shape", &["x"], &["s"], vec![]),
                node("Gather", &["s", "zero"], &["n"], vec![]),
                node("Equal", &["n", "one"], &["single"], vec![]),
            ]
        };
        let constants = || vec![longs("zero", &[], &[0]), longs("one", &[], &[1])];
        let model = read_nodes(&[1], [by_batch(), vec![either("single")]].concat(), constants()).unwrap();
        assert_eq!(output(&model, array![[3.0]].into_dyn()), array![[6.0]].into_dyn());
        assert_eq!(output(&model, array![[3.0], [1.0]].into_dyn()), array![[3.5], [1.5]].into_dyn());

        // An If inside of another, and a branch that only says which of the tensors outside it is.
        let inside = NodeProto { output: vec!["deep".to_owned()], ..either("single") };
        let unknown = vec![node("Fancy", &["x"], &["deep"], vec![])];
        let branches = vec![
            crate::fixtures::branch("then_branch", vec![inside], vec![], "deep"),
            crate::fixtures::branch("else_branch", unknown, vec![], "deep"),
        ];
        let outer = node("If", &["single"], &["chosen"], branches);
        let same = vec![
            crate::fixtures::branch("then_branch", vec![], vec![], "chosen"),
            crate::fixtures::branch("else_branch", vec![], vec![], "x"),
        ];
        let nodes = [by_batch(), vec![outer, node("If", &["single"], &["y"], same)]].concat();
        let model = read_nodes(&[1], nodes, constants()).unwrap();
        assert_eq!(output(&model, array![[3.0]].into_dyn()), array![[6.0]].into_dyn());
        let error = model.network(&shapes(&[2, 1])).unwrap_err();
        assert!(matches!(error, Error::Unsupported(nodes) if nodes[0].kind == "Fancy"));
    }

    #[test]
    fn shapes_that_branches_compute_are_known_in_advance() {
        let constant = |name: &str, values: &[i64]| {
            crate::fixtures::branch(name, vec![], vec![longs("target", &[values.len() as i64], values)], "target")
        };
        let nodes = vec![
            node("Size", &["x"], &["n"], vec![]),
            node("Less", &["n", "three"], &["few"], vec![]),
            node("If", &["few"], &["s"], vec![constant("then_branch", &[1, -1]), constant("else_branch", &[-1, 1])]),
            node("Reshape", &["x", "s"], &["y"], vec![]),
        ];
        let model = read_nodes(&[2], nodes, vec![longs("three", &[], &[3])]).unwrap();
        assert_eq!(output(&model, numbers(&[1, 2])).shape(), [1, 2]);
        assert_eq!(output(&model, numbers(&[2, 2])).shape(), [4, 1]);
    }

    #[test]
    fn types_are_those_of_another_tensor() {
        let nodes = vec![
            node("CastLike", &["two", "x"], &["factor"], vec![]),
            node("Mul", &["x", "factor"], &["scaled"], vec![]),
            node("CastLike", &["scaled", "x"], &["y"], vec![]),
        ];
        let model = read_nodes(&[2], nodes, vec![longs("two", &[], &[2])]).unwrap();
        assert_eq!(output(&model, array![[1.0, 0.5]].into_dyn()), array![[2.0, 1.0]].into_dyn());
        let nodes = vec![node("CastLike", &["x", "two"], &["y"], vec![])];
        let error = read_nodes(&[2], nodes, vec![longs("two", &[], &[2])]).unwrap_err();
        assert!(matches!(error, Error::Unsupported(nodes) if nodes[0].kind == "Cast to INT64"));
    }

    #[test]
    fn folding_keeps_within_bounds() {
        for list in [longs("c", &[1 << 10], &[1; 1 << 10]), floats("c", &[1 << 10], &[1.0; 1 << 10])] {
            let nodes = vec![
                node("Concat", &["c"; 1 << 10], &["d"], vec![integer("axis", 0)]),
                node("Concat", &["d"; 1 << 9], &["e"], vec![integer("axis", 0)]),
                node("Add", &["x", "e"], &["y"], vec![]),
            ];
            let error = read_nodes(&[1], nodes, vec![list]).unwrap_err().to_string();
            assert!(error.contains("\"E\" (Concat)") && error.contains("more than 268435456 numbers"), "{error}");
        }
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
