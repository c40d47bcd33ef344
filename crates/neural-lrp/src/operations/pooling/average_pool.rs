//! Average pooling, over windows or whole planes.

use ndarray::{ArrayD, ArrayViewD};

use crate::operation::OperatorSpec;
use crate::operation::{Accepts, Family, Operation, ParsedOperation, Step};
use crate::operations::pooling::pooled::Pooled;
use crate::operations::window::{PaddingCounts, Window};
use crate::{Error, Real};

/// `y_j = Σ_{i∈window(j)} x_i / n_j`
///
/// `n_j` is the number of inputs in the window, or that of its positions with the padding.
#[derive(Clone, Debug)]
pub struct AveragePool {
    pooled: Pooled,
    padding: PaddingCounts,
}

impl AveragePool {
    /// The average of each window.
    ///
    /// # Errors
    /// [`Error::Attribute`] for what is no window, and for one that can lie in the padding alone.
    ///
    /// ```
    /// use ndarray::array;
    /// use neural_lrp::Operation;
    /// use neural_lrp::operations::{AveragePool, Padding, PaddingCounts, Window};
    ///
    /// let window = Window::new([3]).strides([2]).padding(Padding::symmetric([1]));
    /// let x = array![[[2.0, 4.0, 6.0]]].into_dyn();
    /// let mean = AveragePool::new(window.clone(), PaddingCounts::No)?;
    /// assert_eq!(mean.forward(&[x.view()]), array![[[3.0, 5.0]]].into_dyn());
    /// let with_padding = AveragePool::new(window, PaddingCounts::Yes)?;
    /// assert_eq!(with_padding.forward(&[x.view()]), array![[[2.0, 10.0 / 3.0]]].into_dyn());
    /// # Ok::<(), neural_lrp::Error>(())
    /// ```
    pub fn new(window: Window, padding: PaddingCounts) -> Result<Self, Error> {
        Ok(Self { pooled: Pooled::window("AveragePool", window)?, padding })
    }

    /// The average of each plane.
    pub fn global() -> Self {
        Self { pooled: Pooled::Planes, padding: PaddingCounts::No }
    }
}

impl<F: Real> Operation<F> for AveragePool {
    fn to_spec(&self) -> OperatorSpec<F> {
        let spec = self.pooled.spec("AveragePool", "GlobalAveragePool");
        match self.padding {
            PaddingCounts::Yes => spec.with_integer("count_include_pad", 1),
            PaddingCounts::No => spec,
        }
    }

    fn kind(&self) -> &'static str {
        self.pooled.kind("AveragePool", "GlobalAveragePool")
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

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        let input = &operands[0];
        let windows = self.pooled.over(input);
        let counts = windows.counts::<F>(self.padding);
        windows.pool(input, |input, output| {
            windows.fold(input, output, |x| x, |sum, x| sum + x);
            output.iter_mut().zip(&counts).for_each(|(sum, &count)| *sum /= count);
        })
    }

    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        let windows = self.pooled.over(&step.operands[0]);
        let counts = windows.counts::<F>(self.padding);
        vec![windows.fill([upper], |_, [upper], lower| {
            let messages: Vec<F> = upper.iter().zip(&counts).map(|(&upper, &count)| upper / count).collect();
            windows.spread(&messages, lower);
        })]
    }

    fn channel_axis(&self, _: usize) -> Option<usize> {
        Some(1)
    }

    fn description(&self) -> String {
        self.pooled.description()
    }
}

/// Reads the pooling of windows from its specification.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let counts = spec.integer("count_include_pad", 0)? != 0;
    let padding = if counts { PaddingCounts::Yes } else { PaddingCounts::No };
    Ok(ParsedOperation::new(AveragePool::new(Pooled::read(spec)?, padding)?, vec![0]))
}

/// Reads the pooling of whole planes from its specification.
pub(crate) fn read_global<F: Real>(_: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(AveragePool::global(), vec![0]))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::operations::Padding;
    use crate::operations::testing::{check_gradient, forward, numbers};

    fn padded(padding: PaddingCounts) -> AveragePool {
        AveragePool::new(Window::new([3]).strides([2]).padding(Padding::symmetric([1])), padding).unwrap()
    }

    #[test]
    fn padding_counts_or_not() {
        let input = [array![[[2.0, 4.0, 6.0]]].into_dyn()];
        assert_eq!(forward(&padded(PaddingCounts::No), &input), array![[[3.0, 5.0]]].into_dyn());
        assert_eq!(forward(&padded(PaddingCounts::Yes), &input), array![[[2.0, 10.0 / 3.0]]].into_dyn());
    }

    #[test]
    fn the_gradient_is_right_in_one_two_and_three_dimensions() {
        check_gradient(&padded(PaddingCounts::No), &[numbers(&[2, 3, 7], 1)]);
        check_gradient(&padded(PaddingCounts::Yes), &[numbers(&[2, 3, 7], 1)]);
        let square = Window::new([2, 3]).strides([1, 2]).padding(Padding::SameUpper);
        check_gradient(&AveragePool::new(square, PaddingCounts::No).unwrap(), &[numbers(&[1, 2, 3, 5], 2)]);
        let cube = Window::new([2, 1, 3]).strides([1, 2, 1]);
        check_gradient(&AveragePool::new(cube, PaddingCounts::Yes).unwrap(), &[numbers(&[1, 1, 3, 3, 4], 3)]);
        for shape in [&[2, 3, 4][..], &[1, 2, 3, 3], &[1, 2, 2, 3, 2], &[1, 2, 2, 3, 2, 2]] {
            check_gradient(&AveragePool::global(), &[numbers(shape, 4)]);
        }
    }
}
