//! The rectifier.

use crate::operation::OperatorSpec;
use crate::operation::ParsedOperation;
use crate::operations::activation::elementwise::{Elementwise, activation};
use crate::{Error, Real};

/// `y = max(x, 0)` (Eq. 52); its derivative at 0 is 0.
#[derive(Clone, Copy, Debug)]
pub struct Relu;

impl<F: Real> Elementwise<F> for Relu {
    const KIND: &'static str = "Relu";
    const IS_RECTIFIER: bool = true;

    fn clips_to(&self) -> Option<[F; 2]> {
        Some([F::zero(), F::infinity()])
    }

    fn value(&self, x: F) -> F {
        if x < F::zero() { F::zero() } else { x }
    }

    fn derivative(&self, x: F, _: F) -> F {
        if x > F::zero() { F::one() } else { F::zero() }
    }
}

activation!(Relu);

/// Reads the operation from its specification.
pub(crate) fn read<F: Real>(_: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(Relu, vec![0]))
}
