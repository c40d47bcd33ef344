//! Layer normalization.

use crate::arrays::axes::{axis_of, position};
use crate::operation::{OperatorSpec, ParsedOperation};
use crate::operations::normalization::standardization::{Centering, Layout, Standardization, Standardizer};
use crate::{Error, Real};

/// Layer normalization: [`Standardization`] over some of the axes, with scale and shift that broadcast to the operand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayerNormalization {
    /// Over this axis, counted from the last where it is negative, and all after it.
    From(i64),
    /// Over these axes, counted from the last where negative. ONNX has no such operator; networks whose normalization
    /// is spelled out have, over the channels of an image for one.
    Over(Vec<i64>),
}

impl Standardizer for LayerNormalization {
    const KIND: &'static str = "LayerNormalization";
    const CENTERING: Centering = Centering::Mean;

    fn layout(&self, shape: &[usize]) -> Result<Layout, Error> {
        let axes = match self {
            Self::From(axis) => (axis_of(*axis, shape)?..shape.len()).collect(),
            Self::Over(axes) => {
                let mut axes = axes.iter().map(|&axis| axis_of(axis, shape)).collect::<Result<Vec<_>, Error>>()?;
                axes.sort_unstable();
                axes.dedup();
                axes
            }
        };
        Ok(Layout { shape: shape.to_vec(), axes })
    }

    /// Layers are normalized along their channels: the last axis, or the only one.
    fn channel_axis(&self, rank: usize) -> Option<usize> {
        match self {
            Self::From(_) => rank.checked_sub(1),
            Self::Over(axes) => axes.first().filter(|_| axes.len() == 1).and_then(|&axis| position(axis, rank)),
        }
    }

    fn write<F: Real>(&self, spec: OperatorSpec<F>) -> OperatorSpec<F> {
        match self {
            Self::From(axis) => spec.with_integer("axis", *axis),
            Self::Over(axes) => spec.with_integers("axes", axes.iter().copied()),
        }
    }

    fn description(&self) -> String {
        match self {
            Self::From(axis) => format!("over axis {axis} and all after it"),
            Self::Over(axes) => format!("over axes {axes:?}"),
        }
    }
}

/// Reads the operation from its specification: `axis` as ONNX has it, or a list of `axes`.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let operator = match spec.integers("axes")? {
        None => LayerNormalization::From(spec.integer("axis", -1)?),
        Some([]) => return Err(spec.refuse("axes", "none", "at least one")),
        Some(axes) => LayerNormalization::Over(axes.to_vec()),
    };
    Standardization::read(spec, operator)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ndarray::{ArrayD, IxDyn, array};

    use super::*;
    use crate::Operation;
    use crate::operations::normalization::standardization::tests::{Plain, check};
    use crate::operations::testing::{assert_close, forward, numbers};

    fn layer(operator: LayerNormalization, shape: &[usize]) -> Standardization<f64, LayerNormalization> {
        let beta = Some(Arc::new(numbers(shape, 32)));
        Standardization::new(operator, 0.01, numbers(shape, 31), beta).unwrap()
    }

    #[test]
    fn rows_are_centered_and_scaled() {
        let beta = Some(Arc::new(array![0.5].into_dyn()));
        let layer = Standardization::new(LayerNormalization::From(-1), 1.0, array![1.0, 2.0].into_dyn(), beta);
        let root = 3.0;
        let x = array![[5.0, 5.0 + 2.0 * f64::sqrt(8.0)], [7.0, 7.0]].into_dyn(); // variances 8 and 0
        let half = f64::sqrt(8.0) / root;
        let expected = array![[0.5 - half, 0.5 + 2.0 * half], [0.5, 0.5]].into_dyn();
        assert_close(forward(&layer.unwrap(), &[x]).view(), expected.view(), "normalized");
    }

    #[test]
    fn it_is_that_of_plain_loops_over_any_axes() {
        let shape = [2, 3, 4, 2];
        let cases: [(LayerNormalization, &[usize], &[usize]); 8] = [
            (LayerNormalization::From(-1), &[3], &[2]),
            (LayerNormalization::From(1), &[1, 2, 3], &[3, 4, 2]),
            (LayerNormalization::From(0), &[0, 1, 2, 3], &[2]),
            (LayerNormalization::From(-2), &[2, 3], &[4, 1]),
            (LayerNormalization::Over(vec![1]), &[1], &[3, 1, 1]),
            (LayerNormalization::Over(vec![1]), &[1], &[1, 3, 4, 1]),
            (LayerNormalization::Over(vec![-1, 1]), &[1, 3], &[2, 3, 1, 2]),
            (LayerNormalization::Over(vec![0, -2]), &[0, 2], &[]),
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
        for operator in [LayerNormalization::From(-2), LayerNormalization::Over(vec![1])] {
            let words = layer(operator, &[3, 1]).to_spec();
            assert_eq!(read(&words).unwrap().operation.to_spec(), words);
        }
        let words = layer(LayerNormalization::Over(vec![]), &[1]).to_spec();
        assert!(read(&words).unwrap_err().to_string().contains("at least one"));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let shape =
            |operator, operand: &[usize]| layer(operator, &[5]).output_shape(&[operand]).unwrap_err().to_string();
        assert!(shape(LayerNormalization::From(1), &[2, 4]).contains("do not fit"));
        assert!(shape(LayerNormalization::From(1), &[5]).contains("no axis 1"));
        assert!(shape(LayerNormalization::Over(vec![3]), &[2, 5]).contains("no axis 3"));
        let wrong = Standardization::new(LayerNormalization::From(1), f64::NAN, array![1.0].into_dyn(), None);
        assert!(wrong.is_err());
    }
}
