//! Products of batches of matrices.

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayD, ArrayView2, ArrayViewD, ArrayViewMut2, Axis, Ix2};
use rayon::prelude::*;

use crate::Real;
use crate::arrays::broadcast::broadcast_shape;
use crate::arrays::contiguous::elements_mut;
use crate::arrays::memory::zeros;

/// `A B` for arrays of at least two axes that fit.
pub(crate) fn product<F: Real>(a: &ArrayViewD<'_, F>, b: &ArrayViewD<'_, F>) -> ArrayD<F> {
    let (batch_a, batch_b) = (&a.shape()[..a.ndim() - 2], &b.shape()[..b.ndim() - 2]);
    let batch = broadcast_shape(&[batch_a, batch_b]);
    let batch = batch.unwrap_or_else(|error| unreachable!("output_shape agreed: {error}"));
    let (rows, columns) = (a.shape()[a.ndim() - 2], b.shape()[b.ndim() - 1]);
    let mut output = zeros(&[batch.as_slice(), &[rows, columns]].concat());
    let matrices = elements_mut(&mut output).par_chunks_mut((rows * columns).max(1));
    matrices.enumerate().for_each(|(index, numbers)| {
        let position = unravel(index, &batch);
        let target = ArrayViewMut2::from_shape((rows, columns), numbers);
        let mut target = target.unwrap_or_else(|_| unreachable!("each chunk is one matrix"));
        general_mat_mul(F::one(), &matrix_at(a, &position), &matrix_at(b, &position), F::zero(), &mut target);
    });
    output
}

/// The position along each axis of an index in row-major order.
fn unravel(index: usize, shape: &[usize]) -> Vec<usize> {
    let mut rest = index;
    let mut position: Vec<usize> = shape
        .iter()
        .rev()
        .map(|&length| {
            let here = rest % length;
            rest /= length;
            here
        })
        .collect();
    position.reverse();
    position
}

/// The matrix at a position of the axes that an array broadcasts to.
fn matrix_at<'a, F: Real>(array: &'a ArrayViewD<'_, F>, position: &[usize]) -> ArrayView2<'a, F> {
    let axes = array.ndim() - 2;
    let mut matrix = array.view();
    for &here in &position[position.len() - axes..] {
        let here = if matrix.shape()[0] == 1 { 0 } else { here };
        matrix = matrix.index_axis_move(Axis(0), here);
    }
    matrix.into_dimensionality::<Ix2>().unwrap_or_else(|_| unreachable!("all but the last two axes are gone"))
}
