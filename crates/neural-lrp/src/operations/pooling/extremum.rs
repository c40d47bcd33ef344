//! The largest or the smallest number along axes.

use ndarray::{ArrayD, ArrayViewD};

use crate::arrays::contiguous::elements;
use crate::operation::shares::shares;
use crate::operation::{Family, MaxSelection, Operation, OperatorSpec, ParsedOperation, Redistribution, Sharing, Step};
use crate::operations::reduction::Reduction;
use crate::{Error, Real};

/// `y_j = max_i x_i` or `y_j = min_i x_i` over some of the axes.
///
/// A row that holds NaN gives NaN. Relevance is shared as in maximum pooling: see [`Sharing`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extremum {
    end: End,
    reduction: Reduction,
}

/// Which of the numbers is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The largest.
    Largest,
    /// The smallest.
    Smallest,
}

impl End {
    /// What any number is taken before.
    fn beyond<F: Real>(self) -> F {
        match self {
            Self::Largest => F::neg_infinity(),
            Self::Smallest => F::infinity(),
        }
    }

    /// The one of two numbers that is taken, NaN where either is.
    pub(super) fn of<F: Real>(self, a: F, b: F) -> F {
        let is_further = match self {
            Self::Largest => b > a,
            Self::Smallest => b < a,
        };
        if is_further || b.is_nan() { b } else { a }
    }
}

impl Extremum {
    /// The largest or smallest over axes.
    pub fn new(end: End, reduction: Reduction) -> Self {
        Self { end, reduction }
    }

    /// Hands each row's relevance to its winners: the first of them, or all in equal shares.
    fn to_winners<F: Real>(&self, step: &Step<'_, F>, upper: &ArrayViewD<'_, F>, takes: Winners) -> ArrayD<F> {
        let (output, upper) = (elements(&step.output), elements(upper));
        let groups = self.reduction.groups(step.operands[0].shape());
        groups.map([step.operands[0].view()], |row, [x], lower| {
            let wins = |x: F| x == output[row] || x.is_nan();
            let count = match takes {
                Winners::First => 1,
                Winners::All => x.iter().filter(|&&x| wins(x)).count(),
            };
            let share = upper[row] / F::of(count as f64);
            let winners = lower.iter_mut().zip(x).filter(|(_, x)| wins(**x));
            winners.take(count).for_each(|(lower, _)| *lower = share);
        })
    }
}

/// Which of the numbers that are equal to the extreme one get relevance.
#[derive(Clone, Copy)]
enum Winners {
    First,
    All,
}

impl<F: Real> MaxSelection<F> for Extremum {
    fn redistribute(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>, sharing: Sharing) -> Redistribution<F> {
        let stabilizer = match sharing {
            Sharing::First => return Redistribution::lossless(vec![self.to_winners(step, &upper, Winners::First)]),
            Sharing::Ties => return Redistribution::lossless(vec![self.to_winners(step, &upper, Winners::All)]),
            Sharing::Proportional(stabilizer) => stabilizer,
        };
        let sums = self.reduction.fold(&step.operands[0], |x| x.iter().copied().sum());
        let (shares, sinks) = shares(upper, &sums.view(), stabilizer);
        let shares = shares.view();
        let shares = elements(&shares);
        let groups = self.reduction.groups(step.operands[0].shape());
        let lower = groups.map([step.operands[0].view()], |row, [x], lower| {
            lower.iter_mut().zip(x).for_each(|(lower, &x)| *lower = x * shares[row]);
        });
        Redistribution::with_sinks(vec![lower], sinks)
    }
}

impl<F: Real> Operation<F> for Extremum {
    fn to_spec(&self) -> OperatorSpec<F> {
        self.reduction.spec(Operation::<F>::kind(self))
    }

    fn kind(&self) -> &'static str {
        match self.end {
            End::Largest => "ReduceMax",
            End::Smallest => "ReduceMin",
        }
    }

    fn family(&self) -> Family {
        Family::Maximum
    }

    fn keeps_samples_apart(&self, _: &[&[usize]]) -> bool {
        true
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        self.reduction.output_shape(operands)
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        let (first, end) = (self.end.beyond(), self.end);
        self.reduction.fold(&operands[0], |x| x.iter().fold(first, |a, &b| end.of(a, b)))
    }

    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        vec![self.to_winners(step, &upper, Winners::First)]
    }

    fn max_selection(&self) -> Option<&dyn MaxSelection<F>> {
        Some(self)
    }

    fn description(&self) -> String {
        self.reduction.description()
    }
}

/// Reads the largest over axes from its specification.
pub(crate) fn read_max<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(Extremum::new(End::Largest, Reduction::read(spec)?), vec![0]))
}

/// Reads the smallest over axes from its specification.
pub(crate) fn read_min<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(Extremum::new(End::Smallest, Reduction::read(spec)?), vec![0]))
}

#[cfg(test)]
mod tests {
    use ndarray::{IxDyn, array};
    use relevance::Stabilizer;

    use super::*;
    use crate::operations::reduction::{Axes, Rank};
    use crate::operations::testing::{assert_close, booked, check_gradient, forward, numbers, step};

