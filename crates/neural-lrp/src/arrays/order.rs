//! The order of an array's numbers in memory.

use std::borrow::Cow;

use ndarray::{ArrayD, ArrayViewD, CowArray, IxDyn, ShapeBuilder};
use rayon::prelude::*;

use crate::Real;
use crate::arrays::memory::recycle;

/// An order of memory in which tensors are kept.
///
/// Axes are samples, channels, and positions, whatever the order; only where the numbers lie is different.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Row by row: the numbers of a channel lie together.
    Standard,
    /// The numbers of a position lie together, channel by channel.
    ChannelsLast,
}

impl Order {
    /// The order of an array; [`Order::Standard`] where both are the same, `None` where it has neither.
    pub(crate) fn of<F: Real>(array: &ArrayViewD<'_, F>) -> Option<Self> {
        if array.is_standard_layout() {
            Some(Self::Standard)
        } else if array.ndim() > 2 && by_position(array.clone()).is_standard_layout() {
            Some(Self::ChannelsLast)
        } else {
            None
        }
    }

    /// Whether an array has this order, alone or beside the other.
    pub(crate) fn is_that_of<F: Real>(self, array: &ArrayViewD<'_, F>) -> bool {
        self.axes(array.clone()).is_standard_layout()
    }

    /// The order that arrays of a network have in common: channels last, as soon as one of them has no other.
    pub(crate) fn common<'a, 'b: 'a, F: Real>(arrays: impl IntoIterator<Item = &'a ArrayViewD<'b, F>>) -> Self {
        let is_channels_last = |array: &ArrayViewD<'_, F>| Self::of(array) == Some(Self::ChannelsLast);
        if arrays.into_iter().any(is_channels_last) { Self::ChannelsLast } else { Self::Standard }
    }

    /// The array in the order that it has, or else in the standard one.
    pub(crate) fn kept<F: Real>(array: ArrayD<F>) -> ArrayD<F> {
        let order = Self::of(&array.view()).unwrap_or(Self::Standard);
        order.arrange_owned(array)
    }

    /// The array in this order; copied only if it has another.
    pub(crate) fn arrange<'a, F: Real>(self, array: &ArrayViewD<'a, F>) -> CowArray<'a, F, IxDyn> {
        if self.is_that_of(array) { array.clone().into() } else { self.array(array.shape(), self.copied(array)).into() }
    }

    /// The array in this order; copied only if it has another.
    pub(crate) fn arrange_owned<F: Real>(self, array: ArrayD<F>) -> ArrayD<F> {
        if self.is_that_of(&array.view()) {
            return array;
        }
        let copy = self.array(array.shape(), self.copied(&array.view()));
        recycle(array);
        copy
    }

    /// The numbers of an array as they lie in this order.
    pub(crate) fn numbers<'a, F: Real>(self, array: &'a ArrayViewD<'_, F>) -> Cow<'a, [F]> {
        // A slice of the array with its axes moved would live no longer than the moved view.
        match array.as_slice_memory_order() {
            Some(numbers) if self.is_that_of(array) => Cow::Borrowed(numbers),
            _ => Cow::Owned(self.copied(array)),
        }
    }

    /// The numbers of an array in this order; copied only if they lie in another.
    pub(crate) fn into_numbers<F: Real>(self, array: ArrayD<F>) -> Vec<F> {
        let array = self.arrange_owned(array);
        let length = array.len();
        match array.into_raw_vec_and_offset() {
            (numbers, None | Some(0)) if numbers.len() == length => numbers,
            (numbers, start) => numbers[start.unwrap_or(0)..][..length].to_vec(),
        }
    }

    /// The array of a shape whose numbers lie in this order.
    pub(crate) fn array<F: Real>(self, shape: &[usize], numbers: Vec<F>) -> ArrayD<F> {
        let array = match self {
            Self::Standard => ArrayD::from_shape_vec(shape, numbers),
            Self::ChannelsLast => ArrayD::from_shape_vec(IxDyn(shape).strides(IxDyn(&strides(shape))), numbers),
        };
        array.unwrap_or_else(|_| unreachable!("as many numbers as places"))
    }

    /// The array with its axes in the order of memory, so that it is in the standard layout if it has this order.
    pub(crate) fn axes<F>(self, array: ArrayViewD<'_, F>) -> ArrayViewD<'_, F> {
        match self {
            Self::Standard => array,
            Self::ChannelsLast => by_position(array),
        }
    }

    /// The array whose axes [`axes`](Self::axes) had moved, with its axes back in their places.
    pub(crate) fn axes_back<F>(self, array: ArrayD<F>) -> ArrayD<F> {
        match self {
            Self::Standard => array,
            Self::ChannelsLast => by_channel(array),
        }
    }

    /// The axes from one on, in the order of memory.
    pub(crate) fn axes_from(self, axis: usize, rank: usize) -> impl Iterator<Item = usize> {
        let is_last = self == Self::ChannelsLast && rank > 2;
        let axes = std::iter::once(0).chain(2..rank).chain([1]);
        let in_memory = move |place: usize| if is_last { axes.clone().nth(place).unwrap_or(place) } else { place };
        (0..rank).map(in_memory).skip_while(move |&here| here != axis)
    }

    /// The numbers, copied into this order.
    fn copied<F: Real>(self, array: &ArrayViewD<'_, F>) -> Vec<F> {
        let turned = match self {
            Self::Standard => Self::ChannelsLast,
            Self::ChannelsLast => Self::Standard,
        };
        if array.ndim() < 3 || !turned.is_that_of(array) || array.is_empty() {
            return self.axes(array.clone()).iter().copied().collect();
        }
        let (samples, channels) = (array.shape()[0], array.shape()[1]);
        let positions = array.len() / (samples * channels);
        let (rows, columns) = match self {
            Self::Standard => (positions, channels),
            Self::ChannelsLast => (channels, positions),
        };
        let from = array.as_slice_memory_order().unwrap_or_else(|| unreachable!("it lies in the other order"));
        let mut to = F::zeros(array.len());
        let samples = to.par_chunks_mut(rows * columns).zip(from.par_chunks(rows * columns));
        samples.for_each(|(to, from)| transpose(from, rows, columns, to));
        to
    }
}

