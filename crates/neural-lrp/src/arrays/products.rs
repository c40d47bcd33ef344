//! The matrix product of thin and of large matrices.
//!
//! ndarray's own, the faster one for large matrices, rearranges both of them first; where one side is thin, that takes
//! longer than the product, and the `gemm` crate is faster.

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};

use crate::Real;

/// What becomes of the numbers that stand where a product goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Onto {
    /// They are overwritten.
    Nothing,
    /// The product is added to them.
    Sum,
}

/// From how many rows and columns on a product is large.
const LARGE: [usize; 2] = [48, 192];

/// `output = left · right`, or `output += left · right`; on one thread, for arrays in any layout.
pub(crate) fn matrix_product<F: Real>(
    left: ArrayView2<'_, F>,
    right: ArrayView2<'_, F>,
    mut output: ArrayViewMut2<'_, F>,
    onto: Onto,
) {
    if left.nrows() >= LARGE[0] && right.ncols() >= LARGE[1] {
        let kept = if onto == Onto::Sum { F::one() } else { F::zero() };
        general_mat_mul(F::one(), &left, &right, kept, &mut output);
    } else {
        thin_product(left, right, output, onto);
    }
}

/// The product by the `gemm` crate, whose entry point takes raw pointers: this is the one door to it.
///
/// The numbers are `f32` or `f64`, as of all [`Real`]s.
#[allow(unsafe_code)]
fn thin_product<F: Real>(
    left: ArrayView2<'_, F>,
    right: ArrayView2<'_, F>,
    mut output: ArrayViewMut2<'_, F>,
    onto: Onto,
) {
    let (rows, inner) = left.dim();
    let columns = right.ncols();
    assert_eq!(right.nrows(), inner, "as many rows on the right as columns on the left");
    assert_eq!(output.dim(), (rows, columns), "the output has the shape of the product");
    let kept = if onto == Onto::Sum { F::one() } else { F::zero() };
    let [left_row, left_column] = [left.strides()[0], left.strides()[1]];
    let [right_row, right_column] = [right.strides()[0], right.strides()[1]];
    let [output_row, output_column] = [output.strides()[0], output.strides()[1]];
    // SAFETY: each pointer is that of a view's first element, and comes with that view's own strides. The three are
    // indexed by (row < rows, column < inner), (row < inner, column < columns) and (row < rows, column < columns), which
    // lie within them by the assertions above. The output is borrowed mutably, so that nothing else refers to it, and no
    // two of its indices mean one number, as always in a mutable view.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            output.as_mut_ptr(),
            output_column,
            output_row,
            onto == Onto::Sum,
            left.as_ptr(),
            left_column,
            left_row,
            right.as_ptr(),
            right_column,
            right_row,
            kept,
            F::one(),
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, s};

    use super::*;

    fn numbers(rows: usize, columns: usize, seed: usize) -> Array2<f64> {
        Array2::from_shape_fn((rows, columns), |(i, j)| ((i * 31 + j * 17 + seed * 7) % 23) as f64 - 11.0)
    }

    fn twin(left: ArrayView2<'_, f64>, right: ArrayView2<'_, f64>) -> Array2<f64> {
        Array2::from_shape_fn((left.nrows(), right.ncols()), |(i, j)| {
            (0..left.ncols()).map(|inner| left[[i, inner]] * right[[inner, j]]).sum()
        })
    }

    #[test]
    fn it_is_the_sum_of_products_at_awkward_sizes() {
        for (rows, inner, columns) in
            [(1, 1, 1), (3, 19, 1), (1, 100, 7), (19, 3, 100), (33, 65, 17), (2, 0, 3), (50, 9, 200)]
        {
            let (left, right) = (numbers(rows, inner, 1), numbers(inner, columns, 2));
            let mut output = numbers(rows, columns, 3);
            let expected = twin(left.view(), right.view());
            matrix_product(left.view(), right.view(), output.view_mut(), Onto::Nothing);
            assert_eq!(output, expected, "{rows} {inner} {columns}");
            matrix_product(left.view(), right.view(), output.view_mut(), Onto::Sum);
            assert_eq!(output, &expected + &expected, "{rows} {inner} {columns}");
        }
    }

    #[test]
    fn strides_of_any_sign_are_followed() {
        let (left, right) = (numbers(8, 5, 1), numbers(5, 9, 2));
        let left = left.slice(s![..;2, ..;-1]);
        let right = right.slice(s![..;-1, 1..;3]);
        let mut whole = numbers(9, 8, 3);
        matrix_product(left, right, whole.slice_mut(s![2..5, ..;2]).reversed_axes(), Onto::Nothing);
        assert_eq!(whole.slice(s![2..5, ..;2]).t(), twin(left, right));
        assert_eq!(whole.slice(s![.., 1..;2]), numbers(9, 8, 3).slice(s![.., 1..;2]));
    }

    #[test]
    #[should_panic(expected = "the output has the shape of the product")]
    fn an_output_of_another_shape_is_refused() {
        let mut output = numbers(2, 2, 0);
        matrix_product(numbers(3, 4, 0).view(), numbers(4, 2, 0).view(), output.view_mut(), Onto::Nothing);
    }
}
