//! Sums, products, means and extremes along axes.

use ndarray::{ArrayD, Axis, IxDyn};

use super::*;

pub(super) fn reduce<F: Real>(kind: &str, inputs: &Inputs<'_, F>) -> Result<Constant<F>, String> {
    let value = inputs.value(0)?;
    let rank = shape_of(value).len();
    let axes = match inputs.integers(1)? {
        Some(axes) if !axes.is_empty() => axes.iter().map(|&at| axis(at, rank)).collect::<Result<Vec<_>, String>>()?,
        _ if inputs.integer_attribute("noop_with_empty_axes", 0)? != 0 => return Ok(value.clone()),
        _ => (0..rank).collect(),
    };
    let keeps_axes = inputs.integer_attribute("keepdims", 1)? != 0;
    match value {
        Constant::Integer(values) => {
            let combine: fn(i64, i64) -> i64 = match kind {
                "ReduceMax" => i64::max,
                "ReduceMin" => i64::min,
                "ReduceProd" => i64::wrapping_mul,
                "ReduceSum" => i64::wrapping_add,
                _ => return Err("it takes floating-point numbers, not integers".to_owned()),
            };
            let empty = i64::from(kind == "ReduceProd");
            Ok(Constant::Integer(folded(values, &axes, keeps_axes, empty, combine)?))
        }
        Constant::Real(values) => {
            let combine: fn(F, F) -> F = match kind {
                "ReduceMax" => F::max,
                "ReduceMin" => F::min,
                "ReduceProd" => |a, b| a * b,
                _ => |a, b| a + b,
            };
            let empty = if kind == "ReduceProd" { F::one() } else { F::zero() };
            let terms = match kind {
                "ReduceL1" => &values.mapv(F::abs),
                "ReduceL2" => &values.mapv(|value| value * value),
                _ => &**values,
            };
            let mut result = folded(terms, &axes, keeps_axes, empty, combine)?;
            match kind {
                "ReduceL2" => result.mapv_inplace(F::sqrt),
                "ReduceMean" => {
                    let count: usize = axes.iter().map(|&at| values.shape()[at]).product();
                    result.mapv_inplace(|sum| sum / F::of(count as f64));
                }
                _ => {}
            }
            Ok(Constant::Real(Arc::new(result)))
        }
    }
}

fn folded<T: Copy>(
    values: &ArrayD<T>,
    axes: &[usize],
    keeps_axes: bool,
    empty: T,
    combine: fn(T, T) -> T,
) -> Result<ArrayD<T>, String> {
    let mut result = values.clone();
    for &at in axes {
        let fold = |lane: ndarray::ArrayView1<'_, T>| lane.iter().copied().reduce(combine).unwrap_or(empty);
        result = result.map_axis(Axis(at), fold).insert_axis(Axis(at));
    }
    let kept = |at: &usize| keeps_axes || !axes.contains(at);
    let shape: Vec<usize> = (0..values.ndim()).filter(kept).map(|at| result.shape()[at]).collect();
    let misfit = |_| format!("axes {axes:?} of shape {:?}", values.shape());
    result.as_standard_layout().into_owned().into_shape_with_order(IxDyn(&shape)).map_err(misfit)
}
