//! Two tensors of different shapes, number by number.

use ndarray::{ArrayD, ArrayViewD, Axis, Slice};
use rayon::prelude::*;

use crate::arrays::contiguous::{elements, elements_mut};
use crate::arrays::map::{WORTH_THREADS, map, map_parts};
use crate::arrays::memory::zeros;
use crate::{Error, Real};

/// `function(first, second)` at each position of the shape that both broadcast to, as numpy has it.
pub(crate) fn combine<F: Real>(
    first: &ArrayViewD<'_, F>,
    second: &ArrayViewD<'_, F>,
    function: impl Fn(F, F) -> F + Sync + Send,
) -> ArrayD<F> {
    if first.shape() == second.shape() {
        return map_parts([first.view(), second.view()], |[a, b], output| {
            output.iter_mut().zip(a.iter().zip(b)).for_each(|(output, (&a, &b))| *output = function(a, b));
        });
    }
    match second.first() {
        Some(&b) if second.len() == 1 && second.ndim() <= first.ndim() => map(first, |a| function(a, b)),
        _ => combine_rows(first, second, function),
    }
}

/// Adjacent axes along which each operand either varies or is repeated.
struct Axes {
    length: usize,
    first_varies: bool,
    second_varies: bool,
}

/// The general case: along the last axes one operand is repeated or none is, which makes the innermost loop a plain one.
fn combine_rows<F: Real>(
    first: &ArrayViewD<'_, F>,
    second: &ArrayViewD<'_, F>,
    function: impl Fn(F, F) -> F + Sync + Send,
) -> ArrayD<F> {
    let (shape, mut axes) = joint_axes(first.shape(), second.shape());
    let mut output = zeros(&shape);
    let row = axes.pop().unwrap_or(Axes { length: 1, first_varies: true, second_varies: true });
    if output.is_empty() {
        return output;
    }
    let (first, second) = (elements(first), elements(second));
    let rows = elements_mut(&mut output).par_chunks_mut(row.length);
    rows.with_min_len(WORTH_THREADS.div_ceil(row.length)).enumerate().for_each(|(index, output)| {
        let (first_row, second_row) = row_starts(&axes, &row, index);
        if !row.second_varies {
            let b = second[second_row];
            for (output, &a) in output.iter_mut().zip(&first[first_row..]) {
                *output = function(a, b);
            }
        } else if !row.first_varies {
            let a = first[first_row];
            for (output, &b) in output.iter_mut().zip(&second[second_row..]) {
                *output = function(a, b);
            }
        } else {
            for ((output, &a), &b) in output.iter_mut().zip(&first[first_row..]).zip(&second[second_row..]) {
                *output = function(a, b);
            }
        }
    });
    output
}

/// The joint shape, and its axes with neighbors of the same kind taken together.
fn joint_axes(first: &[usize], second: &[usize]) -> (Vec<usize>, Vec<Axes>) {
    let rank = first.len().max(second.len());
    let length = |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |axis| shape[axis]);
    let mut shape = Vec::with_capacity(rank);
    let mut joint: Vec<Axes> = Vec::new();
    for axis in 0..rank {
        let lengths = (length(first, axis), length(second, axis));
        let axes = Axes {
            length: if lengths.0 == 1 { lengths.1 } else { lengths.0 },
            first_varies: lengths.0 != 1,
            second_varies: lengths.1 != 1,
        };
        shape.push(axes.length);
        match joint.last_mut() {
            _ if axes.length == 1 => {}
            Some(last) if (last.first_varies, last.second_varies) == (axes.first_varies, axes.second_varies) => {
                last.length *= axes.length;
            }
            _ => joint.push(axes),
        }
    }
    (shape, joint)
}

/// Where a row of the output begins in either operand.
fn row_starts(axes: &[Axes], row: &Axes, index: usize) -> (usize, usize) {
    let stride = |varies: bool, length: usize| if varies { length } else { 1 };
    let mut strides = (stride(row.first_varies, row.length), stride(row.second_varies, row.length));
    let (mut starts, mut index) = ((0, 0), index);
    for axis in axes.iter().rev() {
        let position = index % axis.length;
        index /= axis.length;
        if axis.first_varies {
            starts.0 += position * strides.0;
            strides.0 *= axis.length;
        }
        if axis.second_varies {
            starts.1 += position * strides.1;
            strides.1 *= axis.length;
        }
    }
    starts
}

