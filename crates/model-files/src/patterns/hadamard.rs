//! A product number by number that is spelled as an Einsum: one that sums nothing up.

use std::collections::BTreeSet;

use ndarray::Array1;
use neural_lrp::Real;
use neural_lrp::operation::{Attribute, Constant};

use super::wiring::Wiring;
use super::{Pattern, Replacement};
use crate::graph::Node;

/// `Einsum(x, y)` whose output has all axes of both, as `"nchw,nc->nchw"`: Mul of both, with their axes in the output's
/// order. Einsum stands at the position.
pub(super) fn find<F: Real>(wiring: &Wiring<'_, F>, position: usize) -> Option<Pattern<F>> {
    let node = wiring.of_kind(position, "Einsum")?;
    let Attribute::Text(equation) = node.attributes.get("equation")? else { return None };
    let text = equation.replace(' ', "");
    let (operands, output) = text.split_once("->")?;
    let (first, second) = operands.split_once(',')?;
    let [x, y] = node.inputs.as_slice() else { return None };
    let output: Vec<char> = output.chars().collect();
    let are_known = output.iter().all(|&label| first.contains(label) || second.contains(label));
    if !are_known || !are_distinct(&output) {
        return None;
    }
    let mut replacement = Replacement { operations: Vec::new(), constants: Vec::new() };
    let mut factors = Vec::new();
    for (place, (tensor, labels)) in [(x, first), (y, second)].into_iter().enumerate() {
        let arranged = Arranged { wiring, node, place };
        factors.push(arranged.of(tensor, &labels.chars().collect::<Vec<_>>(), &output, &mut replacement)?);
    }
    let factors: Vec<&str> = factors.iter().map(String::as_str).collect();
    replacement.operations.push(Node::new(&node.name, "Mul", &factors, node.output()));
    Some(Pattern { nodes: BTreeSet::from([position]), replacement })
}

/// Whether labels are letters, each of them there once.
fn are_distinct(labels: &[char]) -> bool {
    labels.iter().all(char::is_ascii_alphabetic) && labels.iter().collect::<BTreeSet<_>>().len() == labels.len()
}

/// A factor of an Einsum while it is arranged as the output.
struct Arranged<'a, 'b, F> {
    wiring: &'a Wiring<'b, F>,
    node: &'a Node,
    place: usize,
}

impl<F: Real> Arranged<'_, '_, F> {
    /// The tensor whose axes are in the output's order, with an axis of length 1 where it has none; none if it has an axis
    /// that the output does not have.
    fn of(&self, tensor: &str, labels: &[char], output: &[char], replacement: &mut Replacement<F>) -> Option<String> {
        let order: Vec<usize> = output.iter().filter_map(|label| labels.iter().position(|own| own == label)).collect();
        if !are_distinct(labels) || order.len() < labels.len() {
            return None;
        }
        let mut tensor = tensor.to_owned();
        if !order.is_sorted() {
            let moved = self.fresh("moved");
            let order = order.iter().map(|&axis| axis as i64).collect();
            let node = Node::new(&moved, "Transpose", &[&tensor], &moved);
            replacement.operations.push(node.with("perm", Attribute::Integers(order)));
            tensor = moved;
        }
        let missing: Vec<i64> =
            (0..output.len()).filter(|&axis| !labels.contains(&output[axis])).map(|axis| axis as i64).collect();
        if !missing.is_empty() {
            let (axes, longer) = (self.fresh("axes"), self.fresh("longer"));
            replacement.operations.push(Node::new(&longer, "Unsqueeze", &[&tensor, &axes], &longer));
            replacement.constants.push((axes, Constant::Integer(Array1::from(missing).into_dyn())));
            tensor = longer;
        }
        Some(tensor)
    }

    fn fresh(&self, what: &str) -> String {
        self.wiring.graph.fresh_name(&format!("{}.{}.{what}", self.node.output(), self.place))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::recognize;
    use super::super::testing::text;
    use super::*;
    use crate::graph::Graph;

    fn recognized(equation: &str) -> Graph<f64> {
        let product = Node::new("p", "Einsum", &["x", "s"], "y").with("equation", Attribute::Text(equation.to_owned()));
        let mut graph = Graph {
            inputs: Vec::new(),
            outputs: vec!["y".to_owned()],
            nodes: vec![product],
            constants: BTreeMap::new(),
        };
        recognize(&mut graph, &BTreeSet::new());
        graph
    }

    #[test]
    fn what_sums_nothing_up_is_a_product_number_by_number() {
        assert_eq!(text(&recognized("btd, btd -> btd")), ["Mul(x, s) y"]);
        let gated = recognized("nchw,nc->nchw");
        assert_eq!(text(&gated), ["Unsqueeze(s, y.1.axes) y.1.longer", "Mul(x, y.1.longer) y"]);
        assert_eq!(gated.constants["y.1.axes"], Constant::Integer(ndarray::arr1(&[2, 3]).into_dyn()));
        let moved = recognized("ab,ba->ab");
        assert_eq!(text(&moved), ["Transpose(s) y.1.moved", "Mul(x, y.1.moved) y"]);
        assert_eq!(moved.nodes[0].attributes["perm"], Attribute::Integers(vec![1, 0]));
    }

    #[test]
    fn what_sums_is_none() {
        for equation in ["ij,jk->ik", "ij,ij->i", "ii,i->i", "...i,i->...i", "ij,j", "ij->ij", "i,i->ii"] {
            assert_eq!(text(&recognized(equation)), ["Einsum(x, s) y"], "{equation}");
        }
    }
}
