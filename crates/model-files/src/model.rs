//! A network file, read and checked.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use neural_lrp::definition::{Constant, Definition, Input};
use neural_lrp::operations::{self, KINDS};
use neural_lrp::{Network, Reading, Real};

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
    Ready(Node, Reading<F>),
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
        if toolbox::is_likely(bytes) {
            return Self::from_graph(toolbox::read(bytes)?);
        }
        if !onnx::is_likely(bytes) {
            return Err(Error::NoNetwork { reason: describe(bytes).to_owned() });
        }
        let (mut graph, version) = onnx::read(bytes, folder)?;
        opset::modernize(&mut graph, version)?;
        Self::from_graph(graph)
    }

    pub(crate) fn from_graph(mut graph: Graph<F>) -> Result<Self, Error> {
        evaluate_constants(&mut graph)?;
        patterns::recognize(&mut graph);
        let in_advance = known_in_advance(&graph);
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
                let reading = read_operation(&node, |name| graph.constants.get(name))?;
                Step::Ready(node, reading)
            });
        }
        let mut taken: BTreeSet<&str> = graph.outputs.iter().map(String::as_str).collect();
        for step in &steps {
            match step {
                Step::Advance(node) | Step::Shaped(node) => taken.extend(node.given_inputs()),
                Step::Ready(node, reading) => taken.extend(reading.operands.iter().filter_map(|&at| node.input(at))),
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

    /// The names of what the network gives.
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
) -> Result<Reading<F>, Error> {
    let input = |name: &String| match constant(name) {
        _ if name.is_empty() => Input::Absent,
        Some(value) => Input::Constant(value.clone()),
        None => Input::Tensor,
    };
    let definition = Definition {
        kind: node.kind.clone(),
        attributes: node.attributes.clone(),
        inputs: node.inputs.iter().map(input).collect(),
    };
    operations::read(&definition).map_err(|error| at(node, error))
}

/// An error of the network, with the node where it arose.
pub(crate) fn at(node: &Node, source: neural_lrp::Error) -> Error {
    neural_lrp::Error::Node { node: node.name.clone(), kind: node.kind.clone(), source: Box::new(source) }.into()
}

/// What a file is that is no network, as far as its first bytes tell.
fn describe(bytes: &[u8]) -> &'static str {
    match bytes {
        [] => "the file is empty",
        [b'P', b'K', ..] => "it is a zip archive, perhaps of PyTorch: export the model with torch.onnx.export",
        [0x89, b'H', b'D', b'F', ..] => "it is an HDF5 file, perhaps of Keras: export the model with tf2onnx",
        [_, _, _, _, b'T', b'F', b'L', b'3', ..] => "it is a TensorFlow Lite file: convert it with tf2onnx",
        [0x80, ..] => "it is a Python pickle: export the model with torch.onnx.export",
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => "it is a numpy array",
        _ => "its first bytes are those of no known format",
    }
}
