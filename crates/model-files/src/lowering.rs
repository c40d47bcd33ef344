//! Operators whose form depends on the shape of what they take: rewritten when that is known.

use std::sync::Arc;

use ndarray::{ArrayD, IxDyn, arr1};
use neural_lrp::Real;
use neural_lrp::operation::{Attribute, Constant};

use crate::Error;
use crate::graph::Node;
use crate::initializer::shape_of;
use crate::opset::OVER_ALL_FOLLOWING_AXES;
use crate::patterns::AXES;

/// The nodes that come to stand in a node's place.
pub(crate) struct Lowered<F> {
    pub(crate) nodes: Vec<Node>,
    /// The constants that they take and that were not there before.
    pub(crate) constants: Vec<(String, Constant<F>)>,
}

/// Returns whether [`lower`] has something to do.
pub(crate) fn needs_shape(node: &Node) -> bool {
    match node.kind.as_str() {
        "Split" => true,
        "Softmax" | "LogSoftmax" | "Hardmax" => node.attributes.contains_key(OVER_ALL_FOLLOWING_AXES),
        "LayerNormalization" => node.attributes.contains_key(AXES),
        _ => false,
    }
}

/// The node in terms of operations, for a first operand of this shape. `constant` gives the values of known inputs.
pub(crate) fn lower<'c, F: Real>(
    node: &Node,
    shape: &[usize],
    constant: impl Fn(&str) -> Option<&'c Constant<F>>,
) -> Result<Lowered<F>, Error> {
    match node.kind.as_str() {
        "Split" => split(node, shape, lengths(node, constant)?),
        "Softmax" | "LogSoftmax" | "Hardmax" => softmax(node, shape),
        _ => layer_normalization(node, shape),
    }
}

/// The lengths that a Split is given.
fn lengths<'c, F: Real>(
    node: &Node,
    constant: impl Fn(&str) -> Option<&'c Constant<F>>,
) -> Result<Option<Vec<i64>>, Error> {
    match node.input(1).map(constant) {
        None => Ok(None),
        Some(Some(Constant::Integer(lengths))) => Ok(Some(lengths.iter().copied().collect())),
        Some(_) => Err(node.refuse("its pieces should have known lengths")),
    }
}

fn axis_of(node: &Node, axis: i64, rank: usize) -> Result<usize, Error> {
    let counted = if axis < 0 { axis.saturating_add_unsigned(rank as u64) } else { axis };
    let counted = usize::try_from(counted).ok().filter(|&axis| axis < rank);
    counted.ok_or_else(|| node.refuse(format!("axis {axis} of a tensor of {rank} axes")))
}

/// The lengths of the `pieces` that an axis is split into.
fn equal_lengths(length: usize, pieces: usize) -> Vec<usize> {
    let piece = length.div_ceil(pieces.max(1));
    (0..pieces).map(|index| piece.min(length.saturating_sub(index * piece))).collect()
}

/// Split: one Slice for each output.
fn split<F: Real>(node: &Node, shape: &[usize], lengths: Option<Vec<i64>>) -> Result<Lowered<F>, Error> {
    let axis = axis_of(node, node.integer("axis", 0)?, shape.len())?;
    let pieces = usize::try_from(node.integer("num_outputs", 0)?).ok().filter(|&pieces| pieces > 0);
    let lengths = match lengths {
        Some(lengths) => shape_of(&lengths).map_err(|reason| node.refuse(reason))?,
        None => equal_lengths(shape[axis], pieces.unwrap_or(node.outputs.len()).min(shape[axis].max(1))),
    };
    let whole = lengths.iter().try_fold(0usize, |sum, &length| sum.checked_add(length));
    if whole != Some(shape[axis]) || lengths.len() < node.outputs.len() {
        return Err(node.refuse(format!(
            "pieces of {lengths:?} for {} outputs, of axis {axis} of shape {shape:?}",
            node.outputs.len()
        )));
    }
    let mut lowered = Lowered { nodes: Vec::new(), constants: Vec::new() };
    let mut start = 0;
    for (index, (output, length)) in node.outputs.iter().zip(lengths).enumerate() {
        let bounds = [("start", start), ("end", start + length), ("axis", axis)];
        start += length;
        if output.is_empty() {
            continue;
        }
        let names = bounds.map(|(meaning, value)| {
            let name = format!("{output}.{meaning}");
            lowered.constants.push((name.clone(), Constant::Integer(arr1(&[value as i64]).into_dyn())));
            name
        });
        let inputs = [node.input(0).unwrap_or_default(), &names[0], &names[1], &names[2]];
        lowered.nodes.push(Node::new(format!("{}.{index}", node.name), "Slice", &inputs, output));
    }
    Ok(lowered)
}

