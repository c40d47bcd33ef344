//! Numbers taken from places and put to places: what is no operation of a network.

use ndarray::{ArrayD, Axis, Dimension};

use super::*;

pub(super) fn find<F: Real>(kind: &str) -> Option<Compute<F>> {
    Some(match kind {
        "CumSum" => cumulative_sum,
        "EyeLike" => eye,
        "NonZero" => non_zero,
        "OneHot" => one_hot,
        "ScatterElements" => scatter_elements,
        "ScatterND" => scatter_nd,
        _ => return None,
    })
}

/// An array whose numbers stand in another, at the places that a function says.
fn picked<F: Real>(
    value: &Constant<F>,
    budget: Budget,
    shape: &[usize],
    place: impl Fn(&[usize]) -> Vec<usize>,
) -> Result<Constant<F>, String> {
    budget.check(shape)?;
    Ok(for_either!(value, array => ArrayD::from_shape_fn(IxDyn(shape), |at| array[place(at.slice()).as_slice()])))
}

/// The positions that an input of integers says, along axes of these lengths; the last axis of the input goes over them.
fn positions_of<F: Real>(inputs: &Inputs<'_, F>, lengths: &[usize]) -> Result<ArrayD<usize>, String> {
    let Constant::Integer(given) = inputs.value(1)? else {
        return Err("its positions should be integers".to_owned());
    };
    let mut along = lengths.iter().cycle();
    let position = |&at: &i64| {
        let length = along.next().copied().unwrap_or_default();
        axis(at, length).map_err(|_| format!("position {at} along an axis of length {length}"))
    };
    let positions = given.as_standard_layout().iter().map(position).collect::<Result<Array1<usize>, String>>()?;
    reshaped(positions.into_dyn(), given.shape())
}

/// The axis and the positions along it of ScatterElements.
fn elements<F: Real>(inputs: &Inputs<'_, F>, shape: &[usize]) -> Result<(usize, ArrayD<usize>), String> {
    let along = axis(inputs.integer_attribute("axis", 0)?, shape.len())?;
    let given = inputs.shape(1)?;
    let fits = |(at, (given, length)): (usize, (&usize, &usize))| at == along || given <= length;
    if given.len() != shape.len() || !given.iter().zip(shape).enumerate().all(fits) {
        return Err(format!("positions of shape {given:?} for a tensor of shape {shape:?}"));
    }
    Ok((along, positions_of(inputs, &shape[along..=along])?))
}

/// A place with another position along one axis.
fn replaced(at: &[usize], along: usize, position: usize) -> Vec<usize> {
    let mut place = at.to_vec();
    place[along] = position;
    place
}

/// The positions that stand along the last axis.
fn listed(positions: &ArrayD<usize>, place: &[usize], count: usize) -> Vec<usize> {
    (0..count).map(|last| positions[[place, &[last]].concat().as_slice()]).collect()
}

fn scatter_elements<F: Real>(inputs: &Inputs<'_, F>) -> Result<Constant<F>, String> {
    let shape = inputs.shape(0)?;
    let (along, positions) = elements(inputs, shape)?;
    scattered(inputs, positions.shape(), |at| replaced(at, along, positions[at]))
}

fn scatter_nd<F: Real>(inputs: &Inputs<'_, F>) -> Result<Constant<F>, String> {
    let (shape, given) = (inputs.shape(0)?, inputs.shape(1)?);
    let misfit = || format!("positions of shape {given:?} for a tensor of shape {shape:?}");
    let (&count, outer) = given.split_last().filter(|(count, _)| **count <= shape.len()).ok_or_else(misfit)?;
    let positions = positions_of(inputs, &shape[..count])?;
    scattered(inputs, &[outer, &shape[count..]].concat(), |at| {
        let (place, rest) = at.split_at(outer.len());
        [&listed(&positions, place, count), rest].concat()
    })
}

/// The first input with the numbers of the third, which has to be of this shape, at the places that a function says.
fn scattered<F: Real>(
    inputs: &Inputs<'_, F>,
    shape: &[usize],
    place: impl Fn(&[usize]) -> Vec<usize>,
) -> Result<Constant<F>, String> {
    if inputs.shape(2)? != shape {
        return Err(format!("updates of shape {:?}, and they should be of {shape:?}", inputs.shape(2)?));
    }
    let reduction = inputs.text_attribute("reduction", "none")?;
    let unknown = || format!("its reduction is {reduction:?}, and should be none, add, mul, max or min");
    match (inputs.value(0)?, inputs.value(2)?) {
        (Constant::Integer(values), Constant::Integer(updates)) => {
            let combine: fn(i64, i64) -> i64 = match reduction {
                "none" => |_, new| new,
                "add" => i64::wrapping_add,
                "mul" => i64::wrapping_mul,
                "max" => i64::max,
                "min" => i64::min,
                _ => return Err(unknown()),
            };
            Ok(Constant::Integer(updated(values.clone(), updates, place, combine)))
        }
        (Constant::Real(values), Constant::Real(updates)) => {
            let combine: fn(F, F) -> F = match reduction {
                "none" => |_, new| new,
                "add" => |old, new| old + new,
                "mul" => |old, new| old * new,
                "max" => F::max,
                "min" => F::min,
                _ => return Err(unknown()),
            };
            Ok(Constant::Real(Arc::new(updated(ArrayD::clone(values), updates, place, combine))))
        }
        _ => Err("it takes integers or floating-point numbers, not one of each".to_owned()),
    }
}

