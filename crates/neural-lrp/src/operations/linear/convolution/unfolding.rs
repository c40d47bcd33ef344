//! The numbers that a window sees, written out as a matrix; and its reverse.

use std::ops::Range;

use ndarray::{ArrayView2, ArrayViewMut2};

use crate::Real;
use crate::operations::linear::convolution::Geometry;

/// A strip of consecutive places of the window (row-major), and where what each of its taps sees there is found.
///
/// Unfolded, a strip is a matrix: a row for each channel and tap, a column for each place; padding is 0.
#[derive(Debug)]
pub struct Strip {
    /// The places, as positions within the coarse side.
    pub places: Range<usize>,
    /// For each tap, the runs of places that meet a number.
    taps: Vec<Vec<Run>>,
    /// The distance between the numbers of neighboring places in a run.
    step: usize,
}

/// Neighboring places which meet numbers at equal distances.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// The first place, counted from the strip's first.
    place: usize,
    /// The number which it meets.
    number: usize,
    /// How many places.
    length: usize,
}

/// All places of the window in strips of `length`.
pub fn strips(geometry: &Geometry, length: usize) -> Vec<Strip> {
    let coarse = geometry.coarse();
    let ranges = (0..coarse).step_by(length.max(1)).map(|start| start..coarse.min(start + length.max(1)));
    ranges.map(|places| Strip::new(geometry, places)).collect()
}

impl Strip {
    fn new(geometry: &Geometry, places: Range<usize>) -> Self {
        let [depth, rows, columns] = geometry.axes;
        let mut taps = Vec::with_capacity(geometry.taps());
        for k in 0..depth.kernel {
            for i in 0..rows.kernel {
                for j in 0..columns.kernel {
                    taps.push(runs(geometry, &places, [k, i, j]));
                }
            }
        }
        Self { places, taps, step: columns.stride }
    }

    /// Unfolds channels (the rows of `fine`) into `columns`.
    pub fn unfold<F: Real>(&self, fine: ArrayView2<'_, F>, columns: ArrayViewMut2<'_, F>) {
        let Some(columns) = columns.into_slice() else { unreachable!("the matrix is contiguous") };
        for (channel, columns) in fine.rows().into_iter().zip(columns.chunks_exact_mut(self.numbers())) {
            let Some(plane) = channel.to_slice() else { unreachable!("channels are contiguous") };
            self.unfold_plane(plane, columns);
        }
    }

    /// Unfolds one channel.
    pub fn unfold_plane<F: Real>(&self, plane: &[F], columns: &mut [F]) {
        for (runs, row) in self.taps.iter().zip(columns.chunks_exact_mut(self.places.len())) {
            if runs.iter().map(|run| run.length).sum::<usize>() < row.len() {
                row.fill(F::zero());
            }
            for run in runs {
                self.copy(&plane[run.number..], &mut row[run.place..run.place + run.length]);
            }
        }
    }

    /// How many numbers an unfolded channel has.
    fn numbers(&self) -> usize {
        self.taps.len() * self.places.len()
    }

    fn copy<F: Real>(&self, numbers: &[F], places: &mut [F]) {
        if self.step == 1 {
            places.copy_from_slice(&numbers[..places.len()]);
        } else {
            for (place, number) in places.iter_mut().zip(numbers.iter().step_by(self.step)) {
                *place = *number;
            }
        }
    }

    /// Adds each number of `columns` to the number which its place and tap meet: the reverse of [`unfold`](Self::unfold).
    pub fn fold<F: Real>(&self, columns: ArrayView2<'_, F>, mut fine: ArrayViewMut2<'_, F>) {
        let Some(columns) = columns.to_slice() else { unreachable!("the matrix is contiguous") };
        for (channel, columns) in fine.rows_mut().into_iter().zip(columns.chunks_exact(self.numbers())) {
            let Some(plane) = channel.into_slice() else { unreachable!("channels are contiguous") };
            self.fold_plane(columns, plane);
        }
    }

    /// Folds one channel.
    pub fn fold_plane<F: Real>(&self, columns: &[F], plane: &mut [F]) {
        for (runs, row) in self.taps.iter().zip(columns.chunks_exact(self.places.len())) {
            for run in runs {
                self.add(&row[run.place..run.place + run.length], &mut plane[run.number..]);
            }
        }
    }

    fn add<F: Real>(&self, places: &[F], numbers: &mut [F]) {
        if self.step == 1 {
            for (number, place) in numbers.iter_mut().zip(places) {
                *number += *place;
            }
        } else {
            for (number, place) in numbers.iter_mut().step_by(self.step).zip(places) {
                *number += *place;
            }
        }
    }
}

/// The runs of one tap among some places, joined where they touch on both sides.
fn runs(geometry: &Geometry, places: &Range<usize>, tap: [usize; 3]) -> Vec<Run> {
    let [depth, rows, columns] = geometry.axes;
    let [k, i, j] = tap;
    let (slices, lines, inside) = (depth.inside(k), rows.inside(i), columns.inside(j));
    let mut runs: Vec<Run> = Vec::new();
    for line in places.start / columns.coarse..places.end.div_ceil(columns.coarse) {
        let (slice, row) = (line / rows.coarse, line % rows.coarse);
        let start = line * columns.coarse;
        let first = (start + inside.start).max(places.start);
        let end = (start + inside.end).min(places.end);
        if !slices.contains(&slice) || !lines.contains(&row) || first >= end {
            continue;
        }
        let line = depth.meets(slice, k) * rows.fine + rows.meets(row, i);
        let number = line * columns.fine + columns.meets(first - start, j);
        let run = Run { place: first - places.start, number, length: end - first };
        match runs.last_mut() {
            Some(last) if last.is_continued_by(&run, columns.stride) => last.length += run.length,
            _ => runs.push(run),
        }
    }
    runs
}

impl Run {
    fn is_continued_by(&self, next: &Self, step: usize) -> bool {
        self.place + self.length == next.place && self.number + self.length * step == next.number
    }
}
