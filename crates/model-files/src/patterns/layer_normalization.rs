//! Layer normalization.

use neural_lrp::Real;
use neural_lrp::operation::{Attribute, Constant};

use super::{Pattern, Wiring};
use crate::graph::Node;

/// The attribute in which the axes stand, any of them; where they are the last ones, `axis` says so once the rank is known.
pub(crate) const AXES: &str = "axes";

/// `(x − mean x) / √(mean (x − mean x)² + ε) · scale + shift`, beginning at the first ReduceMean.
pub(super) fn find<F: Real>(wiring: &Wiring<'_, F>, position: usize) -> Option<Pattern> {
    let mean = wiring.of_kind(position, "ReduceMean")?;
    let (source, axes) = (mean.input(0)?, axes(wiring, mean)?);
    let takes = |node: &Node, first: &str, second: &str| node.input(0) == Some(first) && node.input(1) == Some(second);
    let mut nodes = vec![position];
    // Some exporters subtract once and use the difference twice, others subtract twice.
    let differences: Vec<(usize, &Node)> =
        wiring.takers(mean.output(), "Sub").filter(|(_, node)| takes(node, source, mean.output())).collect();
    nodes.extend(differences.iter().map(|(position, _)| *position));
    let (squaring, square) = differences.iter().find_map(|(_, difference)| squared(wiring, difference.output()))?;
    let (averaging, variance) = wiring.only_taker(square.output()).filter(|(_, node)| node.kind == "ReduceMean")?;
    if self::axes(wiring, variance)? != axes {
        return None;
    }
    let (adding, sum) = wiring.only_taker(variance.output()).filter(|(_, node)| node.kind == "Add")?;
    let (_, epsilon) = wiring.tensor_and_number(sum)?;
    let (rooting, root) = wiring.only_taker(sum.output()).filter(|(_, node)| node.kind == "Sqrt")?;
    let (dividing, quotient) = wiring.only_taker(root.output()).filter(|(_, node)| node.kind == "Div")?;
    differences.iter().find(|(_, difference)| takes(quotient, difference.output(), root.output()))?;
    nodes.extend([squaring, averaging, adding, rooting, dividing]);

    let mut inputs = vec![source.to_owned()];
    let mut output = quotient.output();
    for kind in ["Mul", "Add"] {
        let Some((next, operand)) = affine(wiring, output, kind) else { break };
        nodes.push(next);
        inputs.push(operand.to_owned());
        output = wiring.node(next).output();
    }
    let mut pattern = wiring.pattern("LayerNormalization", source, output, nodes)?;
    pattern.operation.inputs = inputs;
    pattern.operation.attributes.insert("epsilon".to_owned(), Attribute::Real(epsilon));
    pattern.operation.attributes.insert(AXES.to_owned(), Attribute::Integers(axes));
    Some(pattern)
}

/// The axes of a mean that keeps them.
fn axes<F: Real>(wiring: &Wiring<'_, F>, node: &Node) -> Option<Vec<i64>> {
    let keeps = node.integer("keepdims", 1).is_ok_and(|keeps| keeps != 0);
    match wiring.graph.constants.get(node.input(1)?)? {
        Constant::Integer(axes) if keeps && !axes.is_empty() => Some(axes.iter().copied().collect()),
        _ => None,
    }
}

/// The node that squares a tensor, by Pow or by a product with itself.
fn squared<'a, F: Real>(wiring: &Wiring<'a, F>, tensor: &str) -> Option<(usize, &'a Node)> {
    let power = wiring.takers(tensor, "Pow").find(|(_, node)| {
        node.input(0) == Some(tensor) && node.input(1).and_then(|exponent| wiring.number(exponent)) == Some(2.0)
    });
    power.or_else(|| wiring.takers(tensor, "Mul").find(|(_, node)| node.inputs == [tensor, tensor]))
}

/// The only taker of a tensor, if it scales or shifts it by known numbers along the axes, and their name.
fn affine<'a, F: Real>(wiring: &Wiring<'a, F>, tensor: &str, kind: &str) -> Option<(usize, &'a str)> {
    let (position, node) = wiring.only_taker(tensor).filter(|(_, node)| node.kind == kind)?;
    let operand = node.given_inputs().find(|input| *input != tensor)?;
    wiring.constant_shape(operand).filter(|shape| shape.len() == 1 && shape[0] > 1)?;
    Some((position, operand))
}

#[cfg(test)]
mod tests {
    use super::super::recognize;
    use super::super::testing::{Sketch, graph, recognized};
    use super::*;

    const NUMBERS: &[(&str, f64)] = &[("two", 2.0), ("epsilon", 1e-5)];
    const VECTORS: &[(&str, &[usize])] = &[("scale", &[4]), ("shift", &[4])];

    const TAIL: &[Sketch<'_>] = &[
        ("ReduceMean", &["q", "axes"], "v"),
        ("Add", &["v", "epsilon"], "e"),
        ("Sqrt", &["e"], "r"),
        ("Div", &["d", "r"], "n"),
    ];

    #[test]
    fn all_forms_are_recognized() {
        let heads: [&[Sketch<'_>]; 3] = [
            &[("ReduceMean", &["x", "axes"], "m"), ("Sub", &["x", "m"], "d"), ("Pow", &["d", "two"], "q")],
            &[("ReduceMean", &["x", "axes"], "m"), ("Sub", &["x", "m"], "d"), ("Mul", &["d", "d"], "q")],
            &[
                ("ReduceMean", &["x", "axes"], "m"),
                ("Sub", &["x", "m"], "d"),
                ("Sub", &["x", "m"], "d2"),
                ("Pow", &["d2", "two"], "q"),
            ],
        ];
        let affine: &[Sketch<'_>] = &[("Mul", &["n", "scale"], "s"), ("Add", &["shift", "s"], "y")];
        let end: &[Sketch<'_>] = &[("Relu", &["n"], "y")];
        for head in heads {
            let whole = [head, TAIL, affine].concat();
            assert_eq!(recognized(&whole, NUMBERS, VECTORS), ["LayerNormalization(x, scale, shift) y"]);
            let plain = [head, TAIL, end].concat();
            assert_eq!(recognized(&plain, NUMBERS, VECTORS), ["LayerNormalization(x) n", "Relu(n) y"]);
        }
        let mut graph = graph(&[heads[0], TAIL, affine].concat(), NUMBERS, VECTORS);
        recognize(&mut graph);
        assert_eq!(graph.nodes[0].attributes["epsilon"], Attribute::Real(1e-5));
        assert_eq!(graph.nodes[0].attributes[AXES], Attribute::Integers(vec![-1]));
    }

    #[test]
    fn other_statistics_stay_what_they_are() {
        let head: &[Sketch<'_>] =
            &[("ReduceMean", &["x", "axes"], "m"), ("Sub", &["x", "m"], "d"), ("Pow", &["d", "epsilon"], "q")];
        let nodes = [head, TAIL, &[("Relu", &["n"][..], "y")]].concat();
        assert_eq!(recognized(&nodes, NUMBERS, VECTORS).len(), nodes.len());
    }
}
