//! Moving numbers about: Concat, Expand, Gather, Reshape, Slice and their like.

use ndarray::{ArrayD, Axis};

use super::*;

pub(super) fn arrange<F: Real>(kind: &str, inputs: &Inputs<'_, F>) -> Result<Constant<F>, String> {
    let value = inputs.value(0)?;
    match kind {
        "Concat" => concat(inputs),
        "Expand" => {
            let shape = broadcast(&[shape_of(value), &sizes(&inputs.required_integers(1)?)?])?;
            bounded(&shape)?;
            Ok(for_either!(value, array => expanded(array, &shape)?))
        }
        "Gather" => gather(inputs),
        "Slice" => slice(inputs),
        "Tile" => tile(inputs),
        "Transpose" => {
            let order = transposition(inputs, shape_of(value).len())?;
            Ok(for_either!(value, array => array.view().permuted_axes(order).as_standard_layout().into_owned()))
        }
        _ => {
            let shape = new_shape(kind, inputs, shape_of(value))?;
            Ok(for_either!(value, array => reshaped(array, &shape)?))
        }
    }
}

/// The shape that Flatten, Reshape, Squeeze or Unsqueeze gives to a tensor.
fn new_shape<F: Real>(kind: &str, inputs: &Inputs<'_, F>, shape: &[usize]) -> Result<Vec<usize>, String> {
    match kind {
        "Flatten" => {
            let split = inputs.integer_attribute("axis", 1)?;
            let split = if split == shape.len() as i64 { shape.len() } else { axis(split, shape.len())? };
            Ok(vec![shape[..split].iter().product(), shape[split..].iter().product()])
        }
        "Reshape" => {
            let keeps_zero = inputs.integer_attribute("allowzero", 0)? != 0;
            reshape_target(shape, &inputs.required_integers(1)?, keeps_zero)
        }
        "Squeeze" => squeezed(shape, inputs.integers(1)?),
        _ => unsqueezed(shape, &inputs.required_integers(1)?),
    }
}

/// Integers as sizes of axes.
fn sizes(values: &[i64]) -> Result<Vec<usize>, String> {
    crate::initializer::shape_of(values)
}

/// The shape that all broadcast to.
pub(super) fn broadcast(shapes: &[&[usize]]) -> Result<Vec<usize>, String> {
    let rank = shapes.iter().map(|shape| shape.len()).max().unwrap_or(0);
    let mut result = vec![1; rank];
    for shape in shapes {
        for (common, &length) in result[rank - shape.len()..].iter_mut().zip(*shape) {
            if *common == 1 {
                *common = length;
            } else if length != 1 && length != *common {
                return Err(format!("shapes {shapes:?} do not broadcast to a common one"));
            }
        }
    }
    Ok(result)
}

pub(super) fn expanded<T: Clone>(array: &ArrayD<T>, shape: &[usize]) -> Result<ArrayD<T>, String> {
    let view = array.broadcast(shape).ok_or_else(|| format!("shape {:?} to {shape:?}", array.shape()))?;
    Ok(view.to_owned())
}

/// Reshape's target: 0 keeps an axis, −1 takes what is left.
fn reshape_target(shape: &[usize], target: &[i64], keeps_zero: bool) -> Result<Vec<usize>, String> {
    let refuse = || format!("a tensor of shape {shape:?} can't take the shape {target:?}");
    let mut sizes = Vec::with_capacity(target.len());
    for (axis, &size) in target.iter().enumerate() {
        sizes.push(match size {
            0 if !keeps_zero => *shape.get(axis).ok_or_else(refuse)?,
            -1 => 1,
            size => usize::try_from(size).map_err(|_| refuse())?,
        });
    }
    if let Some(open) = target.iter().position(|&size| size == -1) {
        let others = sizes.iter().try_fold(1usize, |product, &size| product.checked_mul(size)).ok_or_else(refuse)?;
        let all: usize = shape.iter().product();
        sizes[open] = all.checked_div(others).filter(|size| size * others == all).ok_or_else(refuse)?;
    }
    Ok(sizes)
}

