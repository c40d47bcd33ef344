//! The largest or the smallest numbers along an axis: TopK.

use ndarray::{ArrayD, ArrayViewD, Axis, Zip};

use crate::arrays::axes::{axis_of, position};
use crate::operation::shares::shares;
use crate::operation::{
    Family, MaxSelection, Numbers, Operation, OperatorSpec, ParsedOperation, Redistribution, Sharing, Step,
};
use crate::operations::decision::{Decide, decision};
use crate::operations::pooling::End;
use crate::{Error, Real};

/// The k largest or smallest numbers along an axis, the furthest first; of equal ones, the first.
///
/// What is no number counts as largest. Relevance goes to where each number came from. Where ties share, all numbers that are
/// equal to one that was taken do; in proportion, each of the k hands down as the sum of its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Top {
    axis: i64,
    count: usize,
    end: End,
}

impl Top {
    /// The `count` numbers at one end, along an axis that is counted from the last where it is negative.
    pub fn new(axis: i64, count: usize, end: End) -> Self {
        Self { axis, count, end }
    }

    fn axis(&self, shape: &[usize]) -> Axis {
        Axis(axis_of(self.axis, shape).unwrap_or_else(|_| unreachable!("output_shape agreed")))
    }

    fn spec<F: Real>(&self) -> OperatorSpec<F> {
        OperatorSpec::new("TopK", 1)
            .with_integer("axis", self.axis)
            .with_integer("largest", i64::from(self.end == End::Largest))
            .with_constant_integers([self.count as i64])
    }

    fn shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        let [shape] = operands else { return Err(Error::shape(operands, "it takes one")) };
        let axis = axis_of(self.axis, shape)?;
        let mut output = shape.to_vec();
        if self.count > output[axis] {
            let reason = format!("axis {axis} has {} numbers, and not {}", output[axis], self.count);
            return Err(Error::shape(operands, reason));
        }
        output[axis] = self.count;
        Ok(output)
    }

    fn keeps_apart(&self, operands: &[&[usize]]) -> bool {
        operands.iter().all(|shape| position(self.axis, shape.len()) != Some(0))
    }

    /// The positions of the numbers of a row that are taken.
    fn positions<F: Real>(&self, row: &[F]) -> Vec<usize> {
        let order = |a: F, b: F| a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()));
        let mut positions: Vec<usize> = (0..row.len()).collect();
        // A stable sort keeps the first of equal numbers first.
        positions.sort_by(|&a, &b| match self.end {
            End::Largest => order(row[b], row[a]),
            End::Smallest => order(row[a], row[b]),
        });
        positions.truncate(self.count);
        positions
    }

    /// An output, whose rows are written from those of the operand.
    fn rows<F: Real>(&self, operand: &ArrayViewD<'_, F>, write: impl Fn(&[F], usize) -> F) -> ArrayD<F> {
        let shape = self.shape(&[operand.shape()]).unwrap_or_else(|_| unreachable!("output_shape agreed"));
        let (axis, mut output) = (self.axis(operand.shape()), ArrayD::zeros(shape));
        Zip::from(output.lanes_mut(axis)).and(operand.lanes(axis)).for_each(|output, row| {
            let row = row.to_vec();
            output.into_iter().zip(self.positions(&row)).for_each(|(output, at)| *output = write(&row, at));
        });
        output
    }

    /// What the numbers of each row get: written from the row, its output, and what is above that.
    fn lower<F: Real>(
        &self,
        step: &Step<'_, F>,
        upper: &ArrayViewD<'_, F>,
        write: impl Fn(&[F], &[F], &[F], &mut [F]),
    ) -> ArrayD<F> {
        let operand = &step.operands[0];
        let (axis, mut lower) = (self.axis(operand.shape()), ArrayD::zeros(operand.raw_dim()));
        let rows = Zip::from(lower.lanes_mut(axis)).and(operand.lanes(axis));
        rows.and(step.output.lanes(axis)).and(upper.lanes(axis)).for_each(|mut lower, row, output, upper| {
            let mut shares = vec![F::zero(); row.len()];
            write(&row.to_vec(), &output.to_vec(), &upper.to_vec(), &mut shares);
            lower.iter_mut().zip(shares).for_each(|(lower, share)| *lower = share);
        });
        lower
    }

    fn to_taken<F: Real>(self, step: &Step<'_, F>, upper: &ArrayViewD<'_, F>) -> ArrayD<F> {
        self.lower(step, upper, |row, _, upper, lower| {
            self.positions(row).into_iter().zip(upper).for_each(|(position, &upper)| lower[position] = upper);
        })
    }

    fn to_equals<F: Real>(self, step: &Step<'_, F>, upper: &ArrayViewD<'_, F>) -> ArrayD<F> {
        self.lower(step, upper, |row, output, upper, lower| {
            for (&output, &upper) in output.iter().zip(upper) {
                let is_equal = |x: F| x == output || (x.is_nan() && output.is_nan());
                let share = upper / F::of(row.iter().filter(|&&x| is_equal(x)).count() as f64);
                let equals = lower.iter_mut().zip(row).filter(|(_, x)| is_equal(**x));
                equals.for_each(|(lower, _)| *lower += share);
            }
        })
    }
}

