//! Parts of a tensor.

use std::num::NonZeroI64;

use crate::operation::OperatorSpec;
use crate::operation::ParsedOperation;
use crate::operations::arrangement::reshape::required_integers;
use crate::operations::arrangement::selection::Selection;
use crate::operations::arrangement::{Arrangement, Plan, axes_of};
use crate::{Error, Real};

/// A range along some axes, all of the others.
#[derive(Clone, Debug)]
pub struct Slice {
    /// At most one range for each axis.
    pub ranges: Vec<Range>,
}

/// From `start` up to `end`, which is not part of it, in steps; backward where the step is negative.
///
/// Places count from behind where negative, and are cut to the axis where they are beyond it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The axis; counted from behind where negative.
    pub axis: i64,
    /// The first place.
    pub start: i64,
    /// The place before which it ends.
    pub end: i64,
    /// From one place to the next.
    pub step: NonZeroI64,
}

impl Range {
    /// The places along an axis; `None` where the axis is longer than places can be counted.
    fn selection(&self, length: usize) -> Option<Selection> {
        let last = i64::try_from(length).ok()?;
        let place = |place: i64| if place < 0 { place.saturating_add(last) } else { place };
        let step = self.step.get();
        let (start, distance) = if last == 0 {
            (0, 0)
        } else if step > 0 {
            let start = place(self.start).clamp(0, last);
            (start, place(self.end).clamp(0, last) - start)
        } else {
            let start = place(self.start).clamp(0, last - 1);
            (start, start - place(self.end).clamp(-1, last - 1))
        };
        let count = u64::try_from(distance).unwrap_or(0).div_ceil(step.unsigned_abs());
        let count = usize::try_from(count).ok()?;
        if (start, step, count) == (0, 1, length) {
            return Some(Selection::whole(length));
        }
        let source = move |place: usize| usize::try_from(start + step * i64::try_from(place).ok()?).ok();
        Some(Selection::new(length, count, source))
    }
}

impl Arrangement for Slice {
    const KIND: &'static str = "Slice";

    fn words<F: Real>(&self) -> OperatorSpec<F> {
        let all = |number: fn(&Range) -> i64| self.ranges.iter().map(number);
        OperatorSpec::new("Slice", 1)
            .with_constant_integers(all(|range| range.start))
            .with_constant_integers(all(|range| range.end))
            .with_constant_integers(all(|range| range.axis))
            .with_constant_integers(all(|range| range.step.get()))
    }

    fn plan(&self, shape: &[usize]) -> Result<Plan, Error> {
        let axes: Vec<i64> = self.ranges.iter().map(|range| range.axis).collect();
        let mut selections: Vec<Selection> = shape.iter().map(|&length| Selection::whole(length)).collect();
        for (axis, range) in axes_of(&axes, shape.len(), shape)?.into_iter().zip(&self.ranges) {
            selections[axis] = range
                .selection(shape[axis])
                .ok_or_else(|| Error::shape(&[shape], format!("axis {axis} is too long to take places of")))?;
        }
        Ok(Plan::select(selections))
    }

    fn summary(&self) -> String {
        let range = |range: &Range| {
            let Range { axis, start, end, step } = range;
            format!("axis {axis}: {start} to {end} by {step}")
        };
        self.ranges.iter().map(range).collect::<Vec<_>>().join(", ")
    }
}

/// Reads the operation from its specification.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let starts = required_integers(spec, 1, "starts")?;
    let ends = required_integers(spec, 2, "ends")?;
    let axes = spec.constant_integers(3, "axes")?.unwrap_or_else(|| (0..).take(starts.len()).collect());
    let steps = spec.constant_integers(4, "steps")?.unwrap_or_else(|| vec![1; starts.len()]);
    if [&ends, &axes, &steps].into_iter().any(|list| list.len() != starts.len()) {
        let given = format!("{} starts, {} ends, {} axes, {} steps", starts.len(), ends.len(), axes.len(), steps.len());
        return Err(spec.refuse("list", given, "as many of each"));
    }
    let range = |place: usize| {
        let step = NonZeroI64::new(steps[place]).ok_or_else(|| spec.refuse("step", "0", "any other number"))?;
        Ok(Range { axis: axes[place], start: starts[place], end: ends[place], step })
    };
    let ranges = (0..starts.len()).map(range).collect::<Result<Vec<_>, Error>>()?;
    Ok(ParsedOperation::new(Slice { ranges }, vec![0]))
}

