//! The graph of operations.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, OnceLock};

use ndarray::{ArrayD, ArrayViewD};

use crate::arrays::order::Order;
use crate::operation::{Family, Operation, arranged, bounded, output_shape};
use crate::{Error, Real};

mod activations;
mod affine_maps;
mod attention;
mod builder;
mod canonizer;
mod factors;
mod filling;
mod layout;
mod samples;
mod stopwatch;

pub use activations::Activations;
pub(crate) use activations::Kept;
pub(crate) use attention::{Attention, Part};
pub use builder::{NetworkBuilder, NodeDraft};
pub use canonizer::Canonizer;
pub(crate) use factors::Factors;
pub(crate) use filling::{Rest, first_rows, mixed_samples, parts};
pub(crate) use stopwatch::Direction;
pub use stopwatch::{NodeTime, Stopwatch};

/// What open axes are tried with, where only shapes matter: sizes of small images, then of photographs.
const TYPICAL_LENGTHS: [usize; 6] = [16, 32, 64, 224, 299, 512];

/// A tensor's position in its [`Network`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TensorId(usize);

impl TensorId {
    /// The position as a number, for lists with one element per tensor.
    pub fn index(self) -> usize {
        self.0
    }
}

/// A named value of the network: an input, a constant, or what a node computes.
#[derive(Clone, Debug)]
pub struct Tensor<F> {
    /// Its name in the model.
    pub name: String,
    /// Its value, where it is the same for each image.
    pub constant: Option<Arc<ArrayD<F>>>,
}

/// An input of the network.
#[derive(Clone, Debug)]
pub struct NetworkInput {
    /// The tensor it feeds.
    pub tensor: TensorId,
    /// Its declared shape; `None` where an axis may have any length.
    pub shape: Vec<Option<usize>>,
}

/// An operation at its place in the graph.
#[derive(Clone, Debug)]
pub struct Node<F: Real> {
    /// Its name in the model.
    pub name: String,
    /// Its place in the order of the model's file.
    pub position: usize,
    /// What it does.
    pub operation: Arc<dyn Operation<F>>,
    /// What goes in.
    pub operands: Vec<TensorId>,
    /// What comes out.
    pub output: TensorId,
    /// What canonizers made part of it: `"/1/BatchNormalization folded in"`.
    pub folded: Vec<String>,
}

impl<F: Real> Node<F> {
    /// The output for operands in any orders of memory.
    pub fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        arranged::forward(self.operation.as_ref(), operands)
    }

    /// Its output, clipped, where the operation has both at once; `None` where it has not.
    fn forward_clipped(&self, operands: &[ArrayViewD<'_, F>], bounds: [F; 2]) -> Option<ArrayD<F>> {
        self.operation.forward_clipped(operands, bounds).map(Order::kept)
    }

    /// Whether the node normalizes by constants, as batch normalization does: a normalization that is an affine map of each
    /// number, however it was written.
    pub fn normalizes_by_constants(&self) -> bool {
        // Such an operation holds its numbers, so that neither other operands nor the rank matter.
        self.operation.family() == Family::Normalization && self.operation.affine(&[None], 0).is_some()
    }
}

/// A neural network: a graph of operations in topological order, with named inputs and outputs.
///
/// ```
/// use ndarray::array;
/// use neural_lrp::NetworkBuilder;
/// use neural_lrp::operations::{Dense, Relu};
/// use std::sync::{Arc, OnceLock};
///
/// let mut network = NetworkBuilder::new();
/// network.input("x", [None, Some(2)]);
/// network.node("hidden", Arc::new(Dense::new(array![[1.0, -1.0]], Some(array![0.5]))?), ["x"], "z"); // z = x Wᵀ + b
/// network.node("rectifier", Arc::new(Relu), ["z"], "y");
/// network.output("y");
/// let network = network.build()?;
///
/// let activations = network.forward(vec![array![[3.0, 1.0]].into_dyn()])?;
/// assert_eq!(activations.output(), array![[2.5]].into_dyn());
/// # Ok::<(), neural_lrp::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Network<F: Real> {
    /// Shared, since each forward pass keeps its network.
    graph: Arc<Graph<F>>,
}

#[derive(Debug)]
struct Graph<F: Real> {
    tensors: Vec<Tensor<F>>,
    nodes: Vec<Node<F>>,
    inputs: Vec<NetworkInput>,
    outputs: Vec<TensorId>,
    /// See [`Network::keeps_samples_apart`].
    keeps_samples_apart: OnceLock<bool>,
    /// For each tensor, see [`Network::clip_of`].
    clips: OnceLock<Vec<Option<usize>>>,
}

impl<F: Real> Network<F> {
    /// The nodes, each after all that it takes from.
    pub fn nodes(&self) -> &[Node<F>] {
        &self.graph.nodes
    }

    /// All tensors; a [`TensorId`] is a position here.
    pub fn tensors(&self) -> &[Tensor<F>] {
        &self.graph.tensors
    }

    /// The tensor of an id.
    pub fn tensor(&self, id: TensorId) -> &Tensor<F> {
        &self.graph.tensors[id.0]
    }

    /// What the network takes.
    pub fn inputs(&self) -> &[NetworkInput] {
        &self.graph.inputs
    }

    /// What the network gives.
    pub fn outputs(&self) -> &[TensorId] {
        &self.graph.outputs
    }

    /// The tensor of a name.
    ///
    /// # Errors
    /// [`Error::Setting`] when there is none, with the names that there are.
    pub fn find(&self, name: &str) -> Result<TensorId, Error> {
        let position = self.graph.tensors.iter().position(|tensor| tensor.name == name);
        position.map(TensorId).ok_or_else(|| {
            let names: Vec<&str> = self.tensor_names().take(5).collect();
            let (names, near) =
                (wording::shortened(&names.join(", ")), wording::did_you_mean(name, self.tensor_names()));
            Error::Setting {
                what: "tensor",
                given: name.to_owned(),
                reason: format!("the network has {} tensors, {names}, …{near}", self.graph.tensors.len()),
            }
        })
    }

