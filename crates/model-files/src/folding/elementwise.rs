//! Arithmetic, comparisons and logic, number by number.

use ndarray::{ArrayD, Zip};

use super::arrangement::{broadcast, expanded};
use super::*;

pub(super) fn compute<F: Real>(kind: &str, inputs: &Inputs<'_, F>) -> Result<Constant<F>, String> {
    match kind {
        "Where" => choose(inputs),
        "Max" | "Min" => {
            let values = inputs.values()?;
            let (first, others) = values.split_first().ok_or("it has no inputs")?;
            others.iter().try_fold((*first).clone(), |result, value| binary(kind, &result, value))
        }
        "Abs" | "Ceil" | "Exp" | "Floor" | "Log" | "Neg" | "Not" | "Reciprocal" | "Round" | "Sqrt" => {
            unary(kind, inputs.value(0)?)
        }
        _ => binary(kind, inputs.value(0)?, inputs.value(1)?),
    }
}

fn unary<F: Real>(kind: &str, value: &Constant<F>) -> Result<Constant<F>, String> {
    match value {
        Constant::Integer(values) => {
            let compute: fn(i64) -> i64 = match kind {
                "Abs" => i64::wrapping_abs,
                "Neg" => i64::wrapping_neg,
                "Not" => |value| i64::from(value == 0),
                _ => return Err("it takes floating-point numbers, not integers".to_owned()),
            };
            Ok(Constant::Integer(values.mapv(compute)))
        }
        Constant::Real(values) => {
            let compute: fn(F) -> F = match kind {
                "Abs" => F::abs,
                "Ceil" => F::ceil,
                "Exp" => F::exp,
                "Floor" => F::floor,
                "Log" => F::ln,
                "Neg" => F::neg,
                "Reciprocal" => F::recip,
                "Round" => half_to_even,
                "Sqrt" => F::sqrt,
                _ => return Err("it takes Booleans, not floating-point numbers".to_owned()),
            };
            Ok(Constant::Real(Arc::new(values.mapv(compute))))
        }
    }
}

fn half_to_even<F: Real>(value: F) -> F {
    let (two, rounded) = (F::of(2.0), value.round());
    if (value - value.trunc()).abs() == F::of(0.5) { (value / two).round() * two } else { rounded }
}

fn binary<F: Real>(kind: &str, left: &Constant<F>, right: &Constant<F>) -> Result<Constant<F>, String> {
    match (left, right) {
        (Constant::Integer(left), Constant::Integer(right)) => {
            let whole = |kind: &str| integer_operation(kind).ok_or_else(|| format!("{kind} of integers"));
            let compute = whole(kind)?;
            let result = broadcast_together(left, right, compute)?;
            let undefined = || "it divides by zero, or its result is too large for an integer".to_owned();
            if result.iter().any(Option::is_none) {
                return Err(undefined());
            }
            Ok(Constant::Integer(result.mapv(Option::unwrap_or_default)))
        }
        (Constant::Real(left), Constant::Real(right)) => {
            if let Some(compare) = comparison::<F>(kind) {
                return Ok(Constant::Integer(broadcast_together(left, right, |a, b| i64::from(compare(&a, &b)))?));
            }
            let compute = real_operation::<F>(kind).ok_or_else(|| format!("{kind} of floating-point numbers"))?;
            Ok(Constant::Real(Arc::new(broadcast_together(left, right, compute)?)))
        }
        // Only the exponent may be of another type.
        (Constant::Real(left), Constant::Integer(right)) if kind == "Pow" => {
            let power = |base: F, exponent: i64| base.powf(F::of(exponent as f64));
            Ok(Constant::Real(Arc::new(broadcast_together(left, right, power)?)))
        }
        _ => Err("it takes integers or floating-point numbers, not one of each".to_owned()),
    }
}

fn integer_operation(kind: &str) -> Option<fn(i64, i64) -> Option<i64>> {
    Some(match kind {
        "Add" => i64::checked_add,
        "Sub" => i64::checked_sub,
        "Mul" => i64::checked_mul,
        "Div" => i64::checked_div,
        "Mod" => |a, b| a.checked_rem(b).map(|rest| if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }),
        "Pow" => |a, b| a.checked_pow(u32::try_from(b).ok()?),
        "Max" => |a, b| Some(a.max(b)),
        "Min" => |a, b| Some(a.min(b)),
        "And" => |a, b| Some(i64::from(a != 0 && b != 0)),
        "Or" => |a, b| Some(i64::from(a != 0 || b != 0)),
        "Equal" => |a, b| Some(i64::from(a == b)),
        "Greater" => |a, b| Some(i64::from(a > b)),
        "GreaterOrEqual" => |a, b| Some(i64::from(a >= b)),
        "Less" => |a, b| Some(i64::from(a < b)),
        "LessOrEqual" => |a, b| Some(i64::from(a <= b)),
        _ => return None,
    })
}

fn real_operation<F: Real>(kind: &str) -> Option<fn(F, F) -> F> {
    Some(match kind {
        "Add" => |a, b| a + b,
        "Sub" => |a, b| a - b,
        "Mul" => |a, b| a * b,
        "Div" => |a, b| a / b,
        "Mod" => |a, b| a % b,
        "Pow" => F::powf,
        "Max" => F::max,
        "Min" => F::min,
        _ => return None,
    })
}

fn comparison<F: Real>(kind: &str) -> Option<fn(&F, &F) -> bool> {
    Some(match kind {
        "Equal" => F::eq,
        "Greater" => F::gt,
        "GreaterOrEqual" => F::ge,
        "Less" => F::lt,
        "LessOrEqual" => F::le,
        _ => return None,
    })
}

fn broadcast_together<A: Clone, B: Clone, C>(
    left: &ArrayD<A>,
    right: &ArrayD<B>,
    compute: impl Fn(A, B) -> C,
) -> Result<ArrayD<C>, String> {
    let shape = broadcast(&[left.shape(), right.shape()])?;
    bounded(&shape)?;
    let (left, right) = (expanded(left, &shape)?, expanded(right, &shape)?);
    Ok(Zip::from(&left).and(&right).map_collect(|a, b| compute(a.clone(), b.clone())))
}

/// Where: the second input where the first is true, else the third.
fn choose<F: Real>(inputs: &Inputs<'_, F>) -> Result<Constant<F>, String> {
    let Constant::Integer(condition) = inputs.value(0)? else {
        return Err("its condition should be of Booleans".to_owned());
    };
    match (inputs.value(1)?, inputs.value(2)?) {
        (Constant::Integer(yes), Constant::Integer(no)) => Ok(Constant::Integer(chosen(condition, yes, no)?)),
        (Constant::Real(yes), Constant::Real(no)) => Ok(Constant::Real(Arc::new(chosen(condition, yes, no)?))),
        _ => Err("it chooses between integers or floating-point numbers, not one of each".to_owned()),
    }
}

fn chosen<T: Clone>(condition: &ArrayD<i64>, yes: &ArrayD<T>, no: &ArrayD<T>) -> Result<ArrayD<T>, String> {
    let pairs = broadcast_together(yes, no, |yes, no| (yes, no))?;
    broadcast_together(condition, &pairs, |condition, (yes, no)| if condition != 0 { yes } else { no })
}
