//! Functions that round a number: Floor, Ceil, Round, Sign, and Cast to integers.
//!
//! What is left of a number is still the number: relevance passes, as through any function of one number (Eq. 63). Their
//! derivative is 0 wherever they have one.

use crate::operation::{Numbers, OperatorSpec, ParsedOperation};
use crate::operations::activation::elementwise::{Elementwise, activation};
use crate::operations::activation::functions::function;
use crate::operations::arrangement::Identity;
use crate::operations::decision::Test;
use crate::operations::decision::test::BOOL;
use crate::{Error, Real};

function!(
    /// The largest whole number that is not larger.
    Floor,
    read_floor,
    |x| x.floor(),
    |_, _| F::zero()
);

function!(
    /// The smallest whole number that is not smaller.
    Ceil,
    read_ceil,
    |x| x.ceil(),
    |_, _| F::zero()
);

function!(
    /// The nearest whole number; of two that are as near, the even one.
    Round,
    read_round,
    half_to_even,
    |_, _| F::zero()
);

function!(
    /// −1, 0 or 1.
    Sign,
    read_sign,
    |x| if x == F::zero() || x.is_nan() { x } else { x.signum() },
    |_, _| F::zero()
);

pub(crate) fn half_to_even<F: Real>(x: F) -> F {
    let two = F::of(2.0);
    if (x - x.trunc()).abs() == F::of(0.5) { (x / two).round() * two } else { x.round() }
}

/// A number as an integer: without its fraction, and of the types of 4, 8 and 16 bits with the last bits only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToInteger {
    number: i64,
    /// The type's smallest integer, and how many it has, where it has fewer than floating-point numbers can tell apart.
    range: Option<(i32, i32)>,
}

impl ToInteger {
    /// The conversion to ONNX's type of this number, if that is one of integers.
    fn to(number: i64) -> Option<Self> {
        match number {
            6 | 7 | 12 | 13 => Some(Self { number, range: None }), // INT32, INT64, UINT32, UINT64
            _ => Some(Self { number, range: Some(short_range(number)?) }),
        }
    }
}

/// The smallest integer of ONNX's type of this number, and how many it has, for those of up to 16 bits.
pub(super) fn short_range(number: i64) -> Option<(i32, i32)> {
    match number {
        2 => Some((0, 1 << 8)),           // UINT8
        3 => Some((-(1 << 7), 1 << 8)),   // INT8
        4 => Some((0, 1 << 16)),          // UINT16
        5 => Some((-(1 << 15), 1 << 16)), // INT16
        21 => Some((0, 1 << 4)),          // UINT4
        22 => Some((-(1 << 3), 1 << 4)),  // INT4
        _ => None,
    }
}

impl<F: Real> Elementwise<F> for ToInteger {
    const KIND: &'static str = "Cast";

    fn value(&self, x: F) -> F {
        let Some((least, count)) = self.range else { return x.trunc() };
        let (least, count) = (F::of(least.into()), F::of(count.into()));
        match x.trunc() % count {
            rest if rest < least => rest + count,
            rest if rest >= least + count => rest - count,
            rest => rest,
        }
    }

    fn derivative(&self, _: F, _: F) -> F {
        F::zero()
    }

    fn gives(&self) -> Numbers {
        Numbers::Integer
    }

    fn attributes(&self) -> OperatorSpec<F> {
        OperatorSpec::new("Cast", 1).with_integer("to", self.number)
    }
}

activation!(ToInteger);

/// Reads Cast from its specification: floating-point numbers are all of one type, and stay as they are.
pub(crate) fn read_cast<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    match spec.integer("to", 0)? {
        1 | 10 | 11 | 16 => Ok(ParsedOperation::new(Identity, vec![0])), // FLOAT, FLOAT16, DOUBLE, BFLOAT16
        BOOL => Ok(ParsedOperation::new(Test::Truth, vec![0])),
        number => match ToInteger::to(number) {
            Some(operation) => Ok(ParsedOperation::new(operation, vec![0])),
            None => {
                Err(spec.refuse("to", number.to_string(), "a type of floating-point numbers, integers or truth values"))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::operation::Operation;
    use crate::operations::testing::{check_gradient, forward, numbers};

    #[test]
    fn numbers_are_rounded_as_their_names_say() {
        let x = [array![-2.5, -1.5, -0.5, -0.25, 0.0, 0.5, 1.5, 2.5, 2.75].into_dyn()];
        let of = |operation: &dyn Operation<f64>| forward(operation, &x).into_raw_vec_and_offset().0;
        assert_eq!(of(&Floor), [-3.0, -2.0, -1.0, -1.0, 0.0, 0.0, 1.0, 2.0, 2.0]);
        assert_eq!(of(&Ceil), [-2.0, -1.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 3.0]);
        assert_eq!(of(&Round), [-2.0, -2.0, 0.0, 0.0, 0.0, 0.0, 2.0, 2.0, 3.0]);
        assert_eq!(of(&Sign), [-1.0, -1.0, -1.0, -1.0, 0.0, 1.0, 1.0, 1.0, 1.0]);
        assert!(Elementwise::<f32>::value(&Sign, f32::NAN).is_nan());
    }

    #[test]
    fn integers_are_those_of_machines() {
        let cast = |to: i64, x: f64| Elementwise::<f64>::value(&ToInteger::to(to).unwrap(), x);
        for x in [-300.75, -129.0, -128.5, -1.0, -0.5, 0.0, 127.9, 128.0, 255.0, 256.0, 40_000.0, 70_000.25] {
            let whole = x as i64;
            assert_eq!(cast(2, x), f64::from(whole as u8), "{x}");
            assert_eq!(cast(3, x), f64::from(whole as i8), "{x}");
            assert_eq!(cast(4, x), f64::from(whole as u16), "{x}");
            assert_eq!(cast(5, x), f64::from(whole as i16), "{x}");
            assert_eq!(cast(7, x), whole as f64, "{x}");
        }
        assert_eq!([cast(22, 9.0), cast(21, 17.0)], [-7.0, 1.0]);
        assert!(cast(3, f64::NAN).is_nan() && cast(7, f64::INFINITY).is_infinite());
    }

    #[test]
    fn casts_are_read_as_they_are_worded() {
        let read = |to: i64| read_cast(&OperatorSpec::<f64>::new("Cast", 1).with_integer("to", to));
        assert!(read(1).unwrap().operation.is_identity() && read(16).unwrap().operation.is_identity());
        for to in [2, 7, 9, 22] {
            let spec = read(to).unwrap().operation.to_spec();
            assert_eq!(spec, OperatorSpec::new("Cast", 1).with_integer("to", to));
        }
        assert!(read(8).unwrap_err().to_string().contains('8'), "no text");
    }

    #[test]
    fn what_is_rounded_has_no_slope() {
        let operations: [&dyn Operation<f64>; 5] = [&Floor, &Ceil, &Round, &Sign, &ToInteger::to(3).unwrap()];
        for operation in operations {
            check_gradient(operation, &[numbers(&[2, 3], 1) * 3.0]);
        }
    }
}
