//! Normalization by the root mean square.

use crate::Error;
use crate::Real;
use crate::operation::{OperatorSpec, ParsedOperation};
use crate::operations::normalization::standardization::{
    Centering, Layout, NormalizedAxes, Standardization, Standardizer, over_axes,
};

/// Normalization by the root mean square over some of the axes: [`Standardization`] without centering and shift.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RmsNormalization(pub NormalizedAxes);

over_axes!(RmsNormalization, "RMSNormalization", Centering::None);

/// Reads the operation from its specification: `axis` as ONNX has it, or a list of `axes`.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Standardization::read(spec, RmsNormalization(NormalizedAxes::read(spec)?))
}

#[cfg(test)]
mod tests {
    use relevance::Stabilizer;

    use super::*;
    use crate::Operation;
    use crate::operations::normalization::standardization::tests::{Plain, check};
    use crate::operations::testing::{assert_close, forward, numbers, step};
    use crate::rules::{Detached, Rule};
    use NormalizedAxes::From;

    #[test]
    fn it_is_that_of_plain_loops() {
        let layer = Standardization::new(RmsNormalization(From(-2)), 0.01, numbers(&[4], 31), None).unwrap();
        let plain = Plain {
            groups: (0..24).map(|i| i / 12).collect(),
            gamma: numbers(&[4], 31).iter().copied().cycle().take(24).collect(),
            beta: vec![0.0; 24],
            epsilon: 0.01,
            centering: Centering::None,
        };
        check(&layer, &[2, 3, 4], &plain);
        assert_eq!(read(&layer.to_spec()).unwrap().operation.to_spec(), layer.to_spec());
    }

    #[test]
    fn detached_it_passes_relevance_on() {
        let layer = Standardization::new(RmsNormalization(From(-1)), 1e-5, numbers(&[5], 33), None).unwrap();
        let x = [numbers(&[3, 5], 34)];
        let (y, upper) = (forward(&layer, &x), numbers(&[3, 5], 35));
        let rule = Rule::from(Detached { stabilizer: Stabilizer::NONE });
        let shared = rule.redistribute(&layer, &step(&x, &y), upper.view()).unwrap();
        assert_close(shared.lower[0].view(), upper.view(), "passed on");
    }
}
