//! Sums, products and extremes of integers along axes; those of floating-point numbers are operations.

use ndarray::{ArrayD, Axis};

use super::*;

pub(super) fn find<F: Real>(kind: &str) -> Option<Compute<F>> {
    Some(match kind {
        "ReduceMax" => |i| reduce(i, None, |a, b| Some(a.max(b))),
        "ReduceMin" => |i| reduce(i, None, |a, b| Some(a.min(b))),
        "ReduceProd" => |i| reduce(i, Some(1), i64::checked_mul),
        "ReduceSum" => |i| reduce(i, Some(0), i64::checked_add),
        _ => return None,
    })
}

/// The integers along the node's axes, combined two by two; `empty` is what no integers give.
fn reduce<F: Real>(
    inputs: &Inputs<'_, F>,
    empty: Option<i64>,
    combine: fn(i64, i64) -> Option<i64>,
) -> Result<Constant<F>, String> {
    let Constant::Integer(values) = inputs.value(0)? else { return Err("input 0 should hold integers".to_owned()) };
    let rank = values.ndim();
    let axes = match inputs.integers(1)? {
        Some(axes) if !axes.is_empty() => axes.iter().map(|&at| axis(at, rank)).collect::<Result<Vec<_>, String>>()?,
        _ if inputs.integer_attribute("noop_with_empty_axes", 0)? != 0 => Vec::new(),
        _ => (0..rank).collect(),
    };
    let keeps_axes = inputs.integer_attribute("keepdims", 1)? != 0;
    let mut result: ArrayD<i64> = values.clone();
    for &at in &axes {
        let lanes = result.map_axis(Axis(at), |lane| {
            let mut numbers = lane.iter().copied();
            let first = numbers.next().or(empty)?;
            numbers.try_fold(first, combine)
        });
        let refuse = || "an axis is of no length, or a result is too large for an integer".to_owned();
        result = whole(lanes.insert_axis(Axis(at)), refuse)?;
    }
    let kept = |at: &usize| keeps_axes || !axes.contains(at);
    let shape: Vec<usize> = (0..rank).filter(kept).map(|at| result.shape()[at]).collect();
    Ok(Constant::Integer(reshaped(result, &shape)?))
}
