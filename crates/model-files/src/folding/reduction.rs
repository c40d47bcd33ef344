//! Sums, products and extremes along axes.

use ndarray::{ArrayD, Axis};

use super::*;

pub(super) fn find<F: Real>(kind: &str) -> Option<Compute<F>> {
    Some(match kind {
        "ReduceL1" => |i| norm(i, F::abs, |sum| sum),
        "ReduceL2" => |i| norm(i, |x| x * x, F::sqrt),
        "ReduceMax" => |i| reduce(i, None, |a, b| Some(a.max(b)), None, F::max),
        "ReduceMin" => |i| reduce(i, None, |a, b| Some(a.min(b)), None, F::min),
        "ReduceProd" => |i| reduce(i, Some(1), i64::checked_mul, Some(F::one()), |a, b| a * b),
        "ReduceSum" => |i| reduce(i, Some(0), i64::checked_add, Some(F::zero()), |a, b| a + b),
        _ => return None,
    })
}

/// All numbers along the axes, combined two by two. The integer and the number that may be given are what nothing gives.
fn reduce<F: Real>(
    inputs: &Inputs<'_, F>,
    no_integers: Option<i64>,
    of_integers: fn(i64, i64) -> Option<i64>,
    no_reals: Option<F>,
    of_reals: fn(F, F) -> F,
) -> Result<Constant<F>, String> {
    match inputs.value(0)? {
        Constant::Integer(values) => Ok(Constant::Integer(combined(inputs, values, no_integers, of_integers)?)),
        Constant::Real(values) => {
            Ok(Constant::Real(Arc::new(combined(inputs, values, no_reals, |a, b| Some(of_reals(a, b)))?)))
        }
    }
}

/// A function of the sum over a function of each number.
fn norm<F: Real>(inputs: &Inputs<'_, F>, of_each: fn(F) -> F, of_sum: fn(F) -> F) -> Result<Constant<F>, String> {
    let sums = combined(inputs, &inputs.required_reals(0)?.mapv(of_each), Some(F::zero()), |a, b| Some(a + b))?;
    Ok(Constant::Real(Arc::new(sums.mapv(of_sum))))
}

/// The numbers along the node's axes, combined two by two; `empty` is what no numbers give.
fn combined<F: Real, T: Copy>(
    inputs: &Inputs<'_, F>,
    values: &ArrayD<T>,
    empty: Option<T>,
    combine: impl Fn(T, T) -> Option<T>,
) -> Result<ArrayD<T>, String> {
    let rank = values.ndim();
    let axes = match inputs.integers(1)? {
        Some(axes) if !axes.is_empty() => axes.iter().map(|&at| axis(at, rank)).collect::<Result<Vec<_>, String>>()?,
        _ if inputs.integer_attribute("noop_with_empty_axes", 0)? != 0 => Vec::new(),
        _ => (0..rank).collect(),
    };
    let keeps_axes = inputs.integer_attribute("keepdims", 1)? != 0;
    let mut result = values.clone();
    for &at in &axes {
        let lanes = result.map_axis(Axis(at), |lane| {
            let mut numbers = lane.iter().copied();
            let first = numbers.next().or(empty)?;
            numbers.try_fold(first, &combine)
        });
        let refuse = || "an axis is of no length, or a result is too large for an integer".to_owned();
        result = whole(lanes.insert_axis(Axis(at)), refuse)?;
    }
    let kept = |at: &usize| keeps_axes || !axes.contains(at);
    let shape: Vec<usize> = (0..rank).filter(kept).map(|at| result.shape()[at]).collect();
    reshaped(result, &shape)
}
