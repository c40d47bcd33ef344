//! Sums and means over axes.

use ndarray::{ArrayD, ArrayViewD, Axis};

use crate::arrays::axes::axis_of;
use crate::operation::OperatorSpec;
use crate::operation::{Family, Operation, ParsedOperation, Step};
use crate::{Error, Real};

/// The sum or the mean over some of the axes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reduce {
    statistic: Statistic,
    axes: Axes,
    rank: Rank,
}

/// What is made of the numbers along the axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// `Σ_i x_i`
    Sum,
    /// `Σ_i x_i / n`
    Mean,
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

impl Reduce {
    /// A sum or mean over axes.
    pub fn new(statistic: Statistic, axes: Axes, rank: Rank) -> Self {
        Self { statistic, axes, rank }
    }

    /// The reduced axes for an operand of `shape`, ascending.
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

    /// The reduced axes for an operand whose shape has been agreed upon.
    fn agreed(&self, shape: &[usize]) -> Vec<usize> {
        self.axes_of(shape).unwrap_or_else(|error| unreachable!("output_shape agreed: {error}"))
    }

    /// What each number of an operand of `shape` counts.
    fn weight<F: Real>(&self, shape: &[usize], axes: &[usize]) -> F {
        match self.statistic {
            Statistic::Sum => F::one(),
            Statistic::Mean => F::of(1.0 / axes.iter().map(|&axis| shape[axis] as f64).product::<f64>()),
        }
    }
}

impl<F: Real> Operation<F> for Reduce {
    fn to_spec(&self) -> OperatorSpec<F> {
        let spec = OperatorSpec::new(Operation::<F>::kind(self), 1)
            .with_integer("keepdims", i64::from(self.rank == Rank::Kept));
        match &self.axes {
            Axes::All => spec,
            Axes::Some(axes) if axes.is_empty() => spec.with_integer("noop_with_empty_axes", 1),
            Axes::Some(axes) => spec.with_constant_integers(axes.iter().copied()),
        }
    }

    fn kind(&self) -> &'static str {
        match self.statistic {
            Statistic::Sum => "ReduceSum",
            Statistic::Mean => "ReduceMean",
        }
    }

    fn family(&self) -> Family {
        Family::Sum
    }

    fn takes_empty_operands(&self) -> bool {
        true
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        let [shape] = operands else { return Err(Error::shape(operands, "it takes one")) };
        let axes = self.axes_of(shape)?;
        if self.statistic == Statistic::Mean && axes.iter().any(|&axis| shape[axis] == 0) {
            return Err(Error::shape(operands, "there is no mean over an axis of length 0"));
        }
        let lengths = shape.iter().enumerate().filter_map(|(axis, &length)| match (axes.contains(&axis), self.rank) {
            (false, _) => Some(length),
            (true, Rank::Kept) => Some(1),
            (true, Rank::Reduced) => None,
        });
        Ok(lengths.collect())
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        let input = &operands[0];
        let axes = self.agreed(input.shape());
        let mut output = axes.iter().rev().fold(input.to_owned(), |sum, &axis| {
            let sum = sum.sum_axis(Axis(axis));
            if self.rank == Rank::Kept { sum.insert_axis(Axis(axis)) } else { sum }
        });
        output *= self.weight::<F>(input.shape(), &axes);
        output
    }

    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        let shape = step.operands[0].shape();
        let axes = self.agreed(shape);
        let mut upper = upper;
        if self.rank == Rank::Reduced {
            for &axis in &axes {
                upper = upper.insert_axis(Axis(axis));
            }
        }
        let mut lower = ArrayD::zeros(step.operands[0].raw_dim());
        lower += &upper;
        lower *= self.weight::<F>(shape, &axes);
        vec![lower]
    }

    fn description(&self) -> String {
        match &self.axes {
            Axes::All => "all axes".into(),
            Axes::Some(axes) => format!("axes {axes:?}"),
        }
    }
}

/// Reads a sum from its specification.
pub(crate) fn read_sum<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    read(spec, Statistic::Sum)
}

/// Reads a mean from its specification.
pub(crate) fn read_mean<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    read(spec, Statistic::Mean)
}

fn read<F: Real>(spec: &OperatorSpec<F>, statistic: Statistic) -> Result<ParsedOperation<F>, Error> {
    let axes = spec.constant_integers(1, "axes")?.unwrap_or_default();
    let nothing_means_none = spec.integer("noop_with_empty_axes", 0)? != 0;
    let axes = if axes.is_empty() && !nothing_means_none { Axes::All } else { Axes::Some(axes) };
    let rank = if spec.integer("keepdims", 1)? != 0 { Rank::Kept } else { Rank::Reduced };
    Ok(ParsedOperation::new(Reduce::new(statistic, axes, rank), vec![0]))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::operations::testing::{check_gradient, forward, numbers};

    #[test]
    fn sums_and_means_over_axes() {
        let x = [array![[1.0, 2.0, 3.0], [4.0, 5.0, 9.0]].into_dyn()];
        let over =
            |statistic, axes: &[i64], rank| forward(&Reduce::new(statistic, Axes::Some(axes.to_vec()), rank), &x);
        assert_eq!(over(Statistic::Sum, &[0], Rank::Reduced), array![5.0, 7.0, 12.0].into_dyn());
        assert_eq!(over(Statistic::Mean, &[-1], Rank::Kept), array![[2.0], [6.0]].into_dyn());
        assert_eq!(over(Statistic::Mean, &[1, 0], Rank::Kept), array![[4.0]].into_dyn());
        assert_eq!(over(Statistic::Sum, &[], Rank::Kept), x[0]);
        let all = Reduce::new(Statistic::Sum, Axes::All, Rank::Reduced);
        assert_eq!(forward(&all, &x), ndarray::arr0(24.0).into_dyn());
    }

    #[test]
    fn the_gradient_is_right_for_all_axes() {
        for statistic in [Statistic::Sum, Statistic::Mean] {
            for rank in [Rank::Kept, Rank::Reduced] {
                for axes in [Axes::All, Axes::Some(vec![]), Axes::Some(vec![-1, 0]), Axes::Some(vec![1])] {
                    check_gradient(&Reduce::new(statistic, axes, rank), &[numbers(&[2, 3, 4], 61)]);
                }
            }
        }
    }

    #[test]
    fn no_axes_are_all_axes_unless_it_says_otherwise() {
        let kept = |spec: &OperatorSpec<f64>| read_mean(spec).unwrap().operation.output_shape(&[&[2, 3]]).unwrap();
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
                let words: OperatorSpec<f64> = Reduce::new(Statistic::Sum, axes.clone(), rank).to_spec();
                assert_eq!(read_sum(&words).unwrap().operation.to_spec(), words);
            }
        }
    }

    #[test]
    fn axes_that_are_not_there_are_refused() {
        for axes in [vec![2], vec![-3], vec![0, -2]] {
            let sum = Reduce::new(Statistic::Sum, Axes::Some(axes), Rank::Kept);
            assert!(Operation::<f64>::output_shape(&sum, &[&[2, 3]]).is_err());
        }
        let mean = Reduce::new(Statistic::Mean, Axes::All, Rank::Kept);
        assert!(Operation::<f64>::output_shape(&mean, &[&[2, 0]]).is_err());
    }
}