/// The array with length 1 along each axis along which it repeats one number.
pub(crate) fn without_repeats<F: Real>(array: ArrayD<F>) -> ArrayD<F> {
    let mut array = array;
    if array.is_empty() {
        return array;
    }
    for axis in (0..array.ndim()).map(Axis) {
        let repeats = array.lanes(axis).into_iter().all(|lane| lane.iter().all(|value| *value == lane[0]));
        if array.len_of(axis) > 1 && repeats {
            array = array.slice_axis(axis, Slice::from(..1)).to_owned();
        }
    }
    array
}

/// Whether an array of shape `own` broadcasts to `whole`, as numpy has it.
pub(crate) fn broadcasts(own: &[usize], whole: &[usize]) -> bool {
    own.len() <= whole.len() && own.iter().rev().zip(whole.iter().rev()).all(|(&own, &all)| own == 1 || own == all)
}

/// The shape that all operands broadcast to, as numpy has it.
pub(crate) fn broadcast_shape(operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
    let rank = operands.iter().map(|shape| shape.len()).max().unwrap_or(0);
    let mut result = vec![1; rank];
    for shape in operands {
        for (axis, &length) in (rank - shape.len()..).zip(shape.iter()) {
            if result[axis] == 1 {
                result[axis] = length;
            } else if length != 1 && length != result[axis] {
                return Err(Error::shape(operands, format!("axis {axis} has lengths {} and {length}", result[axis])));
            }
        }
    }
    Ok(result)
}

/// Sums an array over the axes along which an operand of `shape` was broadcast to it.
pub(crate) fn sum_to_shape<F: Real>(array: ArrayD<F>, shape: &[usize]) -> ArrayD<F> {
    let mut array = array;
    while array.ndim() > shape.len() {
        array = array.sum_axis(Axis(0));
    }
    for (axis, &length) in shape.iter().enumerate() {
        if length == 1 && array.len_of(Axis(axis)) != 1 {
            array = array.sum_axis(Axis(axis)).insert_axis(Axis(axis));
        }
    }
    array
}

#[cfg(test)]
mod tests {
    use ndarray::{Zip, array};

    use super::*;

    #[test]
    fn an_axis_of_repeats_has_length_one() {
        let shape = |array: ArrayD<f64>| without_repeats(array).shape().to_vec();
        assert_eq!(shape(array![[1.0, 1.0], [2.0, 2.0]].into_dyn()), [2, 1]);
        assert_eq!(shape(ArrayD::ones(vec![3, 1, 4])), [1, 1, 1]);
        assert_eq!(shape(array![[1.0, 2.0], [2.0, 1.0]].into_dyn()), [2, 2]);
        assert_eq!(shape(ArrayD::ones(vec![2, 0])), [2, 0]);
    }

    fn counting(shape: &[usize], start: f64) -> ArrayD<f64> {
        let mut next = start;
        ArrayD::from_shape_simple_fn(shape, || {
            next += 1.0;
            next
        })
    }

    #[test]
    fn rows_agree_with_plain_broadcasting() {
        let shapes: &[(&[usize], &[usize])] = &[
            (&[2, 3, 4, 5], &[2, 3, 4, 5]),
            (&[2, 3, 4, 5], &[2, 3, 1, 1]),
            (&[2, 3, 4, 5], &[3, 1, 1]),
            (&[2, 3, 4, 5], &[5]),
            (&[2, 3, 4, 5], &[4, 1]),
            (&[2, 3, 4, 5], &[1, 3, 1, 5]),
            (&[2, 3, 4, 5], &[]),
            (&[2, 3, 4, 5], &[1, 1, 1, 1, 1]),
            (&[2, 1, 4, 1], &[1, 3, 1, 5]),
            (&[], &[]),
            (&[1], &[7]),
            (&[1, 3], &[2, 1]),
            (&[0, 3], &[1, 3]),
            (&[3, 1], &[3, 0]),
            (&[70, 1, 30], &[19, 30]),
            (&[100, 1000], &[1, 1000]),
        ];
        for &(first, second) in shapes {
            for (first, second) in [(first, second), (second, first)] {
                let shape = broadcast_shape(&[first, second]).unwrap();
                let (a, b) = (counting(first, 0.0), counting(second, 0.5));
                let slow = Zip::from(&a.broadcast(shape.clone()).unwrap())
                    .and(&b.broadcast(shape.clone()).unwrap())
                    .map_collect(|&a, &b| a - b * b);
                let fast = combine(&a.view(), &b.view(), |a, b| a - b * b);
                assert_eq!(fast, slow, "{first:?} {second:?}");
                assert!(fast.is_standard_layout());
            }
        }
    }
}
