//! A function of each number.

use ndarray::{ArrayD, ArrayViewD};
use rayon::prelude::*;

use crate::Real;
use crate::arrays::order::Order;

/// Below this many numbers, handing work to threads costs more than it saves.
pub(crate) const WORTH_THREADS: usize = 1 << 15;

/// `min(max(x, low), high)`; what is not a number stays so.
pub(crate) fn clip<F: Real>(x: F, [low, high]: [F; 2]) -> F {
    let raised = if x < low { low } else { x };
    if raised > high { high } else { raised }
}

/// A function of each number.
pub(crate) fn map<F: Real>(operand: &ArrayViewD<'_, F>, function: impl Fn(F) -> F + Sync) -> ArrayD<F> {
    map_parts([operand.view()], |[x], y| y.iter_mut().zip(x).for_each(|(y, &x)| *y = function(x)))
}

/// What a kernel makes of all numbers at once, where they have kernels.
pub(crate) fn map_by_kernel<F: Real>(
    operand: &ArrayViewD<'_, F>,
    kernel: impl Fn(&[f32], &mut [f32]),
) -> Option<ArrayD<F>> {
    let order = Order::common([operand]);
    let numbers = order.numbers(operand);
    let numbers = F::single(&numbers)?;
    let mut output = F::zeros(numbers.len());
    kernel(numbers, F::single_mut(&mut output)?);
    Some(order.array(operand.shape(), output))
}

/// An array of the shape of several, filled part by part from the same parts of all of them.
pub(crate) fn map_parts<F: Real, const N: usize>(
    arrays: [ArrayViewD<'_, F>; N],
    fill: impl Fn([&[F]; N], &mut [F]) + Sync,
) -> ArrayD<F> {
    let order = Order::common(&arrays);
    let numbers = arrays.each_ref().map(|array| order.numbers(array));
    let shape = arrays.first().map(ArrayViewD::shape).unwrap_or_default();
    let mut output = F::zeros(shape.iter().product());
    output.par_chunks_mut(WORTH_THREADS).enumerate().for_each(|(part, output)| {
        let start = part * WORTH_THREADS;
        fill(numbers.each_ref().map(|numbers| &numbers[start..][..output.len()]), output);
    });
    order.array(shape, output)
}
