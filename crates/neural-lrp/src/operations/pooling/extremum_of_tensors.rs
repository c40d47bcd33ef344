//! The largest or the smallest of several tensors, number by number.

use ndarray::{ArrayD, ArrayViewD, Zip};

use crate::arrays::broadcast::{broadcast_shape, combine, sum_to_shape};
use crate::operation::shares::shares;
use crate::operation::{Family, MaxSelection, Operation, OperatorSpec, ParsedOperation, Redistribution, Sharing, Step};
use crate::operations::pooling::End;
use crate::{Error, Real};

/// `y = max_k x_k` or `y = min_k x_k` of several tensors, which broadcast as in numpy.
///
/// Where one of them is no number, neither is the output. Relevance is shared as in maximum pooling, the first operand
/// before the second: see [`Sharing`]. What a constant wins does not depend on the network's input; it is booked as the
/// share of a bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtremumOfTensors {
    /// Which of the numbers is taken.
    pub end: End,
    /// How many tensors there are.
    pub operands: usize,
}

impl ExtremumOfTensors {
    /// Hands the relevance of each place to its winners: the first of them, or all in equal shares.
    fn to_winners<F: Real>(self, step: &Step<'_, F>, upper: &ArrayViewD<'_, F>, takes: Winners) -> Vec<ArrayD<F>> {
        let wins =
            |operand| combine(&step.output, operand, |y, x| if x == y || x.is_nan() { F::one() } else { F::zero() });
        let mut shares: Vec<ArrayD<F>> = step.operands.iter().map(wins).collect();
        let mut winners = ArrayD::zeros(step.output.raw_dim());
        for wins in &mut shares {
            Zip::from(&mut winners).and(wins).for_each(|winners, wins| {
                if *winners > F::zero() && takes == Winners::First {
                    *wins = F::zero();
                }
                *winners += *wins;
            });
        }
        let handed = shares.into_iter().zip(&step.operands).map(|(mut share, operand)| {
            Zip::from(&mut share).and(&winners).and(upper).for_each(|share, &winners, &upper| {
                *share = if *share == F::zero() { F::zero() } else { upper / winners };
            });
            sum_to_shape(share, operand.shape())
        });
        handed.collect()
    }

    fn name(&self) -> &'static str {
        match self.end {
            End::Largest => "Max",
            End::Smallest => "Min",
        }
    }
}

/// Which of the tensors that hold the extreme number get relevance.
#[derive(Clone, Copy, PartialEq)]
enum Winners {
    First,
    All,
}

impl<F: Real> MaxSelection<F> for ExtremumOfTensors {
    fn redistribute(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>, sharing: Sharing) -> Redistribution<F> {
        let stabilizer = match sharing {
            Sharing::First => return Redistribution::lossless(self.to_winners(step, &upper, Winners::First)),
            Sharing::Ties => return Redistribution::lossless(self.to_winners(step, &upper, Winners::All)),
            Sharing::Proportional(stabilizer) => stabilizer,
        };
        let sum = |sum: ArrayD<F>, operand| combine(&sum.view(), operand, |sum, x| sum + x);
        let sums = step.operands.iter().fold(ArrayD::zeros(step.output.raw_dim()), sum);
        let (shares, sinks) = shares(upper, &sums.view(), stabilizer);
        let lower = step
            .operands
            .iter()
            .map(|operand| sum_to_shape(combine(&shares.view(), operand, |share, x| x * share), operand.shape()));
        Redistribution::with_sinks(lower.collect(), sinks)
    }
}

impl<F: Real> Operation<F> for ExtremumOfTensors {
    fn to_spec(&self) -> OperatorSpec<F> {
        OperatorSpec::new(self.name(), self.operands)
    }

    fn kind(&self) -> &'static str {
        self.name()
    }

    fn family(&self) -> Family {
        Family::Maximum
    }

    fn keeps_samples_apart(&self, _: &[&[usize]]) -> bool {
        true
    }

    fn takes_empty_operands(&self) -> bool {
        true
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        match operands.len() == self.operands {
            true => broadcast_shape(operands),
            false => Err(Error::shape(operands, format!("it takes {}", self.operands))),
        }
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        let (first, others) = operands.split_first().unwrap_or_else(|| unreachable!("output_shape agreed"));
        let next = |far: ArrayD<F>, operand| combine(&far.view(), operand, |a, b| self.end.of(a, b));
        others.iter().fold(first.as_standard_layout().into_owned(), next)
    }

    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        self.to_winners(step, &upper, Winners::First)
    }

    fn max_selection(&self) -> Option<&dyn MaxSelection<F>> {
        Some(self)
    }
}

