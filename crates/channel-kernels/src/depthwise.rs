//! Convolutions of each channel by itself, forward and transposed.
//!
//! A task takes some channels of some rows, a plane of padded rows for each vector of channels. Outputs that lie side by
//! side share what they load: a number of the input is loaded once for all the weights of a row that it meets.
use std::ops::Range;

use crate::instructions::Vectorized;
use crate::job::{Job, Outcome, SampleSums};
use crate::rows::{Booked, PaddedRows};
use crate::run::in_order;
use crate::scratch::Scratch;
use crate::shape::Shape;
use crate::simd::Simd;
use crate::sums::Amount;
use crate::tasks::pieces;
use crate::tile::{Finish, Pixel, Totals};
use crate::weights::Direction;

/// Numbers of a task's rows: they stay in the second-level cache.
const STRIP: usize = 96 * 1024;

/// Channels of a task: their rows are read in long runs.
const BLOCK: usize = 128;

/// Outputs of a tile, side by side.
const TILE: usize = 8;

/// Does `body` for i = 0, 1, … below a bound of at most 22, written out: the compiler doesn't unroll so long a loop before
/// it knows how little is left of it, and would keep the sums in memory.
macro_rules! for_each_column {
    ($i:ident < $bound:expr, $body:block) => {
        for_each_column!(@ $i, $bound, $body, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21)
    };
    (@ $i:ident, $bound:expr, $body:block, $($column:literal)*) => {
        $(if $column < $bound {
            let $i: usize = $column;
            $body
        })*
    };
}

/// A convolution of each channel by itself.
pub(crate) struct DepthwiseJob<'a> {
    pub(crate) job: Job<'a>,
}

/// Channels of rows of a sample.
struct Task {
    sample: usize,
    rows: Range<usize>,
    channels: Range<usize>,
}

/// A row of the input, and the row of weights that it meets.
#[derive(Clone, Copy)]
struct Line {
    /// Where the row begins in a plane.
    row: usize,
    /// Where the weights begin.
    weights: usize,
}

