//! Nodes that are lowered, run.

use std::collections::BTreeMap;
use std::sync::Arc;

use ndarray::{ArrayD, IxDyn};
use neural_lrp::operation::Constant;
use neural_lrp::operations::Operators;
use neural_lrp::{Network, NetworkBuilder};

use super::Lowered;
use crate::steps::read_operation;

/// Numbers of both signs.
pub(super) fn numbers(shape: &[usize], seed: usize) -> ArrayD<f64> {
    let mut count = seed as f64;
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        count += 1.0;
        f64::sin(count * count)
    })
}

/// The output `y` of the operations that a node became.
pub(super) fn run(lowered: &Lowered<f64>, names: &[&str], operands: &[ArrayD<f64>]) -> ArrayD<f64> {
    let network = network(lowered, names, operands);
    network.forward(operands.to_vec()).unwrap().output().to_owned()
}

fn network(lowered: &Lowered<f64>, names: &[&str], operands: &[ArrayD<f64>]) -> Network<f64> {
    let mut builder = NetworkBuilder::new();
    for (name, operand) in names.iter().zip(operands) {
        builder.input(*name, operand.shape().iter().copied().map(Some).collect::<Vec<_>>());
    }
    let constants: BTreeMap<&str, &Constant<f64>> =
        lowered.constants.iter().map(|(name, value)| (name.as_str(), value)).collect();
    for (name, value) in &lowered.constants {
        if let Constant::Real(value) = value {
            builder.constant(name, Arc::clone(value));
        }
    }
    for node in &lowered.nodes {
        let constant = |name: &str| constants.get(name).copied();
        let no_nodes = || [].iter();
        let parsed = read_operation(node, &Operators::new(), constant, |_| false, no_nodes).unwrap();
        let operands: Vec<&str> = parsed.operands.iter().filter_map(|&position| node.input(position)).collect();
        builder.node(&node.name, parsed.operation, operands, node.output());
    }
    builder.output("y");
    builder.build().unwrap()
}

pub(super) fn assert_same(found: &ArrayD<f64>, expected: &ArrayD<f64>) {
    assert_eq!(found.shape(), expected.shape());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-12, "{found} instead of {expected}");
    }
}

/// (batch, heads, tokens, size) as (batch, tokens, heads · size).
pub(super) fn side_by_side(array: &ArrayD<f64>) -> ArrayD<f64> {
    let [batch, heads, tokens, size] = [0, 1, 2, 3].map(|axis| array.shape()[axis]);
    let turned = array.view().permuted_axes(vec![0, 2, 1, 3]).as_standard_layout().into_owned();
    turned.into_shape_with_order(vec![batch, tokens, heads * size]).unwrap()
}