fn squeezed(shape: &[usize], axes: Option<Vec<i64>>) -> Result<Vec<usize>, String> {
    let axes = match axes {
        None => (0..shape.len()).filter(|&at| shape[at] == 1).collect(),
        Some(axes) => axes.iter().map(|&at| axis(at, shape.len())).collect::<Result<Vec<usize>, String>>()?,
    };
    if axes.iter().any(|&at| shape[at] != 1) {
        return Err(format!("axes {axes:?} of a tensor of shape {shape:?} are not all of length 1"));
    }
    Ok((0..shape.len()).filter(|at| !axes.contains(at)).map(|at| shape[at]).collect())
}

fn unsqueezed(shape: &[usize], axes: &[i64]) -> Result<Vec<usize>, String> {
    let rank = shape.len() + axes.len();
    let axes = axes.iter().map(|&at| axis(at, rank)).collect::<Result<Vec<usize>, String>>()?;
    let mut old = shape.iter();
    let new: Vec<usize> =
        (0..rank).filter_map(|at| if axes.contains(&at) { Some(1) } else { old.next().copied() }).collect();
    if new.len() == rank { Ok(new) } else { Err(format!("axes {axes:?} name one twice")) }
}

fn transposition<F: Real>(inputs: &Inputs<'_, F>, rank: usize) -> Result<Vec<usize>, String> {
    let order = match inputs.node.integers("perm").map_err(|error| error.to_string())? {
        None => (0..rank).rev().collect(),
        Some(order) => order.iter().map(|&at| axis(at, rank)).collect::<Result<Vec<usize>, String>>()?,
    };
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if sorted.into_iter().eq(0..rank) { Ok(order) } else { Err(format!("perm {order:?} of {rank} axes")) }
}

fn concat<F: Real>(inputs: &Inputs<'_, F>) -> Result<Constant<F>, String> {
    let values = inputs.values()?;
    let rank = shape_of(inputs.value(0)?).len();
    let at = axis(inputs.integer_attribute("axis", 0)?, rank)?;
    let (mut reals, mut integers) = (Vec::new(), Vec::new());
    for value in &values {
        match value {
            Constant::Real(values) => reals.push(values.view()),
            Constant::Integer(values) => integers.push(values.view()),
        }
    }
    let misfit = || {
        let shapes: Vec<&[usize]> = values.iter().map(|value| shape_of(value)).collect();
        format!("tensors of shapes {shapes:?} can't be joined along axis {at}")
    };
    if values.iter().any(|value| shape_of(value).len() != rank) {
        return Err(misfit());
    }
    match (&reals[..], &integers[..]) {
        (reals, []) => Ok(Constant::Real(Arc::new(ndarray::concatenate(Axis(at), reals).map_err(|_| misfit())?))),
        ([], integers) => Ok(Constant::Integer(ndarray::concatenate(Axis(at), integers).map_err(|_| misfit())?)),
        _ => Err("integers can't be joined with floating-point numbers".to_owned()),
    }
}

fn gather<F: Real>(inputs: &Inputs<'_, F>) -> Result<Constant<F>, String> {
    let value = inputs.value(0)?;
    let shape = shape_of(value);
    let at = axis(inputs.integer_attribute("axis", 0)?, shape.len())?;
    let positions = inputs.required_integers(1)?;
    let positions = positions.iter().map(|&position| axis(position, shape[at])).collect::<Result<Vec<_>, String>>();
    let positions = positions.map_err(|_| format!("a position beyond axis {at} of shape {shape:?}"))?;
    let result = [&shape[..at], inputs.shape(1)?, &shape[at + 1..]].concat();
    bounded(&result)?;
    Ok(for_either!(value, array => reshaped(&array.select(Axis(at), &positions), &result)?))
}

