//! The nodes that scikit-learn's exporter writes around networks: scaled inputs, and columns with names.

use std::sync::Arc;

use ndarray::Array1;
use neural_lrp::Real;
use neural_lrp::operation::{Attribute, Constant};

use crate::graph::{Graph, Node};

/// Probabilities with the names of their classes: the names are left to whoever shows them.
pub(super) fn zip_map(mut node: Node) -> Node {
    node.kind = "Identity".to_owned();
    node.attributes.clear();
    node
}

/// `(x − offset) · scale`, column by column.
pub(super) fn scaler<F: Real>(graph: &mut Graph<F>, node: Node) -> Vec<Node> {
    let Some(source) = node.input(0) else { return vec![node] };
    let mut nodes = Vec::new();
    let mut tensor = source.to_owned();
    for (kind, attribute, is_last) in [("Sub", "offset", false), ("Mul", "scale", true)] {
        let Some(Attribute::Reals(values)) = node.attributes.get(attribute) else { return vec![node] };
        let values = values.iter().map(|&value| F::of(value)).collect::<Array1<F>>();
        let constant = graph.fresh_name(&format!("{}.{attribute}", node.output()));
        graph.constants.insert(constant.clone(), Constant::Real(Arc::new(values.into_dyn())));
        let (name, output) = if is_last {
            (node.name.clone(), node.output().to_owned())
        } else {
            (format!("{}.{attribute}", node.name), graph.fresh_name(&format!("{}.centered", node.output())))
        };
        nodes.push(Node::new(name, kind, &[&tensor, &constant], &output));
        tensor = output;
    }
    nodes
}
