//! Nodes of other domains than ONNX's, and quantized ones, as the nodes that they stand for.
//!
//! It is done before anything is folded or recognized: rules and patterns see a convolution, a rectifier, the two products
//! around a softmax, whoever wrote the file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ndarray::{Array1, ArrayD, IxDyn};
use neural_lrp::Real;
use neural_lrp::operation::{Attribute, Constant};
use neural_lrp::operations::Operators;

use crate::Error;
use crate::graph::{Branches, Graph, Node};

mod attention;
mod dynamic;
mod fused;
mod gelu;
mod grids;
mod normalization;
mod quantized;
mod scikit_learn;
mod weight_blocks;

pub(crate) use quantized::zero_point_of_output;

/// Writes a node as the nodes that it stands for.
type Expand<F> = fn(&mut Parts<'_, F>) -> Result<(), Error>;

fn find<F: Real>(kind: &str) -> Option<Expand<F>> {
    quantized::find(kind)
        .or_else(|| fused::find(kind))
        .or_else(|| gelu::find(kind))
        .or_else(|| normalization::find(kind))
        .or_else(|| attention::find(kind))
        .or_else(|| scikit_learn::find(kind))
        .or_else(|| weight_blocks::find(kind))
}

/// Replaces all nodes, those of branches too, that stand for others.
///
/// What somebody has an operation of their own for stays.
pub(crate) fn expand<F: Real>(graph: &mut Graph<F>, operators: &Operators<F>) -> Result<(), Error> {
    let nodes = std::mem::take(&mut graph.nodes);
    let outputs = graph.outputs.iter().cloned().collect();
    graph.nodes = expanded(graph, nodes, &outputs, operators)?;
    Ok(())
}

/// The nodes of a list, all of ONNX's own operators as far as they stand for such; `outputs` are what they are there for.
fn expanded<F: Real>(
    graph: &mut Graph<F>,
    mut nodes: Vec<Node>,
    outputs: &BTreeSet<String>,
    operators: &Operators<F>,
) -> Result<Vec<Node>, Error> {
    dynamic::join_scales(&mut nodes);
    let grids = dynamic::grids(&nodes);
    let taken = nodes.iter().flat_map(Node::given_inputs).map(str::to_owned);
    let wanted: BTreeSet<String> = taken.chain(outputs.iter().cloned()).collect();
    let givers: BTreeMap<String, Node> =
        nodes.iter().flat_map(|node| node.given_outputs().map(|output| (output.to_owned(), node.clone()))).collect();
    let (mut result, mut is_changed) = (Vec::with_capacity(nodes.len()), false);
    for mut node in nodes {
        if let Some(Branches { holds, otherwise }) = node.branches.take().map(|branches| *branches) {
            let given = node.given_outputs().map(str::to_owned).collect();
            let [holds, otherwise] = [holds, otherwise].map(|branch| expanded(graph, branch, &given, operators));
            node.branches = Some(Box::new(Branches { holds: holds?, otherwise: otherwise? }));
        }
        let is_own = node.kind.contains(':') && operators.contains(&node.kind);
        let Some(expand) = find(&node.kind).filter(|_| !is_own) else {
            result.push(node);
            continue;
        };
        let mut parts = Parts { graph, node: &node, givers: &givers, grids: &grids, nodes: Vec::new() };
        expand(&mut parts)?;
        is_changed = true;
        let nodes = parts.nodes;
        let is_given = |output: &str| nodes.iter().any(|part| part.given_outputs().any(|given| given == output));
        let lost = node.outputs.iter().position(|output| wanted.contains(output) && !is_given(output));
        if let Some(lost) = lost {
            return Err(node.refuse(format!("its output {} is taken, and not computed here", lost + 1)));
        }
        result.extend(nodes);
    }
    is_changed |= result.iter().any(|node| node.kind == "QuantizeLinear");
    Ok(if is_changed { needed(grids::join(graph, result, outputs), outputs) } else { result })
}

/// The nodes that outputs depend on.
fn needed(nodes: Vec<Node>, outputs: &BTreeSet<String>) -> Vec<Node> {
    let mut wanted = outputs.clone();
    let mut needed: Vec<Node> = Vec::with_capacity(nodes.len());
    for node in nodes.into_iter().rev() {
        if node.given_outputs().any(|output| wanted.contains(output)) {
            wanted.extend(node.given_inputs().map(str::to_owned));
            needed.push(node);
        }
    }
    needed.reverse();
    needed
}

/// A node that is written as others.
pub(super) struct Parts<'a, F> {
    pub(super) graph: &'a mut Graph<F>,
    pub(super) node: &'a Node,
    /// Who gives each tensor in the file.
    givers: &'a BTreeMap<String, Node>,
    /// What spans the grid of a tensor, and its scale.
    grids: &'a BTreeMap<String, [String; 2]>,
    pub(super) nodes: Vec<Node>,
}

