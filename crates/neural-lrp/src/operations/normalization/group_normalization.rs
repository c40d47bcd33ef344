//! Group normalization.

use crate::operation::{OperatorSpec, ParsedOperation};
use crate::operations::normalization::standardization::{Centering, Layout, Standardization, Standardizer};
use crate::{Error, Real};

/// Group normalization: [`Standardization`] of the channels of each group of each sample.
///
/// There is a scale and a shift for each channel (opset 21), or for each group (opset 18).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupNormalization {
    /// How many groups the channels are in, at least 1.
    groups: usize,
}

impl GroupNormalization {
    /// The normalization of so many groups; `None` for 0.
    pub fn new(groups: usize) -> Option<Self> {
        (groups > 0).then_some(Self { groups })
    }
}

impl Standardizer for GroupNormalization {
    const KIND: &'static str = "GroupNormalization";
    const CENTERING: Centering = Centering::Mean;

    fn layout(&self, shape: &[usize]) -> Result<Layout, Error> {
        match shape {
            [samples, channels, places @ ..] if channels % self.groups == 0 => {
                let shape = [&[*samples, self.groups, channels / self.groups], places].concat();
                Ok(Layout { axes: (2..shape.len()).collect(), shape })
            }
            _ => Err(Error::shape(
                &[shape],
                format!("it takes samples × channels × any axes, and the channels should make {} groups", self.groups),
            )),
        }
    }

    fn parameter_shape(&self, given: &[usize], layout: &Layout) -> Vec<usize> {
        let ones = vec![1; layout.axes.len() - 1];
        match given {
            [length] if length % self.groups == 0 => [&[self.groups, length / self.groups], ones.as_slice()].concat(),
            _ => given.to_vec(),
        }
    }

    fn write<F: Real>(&self, spec: OperatorSpec<F>) -> OperatorSpec<F> {
        spec.with_integer("num_groups", self.groups as i64)
    }

    fn description(&self) -> String {
        format!("over {} groups of channels", self.groups)
    }
}

/// Reads the operation from its specification.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let groups = spec.integer("num_groups", 0)?;
    let operator = usize::try_from(groups).ok().and_then(GroupNormalization::new);
    let operator = operator.ok_or_else(|| spec.refuse("num_groups", groups.to_string(), "at least 1"))?;
    spec.required_vector(2, "bias")?;
    Standardization::read(spec, operator)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::operations::normalization::standardization::tests::{Plain, check};
    use crate::operations::testing::numbers;

    fn layer(groups: i64, parameters: usize) -> OperatorSpec<f64> {
        OperatorSpec::new("GroupNormalization", 1)
            .with_integer("num_groups", groups)
            .with_real("epsilon", 0.01)
            .with_constant(Arc::new(numbers(&[parameters], 31)))
            .with_constant(Arc::new(numbers(&[parameters], 32)))
    }

    #[test]
    fn it_is_that_of_plain_loops_for_scales_of_channels_and_of_groups() {
        for (groups, parameters) in [(1, 6), (2, 6), (3, 6), (6, 6), (1, 1), (2, 2), (3, 3)] {
            for shape in [&[2, 6, 4][..], &[1, 6, 2, 3], &[2, 6]] {
                let plane: usize = shape[2..].iter().product();
                let size = shape[0] * 6 * plane;
                // Scale and shift of a number are those of its channel, or of its channel's group.
                let parameter = |i: usize| i / plane % 6 / (6 / parameters);
                let (gamma, beta) = (numbers(&[parameters], 31), numbers(&[parameters], 32));
                let plain = Plain {
                    groups: (0..size).map(|i| i / (plane * 6 / groups)).collect(),
                    gamma: (0..size).map(|i| gamma[[parameter(i)]]).collect(),
                    beta: (0..size).map(|i| beta[[parameter(i)]]).collect(),
                    epsilon: 0.01,
                    centering: Centering::Mean,
                };
                let spec = layer(groups as i64, parameters);
                let operation = read(&spec).unwrap().operation;
                check(operation.as_ref(), shape, &plain);
                assert_eq!(operation.to_spec(), spec);
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(read(&layer(0, 6)).unwrap_err().to_string().contains("num_groups of 0"));
        for (groups, parameters, words) in [(4, 6, "make 4 groups"), (2, 4, "do not fit"), (2, 3, "do not fit")] {
            let operation = read(&layer(groups, parameters)).unwrap().operation;
            let message = operation.output_shape(&[&[2, 6, 5]]).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        }
        assert!(read(&layer(2, 6)).unwrap().operation.output_shape(&[&[6]]).is_err());
    }
}