impl<F: Real> MaxSelection<F> for Top {
    fn redistribute(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>, sharing: Sharing) -> Redistribution<F> {
        let stabilizer = match sharing {
            Sharing::First => return Redistribution::lossless(vec![self.to_taken(step, &upper)]),
            Sharing::Ties => return Redistribution::lossless(vec![self.to_equals(step, &upper)]),
            Sharing::Proportional(stabilizer) => stabilizer,
        };
        let sums = self.rows(&step.operands[0], |row, _| row.iter().copied().sum());
        let (shares, sinks) = shares(upper, &sums.view(), stabilizer);
        let lower = self.lower(step, &shares.view(), |row, _, shares, lower| {
            let share: F = shares.iter().copied().sum();
            lower.iter_mut().zip(row).for_each(|(lower, &x)| *lower = x * share);
        });
        Redistribution::with_sinks(vec![lower], sinks)
    }
}

impl<F: Real> Operation<F> for Top {
    fn to_spec(&self) -> OperatorSpec<F> {
        self.spec()
    }

    fn kind(&self) -> &'static str {
        "TopK"
    }

    fn family(&self) -> Family {
        Family::Maximum
    }

    fn keeps_samples_apart(&self, operands: &[&[usize]]) -> bool {
        self.keeps_apart(operands)
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        self.shape(operands)
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        self.rows(&operands[0], |row, position| row[position])
    }

    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        vec![self.to_taken(step, &upper)]
    }

    fn max_selection(&self) -> Option<&dyn MaxSelection<F>> {
        Some(self)
    }

    fn description(&self) -> String {
        format!("{} along axis {}", self.count, self.axis)
    }
}

/// The positions of what [`Top`] gives: the second output of TopK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopPositions(pub Top);

impl<F: Real> Decide<F> for TopPositions {
    fn name(&self) -> &'static str {
        "TopK"
    }

    fn words(&self) -> OperatorSpec<F> {
        self.0.spec().with_integer("output", 1)
    }

    fn decides(&self) -> Numbers {
        Numbers::Integer
    }

    fn keeps_samples_apart(&self, operands: &[&[usize]]) -> bool {
        self.0.keeps_apart(operands)
    }

    fn shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        let output = self.0.shape(operands)?;
        let length = operands[0][axis_of(self.0.axis, operands[0])?];
        match i64::try_from(length).is_ok_and(|length| length <= F::EXACT_INTEGERS) {
            true => Ok(output),
            false => Err(Error::shape(operands, format!("{} can't number {length} positions", F::NAME))),
        }
    }

    fn decide(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        self.0.rows(&operands[0], |_, position| F::of(position as f64))
    }
}

decision!(TopPositions);

