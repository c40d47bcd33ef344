//! Padding: numbers around a tensor, or cut off its borders.

use std::sync::Arc;

use ndarray::ArrayD;

use crate::operation::OperatorSpec;
use crate::operation::ParsedOperation;
use crate::operations::arrangement::reshape::required_integers;
use crate::operations::arrangement::selection::Selection;
use crate::operations::arrangement::{Arrangement, Plan, axes_of};
use crate::{Error, Real};

/// More places before and after each axis; fewer where a number of places is negative.
///
/// What is cut off is cut off first: reflections and repetitions are those of what remains.
#[derive(Clone, Debug)]
pub struct Pad {
    /// Places before each axis, then after each.
    before: Vec<i64>,
    after: Vec<i64>,
    axes: Option<Vec<i64>>,
    beyond: Beyond,
}

/// What stands beyond the borders.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Beyond {
    Constant(f64),
    /// Mirrored at the outermost numbers, which are not repeated.
    Reflection,
    /// The outermost number.
    Edge,
    /// The other end.
    Wrap,
}

impl Beyond {
    /// The place among `length` that stands at `place`, which may be before the first or after the last.
    fn source(self, place: i64, length: i64) -> Option<i64> {
        match self {
            Self::Constant(_) => (0..length).contains(&place).then_some(place),
            Self::Edge => Some(place.clamp(0, length - 1)),
            Self::Wrap => Some(place.rem_euclid(length)),
            Self::Reflection => {
                let period = (2 * (length - 1)).max(1);
                let place = place.rem_euclid(period);
                Some(place.min(period - place).min(length - 1))
            }
        }
    }
}

impl Arrangement for Pad {
    const KIND: &'static str = "Pad";

    fn words<F: Real>(&self) -> OperatorSpec<F> {
        let (mode, value) = match self.beyond {
            Beyond::Constant(value) => ("constant", Some(value)),
            Beyond::Reflection => ("reflect", None),
            Beyond::Edge => ("edge", None),
            Beyond::Wrap => ("wrap", None),
        };
        let pads = self.before.iter().chain(&self.after).copied();
        let spec = OperatorSpec::new("Pad", 1).with_text("mode", mode).with_constant_integers(pads);
        let spec = match value {
            Some(value) => spec.with_constant(Arc::new(ArrayD::from_elem(vec![], F::of(value)))),
            None => spec.with_absent(),
        };
        match &self.axes {
            Some(axes) => spec.with_constant_integers(axes.iter().copied()),
            None => spec,
        }
    }

    fn plan(&self, shape: &[usize]) -> Result<Plan, Error> {
        let axes = match &self.axes {
            Some(axes) => axes_of(axes, shape.len(), shape)?,
            None => (0..shape.len()).collect(),
        };
        if axes.len() != self.before.len() {
            let reason = format!("it pads {} axes of {}", self.before.len(), shape.len());
            return Err(Error::shape(&[shape], reason));
        }
        let mut selections: Vec<Selection> = shape.iter().map(|&length| Selection::whole(length)).collect();
        for ((axis, &before), &after) in axes.into_iter().zip(&self.before).zip(&self.after) {
            if (before, after) != (0, 0) {
                selections[axis] = self.selection(shape[axis], before, after).ok_or_else(|| {
                    Error::shape(&[shape], format!("axis {axis} can't be padded by {before} before and {after} after"))
                })?;
            }
        }
        Ok(Plan::select(selections))
    }

    fn fill(&self) -> f64 {
        match self.beyond {
            Beyond::Constant(value) => value,
            Beyond::Reflection | Beyond::Edge | Beyond::Wrap => 0.0,
        }
    }

    fn summary(&self) -> String {
        format!("{:?} before, {:?} after, {:?}", self.before, self.after, self.beyond)
    }
}

impl Pad {
    /// One axis; `None` where more is cut off than there is, or nothing remains to repeat.
    fn selection(&self, length: usize, before: i64, after: i64) -> Option<Selection> {
        let operand = i64::try_from(length).ok()?;
        let padded = operand.checked_add(before)?.checked_add(after)?;
        let first = before.checked_neg()?.max(0); // of what remains
        let remaining = operand.checked_sub(first)?.checked_add(after.min(0))?;
        let repeats = !matches!(self.beyond, Beyond::Constant(_)) && padded > remaining;
        if remaining < 0 || padded < 0 || (repeats && remaining == 0) {
            return None;
        }
        let beyond = self.beyond;
        let source = move |place: usize| {
            let place = beyond.source(i64::try_from(place).ok()? - before.max(0), remaining)?;
            usize::try_from(first + place).ok()
        };
        Some(Selection::new(length, usize::try_from(padded).ok()?, source))
    }
}