/// How many numbers a square has that is transposed at once.
const SQUARE: usize = 16;

/// Writes a matrix of `rows` and `columns` transposed, square by square.
fn transpose<F: Real>(from: &[F], rows: usize, columns: usize, to: &mut [F]) {
    to.par_chunks_mut(SQUARE * rows).enumerate().for_each(|(stripe, to)| {
        let first = stripe * SQUARE;
        for start in (0..rows).step_by(SQUARE) {
            let end = (start + SQUARE).min(rows);
            for (column, to) in to.chunks_exact_mut(rows).enumerate() {
                for (row, to) in (start..end).zip(&mut to[start..end]) {
                    *to = from[row * columns + first + column];
                }
            }
        }
    });
}

/// Samples, positions, channels.
fn by_position<F>(array: ArrayViewD<'_, F>) -> ArrayViewD<'_, F> {
    let rank = array.ndim();
    if rank < 3 {
        return array;
    }
    let axes: Vec<usize> = std::iter::once(0).chain(2..rank).chain([1]).collect();
    array.permuted_axes(axes)
}

/// Samples, channels, positions, of what [`by_position`] gives.
fn by_channel<F>(array: ArrayD<F>) -> ArrayD<F> {
    let rank = array.ndim();
    if rank < 3 {
        return array;
    }
    let axes: Vec<usize> = [0, rank - 1].into_iter().chain(1..rank - 1).collect();
    array.permuted_axes(axes)
}

/// From one number to the next along each axis, with channels last.
fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![0; shape.len()];
    let mut stride = 1;
    for axis in [1].into_iter().chain((2..shape.len()).rev()).chain([0]).filter(|&axis| axis < shape.len()) {
        strides[axis] = stride;
        stride *= shape[axis].max(1);
    }
    strides
}
