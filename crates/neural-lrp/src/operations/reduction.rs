//! The axes that sums, norms and extremes of tensors run over.

use ndarray::{ArrayD, ArrayViewD, IxDyn};

use crate::arrays::axes::axis_of;
use crate::arrays::groups::Groups;
use crate::operation::OperatorSpec;
use crate::{Error, Real};

/// The axes that an operation reduces to one number each, and what becomes of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reduction {
    axes: Axes,
    rank: Rank,
}

/// Which axes are reduced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Axes {
    /// All.
    All,
    /// These, counted from the last where negative.
    Some(Vec<i64>),
}

/// What becomes of the reduced axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// They stay, with length 1.
    Kept,
    /// They are gone.
    Reduced,
}

impl Reduction {
    /// A reduction of axes.
    pub fn new(axes: Axes, rank: Rank) -> Self {
        Self { axes, rank }
    }

    /// The reduction of a specification: the axes are its second input.
    pub(super) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<Self, Error> {
        let axes = spec.constant_integers(1, "axes")?.unwrap_or_default();
        let nothing_means_none = spec.integer("noop_with_empty_axes", 0)? != 0;
        let axes = if axes.is_empty() && !nothing_means_none { Axes::All } else { Axes::Some(axes) };
        let rank = if spec.integer("keepdims", 1)? != 0 { Rank::Kept } else { Rank::Reduced };
        Ok(Self { axes, rank })
    }

    /// The specification of an operation of this kind over these axes.
    pub(super) fn spec<F: Real>(&self, kind: &'static str) -> OperatorSpec<F> {
        let spec = OperatorSpec::new(kind, 1).with_integer("keepdims", i64::from(self.rank == Rank::Kept));
        match &self.axes {
            Axes::All => spec,
            Axes::Some(axes) if axes.is_empty() => spec.with_integer("noop_with_empty_axes", 1),
            Axes::Some(axes) => spec.with_constant_integers(axes.iter().copied()),
        }
    }

    /// The reduced axes of an operand of `shape`, ascending.
    fn axes_of(&self, shape: &[usize]) -> Result<Vec<usize>, Error> {
        let mut axes = match &self.axes {
            Axes::All => (0..shape.len()).collect(),
            Axes::Some(axes) => axes.iter().map(|&axis| axis_of(axis, shape)).collect::<Result<Vec<usize>, Error>>()?,
        };
        axes.sort_unstable();
        if axes.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Error::shape(&[shape], format!("it reduces an axis twice: {axes:?}")));
        }
        Ok(axes)
    }

    /// The shape of the output for a single operand.
    ///
    /// # Errors
    /// [`Error::Shape`] when there is no such axis, or it is reduced twice.
    pub(super) fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        let [shape] = operands else { return Err(Error::shape(operands, "it takes one")) };
        let axes = self.axes_of(shape)?;
        let lengths = shape.iter().enumerate().filter_map(|(axis, &length)| match (axes.contains(&axis), self.rank) {
            (false, _) => Some(length),
            (true, Rank::Kept) => Some(1),
            (true, Rank::Reduced) => None,
        });
        Ok(lengths.collect())
    }

    /// The numbers that become one each, of an operand whose shape [`output_shape`](Self::output_shape) agreed to.
    pub(super) fn groups(&self, shape: &[usize]) -> Groups {
        let axes = self.axes_of(shape).unwrap_or_else(|_| unreachable!("the shape was agreed to"));
        Groups::over(&axes, shape)
    }

    /// One number for each row of an operand, in the shape of the output.
    pub(super) fn fold<F: Real>(&self, operand: &ArrayViewD<'_, F>, of: impl Fn(&[F]) -> F + Sync) -> ArrayD<F> {
        let shape = self.output_shape(&[operand.shape()]).unwrap_or_else(|_| unreachable!("the shape was agreed to"));
        let rows = ArrayD::from_shape_vec(IxDyn(&shape), self.groups(operand.shape()).fold(operand, of));
        rows.unwrap_or_else(|_| unreachable!("as many rows as outputs"))
    }

    /// What a person should know.
    pub(super) fn description(&self) -> String {
        match &self.axes {
            Axes::All => "all axes".into(),
            Axes::Some(axes) => format!("axes {axes:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_axes_are_all_axes_unless_it_says_otherwise() {
        let kept = |spec: &OperatorSpec<f64>| Reduction::read(spec).unwrap().output_shape(&[&[2, 3]]).unwrap();
        let spec = OperatorSpec::new("ReduceMean", 1);
        assert_eq!(kept(&spec), [1, 1]);
        assert_eq!(kept(&spec.clone().with_constant_integers([])), [1, 1]);
        assert_eq!(kept(&spec.clone().with_integer("noop_with_empty_axes", 1)), [2, 3]);
        assert_eq!(kept(&spec.with_constant_integers([-2])), [1, 3]);
    }

    #[test]
    fn it_is_read_as_it_is_worded() {
        for axes in [Axes::All, Axes::Some(vec![]), Axes::Some(vec![-1, 0])] {
            for rank in [Rank::Kept, Rank::Reduced] {
                let reduction = Reduction::new(axes.clone(), rank);
                assert_eq!(Reduction::read(&reduction.spec::<f64>("ReduceSum")).unwrap(), reduction);
            }
        }
    }

    #[test]
    fn axes_that_are_not_there_are_refused() {
        for axes in [vec![2], vec![-3], vec![0, -2]] {
            assert!(Reduction::new(Axes::Some(axes), Rank::Kept).output_shape(&[&[2, 3]]).is_err());
        }
    }
}
