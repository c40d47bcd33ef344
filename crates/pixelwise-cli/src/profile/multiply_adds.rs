//! How much there is to compute.

use std::collections::BTreeMap;

use neural_lrp::operation::{Attribute, Constant, Input, OperatorSpec};
use neural_lrp::{Node, Real};

/// How many multiply-adds a node's forward pass takes, for operations that are products with matrices; none for others,
/// which look at each number a few times. `shapes` are those of all tensors. Weights at the padding count.
pub fn multiply_adds<F: Real>(node: &Node<F>, shapes: &[Vec<usize>]) -> Option<usize> {
    let spec = node.operation.to_spec();
    let output = &shapes[node.output.index()];
    let operands = operand_shapes(&spec, node.operands.iter().map(|operand| shapes[operand.index()].as_slice()));
    let size = |shape: &[usize]| shape.iter().product::<usize>();
    match (spec.kind.as_str(), operands.as_slice()) {
        // Each weight is used once at each position: (O, C, …) of the output, (C, O, …) of the input.
        ("Conv", [_, weights, ..]) => Some(size(output) * size(&weights[1..])),
        ("ConvTranspose", [input, weights, ..]) => Some(size(input) * size(&weights[1..])),
        // The rows of a dense layer's input are as long as it has weights for each output.
        ("Gemm", [_, weights, ..]) => (size(output) * size(weights)).checked_div(*output.last()?),
        ("MatMul", [left, _]) => Some(size(output) * left.last()?),
        ("Einsum", operands) => einsum(spec.attributes.get("equation")?, operands),
        _ => None,
    }
}

/// The shapes of all inputs of an operation in ONNX's order, for its computed operands.
fn operand_shapes<'a, F: Real>(
    spec: &'a OperatorSpec<F>,
    mut computed: impl Iterator<Item = &'a [usize]>,
) -> Vec<&'a [usize]> {
    let shape = |input: &'a Input<F>| match input {
        Input::Tensor => computed.next(),
        Input::Constant(Constant::Real(values)) => Some(values.shape()),
        Input::Constant(Constant::Integer(values)) => Some(values.shape()),
        Input::Absent => Some(&[][..]),
    };
    spec.inputs.iter().map_while(shape).collect()
}

/// One for each combination of positions along all labels, of an equation without an ellipsis.
fn einsum(equation: &Attribute, operands: &[&[usize]]) -> Option<usize> {
    let Attribute::Text(equation) = equation else { return None };
    let (inputs, _) = equation.split_once("->").unwrap_or((equation, ""));
    let mut lengths = BTreeMap::new();
    for (labels, shape) in inputs.split(',').zip(operands) {
        let labels: Vec<char> = labels.chars().filter(|label| !label.is_whitespace()).collect();
        if labels.len() != shape.len() || !labels.iter().all(|label| label.is_ascii_alphabetic()) {
            return None;
        }
        lengths.extend(labels.into_iter().zip(shape.iter().copied()));
    }
    Some(lengths.into_values().product())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ndarray::ArrayD;
    use neural_lrp::{NetworkBuilder, operations};

    use super::*;

    /// Multiply-adds of an operation, by plain counting where the expected number says how.
    fn count(spec: OperatorSpec<f64>, operands: &[&[usize]]) -> Option<usize> {
        let operation = operations::read(&spec).unwrap().operation;
        let names: Vec<String> = (0..operands.len()).map(|place| format!("x{place}")).collect();
        let mut network = NetworkBuilder::new();
        for (name, shape) in names.iter().zip(operands) {
            network.input(name.as_str(), shape.iter().copied().map(Some).collect::<Vec<_>>());
        }
        network.node("node", operation, names.iter().map(String::as_str), "y").output("y");
        let network = network.build().unwrap();
        multiply_adds(&network.nodes()[0], &network.shapes(operands).unwrap())
    }

    fn weights(shape: &[usize]) -> Arc<ArrayD<f64>> {
        Arc::new(ArrayD::ones(shape))
    }

    #[test]
    fn products_are_counted() {
        let conv = OperatorSpec::new("Conv", 1).with_integer("group", 2).with_constant(weights(&[6, 2, 3, 3]));
        assert_eq!(count(conv, &[&[1, 4, 7, 9]]), Some(6 * 5 * 7 * (2 * 3 * 3)));
        let transposed = OperatorSpec::new("ConvTranspose", 1)
            .with_integers("strides", [2, 2])
            .with_constant(weights(&[4, 5, 3, 3]));
        assert_eq!(count(transposed, &[&[2, 4, 7, 9]]), Some(2 * 4 * 7 * 9 * (5 * 3 * 3)));
        let dense = OperatorSpec::new("Gemm", 1).with_integer("transB", 1).with_constant(weights(&[10, 7]));
        assert_eq!(count(dense, &[&[3, 7]]), Some(3 * 10 * 7));
        assert_eq!(count(OperatorSpec::new("MatMul", 2), &[&[2, 3, 5], &[2, 5, 4]]), Some(2 * 3 * 4 * 5));
        let einsum = OperatorSpec::new("Einsum", 2).with_text("equation", "bid, bjd -> bij");
        assert_eq!(count(einsum, &[&[2, 3, 5], &[2, 4, 5]]), Some(2 * 3 * 4 * 5));
        let weighted = OperatorSpec::new("Einsum", 1).with_text("equation", "btc,dc->btd");
        assert_eq!(count(weighted.with_constant(weights(&[4, 5])), &[&[2, 3, 5]]), Some(2 * 3 * 5 * 4));
    }

    #[test]
    fn what_looks_at_numbers_alone_has_none() {
        assert_eq!(count(OperatorSpec::new("Relu", 1), &[&[1, 3]]), None);
        assert_eq!(count(OperatorSpec::new("Mul", 2), &[&[1, 3], &[1, 3]]), None);
    }
}