impl DepthwiseJob<'_> {
    /// Does it; gives the sums of each sample, added task by task.
    pub(crate) fn run(&self) -> Vec<SampleSums> {
        let tasks = self.tasks();
        let done = in_order(tasks.len(), |index| self.task(&tasks[index]));
        let mut sums = self.job.no_sums();
        for (task, (booked, finished)) in tasks.iter().zip(done) {
            sums[task.sample].add(&booked, [finished]);
        }
        sums
    }

    fn shape(&self) -> &Shape {
        self.job.shape
    }

    fn tasks(&self) -> Vec<Task> {
        let row = (self.padded_width() * BLOCK * self.job.sources.len()).max(1);
        let halo = self.input_rows(&(0..1)).len();
        let step = if self.job.weights.direction == Direction::Forward { self.shape().stride[0] } else { 1 };
        let most = ((STRIP / row).saturating_sub(halo) / step).max(4);
        let channels = self.job.to.channels;
        let blocks = move || (0..channels).step_by(BLOCK).map(move |first| first..channels.min(first + BLOCK));
        let rows =
            (0..self.job.batch).flat_map(|sample| pieces(self.job.to.height, most).map(move |rows| (sample, rows)));
        rows.flat_map(|(sample, rows)| blocks().map(move |channels| Task { sample, rows: rows.clone(), channels }))
            .collect()
    }

    /// Input rows that rows of the output are made of: the first may lie above the input.
    fn input_rows(&self, rows: &Range<usize>) -> Range<isize> {
        let Shape { kernel, stride, dilation, padding, .. } = *self.shape();
        let (first, last) = (rows.start as isize, rows.end as isize - 1);
        let (step, before) = (stride[0] as isize, padding[0][0] as isize);
        let reach = ((kernel[0] - 1) * dilation[0]) as isize;
        match self.job.weights.direction {
            Direction::Forward => first * step - before..last * step - before + reach + 1,
            Direction::Transposed => (first + before - reach).div_euclid(step)..(last + before).div_euclid(step) + 1,
        }
    }

    /// Zeros before each row of the input.
    fn left(&self) -> usize {
        let Shape { kernel, stride, dilation, padding, .. } = *self.shape();
        match self.job.weights.direction {
            Direction::Forward => padding[1][0],
            Direction::Transposed => ((kernel[1] - 1) * dilation[1]).div_ceil(stride[1]),
        }
    }

    /// Columns of a padded row: all that whole tiles read.
    fn padded_width(&self) -> usize {
        let Shape { kernel, stride, dilation, padding, .. } = *self.shape();
        let needed = match self.job.weights.direction {
            Direction::Forward => {
                (self.job.to.width.next_multiple_of(TILE) - 1) * stride[1] + (kernel[1] - 1) * dilation[1] + 1
            }
            Direction::Transposed => self.left() + (self.job.to.width + padding[1][0]) / stride[1] + TILE,
        };
        needed.max(self.left() + self.job.from.width)
    }

    /// The lines of each row of the output; those outside of the input are left out.
    fn lines(&self, task: &Task, pitch: usize) -> Vec<Vec<Line>> {
        let Shape { kernel, stride, dilation, padding, .. } = *self.shape();
        let rows = self.input_rows(&task.rows);
        let row_length = self.padded_width() * self.job.instructions.lanes();
        let met = |y: usize, p: usize| {
            let offset = (p * dilation[0]) as isize - padding[0][0] as isize;
            let step = stride[0] as isize;
            let row = match self.job.weights.direction {
                Direction::Forward => Some(y as isize * step + offset),
                Direction::Transposed => {
                    let from = y as isize - offset;
                    (from.rem_euclid(step) == 0).then(|| from.div_euclid(step))
                }
            };
            row.filter(|&row| row >= 0 && row < self.job.from.height as isize).map(|row| (row - rows.start) as usize)
        };
        let of_row = |y: usize| {
            let places = (0..self.job.sources.len()).flat_map(|stream| (0..kernel[0]).map(move |p| (stream, p)));
            let line = |(stream, p): (usize, usize)| {
                let row = stream * pitch + met(y, p)? * row_length;
                Some(Line { row, weights: (stream * kernel[0] + p) * kernel[1] * BLOCK })
            };
            places.filter_map(line).collect()
        };
        task.rows.clone().map(of_row).collect()
    }

    /// The weights of the task's channels, `[stream][tap][128]`.
    fn weights(&self, outcome: &Outcome<'_>, channels: &Range<usize>) -> Scratch {
        let taps = self.shape().taps();
        let mut weights = Scratch::take(outcome.parts.len() * taps * BLOCK);
        weights.fill(0.0);
        for (place, row) in weights.chunks_exact_mut(BLOCK).enumerate() {
            let from = &self.job.weights.packed.depthwise_row(place % taps)[channels.clone()];
            match outcome.parts[place / taps] {
                Some(part) => part(from, &mut row[..channels.len()]),
                None => row[..channels.len()].copy_from_slice(from),
            }
        }
        weights
    }

    fn task(&self, task: &Task) -> (Vec<Booked>, Amount) {
        let rows = PaddedRows {
            extent: self.job.from,
            sample: task.sample,
            rows: self.input_rows(&task.rows),
            own: self.own_rows(&task.rows),
            left: self.left(),
            width: self.padded_width(),
            chosen: task.channels.clone(),
            plane: self.job.instructions.lanes(),
        };
        let mut planes = Scratch::take(rows.length() * self.job.sources.len());
        let parts = planes.chunks_exact_mut(rows.length().max(1)).zip(&self.job.sources);
        let booked = parts.map(|(part, source)| rows.fill(self.job.instructions, source, part)).collect();
        let Shape { kernel, stride, dilation, padding, .. } = *self.shape();
        let lines = self.lines(task, rows.length());
        let mut sum = Amount::default();
        for outcome in &self.job.outcomes {
            let totals = self.job.instructions.run(&Planes {
                direction: self.job.weights.direction,
                planes: &planes,
                plane_length: rows.plane_length(),
                weights: &self.weights(outcome, &task.channels),
                lines: &lines,
                kernel: kernel[1],
                stride: stride[1],
                dilation: dilation[1],
                left: self.left(),
                before: padding[1][0],
                first_pixel: (task.sample * self.job.to.height + task.rows.start) * self.job.to.width,
                width: self.job.to.width,
                channels: self.job.to.channels,
                chosen: task.channels.clone(),
                finish: outcome.finish,
            });
            sum += Amount::from(totals);
        }
        (booked, sum)
    }

    /// The input rows that are booked with rows of the output: each row of the input once.
    fn own_rows(&self, rows: &Range<usize>) -> Range<usize> {
        let step = self.shape().stride[0];
        let height = self.job.from.height;
        let place = |row: usize| match self.job.weights.direction {
            Direction::Forward => (row * step).min(height),
            Direction::Transposed => row.div_ceil(step).min(height),
        };
        place(rows.start)..if rows.end == self.job.to.height { height } else { place(rows.end) }
    }
}

