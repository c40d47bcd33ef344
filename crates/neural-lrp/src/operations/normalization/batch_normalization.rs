//! Batch normalization, as a trained network applies it.

use std::sync::Arc;

use ndarray::{Array1, ArrayD, ArrayViewD, Axis};
use relevance::Amount;

use crate::arrays::planes::fill_planes;
use crate::operation::affine::along;
use crate::operation::{AffineMap, Family, Normalization, Operation, OperatorSpec, ParsedOperation, Step};
use crate::{Error, Real};

/// `y_c = γ_c (x_c − μ_c) / √(σ²_c + ε) + β_c` for each channel c, along axis 1.
#[derive(Clone, Debug)]
pub struct BatchNormalization<F> {
    statistics: Statistics<F>,
    scale: Vec<F>,
    shift: Vec<F>,
}

/// What training left in a batch normalization: each list has one number for each channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics<F> {
    /// `γ`
    pub gamma: Vec<F>,
    /// `β`
    pub beta: Vec<F>,
    /// `μ`
    pub mean: Vec<F>,
    /// `σ²`
    pub variance: Vec<F>,
    /// `ε`
    pub epsilon: f64,
}

impl<F: Real> BatchNormalization<F> {
    /// The normalization by given statistics.
    ///
    /// # Errors
    /// [`Error::Attribute`] when the lists differ in length, or a variance with its ε is not positive.
    pub fn new(statistics: Statistics<F>) -> Result<Self, Error> {
        let Statistics { gamma, beta, mean, variance, epsilon } = &statistics;
        let refuse = |attribute: &str, value: String, expected: String| {
            Err(Error::Attribute { kind: "BatchNormalization".into(), attribute: attribute.into(), value, expected })
        };
        for (name, numbers) in [("B", beta), ("mean", mean), ("variance", variance)] {
            if numbers.len() != gamma.len() {
                let expected = format!("one for each of the {} channels of the scale", gamma.len());
                return refuse(name, format!("{} numbers", numbers.len()), expected);
            }
        }
        let spread = |variance: F| variance.as_() + epsilon;
        if let Some(&wrong) = variance.iter().find(|&&variance| spread(variance).is_nan() || spread(variance) <= 0.0) {
            return refuse("variance", wrong.to_string(), format!("positive together with epsilon, {epsilon}"));
        }
        let scale: Vec<f64> =
            gamma.iter().zip(variance).map(|(gamma, &variance)| gamma.as_() / spread(variance).sqrt()).collect();
        let channels = scale.iter().zip(beta).zip(mean);
        let shift = channels.map(|((scale, beta), mean)| F::of(beta.as_() - mean.as_() * scale)).collect();
        Ok(Self { scale: scale.into_iter().map(F::of).collect(), shift, statistics })
    }
}

impl<F: Real> Operation<F> for BatchNormalization<F> {
    fn to_spec(&self) -> OperatorSpec<F> {
        let Statistics { gamma, beta, mean, variance, epsilon } = &self.statistics;
        let spec = OperatorSpec::new(self.kind(), 1).with_real("epsilon", *epsilon);
        [gamma, beta, mean, variance]
            .into_iter()
            .fold(spec, |spec, numbers| spec.with_constant(Arc::new(Array1::from(numbers.clone()).into_dyn())))
    }

    fn kind(&self) -> &'static str {
        "BatchNormalization"
    }

    fn family(&self) -> Family {
        Family::Normalization
    }

    fn keeps_samples_apart(&self, _: &[&[usize]]) -> bool {
        true
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        match operands {
            [shape @ [_, channels, ..]] if *channels == self.scale.len() => Ok(shape.to_vec()),
            _ => Err(Error::shape(operands, format!("it takes one, with {} channels along axis 1", self.scale.len()))),
        }
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        let input = &operands[0];
        fill_planes(input.shape(), [input.view()], |plane, [input], output| {
            let channel = plane % self.scale.len();
            let (scale, shift) = (self.scale[channel], self.shift[channel]);
            output.iter_mut().zip(input).for_each(|(y, &x)| *y = x * scale + shift);
        })
    }

    fn gradient(&self, _: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        vec![self.scaled(upper)]
    }

    fn along_operands(&self, step: &Step<'_, F>) -> ArrayD<F> {
        self.scaled(step.operands[0].view())
    }

    fn affine(&self, _: &[Option<ArrayViewD<'_, F>>], rank: usize) -> Option<AffineMap<F>> {
        Some(AffineMap::new(along(&self.scale, 1, rank), along(&self.shift, 1, rank)))
    }

    fn channel_axis(&self, _: usize) -> Option<usize> {
        Some(1)
    }

    fn normalization(&self) -> Option<&dyn Normalization<F>> {
        Some(self)
    }

    fn description(&self) -> String {
        format!("{} channels", self.scale.len())
    }
}

