//! Layer normalization.

use crate::Error;
use crate::Real;
use crate::operation::{OperatorSpec, ParsedOperation};
use crate::operations::normalization::standardization::{
    Centering, Layout, NormalizedAxes, Standardization, Standardizer, over_axes,
};

/// Layer normalization: [`Standardization`] over some of the axes, with scale and shift that broadcast to the operand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerNormalization(pub NormalizedAxes);

over_axes!(LayerNormalization, "LayerNormalization", Centering::Mean);

/// Reads the operation from its specification: `axis` as ONNX has it, or a list of `axes`.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Standardization::read(spec, LayerNormalization(NormalizedAxes::read(spec)?))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ndarray::{ArrayD, IxDyn, array};
    use proptest::prelude::*;

    use super::*;
    use crate::operation::{Normalization, Operation};
    use crate::operations::normalization::standardization::tests::{Plain, check};
    use crate::operations::testing::{assert_close, forward, numbers, step};
    use NormalizedAxes::{From, Over};

    fn layer(operator: LayerNormalization, shape: &[usize]) -> Standardization<f64, LayerNormalization> {
        let beta = Some(Arc::new(numbers(shape, 32)));
        Standardization::new(operator, 0.01, numbers(shape, 31), beta).unwrap()
    }

    #[test]
    fn channels_lie_along_the_only_normalized_axis() {
        assert_eq!([-1, 3].map(|axis| From(axis).channel_axis(4)), [Some(3); 2]);
        assert_eq!([1, -3].map(|axis| From(axis).channel_axis(4)), [None; 2]);
        let of = |axes: &[i64]| Over(axes.to_vec()).channel_axis(4);
        assert_eq!([of(&[1]), of(&[-3]), of(&[1, 2])], [Some(1), Some(1), None]);
    }

    #[test]
    fn rows_are_centered_and_scaled() {
        let beta = Some(Arc::new(array![0.5].into_dyn()));
        let layer = Standardization::new(LayerNormalization(From(-1)), 1.0, array![1.0, 2.0].into_dyn(), beta);
        let root = 3.0;
        let x = array![[5.0, 5.0 + 2.0 * f64::sqrt(8.0)], [7.0, 7.0]].into_dyn(); // variances 8 and 0
        let half = f64::sqrt(8.0) / root;
        let expected = array![[0.5 - half, 0.5 + 2.0 * half], [0.5, 0.5]].into_dyn();
        assert_close(forward(&layer.unwrap(), &[x]).view(), expected.view(), "normalized");
    }

    proptest! {
        #[test]
        fn equal_numbers_are_centered_to_nothing(x in -4.0..4.0, upper in -4.0..4.0, count in 1..100usize) {
            // What is left of them after one round, 1e-16, comes out of a layer of ε = 1e-12 as 1e-10.
            let layer = Standardization::<f64, _>::new(LayerNormalization(From(-1)), 1e-12, array![1.0].into_dyn(), None);
            let layer = layer.unwrap();
            let equal = |number: f64| ArrayD::from_elem(vec![1, count], number);
            let (operands, output) = ([equal(x)], forward(&layer, &[equal(x)]));
            let step = step(&operands, &output);
            let gradient = layer.gradient(&step, equal(upper).view()).remove(0);
            let back = layer.transposed(&step, equal(upper).view());
            for numbers in [output.view(), gradient.view(), back.view()] {
                prop_assert!(numbers.iter().all(|number| number.abs() < 1e-20), "{numbers}");
            }
        }
    }

    #[test]
    fn it_is_that_of_plain_loops_over_any_axes() {
        let shape = [2, 3, 4, 2];
        let cases: [(LayerNormalization, &[usize], &[usize]); 8] = [
            (LayerNormalization(From(-1)), &[3], &[2]),
            (LayerNormalization(From(1)), &[1, 2, 3], &[3, 4, 2]),
            (LayerNormalization(From(0)), &[0, 1, 2, 3], &[2]),
            (LayerNormalization(From(-2)), &[2, 3], &[4, 1]),
            (LayerNormalization(Over(vec![1])), &[1], &[3, 1, 1]),
            (LayerNormalization(Over(vec![1])), &[1], &[1, 3, 4, 1]),
            (LayerNormalization(Over(vec![-1, 1])), &[1, 3], &[2, 3, 1, 2]),
            (LayerNormalization(Over(vec![0, -2])), &[0, 2], &[]),
        ];
        for (operator, axes, parameter) in cases {
            let layer = layer(operator, parameter);
            let groups = ndarray::indices(IxDyn(&shape)).into_iter().map(|place| {
                (0..4).filter(|axis| !axes.contains(axis)).fold(0, |group, axis| group * shape[axis] + place[axis])
            });
            let spread = |numbers: &ArrayD<f64>| numbers.broadcast(IxDyn(&shape)).unwrap().iter().copied().collect();
            let plain = Plain {
                groups: groups.collect(),
                gamma: spread(&numbers(parameter, 31)),
                beta: spread(&numbers(parameter, 32)),
                epsilon: 0.01,
                centering: Centering::Mean,
            };
            check(&layer, &shape, &plain);
        }
    }

    #[test]
    fn it_is_read_as_it_is_worded() {
        for operator in [LayerNormalization(From(-2)), LayerNormalization(Over(vec![1]))] {
            let words = layer(operator, &[3, 1]).to_spec();
            assert_eq!(read(&words).unwrap().operation.to_spec(), words);
        }
        let words = layer(LayerNormalization(Over(vec![])), &[1]).to_spec();
        assert!(read(&words).unwrap_err().to_string().contains("at least one"));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let shape =
            |operator, operand: &[usize]| layer(operator, &[5]).output_shape(&[operand]).unwrap_err().to_string();
        assert!(shape(LayerNormalization(From(1)), &[2, 4]).contains("do not fit"));
        assert!(shape(LayerNormalization(From(1)), &[5]).contains("no axis 1"));
        assert!(shape(LayerNormalization(Over(vec![3])), &[2, 5]).contains("no axis 3"));
        let wrong = Standardization::new(LayerNormalization(From(1)), f64::NAN, array![1.0].into_dyn(), None);
        assert!(wrong.is_err());
    }
}
