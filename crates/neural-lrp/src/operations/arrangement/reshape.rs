//! The same numbers in another shape: Reshape, Flatten, Squeeze, Unsqueeze.

use crate::arrays::axes::position;
use crate::operation::OperatorSpec;
use crate::operation::ParsedOperation;
use crate::operations::arrangement::{Arrangement, Plan, axes_of};
use crate::{Error, Real};

/// Another shape, given length by length.
#[derive(Clone, Debug)]
pub struct Reshape {
    lengths: Vec<Length>,
}

/// One length of a [`Reshape`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    Known(usize),
    /// That of the operand's axis at the same position.
    Kept,
    /// Whatever the others leave.
    Rest,
}

impl Arrangement for Reshape {
    const KIND: &'static str = "Reshape";

    fn words<F: Real>(&self) -> OperatorSpec<F> {
        let lengths = self.lengths.iter().map(|length| match length {
            Length::Known(length) => *length as i64,
            Length::Kept => 0,
            Length::Rest => -1,
        });
        let spec = OperatorSpec::new("Reshape", 1).with_constant_integers(lengths);
        match self.lengths.contains(&Length::Known(0)) {
            true => spec.with_integer("allowzero", 1),
            false => spec,
        }
    }

    fn plan(&self, shape: &[usize]) -> Result<Plan, Error> {
        let wrong = |reason: String| Error::shape(&[shape], reason);
        let mut output = Vec::with_capacity(self.lengths.len());
        for (axis, length) in self.lengths.iter().enumerate() {
            output.push(match length {
                Length::Known(length) => *length,
                Length::Kept => *shape.get(axis).ok_or_else(|| wrong(format!("it has no axis {axis} to keep")))?,
                Length::Rest => 1,
            });
        }
        let count: usize = shape.iter().product();
        let given = output.iter().try_fold(1usize, |given, &length| given.checked_mul(length));
        if let Some(rest) = self.lengths.iter().position(|&length| length == Length::Rest) {
            match given {
                Some(given) if given > 0 && count.is_multiple_of(given) => output[rest] = count / given,
                _ => return Err(wrong(format!("{count} numbers can't fill {}", self.summary()))),
            }
        } else if given != Some(count) {
            return Err(wrong(format!("{count} numbers can't fill {}", self.summary())));
        }
        Ok(Plan::reshape(output))
    }

    fn summary(&self) -> String {
        let lengths = self.lengths.iter().map(|length| match length {
            Length::Known(length) => length.to_string(),
            Length::Kept => "as it is".to_owned(),
            Length::Rest => "the rest".to_owned(),
        });
        format!("[{}]", lengths.collect::<Vec<_>>().join(", "))
    }
}

/// Reads [`Reshape`] from its specification.
pub(crate) fn read_reshape<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let shape = required_integers(spec, 1, "shape")?;
    let literal_zeros = spec.integer("allowzero", 0)? != 0;
    let refuse = || {
        let expected = "lengths, 0 for one that stays, and -1 for one at most that takes the rest";
        spec.refuse("shape", format!("{shape:?}"), expected)
    };
    let length = |&length: &i64| match length {
        0 if !literal_zeros => Ok(Length::Kept),
        -1 => Ok(Length::Rest),
        length => usize::try_from(length).map(Length::Known).map_err(|_| refuse()),
    };
    let lengths = shape.iter().map(length).collect::<Result<Vec<_>, Error>>()?;
    if lengths.iter().filter(|&&length| length == Length::Rest).count() > 1 {
        return Err(refuse());
    }
    Ok(ParsedOperation::new(Reshape { lengths }, vec![0]))
}

/// A matrix: the axes before `axis` become its rows, the others its columns.
#[derive(Clone, Copy, Debug)]
pub struct Flatten {
    /// The first axis that belongs to the columns; counted from behind where negative.
    pub axis: i64,
}

impl Arrangement for Flatten {
    const KIND: &'static str = "Flatten";

    fn words<F: Real>(&self) -> OperatorSpec<F> {
        OperatorSpec::new("Flatten", 1).with_integer("axis", self.axis)
    }