/// The rows of a task.
struct Planes<'a> {
    direction: Direction,
    /// `[vector][row][column][lane]`
    planes: &'a [f32],
    plane_length: usize,
    /// `[stream][tap][128]`
    weights: &'a [f32],
    /// For each row of the output.
    lines: &'a [Vec<Line>],
    kernel: usize,
    stride: usize,
    dilation: usize,
    /// Zeros before each row, and how far outputs lie before the first number of the first row of weights.
    left: usize,
    before: usize,
    /// The number of the first output pixel.
    first_pixel: usize,
    /// Columns and channels of the output.
    width: usize,
    channels: usize,
    chosen: Range<usize>,
    finish: Finish,
}

/// A row of outputs of a vector of channels.
struct OutputRow<'a> {
    lines: &'a [Line],
    /// The plane of the vector, and its weights.
    plane: *const f32,
    weights: *const f32,
    /// The number of the first output pixel.
    first_pixel: usize,
    /// The vector's first channel, and how many channels are left from there.
    channel: usize,
    lanes: usize,
}

impl Vectorized for &Planes<'_> {
    type Output = Totals;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Totals {
        let mut sums = [simd.no_doubles(); 2];
        for (vector, channel) in self.chosen.clone().step_by(S::LANES).enumerate() {
            for (index, lines) in self.lines.iter().enumerate() {
                let row = OutputRow {
                    lines,
                    plane: self.planes[vector * self.plane_length..].as_ptr(),
                    weights: self.weights[vector * S::LANES..].as_ptr(),
                    first_pixel: self.first_pixel + index * self.width,
                    channel,
                    lanes: self.chosen.end - channel,
                };
                // SAFETY: lines are rows of the planes, which are as wide as whole tiles read.
                unsafe { self.row(simd, &row, &mut sums) };
            }
        }
        [simd.total_doubles(sums[0]), simd.total_doubles(sums[1])]
    }
}

