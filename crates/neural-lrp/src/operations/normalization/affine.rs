//! Affine maps of each number alone, as one operation.

use std::sync::Arc;

use ndarray::{ArrayD, ArrayViewD};
use relevance::Amount;

use crate::arrays::broadcast::{broadcast_shape, combine};
use crate::operation::{AffineMap, Family, Normalization, Operation, OperatorSpec, ParsedOperation, Step};
use crate::{Error, Real};

/// `y = scale · x + shift`, number by number: what a batch normalization does, and whatever is written in its place.
///
/// ONNX has no such operator; in a specification it has the kind `Affine`, with scale and shift as constants. Networks
/// come to have it when [`AffineMaps`](crate::Canonizer::AffineMaps) joins what is written in several operations.
#[derive(Clone, Debug)]
pub struct Affine<F> {
    map: AffineMap<F>,
}

impl<F: Real> Affine<F> {
    /// The operation of a map.
    pub fn new(map: AffineMap<F>) -> Self {
        Self { map }
    }
}

impl<F: Real> Operation<F> for Affine<F> {
    fn to_spec(&self) -> OperatorSpec<F> {
        OperatorSpec::new(self.kind(), 1)
            .with_constant(Arc::new(self.map.scale().clone()))
            .with_constant(Arc::new(self.map.shift().clone()))
    }

    fn kind(&self) -> &'static str {
        "Affine"
    }

    fn family(&self) -> Family {
        Family::Normalization
    }

    fn keeps_samples_apart(&self, _: &[&[usize]]) -> bool {
        true
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        let constants = [self.map.scale().shape(), self.map.shift().shape()];
        match operands {
            [shape] if broadcast_shape(&[shape, constants[0], constants[1]]).is_ok_and(|joint| joint == *shape) => {
                Ok(shape.to_vec())
            }
            _ => Err(Error::shape(operands, format!("it takes one that shapes {constants:?} broadcast to"))),
        }
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        self.map.apply(&operands[0])
    }

    fn gradient(&self, _: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        vec![self.scaled(&upper)]
    }

    fn along_operands(&self, step: &Step<'_, F>) -> ArrayD<F> {
        self.scaled(&step.operands[0])
    }

    fn affine(&self, _: &[Option<ArrayViewD<'_, F>>], _: usize) -> Option<AffineMap<F>> {
        Some(self.map.clone())
    }

    fn normalization(&self) -> Option<&dyn Normalization<F>> {
        Some(self)
    }

    fn description(&self) -> String {
        let numbers = |values: &ArrayD<F>| match values.len() {
            1 => values.iter().map(ToString::to_string).collect(),
            count => format!("{count} numbers"),
        };
        format!("scale {}, shift {}", numbers(self.map.scale()), numbers(self.map.shift()))
    }
}

impl<F: Real> Affine<F> {
    fn scaled(&self, array: &ArrayViewD<'_, F>) -> ArrayD<F> {
        combine(array, &self.map.scale().view(), |x, scale| x * scale)
    }
}

impl<F: Real> Normalization<F> for Affine<F> {
    fn transposed(&self, _: &Step<'_, F>, message: ArrayViewD<'_, F>) -> ArrayD<F> {
        self.scaled(&message)
    }

    fn absorbed(&self, _: &Step<'_, F>, message: ArrayViewD<'_, F>) -> Amount {
        combine(&message, &self.map.shift().view(), |message, shift| message * shift)
            .iter()
            .map(|part| part.as_())
            .collect()
    }
}

/// Reads the operation from its specification.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let (scale, shift) = (spec.required_constant(1, "scale")?, spec.required_constant(2, "shift")?);
    Ok(ParsedOperation::new(Affine::new(AffineMap::new(scale.as_ref().clone(), shift.as_ref().clone())), vec![0]))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::operations::testing::{check_gradient, forward, numbers};

    fn by_channel() -> Affine<f64> {
        Affine::new(AffineMap::new(array![[2.0], [-1.0]].into_dyn(), array![[0.5], [0.25]].into_dyn()))
    }

    #[test]
    fn each_number_is_scaled_and_shifted() {
        let output = forward(&by_channel(), &[array![[[2.0, 1.0], [4.0, 3.0]]].into_dyn()]);
        assert_eq!(output, array![[[4.5, 2.5], [-3.75, -2.75]]].into_dyn());
        check_gradient(&by_channel(), &[numbers(&[3, 2, 4], 6)]);
        assert!(by_channel().output_shape(&[&[3, 4]]).is_err() && by_channel().output_shape(&[&[4]]).is_err());
    }

    #[test]
    fn it_is_read_as_it_is_specified() {
        let spec = by_channel().to_spec();
        assert_eq!(read(&spec).unwrap().operation.to_spec(), spec);
    }
}
