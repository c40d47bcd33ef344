//! Maxima over windows by the kernel of single precision.

use channel_kernels::{Maxima, Shape};
use ndarray::{ArrayD, ArrayViewD};

use crate::Real;
use crate::arrays::order::Order;
use crate::operations::window::{Geometry, WindowAxis};

/// Windows over the positions of an input whose channels come last.
pub(super) struct WindowMaxima {
    maxima: Maxima,
    samples: usize,
    /// The lengths of the input's last two spatial axes.
    lengths: [usize; 2],
    output: Vec<usize>,
}

impl WindowMaxima {
    /// The windows of a geometry, where there is a kernel for them over such an input.
    pub(super) fn over<F: Real>(input: &ArrayViewD<'_, F>, geometry: &Geometry) -> Option<Self> {
        let is_for_kernels = F::single(&[]).is_some() && Order::of(input) == Some(Order::ChannelsLast);
        if !is_for_kernels || input.is_empty() || input.ndim() > 4 {
            return None;
        }
        let [_, rows, columns] = geometry.axes;
        let axes = [rows, columns];
        // Padding never wins, so that a window may stick out of it.
        let after = |axis: WindowAxis| {
            let end =
                axis.stride.checked_mul(axis.output - 1)?.checked_add(axis.dilation.checked_mul(axis.kernel - 1)?)?;
            Some((end + 1).saturating_sub(axis.before).saturating_sub(axis.input))
        };
        let after = [after(rows)?, after(columns)?];
        let &[samples, channels, ..] = input.shape() else { return None };
        let shape = Shape {
            stride: axes.map(|axis| axis.stride),
            dilation: axes.map(|axis| axis.dilation),
            padding: [[rows.before, after[0]], [columns.before, after[1]]],
            groups: channels,
            ..Shape::plain(channels, channels, axes.map(|axis| axis.kernel))
        };
        let lengths = axes.map(|axis| axis.input);
        let fits = shape.output_size(lengths) == Some(axes.map(|axis| axis.output));
        let maxima = fits.then(|| Maxima::new(shape).ok())??;
        let output = [&[samples, channels], geometry.output_lengths(input.ndim() - 2).as_slice()].concat();
        Some(Self { maxima, samples, lengths, output })
    }

    /// The largest number of each window.
    pub(super) fn largest<F: Real>(&self, input: &ArrayViewD<'_, F>) -> ArrayD<F> {
        let (largest, _) = self.forward(input);
        Order::ChannelsLast.array(&self.output, largest)
    }

    /// What the first of the largest numbers of each window get.
    pub(super) fn to_first<F: Real>(&self, input: &ArrayViewD<'_, F>, upper: &ArrayViewD<'_, F>) -> ArrayD<F> {
        let (_, winners) = self.forward(input);
        let upper = Order::ChannelsLast.numbers(upper);
        let mut lower = F::zeros(input.len());
        if let (Some(upper), Some(lower)) = (F::single(&upper), F::single_mut(&mut lower)) {
            self.maxima.transposed(self.samples, self.lengths, upper, &winners, lower);
        }
        Order::ChannelsLast.array(input.shape(), lower)
    }

    /// The largest number of each window, and which it is.
    fn forward<F: Real>(&self, input: &ArrayViewD<'_, F>) -> (Vec<F>, Vec<u8>) {
        let length = self.output.iter().product();
        let (mut largest, mut winners) = (F::zeros(length), vec![0; length]);
        let numbers = Order::ChannelsLast.numbers(input);
        if let (Some(numbers), Some(largest)) = (F::single(&numbers), F::single_mut(&mut largest)) {
            self.maxima.forward(self.samples, self.lengths, numbers, largest, &mut winners);
        }
        (largest, winners)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::operation::Step;
    use crate::operations::read;
    use crate::operations::testing::numbers;
    use crate::operations::window::twin::{Case, cases};

    proptest! {
        /// Windows of up to two axes, that may stick out of their padding, over numbers of which many are equal.
        #[test]
        fn kernels_find_what_plain_loops_find(
            case in cases().prop_filter("each window holds something", Case::is_for_pools)
                .prop_filter("up to two axes come with channels last", |case| case.lengths.len() < 3),
            seed in 0u64..1000,
        ) {
            let (single, double) = (read::<f32>(&case.spec("MaxPool")).unwrap(), read::<f64>(&case.spec("MaxPool")).unwrap());
            let input = numbers(&[&[2, 3], case.lengths.as_slice()].concat(), seed).mapv(|x| (3.0 * x).round());
            let output = double.operation.forward(&[input.view()]);
            let upper = numbers(output.shape(), seed + 1).mapv(|x| (64.0 * x).round());
            let step = Step { operands: vec![input.view()], output: output.view() };
            let lower = double.operation.gradient(&step, upper.view()).remove(0);

            let last = |array: &ArrayD<f64>| Order::ChannelsLast.arrange_owned(array.mapv(|x| x as f32));
            let input = last(&input);
            let found = single.operation.forward(&[input.view()]);
            prop_assert_eq!(found.mapv(f64::from), output.clone());
            let (output, upper) = (last(&output), last(&upper));
            let step = Step { operands: vec![input.view()], output: output.view() };
            let found = single.operation.gradient(&step, upper.view()).remove(0);
            prop_assert_eq!(found.mapv(f64::from), lower);
        }
    }
}
