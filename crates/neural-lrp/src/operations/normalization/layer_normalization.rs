//! Layer normalization.

use std::sync::Arc;

use ndarray::{ArrayD, ArrayView1, ArrayViewD, IxDyn};

use crate::arrays::axes::axis_of;
use crate::arrays::planes::fill_blocks;
use crate::operation::OperatorSpec;
use crate::operation::{Family, Operation, ParsedOperation, Step};
use crate::{Error, Real};

/// `y_i = γ_i (x_i − μ) / √(σ² + ε) + β_i` with mean and variance over `axis` and all axes after it.
#[derive(Clone, Debug)]
pub struct LayerNormalization<F> {
    axis: i64,
    epsilon: f64,
    gamma: Arc<ArrayD<F>>,
    beta: Option<Arc<ArrayD<F>>>,
}

impl<F: Real> LayerNormalization<F> {
    /// The normalization over `axis`, counted from the last where it is negative, and all after it; `gamma` and `beta`
    /// broadcast to these.
    ///
    /// # Errors
    /// [`Error::Attribute`] when ε is negative or not finite.
    pub fn new(
        axis: i64,
        epsilon: f64,
        gamma: impl Into<Arc<ArrayD<F>>>,
        beta: Option<Arc<ArrayD<F>>>,
    ) -> Result<Self, Error> {
        if epsilon.is_finite() && epsilon >= 0.0 {
            return Ok(Self { axis, epsilon, gamma: gamma.into(), beta });
        }
        Err(Error::Attribute {
            kind: "LayerNormalization".into(),
            attribute: "epsilon".into(),
            value: epsilon.to_string(),
            expected: "a number of at least 0".into(),
        })
    }

    /// The axis for an operand whose shape was agreed to.
    fn first_axis(&self, shape: &[usize]) -> usize {
        axis_of(self.axis, shape).unwrap_or(shape.len())
    }

    /// Makes each row of numbers that are normalized together from the same rows of `sources`, with `γ` and `β`.
    fn rows<const N: usize>(
        &self,
        shape: &[usize],
        sources: [ArrayViewD<'_, F>; N],
        fill: impl Fn([&[F]; N], Affine<'_, F>, &mut [F]) + Sync,
    ) -> ArrayD<F> {
        let axis = self.first_axis(shape);
        let over_row = |numbers: &ArrayD<F>| -> Vec<F> {
            numbers.broadcast(IxDyn(&shape[axis..])).into_iter().flatten().copied().collect()
        };
        let gamma = over_row(&self.gamma);
        let beta = self.beta.as_ref().map(|beta| over_row(beta));
        fill_blocks(shape, axis, sources, |_, sources, row| {
            fill(sources, Affine { gamma: &gamma, beta: beta.as_deref() }, row);
        })
    }
}

/// `γ` and `β` for the numbers of a row.
struct Affine<'a, F> {
    gamma: &'a [F],
    beta: Option<&'a [F]>,
}

/// What normalizes a row.
struct Moments<F> {
    mean: F,
    variance: F,
    /// `1/√(σ² + ε)`
    scale: F,
}

impl<F: Real> Moments<F> {
    fn of(row: &[F], epsilon: f64) -> Self {
        let mean = mean(row);
        let variance = row.iter().map(|&x| (x - mean) * (x - mean)).sum::<F>() / F::of(row.len() as f64);
        Self { mean, variance, scale: (variance + F::of(epsilon)).sqrt().recip() }
    }

    fn normalize(&self, x: F) -> F {
        (x - self.mean) * self.scale
    }
}

fn mean<F: Real>(row: &[F]) -> F {
    ArrayView1::from(row).sum() / F::of(row.len() as f64)
}

impl<F: Real> Operation<F> for LayerNormalization<F> {
    fn to_spec(&self) -> OperatorSpec<F> {
        let spec = OperatorSpec::new(self.kind(), 1)
            .with_integer("axis", self.axis)
            .with_real("epsilon", self.epsilon)
            .with_constant(Arc::clone(&self.gamma));
        match &self.beta {
            Some(beta) => spec.with_constant(Arc::clone(beta)),
            None => spec,
        }
    }

    fn kind(&self) -> &'static str {
        "LayerNormalization"
    }