fn slice<F: Real>(inputs: &Inputs<'_, F>) -> Result<Constant<F>, String> {
    let mut value = inputs.value(0)?.clone();
    let (starts, ends) = (inputs.required_integers(1)?, inputs.required_integers(2)?);
    let axes = inputs.integers(3)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = inputs.integers(4)?.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()].iter().any(|&length| length != starts.len()) {
        return Err("not as many starts as ends, axes and steps".to_owned());
    }
    for (at, &given) in axes.iter().enumerate() {
        let at_axis = axis(given, shape_of(&value).len())?;
        let positions = slice_positions(shape_of(&value)[at_axis], starts[at], ends[at], steps[at])?;
        value = for_either!(&value, array => array.select(Axis(at_axis), &positions));
    }
    Ok(value)
}

/// The positions that a slice takes of an axis.
fn slice_positions(length: usize, start: i64, end: i64, step: i64) -> Result<Vec<usize>, String> {
    let length = length as i64;
    let from_start = |at: i64| if at < 0 { at.saturating_add(length) } else { at };
    let mut positions = Vec::new();
    match step {
        0 => return Err("a step of 0".to_owned()),
        1.. => {
            let (mut at, end) = (from_start(start).clamp(0, length), from_start(end).clamp(0, length));
            while at < end {
                positions.push(at as usize);
                at = at.saturating_add(step);
            }
        }
        _ => {
            let (mut at, end) = (from_start(start).clamp(-1, length - 1), from_start(end).clamp(-1, length - 1));
            while at > end {
                positions.push(at as usize);
                at = at.saturating_add(step);
            }
        }
    }
    Ok(positions)
}

fn tile<F: Real>(inputs: &Inputs<'_, F>) -> Result<Constant<F>, String> {
    let value = inputs.value(0)?;
    let repeats = sizes(&inputs.required_integers(1)?)?;
    if repeats.len() != shape_of(value).len() {
        return Err(format!("repeats {repeats:?} for a tensor of shape {:?}", shape_of(value)));
    }
    let product = |(&length, &times): (&usize, &usize)| length.checked_mul(times).ok_or("too many repeats");
    let result = shape_of(value).iter().zip(&repeats).map(product).collect::<Result<Vec<usize>, _>>()?;
    bounded(&result)?;
    let mut value = value.clone();
    for (at, &times) in repeats.iter().enumerate() {
        let length = shape_of(&value)[at];
        let positions: Vec<usize> = (0..length * times).map(|position| position % length).collect();
        value = for_either!(&value, array => array.select(Axis(at), &positions));
    }
    Ok(value)
}

/// Split: pieces of the given or of equal lengths, the last one shorter where it does not come out even.
pub(super) fn split<F: Real>(inputs: &Inputs<'_, F>) -> Result<Vec<Constant<F>>, String> {
    let value = inputs.value(0)?;
    let at = axis(inputs.integer_attribute("axis", 0)?, shape_of(value).len())?;
    let lengths = match inputs.integers(1)? {
        Some(lengths) => sizes(&lengths)?,
        None => equal_lengths(shape_of(value)[at], inputs.node.outputs.len()),
    };
    let mut start = 0;
    let mut pieces = Vec::new();
    for length in lengths {
        let end = start + length;
        if end > shape_of(value)[at] {
            return Err(format!("pieces beyond axis {at} of shape {:?}", shape_of(value)));
        }
        let positions: Vec<usize> = (start..end).collect();
        pieces.push(for_either!(value, array => array.select(Axis(at), &positions)));
        start = end;
    }
    Ok(pieces)
}

/// How an axis is split into `pieces`.
pub(crate) fn equal_lengths(length: usize, pieces: usize) -> Vec<usize> {
    let piece = length.div_ceil(pieces.max(1));
    (0..pieces).map(|index| piece.min(length.saturating_sub(index * piece))).collect()
}