    /// The names of all tensors.
    pub(crate) fn tensor_names(&self) -> impl Iterator<Item = &str> {
        self.graph.tensors.iter().map(|tensor| tensor.name.as_str())
    }

    /// The node that computes a tensor; `None` for inputs and constants.
    pub fn producer(&self, tensor: TensorId) -> Option<&Node<F>> {
        self.graph.nodes.iter().find(|node| node.output == tensor)
    }

    /// The node that clips a tensor, where it alone takes it, with the bounds.
    fn clip_of(&self, tensor: TensorId) -> Option<(&Node<F>, [F; 2])> {
        let clips = self.graph.clips.get_or_init(|| {
            let uses = self.uses();
            let mut clips = vec![None; self.tensors().len()];
            for (place, node) in self.nodes().iter().enumerate().filter(|(_, node)| node.operation.clips_to().is_some())
            {
                for operand in node.operands.iter().filter(|operand| uses[operand.0] == 1) {
                    clips[operand.0] = Some(place);
                }
            }
            clips
        });
        let node = clips[tensor.0].map(|clip| &self.nodes()[clip])?;
        Some((node, node.operation.clips_to()?))
    }

    /// The tensors that a tensor is computed from, with itself.
    pub fn sources(&self, tensor: TensorId) -> BTreeSet<TensorId> {
        let mut sources = BTreeSet::from([tensor]);
        for node in self.nodes().iter().rev() {
            if sources.contains(&node.output) {
                sources.extend(&node.operands);
            }
        }
        sources
    }

    /// How often each tensor is taken, by nodes and as an output.
    pub fn uses(&self) -> Vec<usize> {
        let mut uses = vec![0; self.graph.tensors.len()];
        let taken = self.graph.nodes.iter().flat_map(|node| &node.operands).chain(&self.graph.outputs);
        for tensor in taken {
            uses[tensor.0] += 1;
        }
        uses
    }

    /// The shape of each tensor for inputs of the given shapes, checked before anything is computed or allocated.
    ///
    /// # Errors
    /// [`Error::Input`] for inputs that do not fit, [`Error::Node`] for the first node whose operands do not.
    pub fn shapes(&self, inputs: &[&[usize]]) -> Result<Vec<Vec<usize>>, Error> {
        if inputs.len() != self.graph.inputs.len() {
            let names: Vec<&str> =
                self.graph.inputs.iter().map(|input| self.tensor(input.tensor).name.as_str()).collect();
            return Err(Error::Input {
                input: names.join(", "),
                reason: format!("the network takes {} inputs, and {} were given", names.len(), inputs.len()),
            });
        }
        let mut shapes: Vec<Vec<usize>> = vec![Vec::new(); self.graph.tensors.len()];
        for (id, tensor) in self.graph.tensors.iter().enumerate() {
            if let Some(value) = &tensor.constant {
                shapes[id] = value.shape().to_vec();
            }
        }
        for (input, given) in self.graph.inputs.iter().zip(inputs) {
            self.check_input(input, given)?;
            shapes[input.tensor.0] = given.to_vec();
        }
        for node in &self.graph.nodes {
            let operands: Vec<&[usize]> = node.operands.iter().map(|operand| shapes[operand.0].as_slice()).collect();
            let shape = output_shape(node.operation.as_ref(), &operands);
            shapes[node.output.0] = shape.map_err(|error| error.at(&node.name, node.operation.kind()))?;
        }
        Ok(shapes)
    }

    /// The shape of each tensor for inputs as they are declared: one sample, and along other open axes the shortest
    /// length of some usual ones that all nodes can work with. `None` where none of them fits.
    pub fn typical_shapes(&self) -> Option<Vec<Vec<usize>>> {
        self.typical_shapes_of(1)
    }

    /// As [`typical_shapes`](Self::typical_shapes), for so many samples.
    fn typical_shapes_of(&self, samples: usize) -> Option<Vec<Vec<usize>>> {
        let declared = |length: usize| -> Vec<Vec<usize>> {
            let open = |axis: usize| if axis == 0 { samples } else { length };
            let shape = |input: &NetworkInput| {
                input.shape.iter().enumerate().map(|(axis, declared)| declared.unwrap_or(open(axis))).collect()
            };
            self.inputs().iter().map(shape).collect()
        };
        TYPICAL_LENGTHS.iter().find_map(|&length| {
            let inputs = declared(length);
            self.shapes(&inputs.iter().map(Vec::as_slice).collect::<Vec<_>>()).ok()
        })
    }

    fn check_input(&self, input: &NetworkInput, given: &[usize]) -> Result<(), Error> {
        let fits = input.shape.len() == given.len()
            && input.shape.iter().zip(given).all(|(declared, given)| declared.is_none_or(|length| length == *given));
        if fits {
            return bounded(given.to_vec()).map(|_| ());
        }
        let reason = format!("an array of shape {given:?} was given, the network takes {}", ShapeDisplay(&input.shape));
        Err(Error::Input { input: self.tensor(input.tensor).name.clone(), reason })
    }
}

/// A declared shape, with "any" where an axis may have any length.
pub struct ShapeDisplay<'a>(pub &'a [Option<usize>]);

impl fmt::Display for ShapeDisplay<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let axes = self.0.iter().map(|axis| axis.map_or_else(|| "any".to_owned(), |length| length.to_string()));
        write!(formatter, "[{}]", axes.collect::<Vec<_>>().join(", "))
    }
}
