//! Networks, built by names.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use ndarray::ArrayD;

use crate::network::{Graph, Network, NetworkInput, Node, Tensor, TensorId};
use crate::operation::Operation;
use crate::{Error, Real};

/// A node as it is described to the builder: by names.
#[derive(Clone, Debug)]
pub struct NodeDraft<F: Real> {
    /// The node's name.
    pub name: String,
    /// What it does.
    pub operation: Arc<dyn Operation<F>>,
    /// The names of the tensors that go in.
    pub operands: Vec<String>,
    /// The name of the tensor that comes out.
    pub output: String,
    /// What canonizers made part of it.
    pub folded: Vec<String>,
}

/// Collects inputs, constants, nodes and outputs by name; [`build`](Self::build) checks and sorts them.
#[derive(Clone, Debug)]
pub struct NetworkBuilder<F: Real> {
    /// Inputs: name and declared shape.
    pub inputs: Vec<(String, Vec<Option<usize>>)>,
    /// Constants by name.
    pub constants: Vec<(String, Arc<ArrayD<F>>)>,
    /// Nodes, in the model's order.
    pub nodes: Vec<NodeDraft<F>>,
    /// The names of the outputs.
    pub outputs: Vec<String>,
}

impl<F: Real> Default for NetworkBuilder<F> {
    fn default() -> Self {
        Self { inputs: Vec::new(), constants: Vec::new(), nodes: Vec::new(), outputs: Vec::new() }
    }
}

impl<F: Real> NetworkBuilder<F> {
    /// A network of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an input; `None` in its shape allows any length.
    pub fn input(&mut self, name: impl Into<String>, shape: impl Into<Vec<Option<usize>>>) -> &mut Self {
        self.inputs.push((name.into(), shape.into()));
        self
    }

    /// Adds a constant tensor.
    pub fn constant(&mut self, name: impl Into<String>, value: impl Into<Arc<ArrayD<F>>>) -> &mut Self {
        self.constants.push((name.into(), value.into()));
        self
    }

    /// Adds a node.
    pub fn node<S: Into<String>>(
        &mut self,
        name: impl Into<String>,
        operation: Arc<dyn Operation<F>>,
        operands: impl IntoIterator<Item = S>,
        output: impl Into<String>,
    ) -> &mut Self {
        self.nodes.push(NodeDraft {
            name: name.into(),
            operation,
            operands: operands.into_iter().map(Into::into).collect(),
            output: output.into(),
            folded: Vec::new(),
        });
        self
    }

    /// Names an output.
    pub fn output(&mut self, name: impl Into<String>) -> &mut Self {
        self.outputs.push(name.into());
        self
    }

    /// The network, its nodes sorted so that each stands after all that it takes from. Constants that nobody takes are
    /// dropped.
    ///
    /// # Errors
    /// [`Error::Graph`] when a name is given twice, a tensor comes from nowhere, nodes take from one another in a
    /// circle, or there is no input or output.
    pub fn build(self) -> Result<Network<F>, Error> {
        if self.outputs.is_empty() || self.inputs.is_empty() {
            return Err(Error::Graph("it needs at least one input and one output".into()));
        }
        let taken: BTreeSet<&str> =
            self.nodes.iter().flat_map(|node| &node.operands).chain(&self.outputs).map(String::as_str).collect();
        let mut tensors = Vec::new();
        let mut ids: HashMap<String, TensorId> = HashMap::new();
        let mut declare = |name: &str, constant: Option<Arc<ArrayD<F>>>| {
            let id = TensorId(tensors.len());
            tensors.push(Tensor { name: name.to_owned(), constant });
            match ids.insert(name.to_owned(), id) {
                Some(_) => Err(Error::Graph(format!("two tensors are named {name:?}"))),
                None => Ok(id),
            }
        };
        let mut inputs = Vec::new();
        for (name, shape) in &self.inputs {
            inputs.push(NetworkInput { tensor: declare(name, None)?, shape: shape.clone() });
        }
        for (name, value) in self.constants.iter().filter(|(name, _)| taken.contains(name.as_str())) {
            declare(name, Some(Arc::clone(value)))?;
        }
        for node in &self.nodes {
            declare(&node.output, None)?;
        }
        let resolve = |name: &String, taker: &str| {
            ids.get(name).copied().ok_or_else(|| {
                Error::Graph(format!(
                    "{taker} takes tensor {name:?}, which is no input, no constant and no node's output"
                ))
            })
        };
        let mut nodes = Vec::new();
        for (position, draft) in self.nodes.iter().enumerate() {
            let taker = format!("node {:?} ({})", draft.name, draft.operation.kind());
            let operands = draft.operands.iter().map(|name| resolve(name, &taker)).collect::<Result<_, _>>()?;
            nodes.push(Node {
                name: draft.name.clone(),
                position,
                operation: Arc::clone(&draft.operation),
                operands,
                output: resolve(&draft.output, &taker)?,
                folded: draft.folded.clone(),
            });
        }
        let outputs = self.outputs.iter().map(|name| resolve(name, "an output")).collect::<Result<_, _>>()?;
        let nodes = sort_topologically(nodes, &tensors)?;
        Ok(Network {
            graph: Arc::new(Graph {
                tensors,
                nodes,
                inputs,
                outputs,
                keeps_samples_apart: OnceLock::new(),
                clips: OnceLock::new(),
            }),
        })
    }
}

