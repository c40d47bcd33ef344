//! Operations that hand their operand on: Identity, and Dropout, which only acts in training.

use crate::Error;
use crate::Real;
use crate::definition::Definition;
use crate::operation::Reading;
use crate::operations::arrangement::{Arrangement, Plan};

/// `y = x`
#[derive(Clone, Copy, Debug)]
pub struct Identity;

impl Arrangement for Identity {
    const KIND: &'static str = "Identity";

    fn words<F: Real>(&self) -> Definition<F> {
        Definition::new("Identity", 1)
    }

    fn plan(&self, shape: &[usize]) -> Result<Plan, Error> {
        Ok(Plan::reshape(shape.to_vec()))
    }
}

/// Reads the operation from a definition of Identity or Dropout.
pub(super) fn read<F: Real>(_: &Definition<F>) -> Result<Reading<F>, Error> {
    Ok(Reading::new(Identity, vec![0]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::read;
    use crate::operations::testing::{check_gradient, numbers};

    #[test]
    fn dropout_hands_its_operand_on() {
        let dropout = Definition::<f64>::new("Dropout", 1).with_real("ratio", 0.5);
        let operation = read(&dropout).unwrap().operation;
        assert_eq!(operation.kind(), "Identity");
        let x = numbers(&[2, 3], 1);
        assert_eq!(operation.forward(&[x.view()]), x);
        check_gradient(&*operation, &[x]);
    }
}