fn updated<T: Copy>(
    mut values: ArrayD<T>,
    updates: &ArrayD<T>,
    place: impl Fn(&[usize]) -> Vec<usize>,
    combine: fn(T, T) -> T,
) -> ArrayD<T> {
    for (at, &new) in updates.indexed_iter() {
        let value = &mut values[place(at.slice()).as_slice()];
        *value = combine(*value, new);
    }
    values
}

/// OneHot: along a new axis, the second of two values at the position that the input says, the first elsewhere.
fn one_hot<F: Real>(inputs: &Inputs<'_, F>) -> Result<Constant<F>, String> {
    let Constant::Integer(positions) = inputs.value(0)? else {
        return Err("its positions should be integers".to_owned());
    };
    let depth = match inputs.value(1)? {
        Constant::Integer(depth) => single(depth)?,
        Constant::Real(depth) => single(depth)?.to_i64().unwrap_or(-1),
    };
    let depth = usize::try_from(depth).map_err(|_| format!("a new axis of length {depth}"))?;
    let along = axis(inputs.integer_attribute("axis", -1)?, positions.ndim() + 1)?;
    if inputs.shape(2)? != [2] {
        return Err("it takes two values".to_owned());
    }
    let mut shape = positions.shape().to_vec();
    shape.insert(along, depth);
    picked(inputs.value(2)?, inputs.budget, &shape, |at| {
        let mut place = at.to_vec();
        let here = place.remove(along);
        vec![usize::from(axis(positions[place.as_slice()], depth) == Ok(here))]
    })
}

/// NonZero: the places of all numbers but zero, one for each column.
fn non_zero<F: Real>(inputs: &Inputs<'_, F>) -> Result<Constant<F>, String> {
    let is_zero = match inputs.value(0)? {
        Constant::Integer(values) => values.mapv(|value| value == 0),
        Constant::Real(values) => values.mapv(|value| value.is_zero()),
    };
    let places: Vec<Vec<usize>> =
        is_zero.indexed_iter().filter(|(_, is_zero)| !**is_zero).map(|(at, _)| at.slice().to_vec()).collect();
    let shape = [is_zero.ndim(), places.len()];
    inputs.budget.check(&shape)?;
    Ok(Constant::Integer(ArrayD::from_shape_fn(IxDyn(&shape), |at| places[at[1]][at[0]] as i64)))
}

/// CumSum of integers.
fn cumulative_sum<F: Real>(inputs: &Inputs<'_, F>) -> Result<Constant<F>, String> {
    let along = inputs.required_integers(1)?.first().copied().ok_or("it has no axis")?;
    let along = Axis(axis(along, inputs.shape(0)?.len())?);
    let is_exclusive = inputs.integer_attribute("exclusive", 0)? != 0;
    let is_reverse = inputs.integer_attribute("reverse", 0)? != 0;
    let Constant::Integer(values) = inputs.value(0)? else { return Err("input 0 should hold integers".to_owned()) };
    let mut sums = values.clone();
    for mut lane in sums.lanes_mut(along) {
        if is_reverse {
            lane.invert_axis(Axis(0));
        }
        let mut sum = 0i64;
        for number in &mut lane {
            let with = sum.wrapping_add(*number);
            *number = if is_exclusive { sum } else { with };
            sum = with;
        }
    }
    Ok(Constant::Integer(sums))
}

/// EyeLike: ones on a diagonal of a matrix as large as the input.
fn eye<F: Real>(inputs: &Inputs<'_, F>) -> Result<Constant<F>, String> {
    let value = inputs.value(0)?;
    let shape = shape_of(value);
    if shape.len() != 2 {
        return Err(format!("a tensor of shape {shape:?} is no matrix"));
    }
    let diagonal = inputs.integer_attribute("k", 0)?;
    let ones = ArrayD::from_shape_fn(IxDyn(shape), |at| i64::from(at[1] as i64 - at[0] as i64 == diagonal));
    match (inputs.integer_attribute("dtype", 0)?, value) {
        (0, Constant::Integer(_)) => Ok(Constant::Integer(ones)),
        (0, Constant::Real(_)) => Ok(Constant::Real(Arc::new(ones.mapv(|one| F::of(one as f64))))),
        (given, _) => types::converted(&Constant::Integer(ones), types::data_type(given)),
    }
}