impl<F: Real> Network<F> {
    /// Takes the network apart, to build another of it.
    pub fn to_builder(&self) -> NetworkBuilder<F> {
        let mut builder = NetworkBuilder::new();
        let name = |id: TensorId| self.tensor(id).name.clone();
        for input in self.inputs() {
            builder.input(name(input.tensor), input.shape.clone());
        }
        for tensor in self.tensors() {
            if let Some(value) = &tensor.constant {
                builder.constant(tensor.name.clone(), Arc::clone(value));
            }
        }
        let mut nodes: Vec<&Node<F>> = self.nodes().iter().collect();
        nodes.sort_by_key(|node| node.position);
        for node in nodes {
            let operands = node.operands.iter().map(|&operand| name(operand));
            builder.node(node.name.clone(), Arc::clone(&node.operation), operands, name(node.output));
            builder.nodes.last_mut().into_iter().for_each(|added| added.folded.clone_from(&node.folded));
        }
        for &output in self.outputs() {
            builder.output(name(output));
        }
        builder
    }
}

/// Kahn's algorithm; of the nodes that could come next, the first in the file does.
fn sort_topologically<F: Real>(nodes: Vec<Node<F>>, tensors: &[Tensor<F>]) -> Result<Vec<Node<F>>, Error> {
    let mut producers: HashMap<TensorId, usize> = HashMap::new();
    for (position, node) in nodes.iter().enumerate() {
        producers.insert(node.output, position);
    }
    let mut missing = vec![0usize; nodes.len()];
    let mut takers: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (position, node) in nodes.iter().enumerate() {
        for producer in node.operands.iter().filter_map(|operand| producers.get(operand)) {
            missing[position] += 1;
            takers[*producer].push(position);
        }
    }
    let mut ready: BTreeSet<usize> = (0..nodes.len()).filter(|&position| missing[position] == 0).collect();
    let mut order = Vec::with_capacity(nodes.len());
    while let Some(position) = ready.pop_first() {
        order.push(position);
        for &taker in &takers[position] {
            missing[taker] -= 1;
            if missing[taker] == 0 {
                ready.insert(taker);
            }
        }
    }
    if order.len() < nodes.len() {
        let circle = nodes.iter().zip(&missing).filter(|(_, missing)| **missing > 0);
        let names: Vec<String> =
            circle.take(10).map(|(node, _)| format!("{:?} → {:?}", node.name, tensors[node.output.0].name)).collect();
        return Err(Error::Graph(format!("nodes take from one another in a circle: {}", names.join(", "))));
    }
    let mut slots: Vec<Option<Node<F>>> = nodes.into_iter().map(Some).collect();
    Ok(order.into_iter().filter_map(|position| slots[position].take()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::Relu;

    fn relu(builder: &mut NetworkBuilder<f64>, input: &str, output: &str) {
        builder.node(format!("{input}-{output}"), Arc::new(Relu), [input], output);
    }

    #[test]
    fn nodes_are_sorted_whatever_their_order_in_the_file() {
        let mut builder = NetworkBuilder::new();
        builder.input("x", [None]).output("c");
        relu(&mut builder, "b", "c");
        relu(&mut builder, "a", "b");
        relu(&mut builder, "x", "a");
        let network = builder.build().unwrap();
        let names: Vec<&str> = network.nodes().iter().map(|node| node.name.as_str()).collect();
        assert_eq!(names, ["x-a", "a-b", "b-c"]);
        assert_eq!(network.nodes()[0].position, 2);
    }

    #[test]
    fn a_circle_is_an_error_that_names_it() {
        let mut builder = NetworkBuilder::new();
        builder.input("x", [None]).output("b");
        relu(&mut builder, "b", "a");
        relu(&mut builder, "a", "b");
        let message = builder.build().unwrap_err().to_string();
        assert!(message.contains("circle") && message.contains("\"b-a\""), "{message}");
    }

    #[test]
    fn a_tensor_from_nowhere_is_an_error_that_names_its_taker() {
        let mut builder = NetworkBuilder::new();
        builder.input("x", [None]).output("y");
        relu(&mut builder, "nowhere", "y");
        let message = builder.build().unwrap_err().to_string();
        assert!(message.contains("\"nowhere-y\"") && message.contains("\"nowhere\""), "{message}");
    }

    #[test]
    fn two_tensors_of_one_name_are_an_error() {
        let mut builder = NetworkBuilder::new();
        builder.input("x", [None]).output("y");
        relu(&mut builder, "x", "y");
        relu(&mut builder, "x", "y");
        assert!(builder.build().unwrap_err().to_string().contains("two tensors are named \"y\""));
    }

    #[test]
    fn inputs_of_another_shape_are_refused() {
        let mut builder = NetworkBuilder::new();
        builder.input("x", [None, Some(3)]).output("y");
        relu(&mut builder, "x", "y");
        let network = builder.build().unwrap();
        assert_eq!(network.shapes(&[&[7, 3]]).unwrap()[1], [7, 3]);
        let message = network.shapes(&[&[7, 4]]).unwrap_err().to_string();
        assert!(message.contains("[7, 4]") && message.contains("[any, 3]"), "{message}");
        assert!(network.shapes(&[]).is_err());
    }
}
