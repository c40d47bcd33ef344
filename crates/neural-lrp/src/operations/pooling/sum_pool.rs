//! The sum pooling of the authors' toolbox.

use ndarray::{ArrayD, ArrayViewD};

use crate::operation::OperatorSpec;
use crate::operation::{Family, Operation, ParsedOperation, Step};
use crate::operations::pooling::average_pool::AveragePool;
use crate::operations::pooling::windows::{PaddingCounts, Windows};
use crate::{Error, Real};

/// `y_j = Σ_{i∈window(j)} x_i / √n`, where `n` is the number of places in a window.
///
/// The networks of the authors' toolbox pool so, without padding. There is no such ONNX operator; in a spec it has
/// the attributes `kernel_shape` and `strides`.
#[derive(Clone, Debug)]
pub struct SumPool {
    average: AveragePool,
    windows: Windows,
    /// `√n`: what makes the sum of the average.
    scale: f64,
}

impl SumPool {
    /// Sums of windows of `kernel` places, a stride apart.
    ///
    /// # Errors
    /// [`Error::Attribute`] unless there are one to three axes, with a kernel and a stride of at least 1 on each.
    pub fn new(kernel: &[usize], strides: &[usize]) -> Result<Self, Error> {
        let windows = Windows::new(kernel, strides)?;
        let scale = kernel.iter().map(|&length| length as f64).product::<f64>().sqrt();
        Ok(Self { average: AveragePool::new(windows.clone(), PaddingCounts::No), windows, scale })
    }
}

impl<F: Real> Operation<F> for SumPool {
    fn to_spec(&self) -> OperatorSpec<F> {
        self.windows.write(OperatorSpec::new("SumPool", 1))
    }

    fn kind(&self) -> &'static str {
        "SumPool"
    }

    fn family(&self) -> Family {
        Family::Sum
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        Operation::<F>::output_shape(&self.average, operands)
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        self.average.forward(operands) * F::of(self.scale)
    }

    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        let gradients = self.average.gradient(step, upper).into_iter();
        gradients.map(|gradient| gradient * F::of(self.scale)).collect()
    }

    fn channel_axis(&self, _: usize) -> Option<usize> {
        Some(1)
    }

    fn description(&self) -> String {
        Operation::<F>::description(&self.average)
    }
}

/// Reads the operation from its specification.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let kernel = spec.counts("kernel_shape", 1)?;
    let kernel = kernel.ok_or_else(|| Error::MissingInput { kind: spec.kind.clone(), input: "kernel_shape" })?;
    let strides = spec.counts("strides", 1)?.unwrap_or_else(|| vec![1; kernel.len()]);
    Ok(ParsedOperation::new(SumPool::new(&kernel, &strides)?, vec![0]))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::operations::testing::{check_gradient, forward};

    #[test]
    fn sums_are_scaled_by_the_root_of_their_number() {
        let pool = SumPool::new(&[2, 2], &[2, 2]).unwrap();
        let input = [array![[[[1.0, 2.0, 0.0, 1.0], [3.0, 4.0, -1.0, 0.5]]]].into_dyn()];
        assert_eq!(forward(&pool, &input), array![[[[5.0, 0.25]]]].into_dyn());
        check_gradient(&pool, &input);
    }
}
