//! Where the largest number of each window stands: the second output of MaxPool.

use ndarray::{ArrayD, ArrayViewD};

use crate::operation::{Numbers, OperatorSpec};
use crate::operations::decision::{Decide, decision};
use crate::operations::pooling::pooled::Pooled;
use crate::operations::window::Window;
use crate::{Error, Real};

/// The position of the first of the largest numbers of each window, counted through the whole operand in row-major order.
#[derive(Clone, Debug)]
pub struct MaxPositions {
    pooled: Pooled,
}

impl MaxPositions {
    /// The positions of the largest numbers of each window.
    ///
    /// # Errors
    /// As [`MaxPool::new`](crate::operations::MaxPool::new).
    pub fn new(window: Window) -> Result<Self, Error> {
        Ok(Self { pooled: Pooled::window("MaxPool", window)? })
    }
}

impl<F: Real> Decide<F> for MaxPositions {
    fn name(&self) -> &'static str {
        "MaxPool"
    }

    fn words(&self) -> OperatorSpec<F> {
        self.pooled.spec("MaxPool", "GlobalMaxPool").with_integer("output", 1)
    }

    fn decides(&self) -> Numbers {
        Numbers::Integer
    }

    fn keeps_samples_apart(&self, _: &[&[usize]]) -> bool {
        false
    }

    fn shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        let output = self.pooled.output_shape(operands)?;
        match operands[0].iter().try_fold(1i64, |count, &length| count.checked_mul(i64::try_from(length).ok()?)) {
            Some(count) if count <= F::EXACT_INTEGERS => Ok(output),
            _ => {
                let reason = format!("{} tells no more than {} positions apart", F::NAME, F::EXACT_INTEGERS);
                Err(Error::shape(operands, reason))
            }
        }
    }

    fn decide(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        let input = operands[0].as_standard_layout();
        let windows = self.pooled.over(&input.view());
        let mut positions = windows.pool(&input.view(), |input, output| {
            windows.visit(|window, positions| {
                let further =
                    |first: usize, next: &usize| if beats(input[*next], input[first]) { *next } else { first };
                output[window] = F::of(positions.iter().skip(1).fold(positions[0], further) as f64);
            });
        });
        let plane: usize = input.shape()[2..].iter().product();
        for (number, mut sample) in positions.outer_iter_mut().enumerate() {
            for (channel, mut channel_positions) in sample.outer_iter_mut().enumerate() {
                let first = F::of(((number * input.shape()[1] + channel) * plane) as f64);
                channel_positions.mapv_inplace(|position| position + first);
            }
        }
        positions
    }

    fn summary(&self) -> String {
        self.pooled.description()
    }
}

decision!(MaxPositions);

/// Whether a number is the maximum if another was before it.
fn beats<F: Real>(next: F, first: F) -> bool {
    next > first || (next.is_nan() && !first.is_nan())
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::operations::testing::{forward, numbers};
    use crate::operations::{MaxPool, read};

    #[test]
    fn what_stands_there_is_the_maximum() {
        let window = || Window::new([2, 3]).strides([1, 2]);
        let x = [numbers(&[2, 3, 4, 7], 1)];
        let maxima = forward(&MaxPool::new(window()).unwrap(), &x);
        let positions = MaxPositions::new(window()).unwrap();
        for (maximum, position) in maxima.iter().zip(&forward(&positions, &x)) {
            assert_eq!(x[0].as_slice().unwrap()[*position as usize], *maximum);
        }
        let ties = [array![[[1.0, 3.0, 3.0, f64::NAN, 4.0]]].into_dyn()];
        let positions = MaxPositions::new(Window::new([2])).unwrap();
        assert_eq!(forward(&positions, &ties), array![[[1.0, 1.0, 3.0, 3.0]]].into_dyn());
    }

    #[test]
    fn it_is_read_as_it_is_worded() {
        let spec: OperatorSpec<f32> = MaxPositions::new(Window::new([2, 2])).unwrap().words();
        let operation = read(&spec).unwrap().operation;
        assert_eq!(operation.to_spec(), spec);
        assert!(operation.output_shape(&[&[1, 1, 1 << 12, 1 << 12]]).is_ok());
        let message = operation.output_shape(&[&[2, 1, 1 << 12, 1 << 12]]).unwrap_err().to_string();
        assert!(message.contains("16777216"), "{message}");
    }
}