impl<'a, F: Real> Parts<'a, F> {
    /// The name of an input that has to be given.
    fn input(&self, position: usize) -> Result<&'a str, Error> {
        let node = self.node;
        node.input(position).ok_or_else(|| node.refuse(format!("input {position} is missing")))
    }

    fn known(&self, name: &str) -> Option<&Constant<F>> {
        self.graph.constants.get(name)
    }

    /// The numbers of an input that has to be known.
    fn reals(&self, position: usize, meaning: &str) -> Result<Arc<ArrayD<F>>, Error> {
        match self.known(self.input(position)?) {
            Some(Constant::Real(values)) => Ok(Arc::clone(values)),
            _ => Err(self.node.refuse(format!("its {meaning} should be constant floating-point numbers"))),
        }
    }

    /// An attribute that is a number.
    fn number(&self, name: &str, default: f64) -> Result<f64, Error> {
        match self.node.attributes.get(name) {
            None => Ok(default),
            Some(Attribute::Real(value)) => Ok(*value),
            Some(other) => Err(self.node.refuse(format!("its {name} is {other:?}, and should be a number"))),
        }
    }

    /// An attribute of several numbers; none where it is not given.
    fn numbers(&self, name: &str) -> Result<&'a [f64], Error> {
        match self.node.attributes.get(name) {
            None => Ok(&[]),
            Some(Attribute::Reals(values)) => Ok(values),
            Some(other) => Err(self.node.refuse(format!("its {name} is {other:?}, and should be a list of numbers"))),
        }
    }

    /// An attribute that is a word.
    fn word(&self, name: &str, default: &'a str) -> Result<&'a str, Error> {
        match self.node.attributes.get(name) {
            None => Ok(default),
            Some(Attribute::Text(text)) => Ok(text),
            Some(other) => Err(self.node.refuse(format!("its {name} is {other:?}, and should be a word"))),
        }
    }

    fn flag(&self, name: &str) -> Result<bool, Error> {
        self.node.integer(name, 0).map(|flag| flag != 0)
    }

    /// A name for a tensor in between, by what it means.
    pub(super) fn fresh(&self, meaning: &str) -> String {
        self.graph.fresh_name(&format!("{}.{meaning}", self.node.output()))
    }

    /// Adds a constant.
    pub(super) fn constant(&mut self, value: Constant<F>, meaning: &str) -> String {
        let name = self.fresh(meaning);
        self.graph.constants.insert(name.clone(), value);
        name
    }

    fn array(&mut self, values: ArrayD<F>, meaning: &str) -> String {
        self.constant(Constant::Real(Arc::new(values)), meaning)
    }

    fn scalar(&mut self, value: f64, meaning: &str) -> String {
        self.array(ArrayD::from_elem(IxDyn(&[]), F::of(value)), meaning)
    }

    fn integers(&mut self, values: impl IntoIterator<Item = i64>, meaning: &str) -> String {
        self.constant(Constant::Integer(Array1::from_iter(values).into_dyn()), meaning)
    }

    /// Adds a node beside the one that bears the name; its tensor is named by what it means.
    pub(super) fn step(&mut self, kind: &str, inputs: &[&str], meaning: &str) -> String {
        self.step_with(kind, inputs, meaning, [])
    }

    pub(super) fn step_with<const N: usize>(
        &mut self,
        kind: &str,
        inputs: &[&str],
        meaning: &str,
        attributes: [(&str, Attribute); N],
    ) -> String {
        let output = self.fresh(meaning);
        let node = Node::new(format!("{}.{meaning}", self.node.name), kind, inputs, &output);
        self.nodes.push(attributes.into_iter().fold(node, |node, (name, value)| node.with(name, value)));
        output
    }

    /// Adds the node that the whole is about, with those of the node's attributes that it has too.
    fn main(&mut self, kind: &str, inputs: &[&str], attributes: &[&str]) -> String {
        let output = self.fresh("result");
        let mut node = Node::new(&self.node.name, kind, inputs, &output);
        let attributes = attributes.iter().filter_map(|&name| self.node.attributes.get_key_value(name));
        node.attributes = attributes.map(|(name, value)| (name.clone(), value.clone())).collect();
        self.nodes.push(node);
        output
    }

    /// Sets an attribute of the node that was added last.
    fn set(&mut self, name: &str, value: Attribute) {
        if let Some(last) = self.nodes.last_mut() {
            last.attributes.insert(name.to_owned(), value);
        }
    }

    /// Lets the node that was added last give an output of the node, the one of this position.
    fn gives(&mut self, position: usize) {
        let output = self.node.outputs.get(position).filter(|output| !output.is_empty());
        if let Some((last, output)) = self.nodes.last_mut().zip(output) {
            last.outputs = vec![output.clone()];
        }
    }

    /// The matrix that the last two axes of a known tensor hold, or any tensor of two axes, transposed.
    fn transposed(&mut self, tensor: &str, meaning: &str) -> String {
        self.step_with("Transpose", &[tensor], meaning, [("perm", Attribute::Integers(vec![1, 0]))])
    }

    /// The axis of channels moves from the end of an image to behind that of samples, or back.
    fn channels_moved(&mut self, tensor: &str, to_front: bool, meaning: &str) -> String {
        let order = if to_front { vec![0, 3, 1, 2] } else { vec![0, 2, 3, 1] };
        self.step_with("Transpose", &[tensor], meaning, [("perm", Attribute::Integers(order))])
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use neural_lrp::operation::ParsedOperation;
    use neural_lrp::operations::Relu;
    use rten_onnx::onnx::NodeProto;

    use super::*;
    use crate::{Model, fixtures};

    /// A model of one node of another domain, of `x` and weights `w`.
    fn model(domain: &str, kind: &str, inputs: &[&str], outputs: &[&str]) -> Vec<u8> {
        let node = fixtures::node(kind, inputs, outputs, vec![fixtures::integer("num_heads", 2)]);
        let node = NodeProto { domain: Some(domain.to_owned()), ..node };
        let last = fixtures::node("Relu", &[outputs[outputs.len() - 1]], &["y"], vec![]);
        let weights = vec![fixtures::floats("w", &[4], &[1.0; 4])];
        fixtures::model(fixtures::graph(&[3, 4], vec![node, last], weights), 17)
    }

    fn message(domain: &str, kind: &str, inputs: &[&str], outputs: &[&str]) -> String {
        Model::<f64>::from_bytes(&model(domain, kind, inputs, outputs), Path::new(".")).unwrap_err().to_string()
    }

    #[test]
    fn what_is_refused_says_what_would_do() {
        let blocks = message("com.microsoft.nchwc", "Conv", &["x", "w"], &["z"]);
        assert!(blocks.contains("\"Z\"") && blocks.contains("ORT_ENABLE_EXTENDED"), "{blocks}");
        let masked = message("com.microsoft", "Attention", &["x", "w", "", "x"], &["z"]);
        assert!(masked.contains("a mask of padded tokens") && masked.contains("export"), "{masked}");
        let cached = message("com.microsoft", "MultiHeadAttention", &["x", "x", "x", "", "", "", "x"], &["z"]);
        assert!(cached.contains("without caches"), "{cached}");
        let function = message("ai.onnx.ml", "Normalizer", &[], &["z"]);
        assert!(function.contains("input 0 is missing"), "{function}");
        let mean = message("com.microsoft", "SkipLayerNormalization", &["x", "x", "w"], &["z", "mean"]);
        assert!(mean.contains("its output 2 is taken"), "{mean}");
    }

    #[test]
    fn an_operator_of_ones_own_stands_before_what_is_known_here() {
        let bytes = model("com.microsoft", "Gelu", &["x"], &["z"]);
        let kinds = |operators: &Operators<f64>| {
            let model = Model::from_bytes_with(&bytes, Path::new("."), operators).unwrap();
            let network = model.network_with_defaults().unwrap();
            network.nodes().iter().map(|node| node.operation.kind()).collect::<Vec<_>>()
        };
        assert_eq!(kinds(&Operators::new()), ["Gelu", "Relu"]);
        let own = Operators::new().with("com.microsoft:Gelu", |_| Ok(ParsedOperation::new(Relu, vec![0])));
        assert_eq!(kinds(&own), ["Relu", "Relu"]);
    }
}
