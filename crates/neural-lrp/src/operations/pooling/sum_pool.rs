//! The sum pooling of the authors' toolbox.

use ndarray::{ArrayD, ArrayViewD};

use crate::operation::OperatorSpec;
use crate::operation::{Accepts, Family, Operation, ParsedOperation, Step};
use crate::operations::pooling::pooled::Pooled;
use crate::operations::window::Window;
use crate::{Error, Real};

const KIND: &str = "SumPool";

/// `y_j = Σ_{i∈window(j)} x_i / √n`, where `n` is the number of taps of the window.
///
/// The networks of the authors' toolbox pool so, without padding; here padding adds nothing. There is no such ONNX
/// operator; in a spec it has the attributes of the others.
#[derive(Clone, Debug)]
pub struct SumPool {
    pooled: Pooled,
    /// `n`
    taps: f64,
}

impl SumPool {
    /// The scaled sum of each window.
    ///
    /// # Errors
    /// [`Error::Attribute`] for what is no window, and for one that can lie in the padding alone.
    ///
    /// ```
    /// use ndarray::array;
    /// use neural_lrp::Operation;
    /// use neural_lrp::operations::{SumPool, Window};
    ///
    /// let pool = SumPool::new(Window::new([2, 2]).strides([2, 2]))?;
    /// let x = array![[[[1.0, 2.0], [3.0, 4.0]]]].into_dyn();
    /// assert_eq!(pool.forward(&[x.view()]), array![[[[5.0]]]].into_dyn());
    /// # Ok::<(), neural_lrp::Error>(())
    /// ```
    pub fn new(window: Window) -> Result<Self, Error> {
        let taps = window.kernel.iter().map(|&length| length as f64).product();
        Ok(Self { pooled: Pooled::window(KIND, window)?, taps })
    }
}

impl<F: Real> Operation<F> for SumPool {
    fn to_spec(&self) -> OperatorSpec<F> {
        self.pooled.spec(KIND, KIND)
    }

    fn kind(&self) -> &'static str {
        KIND
    }

    fn family(&self) -> Family {
        Family::Sum
    }

    fn keeps_samples_apart(&self, _: &[&[usize]]) -> bool {
        true
    }

    fn accepts(&self) -> Accepts {
        self.pooled.accepts()
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        self.pooled.output_shape(operands)
    }

    /// The mean over all taps, times `√n`.
    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        let windows = self.pooled.over(&operands[0]);
        let (taps, root) = (F::of(self.taps), F::of(self.taps.sqrt()));
        windows.pool(&operands[0], |input, output| {
            windows.fold(input, output, |x| x, |sum, x| sum + x);
            output.iter_mut().for_each(|sum| *sum = *sum / taps * root);
        })
    }

    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        let windows = self.pooled.over(&step.operands[0]);
        let (taps, root) = (F::of(self.taps), F::of(self.taps.sqrt()));
        vec![windows.fill([upper], |_, [upper], lower| {
            let messages: Vec<F> = upper.iter().map(|&upper| upper / taps).collect();
            windows.spread(&messages, lower);
            lower.iter_mut().for_each(|sum| *sum *= root);
        })]
    }

    fn is_sum_pool(&self) -> bool {
        true
    }

    fn channel_axis(&self, _: usize) -> Option<usize> {
        Some(1)
    }

    fn description(&self) -> String {
        self.pooled.description()
    }
}

/// Reads the operation from its specification.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(SumPool::new(Pooled::read(spec)?)?, vec![0]))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::operations::testing::{check_gradient, forward};

    #[test]
    fn sums_are_scaled_by_the_root_of_their_number() {
        let pool = SumPool::new(Window::new([2, 2]).strides([2, 2])).unwrap();
        let input = [array![[[[1.0, 2.0, 0.0, 1.0], [3.0, 4.0, -1.0, 0.5]]]].into_dyn()];
        assert_eq!(forward(&pool, &input), array![[[[5.0, 0.25]]]].into_dyn());
        check_gradient(&pool, &input);
    }
}