    fn plan(&self, shape: &[usize]) -> Result<Plan, Error> {
        let rank = shape.len();
        let end = i64::try_from(rank).is_ok_and(|rank| rank == self.axis).then_some(rank);
        let axis = end
            .or_else(|| position(self.axis, rank))
            .ok_or_else(|| Error::shape(&[shape], format!("axis {} is none of the {rank} axes", self.axis)))?;
        let (rows, columns) = shape.split_at(axis);
        Ok(Plan::reshape(vec![rows.iter().product(), columns.iter().product()]))
    }
}

/// Reads [`Flatten`] from its specification.
pub(crate) fn read_flatten<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(Flatten { axis: spec.integer("axis", 1)? }, vec![0]))
}

/// Without axes of length 1.
#[derive(Clone, Debug)]
pub struct Squeeze {
    /// Those to leave out; `None` for all that have length 1.
    pub axes: Option<Vec<i64>>,
}

impl Arrangement for Squeeze {
    const KIND: &'static str = "Squeeze";

    fn words<F: Real>(&self) -> OperatorSpec<F> {
        let spec = OperatorSpec::new("Squeeze", 1);
        match &self.axes {
            Some(axes) => spec.with_constant_integers(axes.iter().copied()),
            None => spec,
        }
    }

    fn plan(&self, shape: &[usize]) -> Result<Plan, Error> {
        let left_out = match &self.axes {
            Some(axes) => axes_of(axes, shape.len(), shape)?,
            None => (0..shape.len()).filter(|&axis| shape[axis] == 1).collect(),
        };
        if let Some(axis) = left_out.iter().find(|&&axis| shape[axis] != 1) {
            return Err(Error::shape(&[shape], format!("axis {axis} has length {} and must have 1", shape[*axis])));
        }
        let kept = (0..shape.len()).filter(|axis| !left_out.contains(axis));
        Ok(Plan::reshape(kept.map(|axis| shape[axis]).collect()))
    }
}

/// Reads [`Squeeze`] from its specification.
pub(crate) fn read_squeeze<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(Squeeze { axes: spec.constant_integers(1, "axes")? }, vec![0]))
}

/// With further axes of length 1.
#[derive(Clone, Debug)]
pub struct Unsqueeze {
    /// Where they are in the output.
    pub axes: Vec<i64>,
}

impl Arrangement for Unsqueeze {
    const KIND: &'static str = "Unsqueeze";

    fn words<F: Real>(&self) -> OperatorSpec<F> {
        OperatorSpec::new("Unsqueeze", 1).with_constant_integers(self.axes.iter().copied())
    }

    fn plan(&self, shape: &[usize]) -> Result<Plan, Error> {
        let rank = shape.len() + self.axes.len();
        let new = axes_of(&self.axes, rank, shape)?;
        let mut old = shape.iter();
        let length = |axis: usize| if new.contains(&axis) { Some(1) } else { old.next().copied() };
        Ok(Plan::reshape((0..rank).filter_map(length).collect()))
    }
}

/// Reads [`Unsqueeze`] from its specification.
pub(crate) fn read_unsqueeze<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(Unsqueeze { axes: required_integers(spec, 1, "axes")? }, vec![0]))
}

