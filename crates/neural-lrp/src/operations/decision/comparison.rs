//! What holds of two numbers: comparisons and logic.

use ndarray::{ArrayD, ArrayViewD};

use crate::arrays::broadcast::{broadcast_shape, combine};
use crate::operation::{Numbers, OperatorSpec, ParsedOperation};
use crate::operations::decision::{Decide, decision, is_true, truth};
use crate::{Error, Real};

/// Whether something holds of two numbers, where operands broadcast as in numpy.
///
/// Of what is no number, no comparison holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `a = b`
    Equal,
    /// `a > b`
    Greater,
    /// `a ≥ b`
    GreaterOrEqual,
    /// `a < b`
    Less,
    /// `a ≤ b`
    LessOrEqual,
    /// Both are true.
    And,
    /// At least one is true.
    Or,
    /// One is true, and the other is not.
    Xor,
}

impl Comparison {
    const ALL: [Self; 8] = [
        Self::Equal,
        Self::Greater,
        Self::GreaterOrEqual,
        Self::Less,
        Self::LessOrEqual,
        Self::And,
        Self::Or,
        Self::Xor,
    ];

    fn holds<F: Real>(self, a: F, b: F) -> bool {
        match self {
            Self::Equal => a == b,
            Self::Greater => a > b,
            Self::GreaterOrEqual => a >= b,
            Self::Less => a < b,
            Self::LessOrEqual => a <= b,
            Self::And => is_true(a) && is_true(b),
            Self::Or => is_true(a) || is_true(b),
            Self::Xor => is_true(a) != is_true(b),
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Equal => "Equal",
            Self::Greater => "Greater",
            Self::GreaterOrEqual => "GreaterOrEqual",
            Self::Less => "Less",
            Self::LessOrEqual => "LessOrEqual",
            Self::And => "And",
            Self::Or => "Or",
            Self::Xor => "Xor",
        }
    }
}

impl<F: Real> Decide<F> for Comparison {
    fn name(&self) -> &'static str {
        self.kind()
    }

    fn words(&self) -> OperatorSpec<F> {
        OperatorSpec::new(self.kind(), 2)
    }

    fn decides(&self) -> Numbers {
        Numbers::Boolean
    }

    fn of(&self, _: usize) -> Numbers {
        match self {
            Self::And | Self::Or | Self::Xor => Numbers::Boolean,
            _ => Numbers::Real,
        }
    }

    fn shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        match operands.len() {
            2 => broadcast_shape(operands),
            _ => Err(Error::shape(operands, "it takes 2")),
        }
    }

    fn decide(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        combine(&operands[0], &operands[1], |a, b| truth(self.holds(a, b)))
    }
}

decision!(Comparison);

/// Reads a comparison from its specification.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    spec.constants_are_exact(2..=2)?;
    match Comparison::ALL.into_iter().find(|comparison| comparison.kind() == spec.kind) {
        Some(comparison) => Ok(ParsedOperation::new(comparison, vec![0, 1])),
        None => Err(Error::UnknownOperation { kind: spec.kind.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::operations::testing::{check_gradient, forward, numbers};

    #[test]
    fn comparisons_hold_of_numbers_and_of_nothing_else() {
        let (a, b) = (array![[1.0, 2.0, f64::NAN], [3.0, -0.0, f64::INFINITY]], array![1.0, 0.0, f64::INFINITY]);
        let of = |comparison: Comparison| forward(&comparison, &[a.clone().into_dyn(), b.clone().into_dyn()]);
        assert_eq!(of(Comparison::Equal), array![[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]].into_dyn());
        assert_eq!(of(Comparison::Greater), array![[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]].into_dyn());
        assert_eq!(of(Comparison::GreaterOrEqual), array![[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]].into_dyn());
        assert_eq!(of(Comparison::Less), array![[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]].into_dyn());
        assert_eq!(of(Comparison::LessOrEqual), array![[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]].into_dyn());
    }

    #[test]
    fn logic_is_that_of_truth_tables() {
        let (a, b) = (array![0.0, 0.0, 1.0, 1.0].into_dyn(), array![0.0, 1.0, 0.0, 1.0].into_dyn());
        let of = |comparison: Comparison| forward(&comparison, &[a.clone(), b.clone()]);
        assert_eq!(of(Comparison::And), array![0.0, 0.0, 0.0, 1.0].into_dyn());
        assert_eq!(of(Comparison::Or), array![0.0, 1.0, 1.0, 1.0].into_dyn());
        assert_eq!(of(Comparison::Xor), array![0.0, 1.0, 1.0, 0.0].into_dyn());
    }

    #[test]
    fn no_small_change_changes_a_comparison() {
        for comparison in Comparison::ALL {
            check_gradient(&comparison, &[numbers(&[2, 3], 1), numbers(&[3], 2)]);
        }
    }

    #[test]
    fn integers_that_are_no_such_numbers_are_refused() {
        let equal = |integer: i64| read(&OperatorSpec::<f32>::new("Equal", 1).with_constant_integers([integer]));
        assert!(equal(1 << 24).is_ok());
        let message = equal((1 << 24) + 1).unwrap_err().to_string();
        assert!(message.contains("16777217") && message.contains("f32"), "{message}");
        assert!(read(&OperatorSpec::<f64>::new("Equal", 1).with_constant_integers([(1 << 24) + 1])).is_ok());
        assert!(matches!(read(&OperatorSpec::<f32>::new("Less", 1)), Err(Error::MissingInput { .. })));
    }
}
