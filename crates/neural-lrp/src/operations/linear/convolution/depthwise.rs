//! Windows over a single channel: sums of shifted planes, without a matrix.
//!
//! Sorted by their remainder modulo the stride, the numbers that one tap meets at neighboring positions are neighbors, for any
//! stride and dilation. With as many columns for the positions as for the numbers, each tap then is one long vector to add,
//! whatever the length of a row; what falls between the rows is thrown away.

use crate::Real;
use crate::operations::linear::convolution::im2col::{Strip, strips};
use crate::operations::window::{Geometry, WindowAxis};

/// How many sums are formed side by side.
const LANES: usize = 16;

/// How much larger than its numbers and positions a sorted plane may be.
const LARGER: usize = 4;

/// Where each tap finds its numbers in a sorted plane.
pub struct Depthwise {
    /// Sorting a plane: a window as long as the stride, whose taps are the remainders.
    sorting: Vec<Strip>,
    /// How many numbers a sorted plane has.
    sorted: usize,
    /// For each tap, the number that it meets at the first position.
    offsets: Vec<usize>,
    /// The lengths of the positions' axes: slices, rows, columns.
    positions: [usize; 3],
    /// The distances between neighboring slices and rows of a sorted plane.
    distances: [usize; 2],
}

impl Depthwise {
    /// The planes of a window; `None` where sorted they would be much larger than they are.
    pub fn new(geometry: &Geometry) -> Option<Self> {
        let remainders = Geometry { axes: geometry.axes.map(WindowAxis::by_remainder) };
        let sorted = remainders
            .axes
            .iter()
            .try_fold(1usize, |sorted, axis| sorted.checked_mul(axis.kernel.checked_mul(axis.output)?))?;
        if sorted / LARGER > geometry.inputs() + geometry.outputs() {
            return None;
        }
        let [slices, rows, columns] = remainders.axes.map(|axis| axis.output);
        let distances = [rows * columns, columns];
        let mut offsets = Vec::with_capacity(geometry.taps());
        let [depth, height, width] = geometry.axes;
        for k in 0..depth.kernel {
            for i in 0..height.kernel {
                for j in 0..width.kernel {
                    let (k, i, j) = (k * depth.dilation, i * height.dilation, j * width.dilation);
                    let remainder =
                        (k % depth.stride * height.stride + i % height.stride) * width.stride + j % width.stride;
                    let first = k / depth.stride * distances[0] + i / height.stride * distances[1] + j / width.stride;
                    offsets.push(remainder * slices * distances[0] + first);
                }
            }
        }
        let sorting = strips(&remainders, remainders.outputs());
        Some(Self { sorting, sorted, offsets, positions: geometry.axes.map(|axis| axis.output), distances })
    }

    /// Sorts a plane of the input.
    pub fn sort<F: Real>(&self, plane: &[F], sorted: &mut Vec<F>) {
        sorted.resize(self.sorted + LANES, F::zero());
        for strip in &self.sorting {
            strip.im2col_plane(plane, sorted);
        }
    }

    /// Puts the numbers of a sorted plane back where they were; what belongs to none is dropped.
    pub fn unsort<F: Real>(&self, sorted: &[F], plane: &mut [F]) {
        for strip in &self.sorting {
            strip.col2im_plane(sorted, plane);
        }
    }

    /// Adds the correlation of a sorted plane with one filter to the output.
    pub fn correlate<F: Real>(&self, filter: &[F], sorted: &[F], spread: &mut Vec<F>, output: &mut [F]) {
        spread.resize(self.spread_length(), F::zero());
        for (block, sums) in spread.chunks_exact_mut(LANES).enumerate() {
            let mut lanes = [F::zero(); LANES];
            for (offset, &weight) in self.offsets.iter().zip(filter) {
                let numbers = &sorted[offset + block * LANES..][..LANES];
                for (lane, &number) in lanes.iter_mut().zip(numbers) {
                    *lane += weight * number;
                }
            }
            sums.copy_from_slice(&lanes);
        }
        for (row, first) in output.chunks_exact_mut(self.positions[2]).zip(self.rows()) {
            for (position, &sum) in row.iter_mut().zip(&spread[first..]) {
                *position += sum;
            }
        }
    }

    /// Adds the transpose of [`correlate`](Self::correlate), applied to an output, to a sorted plane.
    pub fn transposed<F: Real>(&self, filter: &[F], output: &[F], spread: &mut Vec<F>, sorted: &mut [F]) {
        spread.clear();
        spread.resize(self.spread_length(), F::zero());
        for (row, first) in output.chunks_exact(self.positions[2]).zip(self.rows()) {
            spread[first..first + row.len()].copy_from_slice(row);
        }
        for (offset, &weight) in self.offsets.iter().zip(filter) {
            for (number, &position) in sorted[*offset..].iter_mut().zip(spread.iter()) {
                *number += weight * position;
            }
        }
    }

    /// Makes a sorted plane of zeros.
    pub fn clear<F: Real>(&self, sorted: &mut Vec<F>) {
        sorted.clear();
        sorted.resize(self.sorted + LANES, F::zero());
    }

    /// The length of the positions' numbers, with what falls between their rows and fills the last lanes.
    fn spread_length(&self) -> usize {
        let [slices, rows, columns] = self.positions;
        ((slices - 1) * self.distances[0] + (rows - 1) * self.distances[1] + columns).next_multiple_of(LANES)
    }

    /// Where each row of positions begins among them.
    fn rows(&self) -> impl Iterator<Item = usize> + '_ {
        let [slices, rows, _] = self.positions;
        (0..slices).flat_map(move |slice| (0..rows).map(move |row| slice * self.distances[0] + row * self.distances[1]))
    }
}
