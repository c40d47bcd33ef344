//! An operation: an ONNX operator of a domain of one's own.

use ndarray::{ArrayD, ArrayViewD};
use neural_lrp::operation::OperatorSpec;
use neural_lrp::{Error, Family, Operation, Real, Step};

/// `y = x³`, number by number: relevance passes, as of any activation.
#[derive(Debug)]
pub struct Cube;

impl<F: Real> Operation<F> for Cube {
    fn to_spec(&self) -> OperatorSpec<F> {
        OperatorSpec::new("com.example:Cube", 1)
    }
    fn kind(&self) -> &'static str {
        "com.example:Cube"
    }
    fn family(&self) -> Family {
        Family::Activation
    }
    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        Ok(operands[0].to_vec())
    }
    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        operands[0].mapv(|x| x * x * x)
    }
    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        vec![step.operands[0].mapv(|x| F::of(3.0) * x * x) * upper]
    }
}