#[cfg(test)]
mod tests {
    use ndarray::Array1;

    use super::*;
    use crate::Operation;
    use crate::operations::testing::{check_gradient, forward, numbers};

    fn range(axis: i64, start: i64, end: i64, step: i64) -> Range {
        Range { axis, start, end, step: NonZeroI64::new(step).unwrap() }
    }

    #[test]
    fn places_are_counted_from_both_ends_and_cut_to_the_axis() {
        let x = Array1::from_iter((0..5).map(f64::from)).into_dyn();
        let taken = |start, end, step| {
            let slice = Slice { ranges: vec![range(0, start, end, step)] };
            forward(&slice, std::slice::from_ref(&x)).into_raw_vec_and_offset().0
        };
        assert_eq!(taken(1, 4, 1), [1.0, 2.0, 3.0]);
        assert_eq!(taken(-2, i64::MAX, 1), [3.0, 4.0]);
        assert_eq!(taken(i64::MIN, -1, 2), [0.0, 2.0]);
        assert_eq!(taken(0, 5, 1), [0.0, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!(taken(-1, i64::MIN, -1), [4.0, 3.0, 2.0, 1.0, 0.0]);
        assert_eq!(taken(9, 0, -3), [4.0, 1.0]);
        assert_eq!(taken(3, 3, 1), [0.0; 0]);
        assert_eq!(taken(4, 1, 1), [0.0; 0]);
        assert_eq!(taken(0, 5, i64::MAX), [0.0]);
        assert_eq!(taken(4, -6, i64::MIN), [4.0]);
    }

    #[test]
    fn slices_of_nothing_are_nothing() {
        let slice: &dyn Operation<f64> = &Slice { ranges: vec![range(1, -1, -9, -1)] };
        assert_eq!(slice.output_shape(&[&[2, 0]]).unwrap(), [2, 0]);
    }

    #[test]
    fn definitions_are_read_with_their_defaults() {
        let spec = OperatorSpec::<f64>::new("Slice", 1).with_constant_integers([1, 0]).with_constant_integers([9, -1]);
        let operation = read(&spec).unwrap().operation;
        assert_eq!(operation.output_shape(&[&[3, 4, 5]]).unwrap(), [2, 3, 5]);
        let words = operation.to_spec();
        assert_eq!(read(&words).unwrap().operation.to_spec(), words);
    }

    #[test]
    fn ranges_that_mean_nothing_are_refused() {
        let standing = Slice { ranges: vec![range(0, 0, 1, 1)] }.words::<f64>();
        let mut still = standing.clone();
        still.inputs.truncate(4);
        assert!(read(&still.with_constant_integers([0])).unwrap_err().to_string().contains("step"));
        let uneven = OperatorSpec::<f64>::new("Slice", 1).with_constant_integers([0]).with_constant_integers([1, 2]);
        assert!(read(&uneven).unwrap_err().to_string().contains("1 starts, 2 ends"));
        let twice: &dyn Operation<f64> = &Slice { ranges: vec![range(0, 0, 1, 1), range(-2, 0, 1, 1)] };
        assert!(twice.output_shape(&[&[3, 3]]).unwrap_err().to_string().contains("twice"));
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        let slice = Slice { ranges: vec![range(1, 1, 4, 1), range(-1, -1, i64::MIN, -2)] };
        check_gradient(&slice, &[numbers(&[2, 4, 5], 1)]);
        check_gradient(&Slice { ranges: vec![range(1, 2, 3, 1)] }, &[numbers(&[2, 4, 3], 2)]);
    }
}
