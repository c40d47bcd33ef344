//! Operators whose form depends on the shape of what they take: rewritten when that is known.

use std::sync::Arc;

use ndarray::{Array1, ArrayD, IxDyn, arr1};
use neural_lrp::Real;
use neural_lrp::operation::{Attribute, Constant};

use crate::Error;
use crate::graph::Node;
use crate::initializer::shape_of;
use crate::opset::OVER_ALL_FOLLOWING_AXES;
use crate::patterns::AXES;

mod attention;
mod recurrent;
mod rotary_embedding;
#[cfg(test)]
mod testing;

pub(crate) use attention::takes_truth_values;

/// The nodes that come to stand in a node's place.
pub(crate) struct Lowered<F> {
    pub(crate) nodes: Vec<Node>,
    /// The constants that they take and that were not there before.
    pub(crate) constants: Vec<(String, Constant<F>)>,
}

/// Returns whether nodes of this kind are always lowered: there is no operation of this name.
pub(crate) fn is_lowered(kind: &str) -> bool {
    matches!(kind, "Attention" | "FusedMatMul" | "GRU" | "LSTM" | "RNN" | "RotaryEmbedding" | "Split")
}

/// Returns whether [`lower`] has something to do.
pub(crate) fn needs_shape(node: &Node) -> bool {
    match node.kind.as_str() {
        kind if is_lowered(kind) => true,
        "Softmax" | "LogSoftmax" | "Hardmax" => node.attributes.contains_key(OVER_ALL_FOLLOWING_AXES),
        "LayerNormalization" => node.attributes.contains_key(AXES),
        _ => false,
    }
}

/// The node in terms of operations. `shape` gives the shapes of inputs, `constant` the values of known ones.
pub(crate) fn lower<'c, F: Real>(
    node: &Node,
    shape: impl Fn(&str) -> Option<&'c [usize]>,
    constant: impl Fn(&str) -> Option<&'c Constant<F>>,
) -> Result<Lowered<F>, Error> {
    let inputs = Inputs {
        node,
        shapes: node.inputs.iter().map(|name| shape(name)).collect(),
        constants: node.inputs.iter().map(|name| constant(name)).collect(),
    };
    match node.kind.as_str() {
        "Attention" => attention::lower(&inputs),
        "FusedMatMul" => turned_product(&inputs),
        "GRU" | "LSTM" | "RNN" => recurrent::lower(&inputs),
        "RotaryEmbedding" => rotary_embedding::lower(&inputs),
        "Split" => split(node, inputs.shape(0), lengths(node, constant)?),
        "Softmax" | "LogSoftmax" | "Hardmax" => softmax(node, inputs.shape(0)),
        _ => layer_normalization(node, inputs.shape(0)),
    }
}

/// What is known of a node's inputs.
struct Inputs<'n, 'c, F> {
    node: &'n Node,
    shapes: Vec<Option<&'c [usize]>>,
    constants: Vec<Option<&'c Constant<F>>>,
}

impl<'c, F: Real> Inputs<'_, 'c, F> {
    fn shape(&self, position: usize) -> &'c [usize] {
        self.shapes.get(position).copied().flatten().unwrap_or_default()
    }

    fn constant(&self, position: usize) -> Option<&'c Constant<F>> {
        self.constants.get(position).copied().flatten()
    }

    /// An attribute that is a number; `None` where it is not given.
    fn number(&self, name: &str) -> Result<Option<f64>, Error> {
        match self.node.attributes.get(name) {
            None => Ok(None),
            Some(Attribute::Real(number)) => Ok(Some(*number)),
            Some(other) => Err(self.node.refuse(format!("its {name} is {other:?}, and should be a number"))),
        }
    }

    /// An attribute that counts something; `None` where it is not given, or 0.
    fn count(&self, name: &str) -> Result<Option<usize>, Error> {
        let given = self.node.integer(name, 0)?;
        match usize::try_from(given) {
            Ok(count) => Ok(Some(count).filter(|&count| count > 0)),
            Err(_) => Err(self.node.refuse(format!("its {name} is {given}, and should be a count"))),
        }
    }
}

/// A node that is written as several others.
struct Parts<'n, F> {
    node: &'n Node,
    lowered: Lowered<F>,
}

