//! Where the largest or the smallest number stands: ArgMax and ArgMin.

use ndarray::{ArrayD, ArrayViewD};

use crate::operation::{Numbers, OperatorSpec, ParsedOperation};
use crate::operations::decision::{Decide, decision};
use crate::operations::pooling::End;
use crate::operations::reduction::{Axes, Rank, Reduction};
use crate::{Error, Real};

/// The position of the largest or the smallest number along an axis, counted from 0.
///
/// Of a row that holds what is no number, that of the first such.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    end: End,
    axis: i64,
    rank: Rank,
    among: Among,
}

/// Which of several equal numbers is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Among {
    /// The first.
    First,
    /// The last.
    Last,
}

impl Position {
    /// The position along an axis, which is counted from the last where it is negative.
    pub fn new(end: End, axis: i64, rank: Rank, among: Among) -> Self {
        Self { end, axis, rank, among }
    }

    fn kind(&self) -> &'static str {
        match self.end {
            End::Largest => "ArgMax",
            End::Smallest => "ArgMin",
        }
    }

    fn reduction(&self) -> Reduction {
        Reduction::new(Axes::Some(vec![self.axis]), self.rank)
    }

    fn of_row<F: Real>(&self, row: &[F]) -> usize {
        let is_further = |a: F, b: F| match (self.end, self.among) {
            (End::Largest, Among::First) => b > a,
            (End::Largest, Among::Last) => b >= a,
            (End::Smallest, Among::First) => b < a,
            (End::Smallest, Among::Last) => b <= a,
        };
        let nan = row.iter().position(|x| x.is_nan());
        nan.unwrap_or_else(|| (1..row.len()).fold(0, |at, next| if is_further(row[at], row[next]) { next } else { at }))
    }
}

impl<F: Real> Decide<F> for Position {
    fn name(&self) -> &'static str {
        self.kind()
    }

    fn words(&self) -> OperatorSpec<F> {
        OperatorSpec::new(self.kind(), 1)
            .with_integer("axis", self.axis)
            .with_integer("keepdims", i64::from(self.rank == Rank::Kept))
            .with_integer("select_last_index", i64::from(self.among == Among::Last))
    }

    fn decides(&self) -> Numbers {
        Numbers::Integer
    }

    fn keeps_samples_apart(&self, operands: &[&[usize]]) -> bool {
        // Along the axis of samples there is one position for all of them.
        operands.iter().all(|shape| crate::arrays::axes::position(self.axis, shape.len()) != Some(0))
    }

    fn shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        let output = self.reduction().output_shape(operands)?;
        let length = self.reduction().groups(operands[0]).length();
        match i64::try_from(length).is_ok_and(|length| (1..=F::EXACT_INTEGERS).contains(&length)) {
            true => Ok(output),
            false => Err(Error::shape(
                operands,
                format!("axis {} has {length} positions, and should have 1 to {}", self.axis, F::EXACT_INTEGERS),
            )),
        }
    }

    fn decide(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        self.reduction().fold(&operands[0], |row| F::of(self.of_row(row) as f64))
    }

    fn summary(&self) -> String {
        format!("along axis {}", self.axis)
    }
}

decision!(Position);

/// Reads the position of the largest from its specification.
pub(crate) fn read_max<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    read(spec, End::Largest)
}

/// Reads the position of the smallest from its specification.
pub(crate) fn read_min<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    read(spec, End::Smallest)
}

fn read<F: Real>(spec: &OperatorSpec<F>, end: End) -> Result<ParsedOperation<F>, Error> {
    let rank = if spec.integer("keepdims", 1)? != 0 { Rank::Kept } else { Rank::Reduced };
    let among = if spec.integer("select_last_index", 0)? != 0 { Among::Last } else { Among::First };
    Ok(ParsedOperation::new(Position::new(end, spec.integer("axis", 0)?, rank, among), vec![0]))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::operation::Operation;
    use crate::operations::testing::{check_gradient, forward, numbers};

    #[test]
    fn positions_are_those_of_the_extremes() {
        let x = [array![[3.0, 1.0, 3.0], [1.0, 2.0, 1.0], [f64::NAN, 0.0, f64::NAN]].into_dyn()];
        let of = |end, among| forward(&Position::new(end, -1, Rank::Reduced, among), &x);
        assert_eq!(of(End::Largest, Among::First), array![0.0, 1.0, 0.0].into_dyn());
        assert_eq!(of(End::Largest, Among::Last), array![2.0, 1.0, 0.0].into_dyn());
        assert_eq!(of(End::Smallest, Among::First), array![1.0, 0.0, 0.0].into_dyn());
        assert_eq!(of(End::Smallest, Among::Last), array![1.0, 2.0, 0.0].into_dyn());
        assert_eq!(forward(&Position::new(End::Smallest, 0, Rank::Kept, Among::First), &x).shape(), [1, 3]);
    }

    #[test]
    fn they_are_read_as_they_are_worded() {
        for end in [End::Largest, End::Smallest] {
            for among in [Among::First, Among::Last] {
                let position = Position::new(end, 1, Rank::Reduced, among);
                let spec: OperatorSpec<f64> = position.words();
                assert_eq!(crate::operations::read(&spec).unwrap().operation.to_spec(), spec);
                check_gradient(&position, &[numbers(&[2, 3, 4], 1)]);
            }
        }
    }

    #[test]
    fn axes_are_as_long_as_numbers_can_count() {
        let position = Position::new(End::Largest, 0, Rank::Kept, Among::First);
        let single: &dyn Operation<f32> = &position;
        assert!(single.output_shape(&[&[1 << 24]]).is_ok());
        assert!(single.output_shape(&[&[(1 << 24) + 1]]).unwrap_err().to_string().contains("16777217 positions"));
        assert!(single.output_shape(&[&[0]]).is_err() && single.output_shape(&[&[]]).is_err());
        assert!(Operation::<f64>::output_shape(&position, &[&[(1 << 24) + 1]]).is_ok());
    }
}