/// Reads the operation from its specification.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let mut before = required_integers(spec, 1, "pads")?;
    if !before.len().is_multiple_of(2) {
        return Err(spec.refuse("pads", format!("{before:?}"), "two numbers for each axis"));
    }
    let after = before.split_off(before.len() / 2);
    let beyond = match spec.text("mode", "constant")? {
        "constant" => Beyond::Constant(spec.single_number(2, "constant value")?.unwrap_or(0.0)),
        "reflect" => Beyond::Reflection,
        "edge" => Beyond::Edge,
        "wrap" => Beyond::Wrap,
        other => {
            let expected = "\"constant\", \"reflect\", \"edge\" or \"wrap\"";
            return Err(spec.refuse("mode", format!("{other:?}"), expected));
        }
    };
    let axes = spec.constant_integers(3, "axes")?;
    Ok(ParsedOperation::new(Pad { before, after, axes, beyond }, vec![0]))
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use ndarray::{Array1, array};
    use relevance::Amount;

    use super::*;
    use crate::Operation;
    use crate::operations::testing::{check_gradient, forward, numbers, step};

    fn pad(before: i64, after: i64, beyond: Beyond) -> Pad {
        Pad { before: vec![before], after: vec![after], axes: None, beyond }
    }

    /// numpy's `pad` of (0, 1, 2, 3), and of it without its first number.
    #[test]
    fn what_stands_beyond_the_borders() {
        let x = Array1::from_iter((0..4).map(f64::from)).into_dyn();
        let cases: &[(Pad, &[f64])] = &[
            (pad(2, 1, Beyond::Constant(9.0)), &[9.0, 9.0, 0.0, 1.0, 2.0, 3.0, 9.0]),
            (pad(5, 4, Beyond::Reflection), &[1.0, 2.0, 3.0, 2.0, 1.0, 0.0, 1.0, 2.0, 3.0, 2.0, 1.0, 0.0, 1.0]),
            (pad(2, 1, Beyond::Edge), &[0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 3.0]),
            (pad(2, 5, Beyond::Wrap), &[2.0, 3.0, 0.0, 1.0, 2.0, 3.0, 0.0, 1.0, 2.0, 3.0, 0.0]),
            (pad(-1, 2, Beyond::Constant(9.0)), &[1.0, 2.0, 3.0, 9.0, 9.0]),
            (pad(-1, 2, Beyond::Reflection), &[1.0, 2.0, 3.0, 2.0, 1.0]),
            (pad(2, -2, Beyond::Wrap), &[0.0, 1.0, 0.0, 1.0]),
            (pad(-1, -2, Beyond::Edge), &[1.0]),
            (pad(1, -4, Beyond::Constant(9.0)), &[9.0]),
            (pad(-2, -2, Beyond::Reflection), &[]),
        ];
        for (operation, expected) in cases {
            assert_eq!(forward(operation, from_ref(&x)).into_raw_vec_and_offset().0, *expected, "{operation:?}");
        }
        let single = forward(&pad(2, 1, Beyond::Reflection), &[array![7.0].into_dyn()]);
        assert_eq!(single, array![7.0, 7.0, 7.0, 7.0].into_dyn());
    }

    #[test]
    fn paddings_that_can_not_be_are_refused() {
        let shape = |before, after, beyond| Operation::<f64>::output_shape(&pad(before, after, beyond), &[&[4]]);
        for (before, after) in [(-3, -2), (-5, 9), (i64::MIN, 0), (i64::MAX, i64::MAX), (0, i64::MIN)] {
            assert!(shape(before, after, Beyond::Constant(0.0)).is_err(), "{before} {after}");
        }
        assert!(shape(1, -4, Beyond::Edge).is_err());
        assert!(Operation::<f64>::output_shape(&pad(1, 1, Beyond::Edge), &[&[4, 4]]).is_err());
        let uneven = OperatorSpec::<f64>::new("Pad", 1).with_constant_integers([1, 2, 3]);
        assert!(matches!(read(&uneven), Err(Error::Attribute { .. })));
    }

    #[test]
    fn axes_may_be_named() {
        let spec = OperatorSpec::<f64>::new("Pad", 1).with_text("mode", "edge").with_constant_integers([1, 0]);
        let spec = spec.with_absent().with_constant_integers([-1]);
        let operation = read(&spec).unwrap().operation;
        assert_eq!(operation.output_shape(&[&[1, 3, 2, 2]]).unwrap(), [1, 3, 2, 3]);
        assert_eq!(operation.to_spec(), spec);
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        let x = numbers(&[2, 3, 4], 1);
        for beyond in [Beyond::Constant(0.5), Beyond::Reflection, Beyond::Edge, Beyond::Wrap] {
            let operation = Pad { before: vec![0, 1, -1], after: vec![0, 2, 3], axes: None, beyond };
            check_gradient(&operation, from_ref(&x));
        }
    }

    #[test]
    fn relevance_on_a_constant_border_is_outside() {
        let x = [numbers(&[1, 2, 2], 1)];
        let upper = numbers(&[1, 3, 4], 2);
        for (beyond, expected) in
            [(Beyond::Constant(3.0), upper.sum() - upper.slice(ndarray::s![0, 1.., 1..3]).sum()), (Beyond::Edge, 0.0)]
        {
            let operation = Pad { before: vec![0, 1, 1], after: vec![0, 0, 1], axes: None, beyond };
            let output = forward(&operation, &x);
            let outside: Amount = operation.outside(&step(&x, &output), upper.view());
            assert!((outside.total - expected).abs() < 1e-15, "{beyond:?}");
            let kept = operation.gradient(&step(&x, &output), upper.view())[0].sum();
            assert!((kept + outside.total - upper.sum()).abs() < 1e-15, "{beyond:?}");
        }
    }
}