/// A list of integers that must be given, and known in advance.
pub(crate) fn required_integers<F: Real>(
    spec: &OperatorSpec<F>,
    position: usize,
    meaning: &'static str,
) -> Result<Vec<i64>, Error> {
    let integers = spec.constant_integers(position, meaning)?;
    integers.ok_or_else(|| Error::MissingInput { kind: spec.kind.clone(), input: meaning })
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::*;
    use crate::Operation;
    use crate::operations::testing::{check_gradient, numbers};

    fn reshape(lengths: &[i64], literal_zeros: i64) -> Result<ParsedOperation<f64>, Error> {
        let spec = OperatorSpec::new("Reshape", 1).with_constant_integers(lengths.iter().copied());
        read_reshape(&spec.with_integer("allowzero", literal_zeros))
    }

    fn shape_of(operation: &dyn Operation<f64>, shape: &[usize]) -> Result<Vec<usize>, Error> {
        operation.output_shape(&[shape])
    }

    #[test]
    fn shapes_with_zeros_and_a_rest() {
        let shape = |lengths: &[i64], operand: &[usize]| shape_of(&*reshape(lengths, 0)?.operation, operand);
        assert_eq!(shape(&[0, -1], &[2, 3, 4]).unwrap(), [2, 12]);
        assert_eq!(shape(&[4, 0, 2], &[2, 3, 4]).unwrap(), [4, 3, 2]);
        assert_eq!(shape(&[-1], &[]).unwrap(), [1]);
        assert_eq!(shape(&[], &[1, 1]).unwrap(), [0usize; 0]);
        for (lengths, operand) in
            [(&[5, -1][..], &[2, 3][..]), (&[7], &[2, 3]), (&[6, 1, 0], &[2, 3]), (&[-1, 0], &[2, 0])]
        {
            let message = shape(lengths, operand).unwrap_err().to_string();
            assert!(message.contains(&format!("{operand:?}")), "{message}");
        }
        assert!(shape(&[i64::MAX, i64::MAX], &[4]).is_err());
        assert_eq!(shape_of(&*reshape(&[0, 3], 1).unwrap().operation, &[5, 0]).unwrap(), [0, 3]);
    }

    #[test]
    fn shapes_that_mean_nothing_are_refused() {
        for lengths in [&[-1, -1][..], &[-2]] {
            assert!(matches!(reshape(lengths, 0), Err(Error::Attribute { .. })), "{lengths:?}");
        }
        let computed = OperatorSpec::<f64>::new("Reshape", 2);
        assert!(matches!(read_reshape(&computed), Err(Error::NotConstant { .. })));
        assert!(matches!(read_reshape(&OperatorSpec::<f64>::new("Reshape", 1)), Err(Error::MissingInput { .. })));
    }

    #[test]
    fn definitions_are_read_back() {
        for operation in [reshape(&[0, -1], 0).unwrap().operation, reshape(&[0, 3], 1).unwrap().operation] {
            let spec = operation.to_spec();
            assert_eq!(read_reshape(&spec).unwrap().operation.to_spec(), spec);
        }
    }

    #[test]
    fn flattening_splits_at_any_axis() {
        let shape = |axis| shape_of(&Flatten { axis }, &[2, 3, 4]);
        assert_eq!(shape(0).unwrap(), [1, 24]);
        assert_eq!(shape(-1).unwrap(), [6, 4]);
        assert_eq!(shape(-3).unwrap(), [1, 24]);
        assert_eq!(shape(3).unwrap(), [24, 1]);
        assert!(shape(4).is_err() && shape(-4).is_err() && shape(i64::MIN).is_err());
    }

    #[test]
    fn axes_of_length_one_go_and_come() {
        let squeeze = |axes: Option<Vec<i64>>| shape_of(&Squeeze { axes }, &[1, 3, 1, 5]);
        assert_eq!(squeeze(None).unwrap(), [3, 5]);
        assert_eq!(squeeze(Some(vec![-2])).unwrap(), [1, 3, 5]);
        assert!(squeeze(Some(vec![1])).unwrap_err().to_string().contains("length 3"));
        assert!(squeeze(Some(vec![0, -4])).is_err());
        let unsqueeze = |axes: Vec<i64>| shape_of(&Unsqueeze { axes }, &[3, 5]);
        assert_eq!(unsqueeze(vec![-1, 0]).unwrap(), [1, 3, 5, 1]);
        assert_eq!(unsqueeze(vec![2, 1]).unwrap(), [3, 1, 1, 5]);
        assert!(unsqueeze(vec![3]).is_err() && unsqueeze(vec![1, 1]).is_err());
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        let x = numbers(&[2, 1, 3, 2], 1);
        check_gradient(&*reshape(&[0, -1, 2], 0).unwrap().operation, from_ref(&x));
        check_gradient(&Flatten { axis: 2 }, from_ref(&x));
        check_gradient(&Squeeze { axes: None }, from_ref(&x));
        check_gradient(&Unsqueeze { axes: vec![1] }, &[x]);
    }
}
