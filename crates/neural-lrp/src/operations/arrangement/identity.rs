//! Operations that hand their operand on: Identity, and Dropout, which only acts in training.

use crate::Error;
use crate::Real;
use crate::operation::OperatorSpec;
use crate::operation::ParsedOperation;
use crate::operations::arrangement::{Arrangement, Plan};

/// `y = x`
#[derive(Clone, Copy, Debug)]
pub struct Identity;

impl Arrangement for Identity {
    const KIND: &'static str = "Identity";

    fn words<F: Real>(&self) -> OperatorSpec<F> {
        OperatorSpec::new("Identity", 1)
    }

    fn plan(&self, shape: &[usize]) -> Result<Plan, Error> {
        Ok(Plan::reshape(shape.to_vec()))
    }

    fn is_identity(&self) -> bool {
        true
    }
}

/// Reads the operation from a spec of Identity or Dropout.
pub(crate) fn read<F: Real>(_: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(Identity, vec![0]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::read;
    use crate::operations::testing::{check_gradient, numbers};

    #[test]
    fn dropout_hands_its_operand_on() {
        let dropout = OperatorSpec::<f64>::new("Dropout", 1).with_real("ratio", 0.5);
        let operation = read(&dropout).unwrap().operation;
        assert_eq!(operation.kind(), "Identity");
        let x = numbers(&[2, 3], 1);
        assert_eq!(operation.forward(&[x.view()]), x);
        check_gradient(&*operation, &[x]);
    }
}