impl Planes<'_> {
    #[inline(always)]
    unsafe fn row<S: Simd>(&self, simd: S, row: &OutputRow<'_>, sums: &mut [S::Doubles; 2]) {
        // SAFETY: the caller's promise.
        unsafe {
            match (self.direction, self.kernel, self.stride, self.dilation) {
                (_, 3, 1, 1) => self.forward_row::<S, 3, 1>(simd, row, sums),
                (Direction::Forward, 3, 2, 1) => self.forward_row::<S, 3, 2>(simd, row, sums),
                (_, 5, 1, 1) => self.forward_row::<S, 5, 1>(simd, row, sums),
                (Direction::Forward, 5, 2, 1) => self.forward_row::<S, 5, 2>(simd, row, sums),
                (_, 7, 1, 1) => self.forward_row::<S, 7, 1>(simd, row, sums),
                (Direction::Transposed, 3, 2, 1) => self.transposed_row::<S, 3, 2>(simd, row, sums),
                (Direction::Transposed, 5, 2, 1) => self.transposed_row::<S, 5, 2>(simd, row, sums),
                _ => self.any_row(simd, row, sums),
            }
        }
    }

    /// A row by kernels of K columns, STEP apart: each number of a line goes to all outputs that it is part of.
    ///
    /// One step apart, the way back is the same with the weights in opposite order.
    #[inline(always)]
    unsafe fn forward_row<S: Simd, const K: usize, const STEP: usize>(
        &self,
        simd: S,
        row: &OutputRow<'_>,
        sums: &mut [S::Doubles; 2],
    ) {
        let turned = self.direction == Direction::Transposed;
        let start = if turned { self.left + self.before - (K - 1) } else { 0 };
        for first in (0..self.width).step_by(TILE) {
            let mut sum = [[simd.zero(); 1]; TILE];
            for line in row.lines {
                // SAFETY: a tile reads (TILE − 1) · STEP + K columns, which the padded width allows for.
                unsafe {
                    let from = row.plane.add(line.row + (start + first * STEP) * S::LANES);
                    let weights = row.weights.add(line.weights);
                    let mut w = [simd.zero(); K];
                    for q in 0..K {
                        w[q] = simd.load(weights.add(if turned { K - 1 - q } else { q } * BLOCK));
                    }
                    for_each_column!(i < (TILE - 1) * STEP + K, {
                        let x = simd.load(from.add(i * S::LANES));
                        for q in 0..K {
                            if i >= q && (i - q).is_multiple_of(STEP) && (i - q) / STEP < TILE {
                                let output = (i - q) / STEP;
                                sum[output][0] = simd.multiply_add(x, w[q], sum[output][0]);
                            }
                        }
                    });
                }
            }
            // SAFETY: the caller's promise.
            unsafe { self.finish(simd, row, first as isize, &mut sum, sums) };
        }
    }

    /// A row by kernels of K columns, STEP apart, the other way: each number of a line goes to K outputs.
    #[inline(always)]
    unsafe fn transposed_row<S: Simd, const K: usize, const STEP: usize>(
        &self,
        simd: S,
        row: &OutputRow<'_>,
        sums: &mut [S::Doubles; 2],
    ) {
        // Numbers before a tile that reach into it.
        let reach = (K - 1) / STEP;
        let mut first = self.before / STEP;
        while first * STEP < self.before + self.width {
            let mut sum = [[simd.zero(); 1]; TILE];
            for line in row.lines {
                // SAFETY: a tile reads TILE / STEP columns and `reach` before, which the padding allows for.
                unsafe {
                    let from = row.plane.add(line.row + (self.left + first - reach) * S::LANES);
                    let weights = row.weights.add(line.weights);
                    let mut w = [simd.zero(); K];
                    for q in 0..K {
                        w[q] = simd.load(weights.add(q * BLOCK));
                    }
                    for_each_column!(i < (K - 1) / STEP + TILE / STEP, {
                        let s = simd.load(from.add(i * S::LANES));
                        for q in 0..K {
                            let output = i * STEP + q;
                            if output >= reach * STEP && output < reach * STEP + TILE {
                                let output = output - reach * STEP;
                                sum[output][0] = simd.multiply_add(s, w[q], sum[output][0]);
                            }
                        }
                    });
                }
            }
            let column = (first * STEP) as isize - self.before as isize;
            // SAFETY: the caller's promise.
            unsafe { self.finish(simd, row, column, &mut sum, sums) };
            first += TILE / STEP;
        }
    }

    /// A row by any kernel, output by output.
    #[inline(always)]
    unsafe fn any_row<S: Simd>(&self, simd: S, row: &OutputRow<'_>, sums: &mut [S::Doubles; 2]) {
        for x in 0..self.width {
            let mut sum = [[simd.zero(); 1]; 1];
            for (line, q) in row.lines.iter().flat_map(|line| (0..self.kernel).map(move |q| (line, q))) {
                let column = match self.direction {
                    Direction::Forward => Some(x * self.stride + q * self.dilation),
                    Direction::Transposed => {
                        // Of the padded row, which begins `left` columns before the first number.
                        let from = (x + self.before + self.left * self.stride) as isize - (q * self.dilation) as isize;
                        (from.rem_euclid(self.stride as isize) == 0).then(|| from as usize / self.stride)
                    }
                };
                let Some(column) = column else { continue };
                // SAFETY: the column lies within the padded row.
                unsafe {
                    let number = simd.load(row.plane.add(line.row + column * S::LANES));
                    let weight = simd.load(row.weights.add(line.weights + q * BLOCK));
                    sum[0][0] = simd.multiply_add(number, weight, sum[0][0]);
                }
            }
            let pixel = Pixel { from: 0, to: (row.first_pixel + x) * self.channels };
            // SAFETY: the pixel is one of the output's.
            unsafe { self.finish.apply(simd, &mut sum, &raw const pixel, row.channel, row.lanes, sums) };
        }
    }

    /// Finishes the outputs of a tile from `column` on that are columns of the output.
    #[inline(always)]
    unsafe fn finish<S: Simd, const N: usize>(
        &self,
        simd: S,
        row: &OutputRow<'_>,
        column: isize,
        sum: &mut [[S::Vector; 1]; N],
        sums: &mut [S::Doubles; 2],
    ) {
        let place = |column: isize| Pixel { from: 0, to: (row.first_pixel + column as usize) * self.channels };
        if column >= 0 && column + N as isize <= self.width as isize {
            let mut pixels = [place(column); N];
            for i in 1..N {
                pixels[i].to += i * self.channels;
            }
            // SAFETY: all N pixels are the output's.
            unsafe { self.finish.apply(simd, sum, pixels.as_ptr(), row.channel, row.lanes, sums) };
            return;
        }
        for i in 0..N {
            let column = column + i as isize;
            if column >= 0 && column < self.width as isize {
                let pixel = place(column);
                let mut single = [sum[i]; 1];
                // SAFETY: the pixel is one of the output's.
                unsafe { self.finish.apply(simd, &mut single, &raw const pixel, row.channel, row.lanes, sums) };
            }
        }
    }
}
