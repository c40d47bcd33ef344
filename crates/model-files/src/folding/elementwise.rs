//! Arithmetic, comparisons and logic, number by number.

use std::cmp::Ordering;

use ndarray::{ArrayD, Zip};

use super::*;

pub(super) fn find<F: Real>(kind: &str) -> Option<Compute<F>> {
    Some(match kind {
        "Abs" => |i| unary(i, i64::checked_abs),
        "Add" => |i| binary(i, Some(i64::checked_add), None),
        "And" => |i| logic(i, |a, b| a && b),
        "Clip" => clip,
        "Div" => |i| binary(i, Some(i64::checked_div), None),
        "Equal" => |i| compare(i, Ordering::is_eq),
        "Greater" => |i| compare(i, Ordering::is_gt),
        "GreaterOrEqual" => |i| compare(i, Ordering::is_ge),
        "Less" => |i| compare(i, Ordering::is_lt),
        "LessOrEqual" => |i| compare(i, Ordering::is_le),
        "Max" => |i| several(i, |a, b| Some(a.max(b))),
        "Min" => |i| several(i, |a, b| Some(a.min(b))),
        "Mod" => remainder,
        "Mul" => |i| binary(i, Some(i64::checked_mul), None),
        "Neg" => |i| unary(i, i64::checked_neg),
        "Not" => |i| unary(i, |value| Some(i64::from(value == 0))),
        "Or" => |i| logic(i, |a, b| a || b),
        "Pow" => power,
        "Sign" => |i| unary(i, |value| Some(value.signum())),
        "Sub" => |i| binary(i, Some(i64::checked_sub), None),
        "Sum" => |i| several(i, i64::checked_add),
        "Where" => choose,
        "Xor" => |i| logic(i, |a, b| a != b),
        _ => return None,
    })
}

/// A function of one integer.
fn unary<F: Real>(inputs: &Inputs<'_, F>, of_integer: fn(i64) -> Option<i64>) -> Result<Constant<F>, String> {
    match inputs.value(0)? {
        Constant::Integer(values) => defined(values.mapv(of_integer)).map(Constant::Integer),
        Constant::Real(_) => Err("it takes integers or Booleans, not floating-point numbers".to_owned()),
    }
}

/// A function of two numbers.
fn binary<F: Real>(
    inputs: &Inputs<'_, F>,
    of_integers: Option<fn(i64, i64) -> Option<i64>>,
    of_reals: Option<fn(F, F) -> F>,
) -> Result<Constant<F>, String> {
    pair(inputs.budget, inputs.value(0)?, inputs.value(1)?, of_integers, of_reals)
}

/// A function of two integers, over several one after the other.
fn several<F: Real>(inputs: &Inputs<'_, F>, of_integers: fn(i64, i64) -> Option<i64>) -> Result<Constant<F>, String> {
    let values = inputs.values()?;
    let (first, others) = values.split_first().ok_or("it has no inputs")?;
    others.iter().try_fold((*first).clone(), |left, right| pair(inputs.budget, &left, right, Some(of_integers), None))
}

fn pair<F: Real>(
    budget: Budget,
    left: &Constant<F>,
    right: &Constant<F>,
    of_integers: Option<fn(i64, i64) -> Option<i64>>,
    of_reals: Option<fn(F, F) -> F>,
) -> Result<Constant<F>, String> {
    match (left, right) {
        (Constant::Integer(left), Constant::Integer(right)) => {
            let compute = of_integers.ok_or("it takes floating-point numbers, not integers")?;
            defined(together(budget, left, right, compute)?).map(Constant::Integer)
        }
        (Constant::Real(left), Constant::Real(right)) => {
            let compute = of_reals.ok_or("it takes integers or Booleans, not floating-point numbers")?;
            Ok(Constant::Real(Arc::new(together(budget, left, right, compute)?)))
        }
        _ => Err(MIXED.to_owned()),
    }
}

const MIXED: &str = "it takes integers or floating-point numbers, not one of each";

fn logic<F: Real>(inputs: &Inputs<'_, F>, holds: fn(bool, bool) -> bool) -> Result<Constant<F>, String> {
    let (Constant::Integer(left), Constant::Integer(right)) = (inputs.value(0)?, inputs.value(1)?) else {
        return Err("it takes Booleans, not floating-point numbers".to_owned());
    };
    together(inputs.budget, left, right, |a, b| i64::from(holds(a != 0, b != 0))).map(Constant::Integer)
}

/// What holds of the order of two integers; floating-point numbers are compared by the operation.
fn compare<F: Real>(inputs: &Inputs<'_, F>, holds: fn(Ordering) -> bool) -> Result<Constant<F>, String> {
    let (Constant::Integer(left), Constant::Integer(right)) = (inputs.value(0)?, inputs.value(1)?) else {
        return Err(MIXED.to_owned());
    };
    together(inputs.budget, left, right, |a, b| i64::from(holds(a.cmp(&b)))).map(Constant::Integer)
}