    fn family(&self) -> Family {
        Family::Normalization
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        let [shape] = operands else { return Err(Error::shape(operands, "it takes one")) };
        let row = IxDyn(&shape[axis_of(self.axis, shape)?..]);
        for numbers in [Some(&self.gamma), self.beta.as_ref()].into_iter().flatten() {
            if numbers.broadcast(row.clone()).is_none() {
                let reason = format!(
                    "scale or bias of shape {:?} do not fit what is normalized from axis {} on",
                    numbers.shape(),
                    self.axis
                );
                return Err(Error::shape(operands, reason));
            }
        }
        Ok(shape.to_vec())
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        self.rows(operands[0].shape(), [operands[0].view()], |[x], affine, y| {
            let moments = Moments::of(x, self.epsilon);
            for ((y, &x), &gamma) in y.iter_mut().zip(x).zip(affine.gamma) {
                *y = moments.normalize(x) * gamma;
            }
            for (y, &beta) in y.iter_mut().zip(affine.beta.unwrap_or_default()) {
                *y += beta;
            }
        })
    }

    /// `( h_i − mean(h) − x̂_i mean(h x̂) ) / √(σ² + ε)` with `h = γ · upper`, `x̂ = (x − μ)/√(σ² + ε)`
    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        let input = &step.operands[0];
        vec![self.rows(input.shape(), [input.view(), upper.view()], |[x, upper], affine, lower| {
            let moments = Moments::of(x, self.epsilon);
            let weighed: Vec<F> = upper.iter().zip(affine.gamma).map(|(&upper, &gamma)| upper * gamma).collect();
            let level = mean(&weighed);
            let tilt = weighed.iter().zip(x).map(|(&weighed, &x)| weighed * moments.normalize(x)).sum::<F>()
                / F::of(x.len() as f64);
            for ((lower, &weighed), &x) in lower.iter_mut().zip(&weighed).zip(x) {
                *lower = (weighed - level - moments.normalize(x) * tilt) * moments.scale;
            }
        })]
    }

    /// `γ_i x̂_i ε / (σ² + ε)`: all that is left of a scaling of the input is ε.
    fn along_operands(&self, step: &Step<'_, F>) -> ArrayD<F> {
        let input = &step.operands[0];
        let epsilon = F::of(self.epsilon);
        self.rows(input.shape(), [input.view()], |[x], affine, along| {
            let moments = Moments::of(x, self.epsilon);
            let rest = epsilon / (moments.variance + epsilon);
            for ((along, &x), &gamma) in along.iter_mut().zip(x).zip(affine.gamma) {
                *along = gamma * moments.normalize(x) * rest;
            }
        })
    }

    fn channel_axis(&self, rank: usize) -> Option<usize> {
        rank.checked_sub(1)
    }

    fn description(&self) -> String {
        format!("over axis {} and all after it", self.axis)
    }
}

/// Reads the operation from its specification.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let gamma = spec.required_constant(1, "scale")?;
    let beta = spec.constant(2, "bias")?;
    let (axis, epsilon) = (spec.integer("axis", -1)?, spec.real("epsilon", 1e-5)?);
    Ok(ParsedOperation::new(LayerNormalization::new(axis, epsilon, gamma, beta)?, vec![0]))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::operations::testing::{assert_close, check_gradient, forward, numbers};

    fn layer(axis: i64, shape: &[usize]) -> LayerNormalization<f64> {
        let beta = Some(Arc::new(numbers(shape, 32)));
        LayerNormalization::new(axis, 0.01, numbers(shape, 31), beta).unwrap()
    }

    #[test]
    fn rows_are_centered_and_scaled() {
        let layer =
            LayerNormalization::new(-1, 1.0, array![1.0, 2.0].into_dyn(), Some(Arc::new(array![0.5].into_dyn())));
        let root = 3.0;
        let x = array![[5.0, 5.0 + 2.0 * f64::sqrt(8.0)], [7.0, 7.0]].into_dyn(); // variances 8 and 0
        let half = f64::sqrt(8.0) / root;
        let expected = array![[0.5 - half, 0.5 + 2.0 * half], [0.5, 0.5]].into_dyn();
        assert_close(forward(&layer.unwrap(), &[x]).view(), expected.view(), "normalized");
    }

    #[test]
    fn the_gradient_is_right_over_one_or_several_axes() {
        check_gradient(&layer(-1, &[5]), &[numbers(&[2, 3, 5], 33)]);
        check_gradient(&layer(1, &[3, 5]), &[numbers(&[2, 3, 5], 34)]);
        check_gradient(&layer(0, &[5]), &[numbers(&[2, 3, 5], 35)]);
        check_gradient(&layer(-2, &[3, 1]), &[numbers(&[2, 3, 5], 36)]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let layer = layer(1, &[5]);
        assert!(layer.output_shape(&[&[2, 4]]).unwrap_err().to_string().contains("do not fit"));
        assert!(layer.output_shape(&[&[5]]).unwrap_err().to_string().contains("no axis 1"));
        assert!(LayerNormalization::new(1, f64::NAN, array![1.0].into_dyn(), None).is_err());
    }
}
