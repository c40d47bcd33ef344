//! Instance normalization.

use crate::operation::{OperatorSpec, ParsedOperation};
use crate::operations::normalization::standardization::{Centering, Layout, Standardization, Standardizer};
use crate::{Error, Real};

/// Instance normalization: [`Standardization`] of each channel of each sample, with a scale and a shift for each channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstanceNormalization;

impl Standardizer for InstanceNormalization {
    const KIND: &'static str = "InstanceNormalization";
    const CENTERING: Centering = Centering::Mean;

    fn layout(&self, shape: &[usize]) -> Result<Layout, Error> {
        match shape {
            [_, _, _, ..] => Ok(Layout { shape: shape.to_vec(), axes: (2..shape.len()).collect() }),
            _ => Err(Error::shape(&[shape], "it takes samples × channels × at least one spatial axis")),
        }
    }

    fn parameter_shape(&self, given: &[usize], layout: &Layout) -> Vec<usize> {
        [given, &vec![1; layout.axes.len()]].concat()
    }

    fn write<F: Real>(&self, spec: OperatorSpec<F>) -> OperatorSpec<F> {
        spec
    }

    fn description(&self) -> String {
        "over each channel".into()
    }
}

/// Reads the operation from its specification.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    spec.required_vector(2, "bias")?;
    Standardization::read(spec, InstanceNormalization)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Operation;
    use crate::operations::normalization::standardization::tests::{Plain, check};
    use crate::operations::testing::numbers;

    #[test]
    fn it_is_that_of_plain_loops_at_every_rank() {
        for shape in [&[2, 3, 4][..], &[2, 3, 2, 2], &[1, 3, 2, 1, 3]] {
            let plane: usize = shape[2..].iter().product();
            let (gamma, beta) = (numbers(&[3], 31), numbers(&[3], 32));
            let channels = (0..shape[0] * 3 * plane).map(|i| i / plane % 3);
            let plain = Plain {
                groups: (0..shape[0] * 3 * plane).map(|i| i / plane).collect(),
                gamma: channels.clone().map(|channel| gamma[[channel]]).collect(),
                beta: channels.map(|channel| beta[[channel]]).collect(),
                epsilon: 0.01,
                centering: Centering::Mean,
            };
            let layer = Standardization::new(InstanceNormalization, 0.01, gamma, Some(Arc::new(beta))).unwrap();
            check(&layer, shape, &plain);
            assert_eq!(read(&layer.to_spec()).unwrap().operation.to_spec(), layer.to_spec());
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let spec = OperatorSpec::new("InstanceNormalization", 1).with_constant(Arc::new(numbers(&[3], 1)));
        assert!(matches!(read(&spec), Err(Error::MissingInput { .. })));
        let layer = read(&spec.with_constant(Arc::new(numbers(&[3], 2)))).unwrap().operation;
        for (operand, words) in [(&[2, 3][..], "spatial axis"), (&[2, 4, 5], "shape [3] do not fit")] {
            let message = layer.output_shape(&[operand]).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        }
    }
}
