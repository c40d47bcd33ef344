//! Gemm in all its forms: a linear layer with a vector as its bias, beside transpositions, products and additions.

use std::sync::Arc;

use ndarray::{ArrayD, IxDyn, arr0};
use neural_lrp::Real;
use neural_lrp::operation::{Attribute, Constant};

use crate::graph::{Graph, Node};

/// `α A B + β C`, with A or B transposed: a layer where B is known, else a product of two tensors.
pub(super) fn rewrite<F: Real>(graph: &mut Graph<F>, node: Node) -> Vec<Node> {
    let (Some(left), Some(right)) = (node.input(0), node.input(1)) else { return vec![node] };
    let flag = |name: &str| node.integer(name, 0).is_ok_and(|flag| flag != 0);
    let factor = |name: &str| match node.attributes.get(name) {
        Some(Attribute::Real(value)) => *value,
        _ => 1.0,
    };
    let mut parts = Parts { graph, name: node.name.clone(), output: node.output().to_owned(), nodes: Vec::new() };
    let left = if flag("transA") { parts.transposed(left, "left") } else { left.to_owned() };
    let weights = match parts.graph.constants.get(right) {
        Some(Constant::Real(weights)) if weights.ndim() == 2 => Some(Arc::clone(weights)),
        _ => None,
    };
    let bias = node.input(2);
    match weights {
        Some(weights) => {
            let outputs = weights.shape()[usize::from(!flag("transB"))];
            let bias = bias.and_then(|bias| parts.graph.vector(bias, outputs)).or(bias.map(str::to_owned));
            let is_vector = bias.as_ref().is_none_or(|bias| parts.graph.is_vector(bias, outputs));
            let layer_bias = bias.clone().filter(|_| is_vector);
            let sum = bias.filter(|_| !is_vector);
            let output = if sum.is_some() { parts.fresh("product") } else { parts.output.clone() };
            let inputs: Vec<&str> = [left.as_str(), right].into_iter().chain(layer_bias.as_deref()).collect();
            let mut layer = Node::new(&parts.name, "Gemm", &inputs, output.clone());
            layer.attributes.clone_from(&node.attributes);
            layer.attributes.remove("transA");
            parts.nodes.push(layer);
            if let Some(bias) = sum {
                let bias = parts.scaled(&bias, factor("beta"), "bias");
                parts.last("Add", &[&output, &bias]);
            }
        }
        None => {
            let right = if flag("transB") { parts.transposed(right, "right") } else { right.to_owned() };
            let product = parts.fresh("product");
            parts.nodes.push(Node::new(&parts.name, "MatMul", &[&left, &right], &product));
            let product = parts.scaled(&product, factor("alpha"), "scaled");
            match bias {
                Some(bias) => {
                    let bias = parts.scaled(bias, factor("beta"), "bias");
                    parts.last("Add", &[&product, &bias]);
                }
                None => parts.last("Identity", &[&product]),
            }
        }
    }
    parts.nodes
}

/// The nodes that come to stand in a Gemm's place.
struct Parts<'a, F> {
    graph: &'a mut Graph<F>,
    name: String,
    output: String,
    nodes: Vec<Node>,
}

impl<F: Real> Parts<'_, F> {
    fn fresh(&self, meaning: &str) -> String {
        self.graph.fresh_name(&format!("{}.{meaning}", self.output))
    }

    fn transposed(&mut self, matrix: &str, meaning: &str) -> String {
        let output = self.fresh(meaning);
        let node = Node::new(format!("{}.{meaning}", self.name), "Transpose", &[matrix], &output);
        self.nodes.push(node.with("perm", Attribute::Integers(vec![1, 0])));
        output
    }

    fn scaled(&mut self, tensor: &str, factor: f64, meaning: &str) -> String {
        if factor == 1.0 {
            return tensor.to_owned();
        }
        let number = self.fresh(&format!("{meaning}.factor"));
        self.graph.constants.insert(number.clone(), Constant::Real(Arc::new(arr0(F::of(factor)).into_dyn())));
        let output = self.fresh(meaning);
        self.nodes.push(Node::new(format!("{}.{meaning}", self.name), "Mul", &[tensor, &number], &output));
        output
    }

    fn last(&mut self, kind: &str, inputs: &[&str]) {
        self.nodes.push(Node::new(format!("{}.{}", self.name, kind.to_lowercase()), kind, inputs, &self.output));
    }
}

impl<F: Real> Graph<F> {
    fn is_vector(&self, name: &str, length: usize) -> bool {
        matches!(self.constants.get(name), Some(Constant::Real(values)) if values.shape() == [length])
    }

    /// The name of a known tensor as a vector of one number for each output, if it says the same to every sample.
    fn vector(&mut self, name: &str, length: usize) -> Option<String> {
        let Some(Constant::Real(values)) = self.constants.get(name) else { return None };
        if values.ndim() == 2 && values.shape()[0] != 1 {
            return None;
        }
        let row = match values.len() {
            1 => ArrayD::from_elem(IxDyn(&[length]), *values.first()?),
            _ => ArrayD::clone(values).into_shape_with_order(IxDyn(&[length])).ok()?,
        };
        let vector = self.fresh_name(&format!("{name}.vector"));
        self.constants.insert(vector.clone(), Constant::Real(Arc::new(row)));
        Some(vector)
    }
}