/// Mean and variance are constants: `J x = scale_c x`, `t = shift_c`.
impl<F: Real> Normalization<F> for BatchNormalization<F> {
    fn transposed(&self, _: &Step<'_, F>, message: ArrayViewD<'_, F>) -> ArrayD<F> {
        self.scaled(message)
    }

    fn absorbed(&self, _: &Step<'_, F>, message: ArrayViewD<'_, F>) -> Amount {
        let channels = message.axis_iter(Axis(1)).zip(&self.shift);
        channels.flat_map(|(message, shift)| message.into_iter().map(|s| s.as_() * shift.as_())).collect()
    }
}

impl<F: Real> BatchNormalization<F> {
    fn scaled(&self, array: ArrayViewD<'_, F>) -> ArrayD<F> {
        let shape = array.shape().to_vec();
        fill_planes(&shape, [array], |plane, [array], scaled| {
            let scale = self.scale[plane % self.scale.len()];
            scaled.iter_mut().zip(array).for_each(|(scaled, &x)| *scaled = x * scale);
        })
    }
}

/// Reads the operation from its specification.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    if spec.integer("training_mode", 0)? != 0 {
        return Err(spec.refuse("training_mode", "1", "0: export the network for inference"));
    }
    let statistics = Statistics {
        gamma: spec.required_vector(1, "scale")?,
        beta: spec.required_vector(2, "B")?,
        mean: spec.required_vector(3, "mean")?,
        variance: spec.required_vector(4, "variance")?,
        epsilon: spec.real("epsilon", 1e-5)?,
    };
    Ok(ParsedOperation::new(BatchNormalization::new(statistics)?, vec![0]))
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use relevance::{Sink, Stabilizer};

    use super::*;
    use crate::operations::testing::{assert_close, check_gradient, forward, numbers, step};
    use crate::rules::{Detached, Rule};

    fn two_channels() -> Statistics<f64> {
        Statistics {
            gamma: vec![2.0, -1.0],
            beta: vec![0.5, 0.25],
            mean: vec![1.0, 3.0],
            variance: vec![3.0, 0.0],
            epsilon: 1.0,
        }
    }

    #[test]
    fn channels_are_centered_and_scaled() {
        let layer = BatchNormalization::new(two_channels()).unwrap();
        let output = forward(&layer, &[array![[[2.0, 1.0], [4.0, 3.0]]].into_dyn()]);
        assert_eq!(output, array![[[1.5, 0.5], [-0.75, 0.25]]].into_dyn());
        assert_eq!(layer.affine(&[None], 3).unwrap().by_channel(2), [vec![1.0, -1.0], vec![-0.5, 3.25]]);
    }

    #[test]
    fn the_gradient_is_right_at_every_rank() {
        let layer = BatchNormalization::new(two_channels()).unwrap();
        for shape in [&[3, 2][..], &[2, 2, 3], &[1, 2, 3, 2], &[1, 2, 1, 3, 2]] {
            check_gradient(&layer, &[numbers(shape, 6)]);
        }
        assert!(Operation::<f64>::output_shape(&layer, &[&[2, 3, 4]]).is_err());
        assert!(Operation::<f64>::output_shape(&layer, &[&[2]]).is_err());
    }

    #[test]
    fn detached_the_shift_absorbs_its_share() {
        let layer = BatchNormalization::new(two_channels()).unwrap();
        let x = [array![[[2.0, 1.0], [4.0, 3.0]]].into_dyn()];
        let y = forward(&layer, &x); // scales 1 and −1, shifts −0.5 and 3.25
        let upper = array![[[3.0, 1.0], [1.5, 0.5]]].into_dyn();
        let rule = Rule::from(Detached { stabilizer: Stabilizer::NONE });
        let shared = rule.redistribute(&layer, &step(&x, &y), upper.view()).unwrap();
        let expected = array![[[4.0, 2.0], [8.0, -6.0]]].into_dyn(); // s x R / y
        assert_close(shared.lower[0].view(), expected.view(), "detached");
        let sinks = shared.sinks.unwrap();
        assert_eq!(sinks.len(), 1);
        assert_eq!((sinks[0].0, sinks[0].1.total), (Sink::Bias, -1.0 - 1.0 - 6.5 + 6.5));
    }

    #[test]
    fn it_is_read_as_it_is_worded() {
        let layer = BatchNormalization::new(two_channels()).unwrap();
        let parsed = read(&layer.to_spec()).unwrap();
        assert_eq!(parsed.operation.to_spec(), layer.to_spec());
        assert_eq!(parsed.operation.affine(&[None], 2), layer.affine(&[None], 2));
    }

    #[test]
    fn wrong_statistics_are_refused() {
        let short = Statistics { mean: vec![1.0], ..two_channels() };
        assert!(BatchNormalization::new(short).unwrap_err().to_string().contains("mean of 1 numbers"));
        let negative = Statistics { variance: vec![1.0, -2.0], ..two_channels() };
        assert!(BatchNormalization::new(negative).unwrap_err().to_string().contains("-2"));
    }
}
