//! Group normalization.

use std::collections::BTreeSet;
use std::sync::Arc;

use ndarray::Array1;
use neural_lrp::Real;
use neural_lrp::operation::{Attribute, Constant};

use super::wiring::Wiring;
use super::{Pattern, Replacement};
use crate::graph::Node;

/// Instance normalization of groups of channels that are taken for channels, whose shape is put back, then scale and shift
/// of each channel. InstanceNormalization stands at the position.
pub(super) fn find<F: Real>(wiring: &Wiring<'_, F>, position: usize) -> Option<Pattern<F>> {
    let normalization = wiring.of_kind(position, "InstanceNormalization")?;
    let (scale, shift) = (vector(wiring, normalization.input(1)?)?, vector(wiring, normalization.input(2)?)?);
    let grouping = wiring.giver(normalization.input(0)?)?;
    let source = grouped(wiring, wiring.of_kind(grouping, "Reshape")?, scale.len())?;
    let (putting_back, back) = wiring.only_taker(normalization.output()).filter(|(_, node)| node.kind == "Reshape")?;
    wiring.shape_of(back.input(1)?).filter(|tensor| *tensor == source)?;
    wiring.only_taker(normalization.input(0)?)?;

    let mut last = back;
    let mut nodes = BTreeSet::from([grouping, position, putting_back]);
    let mut of_channels = [("Mul", None), ("Add", None)];
    for (kind, numbers) in &mut of_channels {
        let next = wiring.only_taker(last.output()).filter(|(_, node)| node.kind == *kind);
        let Some((at, next)) = next else { continue };
        let Some(given) = over_channels(wiring, next, last.output(), scale.len()) else { break };
        *numbers = Some(given);
        nodes.insert(at);
        last = next;
    }
    let [(_, factor), (_, addend)] = of_channels;
    let count = factor.as_ref().or(addend.as_ref()).map_or(scale.len(), Array1::len);
    let factor = factor.unwrap_or_else(|| Array1::ones(count));
    let addend = addend.unwrap_or_else(|| Array1::zeros(count));
    if addend.len() != count {
        return None;
    }
    let of_group = |numbers: &Array1<F>| Array1::from_shape_fn(count, |channel| numbers[channel * scale.len() / count]);
    let (scales, shifts) = (&factor * &of_group(&scale), &factor * &of_group(&shift) + &addend);
    let [scale_name, shift_name] =
        ["scale", "shift"].map(|meaning| wiring.graph.fresh_name(&format!("{}.{meaning}", last.output())));
    let inputs = [source, &scale_name, &shift_name];
    let mut operation = Node::new(&normalization.name, "GroupNormalization", &inputs, last.output())
        .with("num_groups", Attribute::Integer(scale.len() as i64));
    operation.attributes.extend(normalization.attributes.clone());
    let constant = |name, numbers: Array1<F>| (name, Constant::Real(Arc::new(numbers.into_dyn())));
    let constants = vec![constant(scale_name, scales), constant(shift_name, shifts)];
    Some(Pattern { nodes, replacement: Replacement { operations: vec![operation], constants } })
}

fn vector<F: Real>(wiring: &Wiring<'_, F>, tensor: &str) -> Option<Array1<F>> {
    wiring.known(tensor)?.1.as_ref().clone().into_dimensionality().ok()
}

/// What a Reshape takes, if it keeps the samples apart and makes channels of so many groups.
fn grouped<'a, F: Real>(wiring: &Wiring<'a, F>, reshape: &'a Node, groups: usize) -> Option<&'a str> {
    let keeps_zero = reshape.integer("allowzero", 0).ok()? == 0;
    let shape = wiring.integers(reshape.input(1)?)?;
    (keeps_zero && shape == [0, groups as i64, -1]).then(|| reshape.input(0)).flatten()
}

/// The known numbers that a node joins with `tensor`, if there is one for each channel: `[C, 1, 1]`.
fn over_channels<F: Real>(wiring: &Wiring<'_, F>, node: &Node, tensor: &str, groups: usize) -> Option<Array1<F>> {
    let other = node.given_inputs().find(|input| *input != tensor)?;
    let (_, values) = wiring.known(other)?;
    let mut shape = values.shape().iter().skip_while(|&&length| length == 1);
    let &channels = shape.next()?;
    let is_followed_by_ones = shape.clone().count() > 0 && shape.all(|&length| length == 1);
    let fits = is_followed_by_ones && channels % groups.max(1) == 0;
    fits.then(|| values.iter().copied().collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::recognize;
    use super::super::testing::{Sketch, graph, text};
    use super::*;

    const NODES: &[Sketch<'_>] = &[
        ("Relu", &["input"], "x"),
        ("Reshape", &["x", "groups"], "r"),
        ("InstanceNormalization", &["r", "own scale", "own shift"], "i"),
        ("Shape", &["x"], "shape"),
        ("Reshape", &["i", "shape"], "b"),
    ];
    const AFFINE: &[Sketch<'_>] = &[("Mul", &["b", "scale"], "s"), ("Add", &["shift", "s"], "y")];

    fn recognized(end: &[Sketch<'_>], target: [i64; 3]) -> crate::graph::Graph<f64> {
        let vectors: &[(&str, &[usize])] =
            &[("own scale", &[2]), ("own shift", &[2]), ("scale", &[6, 1, 1]), ("shift", &[1, 6, 1, 1]), ("row", &[6])];
        let mut graph = graph(&[NODES, end].concat(), &[], vectors);
        graph.constants.insert("groups".to_owned(), Constant::Integer(ndarray::arr1(&target).into_dyn()));
        graph.nodes[2].attributes.insert("epsilon".to_owned(), Attribute::Real(0.25));
        recognize(&mut graph, &BTreeSet::from(["shape".to_owned()]));
        graph
    }

    #[test]
    fn scales_and_shifts_of_groups_and_channels_are_joined() {
        let graph = recognized(AFFINE, [0, 2, -1]);
        assert_eq!(text(&graph)[2..], ["GroupNormalization(x, y.scale, y.shift) y"]);
        let attributes = &graph.nodes[2].attributes;
        assert_eq!(attributes["num_groups"], Attribute::Integer(2));
        assert_eq!(attributes["epsilon"], Attribute::Real(0.25));
        let all = |value: f64| Constant::Real(Arc::new(Array1::from_elem(6, value).into_dyn()));
        assert_eq!((&graph.constants["y.scale"], &graph.constants["y.shift"]), (&all(0.25), &all(0.75)));
        let bare = recognized(&[("Relu", &["b"], "y")], [0, 2, -1]);
        assert_eq!(text(&bare)[2..], ["GroupNormalization(x, b.scale, b.shift) b", "Relu(b) y"]);
        let shifted = recognized(&[("Add", &["b", "shift"], "y")], [0, 2, -1]);
        assert_eq!(text(&shifted)[2..], ["GroupNormalization(x, y.scale, y.shift) y"]);
        let outside = recognized(&[("Add", &["b", "row"], "y")], [0, 2, -1]);
        assert_eq!(text(&outside)[2..], ["GroupNormalization(x, b.scale, b.shift) b", "Add(b, row) y"]);
    }

    #[test]
    fn other_shapes_stay_what_they_are() {
        for target in [[-1, 2, 3], [0, 3, -1]] {
            assert_eq!(recognized(AFFINE, target).nodes.len(), 7);
        }
        assert_eq!(recognized(&[("Mul", &["b", "i"], "y")], [0, 2, -1]).nodes.len(), 6);
    }
}
