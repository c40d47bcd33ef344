//! im2col, the numbers that a window sees written out as a matrix; and its transpose, col2im.

use std::ops::Range;

use ndarray::{ArrayView2, ArrayViewMut2};

use crate::Real;
use crate::operations::window::Geometry;

/// A strip of consecutive positions of the window (row-major), and where what each of its taps sees there is found.
///
/// As a matrix it has a row for each channel and tap, and a column for each position; padding is 0.
#[derive(Debug)]
pub struct Strip {
    /// The positions, counted over the output.
    pub positions: Range<usize>,
    /// For each tap, the runs of positions that meet a number.
    taps: Vec<Vec<Run>>,
    /// The distance between the numbers of neighboring positions in a run.
    step: usize,
}

/// Neighboring positions which meet numbers at equal distances.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// The first position, counted from the strip's first.
    position: usize,
    /// The number which it meets.
    number: usize,
    /// How many positions.
    length: usize,
}

/// All positions of the window in strips of `length`.
pub fn strips(geometry: &Geometry, length: usize) -> Vec<Strip> {
    let outputs = geometry.outputs();
    let ranges = (0..outputs).step_by(length.max(1)).map(|start| start..outputs.min(start + length.max(1)));
    ranges.map(|positions| Strip::new(geometry, positions)).collect()
}

impl Strip {
    fn new(geometry: &Geometry, positions: Range<usize>) -> Self {
        let [depth, rows, columns] = geometry.axes;
        let mut taps = Vec::with_capacity(geometry.taps());
        for k in 0..depth.kernel {
            for i in 0..rows.kernel {
                for j in 0..columns.kernel {
                    taps.push(runs(geometry, &positions, [k, i, j]));
                }
            }
        }
        Self { positions, taps, step: columns.stride }
    }

    /// Writes what the window sees of channels (the rows of `input`) into `columns`.
    pub fn im2col<F: Real>(&self, input: ArrayView2<'_, F>, columns: ArrayViewMut2<'_, F>) {
        let Some(columns) = columns.into_slice() else { unreachable!("the matrix is contiguous") };
        for (channel, columns) in input.rows().into_iter().zip(columns.chunks_exact_mut(self.numbers())) {
            let Some(plane) = channel.to_slice() else { unreachable!("channels are contiguous") };
            self.im2col_plane(plane, columns);
        }
    }

    /// Writes what the window sees of one channel.
    pub fn im2col_plane<F: Real>(&self, plane: &[F], columns: &mut [F]) {
        for (runs, row) in self.taps.iter().zip(columns.chunks_exact_mut(self.positions.len())) {
            if runs.iter().map(|run| run.length).sum::<usize>() < row.len() {
                row.fill(F::zero());
            }
            for run in runs {
                self.copy(&plane[run.number..], &mut row[run.position..run.position + run.length]);
            }
        }
    }

    /// How many numbers one channel has in the matrix.
    fn numbers(&self) -> usize {
        self.taps.len() * self.positions.len()
    }

    fn copy<F: Real>(&self, numbers: &[F], positions: &mut [F]) {
        if self.step == 1 {
            positions.copy_from_slice(&numbers[..positions.len()]);
        } else {
            for (position, number) in positions.iter_mut().zip(numbers.iter().step_by(self.step)) {
                *position = *number;
            }
        }
    }

    /// Adds each number of `columns` to the one which its position and tap meet: the transpose of [`im2col`](Self::im2col).
    pub fn col2im<F: Real>(&self, columns: ArrayView2<'_, F>, mut input: ArrayViewMut2<'_, F>) {
        let Some(columns) = columns.to_slice() else { unreachable!("the matrix is contiguous") };
        for (channel, columns) in input.rows_mut().into_iter().zip(columns.chunks_exact(self.numbers())) {
            let Some(plane) = channel.into_slice() else { unreachable!("channels are contiguous") };
            self.col2im_plane(columns, plane);
        }
    }

    /// Adds the matrix of one channel to it.
    pub fn col2im_plane<F: Real>(&self, columns: &[F], plane: &mut [F]) {
        for (runs, row) in self.taps.iter().zip(columns.chunks_exact(self.positions.len())) {
            for run in runs {
                self.add(&row[run.position..run.position + run.length], &mut plane[run.number..]);
            }
        }
    }

    fn add<F: Real>(&self, positions: &[F], numbers: &mut [F]) {
        if self.step == 1 {
            for (number, position) in numbers.iter_mut().zip(positions) {
                *number += *position;
            }
        } else {
            for (number, position) in numbers.iter_mut().step_by(self.step).zip(positions) {
                *number += *position;
            }
        }
    }
}

/// The runs of one tap among some positions, joined where they touch on both sides.
fn runs(geometry: &Geometry, positions: &Range<usize>, tap: [usize; 3]) -> Vec<Run> {
    let [depth, rows, columns] = geometry.axes;
    let [k, i, j] = tap;
    let (slices, lines, inside) = (depth.outputs_inside(k), rows.outputs_inside(i), columns.outputs_inside(j));
    let mut runs: Vec<Run> = Vec::new();
    for line in positions.start / columns.output..positions.end.div_ceil(columns.output) {
        let (slice, row) = (line / rows.output, line % rows.output);
        let start = line * columns.output;
        let first = (start + inside.start).max(positions.start);
        let end = (start + inside.end).min(positions.end);
        if !slices.contains(&slice) || !lines.contains(&row) || first >= end {
            continue;
        }
        let line = depth.meets(slice, k) * rows.input + rows.meets(row, i);
        let number = line * columns.input + columns.meets(first - start, j);
        let run = Run { position: first - positions.start, number, length: end - first };
        match runs.last_mut() {
            Some(last) if last.is_continued_by(&run, columns.stride) => last.length += run.length,
            _ => runs.push(run),
        }
    }
    runs
}

impl Run {
    fn is_continued_by(&self, next: &Self, step: usize) -> bool {
        self.position + self.length == next.position && self.number + self.length * step == next.number
    }
}