impl<'n, F: Real> Parts<'n, F> {
    fn of(node: &'n Node) -> Self {
        Self { node, lowered: Lowered { nodes: Vec::new(), constants: Vec::new() } }
    }

    /// Adds a node; its output is named by what it means.
    fn step(&mut self, kind: &str, inputs: &[&str], meaning: &str) -> String {
        self.step_with(kind, inputs, meaning, [])
    }

    fn step_with<const N: usize>(
        &mut self,
        kind: &str,
        inputs: &[&str],
        meaning: &str,
        attributes: [(&str, Attribute); N],
    ) -> String {
        let output = format!("{}.{meaning}", self.node.output());
        let node = Node::new(format!("{}.{meaning}", self.node.name), kind, inputs, &output);
        self.lowered.nodes.push(attributes.into_iter().fold(node, |node, (name, value)| node.with(name, value)));
        output
    }

    /// Adds a constant of integers, a vector.
    fn integers(&mut self, values: impl IntoIterator<Item = i64>, meaning: &str) -> String {
        let values = Array1::from_iter(values).into_dyn();
        self.constant(Constant::Integer(values), meaning)
    }

    fn numbers(&mut self, values: ArrayD<F>, meaning: &str) -> String {
        self.constant(Constant::Real(Arc::new(values)), meaning)
    }

    fn number(&mut self, value: f64, meaning: &str) -> String {
        self.numbers(ArrayD::from_elem(IxDyn(&[]), F::of(value)), meaning)
    }

    fn constant(&mut self, value: Constant<F>, meaning: &str) -> String {
        let name = format!("{}.{meaning}", self.node.output());
        self.lowered.constants.push((name.clone(), value));
        name
    }

    /// Tokens of `heads` heads side by side, (batch, tokens, heads · size), head by head: (batch, heads, tokens, size).
    fn by_heads(&mut self, tensor: &str, heads: usize, meaning: &str) -> String {
        let shape = self.integers([0, 0, heads as i64, -1], &format!("{meaning} shape"));
        let parted = self.step("Reshape", &[tensor, &shape], &format!("{meaning} parted"));
        self.transposed(&parted, &format!("{meaning} by heads"))
    }

    /// The reverse of [`by_heads`](Self::by_heads).
    fn side_by_side(&mut self, tensor: &str) -> String {
        let turned = self.transposed(tensor, "by tokens");
        let shape = self.integers([0, 0, -1], "shape");
        self.step("Reshape", &[&turned, &shape], "side by side")
    }

    /// The axes of heads and tokens change places.
    fn transposed(&mut self, tensor: &str, meaning: &str) -> String {
        self.step_with("Transpose", &[tensor], meaning, [("perm", Attribute::Integers(vec![0, 2, 1, 3]))])
    }

    /// The parts, the last of which gives the node's output.
    fn finish(mut self) -> Lowered<F> {
        if let Some(last) = self.lowered.nodes.last_mut() {
            last.outputs = vec![self.node.output().to_owned()];
        }
        self.lowered
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

/// FusedMatMul of onnxruntime: a matrix product whose factors' axes change places.
fn turned_product<F: Real>(inputs: &Inputs<'_, '_, F>) -> Result<Lowered<F>, Error> {
    let node = inputs.node;
    let mut parts = Parts::of(node);
    let mut turned = |position: usize, by_matrix: &str, by_batch: &str, meaning: &str| -> Result<String, Error> {
        let (rank, tensor) = (inputs.shape(position).len(), node.input(position).unwrap_or_default());
        let mut order: Vec<i64> = (0..rank as i64).collect();
        let has_matrix = rank >= 2;
        if node.integer(by_batch, 0)? != 0 && has_matrix {
            order[..rank - 1].rotate_left(1);
        }
        if node.integer(by_matrix, 0)? != 0 && has_matrix {
            order.swap(rank - 2, rank - 1);
        }
        Ok(match order.is_sorted() {
            true => tensor.to_owned(),
            false => parts.step_with("Transpose", &[tensor], meaning, [("perm", Attribute::Integers(order))]),
        })
    };
    let left = turned(0, "transA", "transBatchA", "turned left")?;
    let right = turned(1, "transB", "transBatchB", "turned right")?;
    parts.step("MatMul", &[&left, &right], "product");
    Ok(parts.finish())
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