/// A Softmax over all axes from its own on: over one axis, if the others are of length 1 or the tensor is flattened.
fn softmax<F: Real>(node: &Node, shape: &[usize]) -> Result<Lowered<F>, Error> {
    let rank = shape.len();
    let axis = match node.integer("axis", 1)? {
        // From the end of the axes on, there is nothing to run over but single numbers.
        axis if axis == rank as i64 => rank,
        axis => axis_of(node, axis, rank)?,
    };
    let mut plain = node.clone();
    plain.attributes.remove(OVER_ALL_FOLLOWING_AXES);
    let long: Vec<usize> = (axis..rank).filter(|&at| shape[at] != 1).collect();
    if let (true, [] | [_]) = (axis < rank, &long[..]) {
        let only = long.first().copied().unwrap_or(axis);
        let plain = plain.with("axis", Attribute::Integer(only as i64));
        return Ok(Lowered { nodes: vec![plain], constants: Vec::new() });
    }
    let output = node.output();
    let flat = [shape[..axis].iter().product::<usize>() as i64, shape[axis..].iter().product::<usize>() as i64];
    let old: Vec<i64> = shape.iter().map(|&length| length as i64).collect();
    let [flat_shape, old_shape, before, after] =
        ["flat shape", "shape", "flat", "flat result"].map(|m| format!("{output}.{m}"));
    let flatten =
        Node::new(format!("{}.flat", node.name), "Reshape", &[node.input(0).unwrap_or_default(), &flat_shape], &before);
    let restore = Node::new(format!("{}.shaped", node.name), "Reshape", &[&after, &old_shape], output);
    let plain = Node { inputs: vec![before], outputs: vec![after], ..plain.with("axis", Attribute::Integer(1)) };
    let constants = vec![
        (flat_shape, Constant::Integer(arr1(&flat).into_dyn())),
        (old_shape, Constant::Integer(arr1(&old).into_dyn())),
    ];
    Ok(Lowered { nodes: vec![flatten, plain, restore], constants })
}

/// A LayerNormalization or RMSNormalization that was recognized: one over `axis` where its axes are the last ones, as ONNX has it.
fn layer_normalization<F: Real>(node: &Node, shape: &[usize]) -> Result<Lowered<F>, Error> {
    let axes = node.integers(AXES)?.unwrap_or_default();
    let mut axes = axes.iter().map(|&axis| axis_of(node, axis, shape.len())).collect::<Result<Vec<usize>, Error>>()?;
    axes.sort_unstable();
    axes.dedup();
    let first = shape.len() - axes.len();
    let mut plain = node.clone();
    let mut scale = vec![1; shape.len()];
    axes.iter().for_each(|&axis| scale[axis] = shape[axis]);
    if axes.iter().copied().eq(first..shape.len()) {
        plain.attributes.remove(AXES);
        plain.attributes.insert("axis".to_owned(), Attribute::Integer(first as i64));
        scale.drain(..first);
    }
    let mut constants = Vec::new();
    if plain.inputs.len() == 1 {
        let name = format!("{}.scale", node.output());
        constants.push((name.clone(), Constant::Real(Arc::new(ArrayD::ones(IxDyn(&scale))))));
        plain.inputs.push(name);
    }
    Ok(Lowered { nodes: vec![plain], constants })
}
