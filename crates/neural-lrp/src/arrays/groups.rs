//! Some axes of an array taken together: one row of numbers for each position along the others.

use std::borrow::Cow;

use ndarray::{ArrayD, ArrayViewD, Axis, IxDyn};
use rayon::prelude::*;

use crate::Real;
use crate::arrays::contiguous::elements;
use crate::arrays::map::WORTH_THREADS;

/// The rows of an array whose numbers stand along some of its axes; rows and numbers are in row-major order.
#[derive(Clone, Debug)]
pub(crate) struct Groups {
    shape: Vec<usize>,
    /// The axes that rows are told apart by, then those that a row runs over; each ascending.
    order: Vec<usize>,
    /// How many of the axes rows are told apart by.
    apart: usize,
}

impl Groups {
    /// The rows over `axes`, ascending, of an array of `shape`.
    pub(crate) fn over(axes: &[usize], shape: &[usize]) -> Self {
        let apart = (0..shape.len()).filter(|axis| !axes.contains(axis));
        let order = apart.chain(axes.iter().copied()).collect();
        Self { shape: shape.to_vec(), order, apart: shape.len() - axes.len() }
    }

    /// How many rows there are.
    pub(crate) fn count(&self) -> usize {
        self.order[..self.apart].iter().map(|&axis| self.shape[axis]).product()
    }

    /// How many numbers a row has.
    pub(crate) fn length(&self) -> usize {
        self.order[self.apart..].iter().map(|&axis| self.shape[axis]).product()
    }

    /// The rows of an array that has as many numbers, one after another.
    fn rows<'a, F: Real>(&self, array: &'a ArrayViewD<'_, F>) -> Cow<'a, [F]> {
        let numbers = elements(array);
        if self.order.is_sorted() {
            return numbers;
        }
        let whole = ArrayViewD::from_shape(IxDyn(&self.shape), &numbers);
        let whole = whole.unwrap_or_else(|_| unreachable!("an array of as many numbers"));
        Cow::Owned(whole.permuted_axes(IxDyn(&self.order)).iter().copied().collect())
    }