    fn over(end: End, axes: Axes, rank: Rank) -> Extremum {
        Extremum::new(end, Reduction::new(axes, rank))
    }

    #[test]
    fn extremes_are_those_of_plain_loops() {
        let x = [numbers(&[2, 3, 4], 71)];
        let max = forward(&over(End::Largest, Axes::Some(vec![0, -1]), Rank::Kept), &x);
        let min = forward(&over(End::Smallest, Axes::Some(vec![1]), Rank::Reduced), &x);
        let expected_max = ArrayD::from_shape_fn(IxDyn(&[1, 3, 1]), |at| {
            let all = (0..2).flat_map(|i| (0..4).map(move |k| [i, k]));
            all.map(|[i, k]| x[0][[i, at[1], k]]).fold(f64::NEG_INFINITY, f64::max)
        });
        let expected_min = ArrayD::from_shape_fn(IxDyn(&[2, 4]), |at| {
            (0..3).map(|j| x[0][[at[0], j, at[1]]]).fold(f64::INFINITY, f64::min)
        });
        assert_eq!((max, min), (expected_max, expected_min));
        assert_eq!(forward(&over(End::Largest, Axes::Some(vec![]), Rank::Kept), &x), x[0]);
        assert_eq!(forward(&over(End::Smallest, Axes::All, Rank::Reduced), &x).ndim(), 0);
    }

    #[test]
    fn the_first_in_row_major_order_takes_all_or_ties_share() {
        let x = [array![[3.0, 1.0], [2.0, 3.0], [3.0, 0.0]].into_dyn()];
        let max = over(End::Largest, Axes::All, Rank::Kept);
        let y = forward(&max, &x);
        let upper = array![[6.0]].into_dyn();
        let lower = |sharing| max.redistribute(&step(&x, &y), upper.view(), sharing).lower.remove(0);
        assert_eq!(lower(Sharing::First), array![[6.0, 0.0], [0.0, 0.0], [0.0, 0.0]].into_dyn());
        assert_eq!(lower(Sharing::Ties), array![[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]].into_dyn());
        let in_proportion = array![[1.5, 0.5], [1.0, 1.5], [1.5, 0.0]].into_dyn();
        assert_close(lower(Sharing::Proportional(Stabilizer::NONE)).view(), in_proportion.view(), "in proportion");

        let min = over(End::Smallest, Axes::Some(vec![0]), Rank::Reduced);
        let x = [array![[3.0, 1.0], [2.0, 1.0], [2.0, 4.0]].into_dyn()];
        let y = forward(&min, &x);
        let upper = array![5.0, 7.0].into_dyn();
        let lower = min.redistribute(&step(&x, &y), upper.view(), Sharing::First).lower.remove(0);
        assert_eq!(lower, array![[0.0, 7.0], [5.0, 0.0], [0.0, 0.0]].into_dyn());
    }

    #[test]
    fn not_a_number_is_not_hidden() {
        let x = [array![[1.0, f64::NAN, 3.0], [1.0, 2.0, 3.0]].into_dyn()];
        for (end, expected) in [(End::Largest, 3.0), (End::Smallest, 1.0)] {
            let extremum = over(end, Axes::Some(vec![1]), Rank::Reduced);
            let y = forward(&extremum, &x);
            assert!(y[[0]].is_nan() && y[[1]] == expected);
            let lower = &extremum.gradient(&step(&x, &y), array![4.0, 5.0].into_dyn().view())[0];
            assert_eq!(lower[[0, 1]], 4.0);
        }
    }

    #[test]
    fn the_gradient_is_that_of_the_winner() {
        for end in [End::Largest, End::Smallest] {
            for axes in [Axes::All, Axes::Some(vec![]), Axes::Some(vec![1]), Axes::Some(vec![-1, 0])] {
                check_gradient(&over(end, axes, Rank::Reduced), &[numbers(&[2, 3, 4], 72)]);
            }
        }
    }

    #[test]
    fn what_the_numbers_do_not_get_is_booked() {
        let stabilizers = [Stabilizer::NONE, Stabilizer::new(0.25).unwrap()];
        let sharing = stabilizers.map(Sharing::Proportional).into_iter().chain([Sharing::First, Sharing::Ties]);
        for (seed, sharing) in (80..).zip(sharing) {
            for end in [End::Largest, End::Smallest] {
                let x = [numbers(&[3, 4, 2], seed).mapv(|x| (3.0 * x).round())];
                let extremum = over(end, Axes::Some(vec![1]), Rank::Kept);
                let y = forward(&extremum, &x);
                let upper = numbers(y.shape(), seed + 1);
                let shared = extremum.redistribute(&step(&x, &y), upper.view(), sharing);
                let entry = booked(&upper, shared);
                assert!(entry.relative_error() < 1e-12, "{sharing:?}: {}", entry.relative_error());
            }
        }
    }

    #[test]
    fn it_is_read_as_it_is_worded() {
        for (end, read) in [(End::Largest, read_max as fn(&OperatorSpec<f64>) -> _), (End::Smallest, read_min)] {
            let words: OperatorSpec<f64> = over(end, Axes::Some(vec![1, -1]), Rank::Reduced).to_spec();
            assert_eq!(read(&words).unwrap().operation.to_spec(), words);
        }
    }
}
