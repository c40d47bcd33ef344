//! A network file, read and checked.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use neural_lrp::operation::Constant;
use neural_lrp::operations::Operators;
use neural_lrp::{Network, Real};

use crate::budget::Budget;
use crate::graph::Graph;
use crate::non_finite::{NonFinite, non_finite};
use crate::source::Source;
use crate::steps::{Step, steps};
use crate::{Error, InputDeclaration, InputShapes, assembly, onnx, opset, rewriting, toolbox};

/// How many bytes tell the kind of a file.
const BEGINNING: usize = 1 << 12;

/// A network as a file describes it, for inputs of any shape that the file allows.
///
/// The [`network`](Self::network) for inputs of certain shapes shares its weights with all others of the model.
#[derive(Clone, Debug)]
pub struct Model<F: Real> {
    pub(crate) inputs: Vec<InputDeclaration>,
    pub(crate) outputs: Vec<String>,
    left_out: Vec<String>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) constants: BTreeMap<String, Constant<F>>,
    pub(crate) steps: Vec<Step<F>>,
    pub(crate) operators: Operators<F>,
    pub(crate) budget: Budget,
    non_finite: Vec<NonFinite>,
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
    let source = Source::open(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Model::from_source(&source, folder, operators).map_err(|error| error.in_file(path))
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
        Self::from_source(&Source::of(bytes), folder, operators)
    }

    fn from_source(source: &Source<'_>, folder: &Path, operators: &Operators<F>) -> Result<Self, Error> {
        let unreadable = |error: io::Error| Error::NoNetwork { reason: format!("it can't be read: {error}") };
        let mut beginning = [0; BEGINNING];
        let beginning = source.whole().first(&mut beginning).map_err(unreadable)?;
        if let Some(reason) = foreign(beginning) {
            return Err(Error::NoNetwork { reason: reason.to_owned() });
        }
        if toolbox::is_likely(beginning) {
            let graph = toolbox::read(&source.whole().to_vec().map_err(unreadable)?)?;
            return Self::from_graph(graph, Vec::new(), operators, source.length());
        }
        if !onnx::is_likely(source) {
            return Err(Error::NoNetwork { reason: "its first bytes are those of no known format".to_owned() });
        }
        let (mut graph, version) = onnx::read(source, folder)?;
        opset::modernize(&mut graph, version)?;
        let left_out = rewriting::leave_out(&mut graph)?;
        let bytes = source.length().saturating_add(stored_bytes(&graph));
        Ok(Self { metadata: onnx::metadata(source)?, ..Self::from_graph(graph, left_out, operators, bytes)? })
    }

    fn from_graph(
        mut graph: Graph<F>,
        left_out: Vec<String>,
        operators: &Operators<F>,
        bytes: u64,
    ) -> Result<Self, Error> {
        let mut budget = Budget::of_file(bytes);
        let non_finite = non_finite(&graph);
        let steps = steps(&mut graph, operators, &mut budget)?;
        let mut taken: BTreeSet<&str> = graph.outputs.iter().map(String::as_str).collect();
        for step in &steps {
            match step {
                Step::Advance(node) | Step::Branch(node) | Step::Rounds(node) | Step::Shaped(node) => {
                    taken.extend(node.given_inputs());
                }
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
        let metadata = BTreeMap::new();
        Ok(Self {
            inputs,
            outputs,
            left_out,
            metadata,
            constants,
            steps,
            operators: operators.clone(),
            budget,
            non_finite,
        })
    }

    /// The inputs of the network. Inputs that no node takes are left out.
    pub fn inputs(&self) -> &[InputDeclaration] {
        &self.inputs
    }

    /// What else the file says, by key: `metadata_props` of an ONNX file. Exporters write there how images are prepared.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// The names of what the network gives. Labels (integers, text) beside scores are left out.
    pub fn outputs(&self) -> &[String] {
        &self.outputs
    }

    /// The nodes that are left out at the end of a detector: NonMaxSuppression, which lists some of the boxes, and all that
    /// comes behind it. The scores and boxes before it are the first outputs then. None for other networks.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// The tensors of the file that have NaN, or infinities among weights: what is computed with them is NaN too.
    pub fn non_finite(&self) -> &[NonFinite] {
        &self.non_finite
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

/// How many bytes all constants of a graph were in the file, or beside it, at least: one for each number.
fn stored_bytes<F: Real>(graph: &Graph<F>) -> u64 {
    let numbers = |constant: &Constant<F>| match constant {
        Constant::Real(values) => values.len(),
        Constant::Integer(values) => values.len(),
    };
    graph.constants.values().map(|constant| numbers(constant) as u64).sum()
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
        [b's', b'v', b'm', b'_', b't', b'y', b'p', b'e', ..] => {
            "it is a support vector machine of LIBSVM: `pixelwise explain` takes it, with --vectors FILE"
        }
        [b'<', ..] => "it is a web page: the download went wrong",
        _ if bytes.starts_with(b"version https://git-lfs") => {
            "it is a pointer of Git LFS, not the file itself: fetch it with git lfs pull"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