    /// An array of the whole shape, each row of which is made from the same rows of `sources`.
    ///
    /// `fill` is given the row's number, the rows of the sources, and the row to fill, zeros at first.
    pub(crate) fn map<F: Real, const N: usize>(
        &self,
        sources: [ArrayViewD<'_, F>; N],
        fill: impl Fn(usize, [&[F]; N], &mut [F]) + Sync,
    ) -> ArrayD<F> {
        let length = self.length().max(1);
        let sources = sources.each_ref().map(|source| self.rows(source));
        let mut target = F::zeros(self.shape.iter().product());
        let rows = target.par_chunks_mut(length).with_min_len(WORTH_THREADS.div_ceil(length));
        rows.enumerate().for_each(|(row, target)| {
            let range = row * length..(row + 1) * length;
            fill(row, sources.each_ref().map(|source| &source[range.clone()]), target);
        });
        let lengths: Vec<usize> = self.order.iter().map(|&axis| self.shape[axis]).collect();
        let target = ArrayD::from_shape_vec(IxDyn(&lengths), target);
        let target = target.unwrap_or_else(|_| unreachable!("as many numbers as the shape says"));
        if self.order.is_sorted() {
            return target;
        }
        let mut back = vec![0; self.order.len()];
        self.order.iter().enumerate().for_each(|(position, &axis)| back[axis] = position);
        target.permuted_axes(IxDyn(&back)).as_standard_layout().into_owned()
    }

    /// One number for each row of an array.
    pub(crate) fn fold<F: Real>(&self, array: &ArrayViewD<'_, F>, of: impl Fn(&[F]) -> F + Sync) -> Vec<F> {
        let (rows, length) = (self.rows(array), self.length());
        let numbers = (0..self.count()).into_par_iter().with_min_len(WORTH_THREADS.div_ceil(length.max(1)));
        numbers.map(|row| of(&rows[row * length..(row + 1) * length])).collect()
    }

    /// The rows of an array that broadcasts to the whole shape.
    pub(crate) fn repeated<F: Real>(&self, array: ArrayViewD<'_, F>) -> RepeatedRows<F> {
        let mut view = array;
        while view.ndim() < self.shape.len() {
            view = view.insert_axis(Axis(0));
        }
        let (apart, along) = self.order.split_at(self.apart);
        let own: Vec<usize> = apart.iter().map(|&axis| view.shape()[axis]).collect();
        let mut shape = view.shape().to_vec();
        along.iter().for_each(|&axis| shape[axis] = self.shape[axis]);
        let rows = view.broadcast(IxDyn(&shape)).map(|rows| rows.permuted_axes(IxDyn(&self.order)));
        let rows = rows.unwrap_or_else(|| unreachable!("the array was agreed to broadcast"));
        let length = self.length();
        let mut strides = vec![0; own.len()];
        let mut stride = length;
        for (position, &own) in own.iter().enumerate().rev() {
            strides[position] = if own == 1 { 0 } else { stride };
            stride *= own;
        }
        let lengths = apart.iter().map(|&axis| self.shape[axis]);
        RepeatedRows { numbers: rows.iter().copied().collect(), length, steps: lengths.zip(strides).collect() }
    }
}

/// The rows of an array that broadcasts to another; those that are repeated are held once.
pub(crate) struct RepeatedRows<F> {
    numbers: Vec<F>,
    length: usize,
    /// For each axis that rows are told apart by, its length in the whole array, and how far its next row stands.
    steps: Vec<(usize, usize)>,
}

impl<F> RepeatedRows<F> {
    /// The row of this number in the whole array.
    pub(crate) fn row(&self, row: usize) -> &[F] {
        let (mut rest, mut start) = (row, 0);
        for (length, stride) in self.steps.iter().rev() {
            start += rest % length * stride;
            rest /= length;
        }
        &self.numbers[start..start + self.length]
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Dimension;

    use super::*;
    use crate::operations::testing::numbers;

    /// The positions of an array's rows over axes, from the definition.
    fn slow_rows(shape: &[usize], axes: &[usize]) -> Vec<Vec<Vec<usize>>> {
        let all = ndarray::indices(IxDyn(shape)).into_iter().map(|place| place.as_array_view().to_vec());
        let mut rows: Vec<(Vec<usize>, Vec<Vec<usize>>)> = Vec::new();
        for place in all {
            let key: Vec<usize> =
                place.iter().enumerate().filter(|(axis, _)| !axes.contains(axis)).map(|(_, &at)| at).collect();
            match rows.iter_mut().find(|(other, _)| *other == key) {
                Some((_, row)) => row.push(place),
                None => rows.push((key, vec![place])),
            }
        }
        rows.sort();
        rows.into_iter().map(|(_, row)| row).collect()
    }

    const AXES: [&[usize]; 8] = [&[], &[0], &[1], &[2], &[3], &[0, 2], &[1, 3], &[0, 1, 2, 3]];

    #[test]
    fn rows_are_those_of_the_definition() {
        let shape = [2, 3, 1, 4];
        let array = numbers(&shape, 3);
        for axes in AXES {
            let groups = Groups::over(axes, &shape);
            let rows = slow_rows(&shape, axes);
            assert_eq!((groups.count(), groups.count() * groups.length()), (rows.len(), 24), "{axes:?}");
            let last = groups.fold(&array.view(), |row| row[row.len() - 1]);
            let expected: Vec<f64> = rows.iter().map(|row| array[row[row.len() - 1].as_slice()]).collect();
            assert_eq!(last, expected, "{axes:?}");
            let numbered = groups.map([array.view()], |number, [row], target| {
                for ((at, target), value) in target.iter_mut().enumerate().zip(row) {
                    *target = 100.0 * number as f64 + at as f64 + value;
                }
            });
            assert!(numbered.is_standard_layout());
            for (number, row) in rows.iter().enumerate() {
                for (at, place) in row.iter().enumerate() {
                    let expected = 100.0 * number as f64 + at as f64 + array[place.as_slice()];
                    assert_eq!(numbered[place.as_slice()], expected, "{axes:?}");
                }
            }
        }
    }

    #[test]
    fn repeated_rows_are_those_of_the_broadcast_array() {
        let shape = [2, 3, 2, 4];
        let own: [&[usize]; 7] = [&[], &[1], &[4], &[3, 1, 1], &[2, 1, 1, 4], &[3, 2, 4], &[2, 3, 2, 4]];
        for axes in AXES {
            let groups = Groups::over(axes, &shape);
            for own in own {
                let array = numbers(own, 5);
                let whole = array.broadcast(IxDyn(&shape)).unwrap();
                let rows = groups.repeated(array.view());
                for (number, row) in slow_rows(&shape, axes).iter().enumerate() {
                    let expected: Vec<f64> = row.iter().map(|place| whole[place.as_slice()]).collect();
                    assert_eq!(rows.row(number), expected, "{own:?} over {axes:?}");
                }
            }
        }
    }

    #[test]
    fn rows_may_be_empty_or_none() {
        let empty = ArrayD::<f64>::zeros(IxDyn(&[2, 0, 3]));
        let over = |axes: &[usize]| Groups::over(axes, &[2, 0, 3]).fold(&empty.view(), |row| row.iter().sum());
        assert_eq!(over(&[1]), vec![0.0; 6]);
        assert!(over(&[2]).is_empty());
        let mapped = Groups::over(&[1], &[2, 0, 3]).map([empty.view()], |_, _, _| unreachable!("there are no numbers"));
        assert_eq!(mapped.shape(), [2, 0, 3]);
    }
}