/// Reads the largest of tensors from its specification.
pub(crate) fn read_max<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    read(spec, End::Largest)
}

/// Reads the smallest of tensors from its specification.
pub(crate) fn read_min<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    read(spec, End::Smallest)
}

fn read<F: Real>(spec: &OperatorSpec<F>, end: End) -> Result<ParsedOperation<F>, Error> {
    spec.constants_are_exact(1..=usize::MAX)?;
    let operands = spec.inputs.len();
    Ok(ParsedOperation::new(ExtremumOfTensors { end, operands }, (0..operands).collect()))
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use relevance::Stabilizer;

    use super::*;
    use crate::operations::testing::{booked, check_gradient, forward, numbers, step};

    fn of(end: End, operands: usize) -> ExtremumOfTensors {
        ExtremumOfTensors { end, operands }
    }

    #[test]
    fn extremes_are_those_of_plain_comparisons() {
        let x = [
            array![[1.0, 5.0], [f64::NAN, 2.0]].into_dyn(),
            array![3.0, 2.0].into_dyn(),
            array![[0.0], [9.0]].into_dyn(),
        ];
        let (max, min) = (forward(&of(End::Largest, 3), &x), forward(&of(End::Smallest, 3), &x));
        assert_eq!([max[[0, 0]], max[[0, 1]], max[[1, 1]]], [3.0, 5.0, 9.0]);
        assert_eq!([min[[0, 0]], min[[0, 1]], min[[1, 1]]], [0.0, 0.0, 2.0]);
        assert!(max[[1, 0]].is_nan() && min[[1, 0]].is_nan());
        assert_eq!(forward(&of(End::Largest, 1), &x[1..2]), x[1]);
        let shape = |operands: &[&[usize]]| Operation::<f64>::output_shape(&of(End::Largest, 2), operands);
        assert!(shape(&[&[2, 3], &[2]]).is_err() && shape(&[&[2]]).is_err());
    }

    #[test]
    fn the_gradient_is_that_of_the_winner() {
        // No two of them are as near as the finite differences go.
        let apart = |shape: &[usize], k: u64| numbers(shape, k).mapv(|x| (x * 10.0).round() / 10.0) + 0.03 * k as f64;
        let x = [apart(&[2, 3], 0), apart(&[3], 1), apart(&[4, 1, 1], 2)];
        for end in [End::Largest, End::Smallest] {
            check_gradient(&of(end, 3), &x);
            check_gradient(&of(end, 1), &x[..1]);
        }
    }

    #[test]
    fn the_first_operand_takes_all_or_ties_share() {
        let x = [array![3.0, 1.0, 2.0].into_dyn(), array![3.0, 4.0, 2.0].into_dyn(), array![3.0, 4.0, 1.0].into_dyn()];
        let max = of(End::Largest, 3);
        let y = forward(&max, &x);
        let upper = array![6.0, 8.0, 10.0].into_dyn();
        let lower = |sharing| max.redistribute(&step(&x, &y), upper.view(), sharing).lower;
        let rows = |rows: [[f64; 3]; 3]| rows.map(|row| ndarray::arr1(&row).into_dyn());
        assert_eq!(lower(Sharing::First), rows([[6.0, 0.0, 10.0], [0.0, 8.0, 0.0], [0.0; 3]]));
        assert_eq!(lower(Sharing::Ties), rows([[2.0, 0.0, 5.0], [2.0, 4.0, 5.0], [2.0, 4.0, 0.0]]));
    }

    #[test]
    fn what_the_operands_do_not_get_is_booked() {
        let x = [numbers(&[2, 3], 1), numbers(&[3], 2), ArrayD::zeros(vec![])];
        let max = of(End::Largest, 3);
        let y = forward(&max, &x);
        let upper = numbers(y.shape(), 4);
        let proportional = [0.0, 0.25].map(|epsilon| Sharing::Proportional(Stabilizer::new(epsilon).unwrap()));
        for sharing in proportional.into_iter().chain([Sharing::First, Sharing::Ties]) {
            let handed = max.redistribute(&step(&x, &y), upper.view(), sharing);
            let entry = booked(&upper, handed);
            assert!(entry.relative_error() < 1e-12, "{sharing:?}: {}", entry.relative_error());
        }
    }
}