/// Clip of integers: between the second and the third input, where they are given.
fn clip<F: Real>(inputs: &Inputs<'_, F>) -> Result<Constant<F>, String> {
    let Constant::Integer(values) = inputs.value(0)? else {
        return Err(MIXED.to_owned());
    };
    let bound = |position| inputs.integers(position).map(|bound| bound.and_then(|bound| bound.first().copied()));
    let (least, largest) = (bound(1)?.unwrap_or(i64::MIN), bound(2)?.unwrap_or(i64::MAX));
    Ok(Constant::Integer(values.mapv(|value| value.max(least).min(largest))))
}

/// Mod: with the sign of the divisor, or with `fmod` that of the dividend, as floating-point numbers always have it.
fn remainder<F: Real>(inputs: &Inputs<'_, F>) -> Result<Constant<F>, String> {
    let floored =
        |a: i64, b: i64| a.checked_rem(b).map(|rest| if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest });
    match inputs.integer_attribute("fmod", 0)? {
        0 => binary(inputs, Some(floored), None),
        _ => binary(inputs, Some(i64::checked_rem), Some(|a, b| a % b)),
    }
}

/// Pow: the exponent may be of another type than the base.
fn power<F: Real>(inputs: &Inputs<'_, F>) -> Result<Constant<F>, String> {
    match (inputs.value(0)?, inputs.value(1)?) {
        (Constant::Real(base), Constant::Integer(exponent)) => {
            let exponent = exponent.mapv(|exponent| F::of(exponent as f64));
            Ok(Constant::Real(Arc::new(together(inputs.budget, &**base, &exponent, F::powf)?)))
        }
        (Constant::Integer(base), Constant::Real(exponent)) => {
            let truncated = |base: i64, exponent: F| {
                Some((base as f64).powf(exponent.as_())).filter(|power| power.is_finite()).map(|power| power as i64)
            };
            defined(together(inputs.budget, base, &**exponent, truncated)?).map(Constant::Integer)
        }
        _ => binary(inputs, Some(|a, b| a.checked_pow(u32::try_from(b).ok()?)), Some(F::powf)),
    }
}

pub(super) fn half_to_even<F: Real>(value: F) -> F {
    let (two, rounded) = (F::of(2.0), value.round());
    if (value - value.trunc()).abs() == F::of(0.5) { (value / two).round() * two } else { rounded }
}

/// Where: the second input where the first is true, else the third.
fn choose<F: Real>(inputs: &Inputs<'_, F>) -> Result<Constant<F>, String> {
    let Constant::Integer(condition) = inputs.value(0)? else {
        return Err("its condition should be of Booleans".to_owned());
    };
    match (inputs.value(1)?, inputs.value(2)?) {
        (Constant::Integer(yes), Constant::Integer(no)) => {
            Ok(Constant::Integer(chosen(inputs.budget, condition, yes, no)?))
        }
        (Constant::Real(yes), Constant::Real(no)) => {
            Ok(Constant::Real(Arc::new(chosen(inputs.budget, condition, yes, no)?)))
        }
        _ => Err(MIXED.to_owned()),
    }
}

fn chosen<T: Copy>(
    budget: Budget,
    condition: &ArrayD<i64>,
    yes: &ArrayD<T>,
    no: &ArrayD<T>,
) -> Result<ArrayD<T>, String> {
    let pairs = together(budget, yes, no, |yes, no| (yes, no))?;
    together(budget, condition, &pairs, |condition, (yes, no)| if condition != 0 { yes } else { no })
}

/// The integers, if all of them are defined.
fn defined(values: ArrayD<Option<i64>>) -> Result<ArrayD<i64>, String> {
    whole(values, || "it divides by zero, or its result is too large for an integer".to_owned())
}

/// A function of the numbers at each place of the shape that both arrays broadcast to.
fn together<A: Copy, B: Copy, C: Clone>(
    budget: Budget,
    left: &ArrayD<A>,
    right: &ArrayD<B>,
    compute: impl Fn(A, B) -> C,
) -> Result<ArrayD<C>, String> {
    let shape = broadcast(left.shape(), right.shape())?;
    budget.check(&shape)?;
    let misfit = || format!("shapes {:?} and {:?} do not go together", left.shape(), right.shape());
    let (left, right) =
        (left.broadcast(shape.as_slice()).ok_or_else(misfit)?, right.broadcast(shape.as_slice()).ok_or_else(misfit)?);
    Ok(Zip::from(left).and(right).map_collect(|&a, &b| compute(a, b)).as_standard_layout().into_owned())
}

/// The shape that two others broadcast to.
fn broadcast(left: &[usize], right: &[usize]) -> Result<Vec<usize>, String> {
    let rank = left.len().max(right.len());
    let length = |shape: &[usize], at: usize| (at + shape.len()).checked_sub(rank).map_or(1, |at| shape[at]);
    let common = |at: usize| match (length(left, at), length(right, at)) {
        (1, length) | (length, 1) => Ok(length),
        (left, right) if left == right => Ok(left),
        _ => Err(format!("shapes {left:?} and {right:?} do not broadcast to a common one")),
    };
    (0..rank).map(common).collect()
}