/// Reads either output from its specification.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let count = match spec.constant_integers(1, "k")?.as_deref() {
        Some(&[count]) => usize::try_from(count).map_err(|_| spec.refuse("k", count.to_string(), "at least 0"))?,
        Some(several) => return Err(spec.refuse("k", format!("{several:?}"), "one number")),
        None => return Err(Error::MissingInput { kind: spec.kind.clone(), input: "k" }),
    };
    let end = if spec.integer("largest", 1)? != 0 { End::Largest } else { End::Smallest };
    let top = Top::new(spec.integer("axis", -1)?, count, end);
    match spec.integer("output", 0)? {
        0 => Ok(ParsedOperation::new(top, vec![0])),
        1 => Ok(ParsedOperation::new(TopPositions(top), vec![0])),
        other => Err(spec.refuse("output", other.to_string(), "0 or 1")),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use relevance::Stabilizer;

    use super::*;
    use crate::operations::testing::{booked, check_gradient, forward, numbers, step};

    #[test]
    fn the_furthest_come_first_and_the_first_of_equals() {
        let x = [array![[3.0, 1.0, 4.0, 3.0], [f64::NAN, 2.0, 2.0, 5.0]].into_dyn()];
        let of = |end| {
            let top = Top::new(-1, 3, end);
            (forward(&top, &x), forward(&TopPositions(top), &x))
        };
        let (values, positions) = of(End::Largest);
        assert_eq!(positions, array![[2.0, 0.0, 3.0], [0.0, 3.0, 1.0]].into_dyn());
        assert!(values[[1, 0]].is_nan() && values[[1, 1]] == 5.0 && values[[0, 1]] == 3.0);
        let (values, positions) = of(End::Smallest);
        assert_eq!(values, array![[1.0, 3.0, 3.0], [2.0, 2.0, 5.0]].into_dyn());
        assert_eq!(positions, array![[1.0, 0.0, 3.0], [1.0, 2.0, 3.0]].into_dyn());
        assert_eq!(forward(&Top::new(0, 1, End::Smallest), &[array![[2.0], [1.0]].into_dyn()])[[0, 0]], 1.0);
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        for end in [End::Largest, End::Smallest] {
            for axis in 0..3 {
                let top = Top::new(axis, 2, end);
                check_gradient(&top, &[numbers(&[2, 3, 4], 5)]);
                check_gradient(&TopPositions(top), &[numbers(&[2, 3, 4], 5)]);
            }
        }
    }

    #[test]
    fn equal_numbers_share_and_the_books_balance() {
        let x = [array![[2.0, 5.0, 2.0, 2.0, -1.0]].into_dyn()];
        let top = Top::new(1, 3, End::Largest);
        let y = forward(&top, &x);
        let upper = array![[8.0, 3.0, 6.0]].into_dyn();
        let handed = |sharing| top.redistribute(&step(&x, &y), upper.view(), sharing);
        assert_eq!(handed(Sharing::First).lower[0], array![[3.0, 8.0, 6.0, 0.0, 0.0]].into_dyn());
        assert_eq!(handed(Sharing::Ties).lower[0], array![[3.0, 8.0, 3.0, 3.0, 0.0]].into_dyn());
        let proportional = handed(Sharing::Proportional(Stabilizer::new(0.5).unwrap()));
        let entry = booked(&upper, proportional);
        assert!(entry.relative_error() < 1e-12);
    }

    #[test]
    fn there_are_as_many_as_are_asked_for() {
        let read = |count: i64| read(&OperatorSpec::<f64>::new("TopK", 1).with_constant_integers([count]));
        assert!(read(-1).is_err());
        let operation = read(4).unwrap().operation;
        assert_eq!(operation.output_shape(&[&[2, 4]]).unwrap(), [2, 4]);
        assert!(operation.output_shape(&[&[2, 3]]).is_err() && operation.output_shape(&[&[]]).is_err());
        for spec in [operation.to_spec(), TopPositions(Top::new(0, 1, End::Smallest)).words()] {
            assert_eq!(super::read(&spec).unwrap().operation.to_spec(), spec);
        }
    }
}
