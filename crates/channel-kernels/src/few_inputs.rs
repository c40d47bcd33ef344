//! The way back to few input channels, as to the three of a picture.
//!
//! The micro-kernel has output channels side by side in its vectors, and three would leave them empty. So all weights
//! that an output pixel meets lie side by side, `[outputs][kernel row][kernel column · inputs]`; their products with the
//! pixel are added to the rows of the input where the pixel's window lies.
use std::ops::Range;

use crate::instructions::Vectorized;
use crate::job::{Job, Outcome, SampleSums};
use crate::rows::{Booked, PaddedRows, Source};
use crate::run::in_order;
use crate::scratch::Scratch;
use crate::shape::Shape;
use crate::simd::Simd;
use crate::sums::Amount;
use crate::tasks::pieces;
use crate::tile::{Finish, PANEL, Panel, Pixel, Tap, Totals};
use crate::weights::Block;

/// Numbers of a task's rows of the upper array.
const STRIP: usize = 160 * 1024;

/// Products in one chain.
const CHAIN: usize = 288;

/// Input channels that are few.
const FEW: usize = 4;

/// A transposed convolution to few channels.
pub(crate) struct FewInputsJob<'a> {
    pub(crate) job: Job<'a>,
}

/// Whether the way back of a shape is had this way.
pub(crate) fn applies(shape: &Shape) -> bool {
    let Shape { inputs, kernel, dilation, groups, .. } = *shape;
    groups == 1 && inputs <= FEW && kernel[1] > 1 && kernel[1] * inputs <= PANEL && dilation[1] == 1
}

/// Rows of the lower array of a sample.
struct Task {
    sample: usize,
    rows: Range<usize>,
}

impl FewInputsJob<'_> {
    /// Does it; gives the sums of each sample, added task by task.
    pub(crate) fn run(&self) -> Vec<SampleSums> {
        let weights: Vec<Vec<f32>> = self.job.outcomes.iter().map(|outcome| self.weights(outcome)).collect();
        let row = self.job.from.width * self.job.from.channels * self.job.sources.len();
        let halo = self.upper_rows(&(0..1)).len();
        let most = ((STRIP / row).saturating_sub(halo) * self.shape().stride[0]).max(4);
        let tasks: Vec<Task> = (0..self.job.batch)
            .flat_map(|sample| pieces(self.job.to.height, most).map(move |rows| Task { sample, rows }))
            .collect();
        let done = in_order(tasks.len(), |index| self.task(&tasks[index], &weights));
        let mut sums = self.job.no_sums();
        for (task, (booked, finished)) in tasks.iter().zip(done) {
            sums[task.sample].add(&booked, [finished]);
        }
        sums
    }

    fn shape(&self) -> &Shape {
        self.job.shape
    }

    /// Numbers of a row of the kernel.
    fn run_length(&self) -> usize {
        self.shape().kernel[1] * self.shape().inputs
    }

    /// The rows of the kernel that lie in each panel.
    fn kernel_rows(&self) -> Vec<Range<usize>> {
        let rows = self.shape().kernel[0];
        let most = PANEL / self.run_length();
        (0..rows).step_by(most).map(|first| first..rows.min(first + most)).collect()
    }

    /// The weights as `[stream][panel][outputs][64]`.
    fn weights(&self, outcome: &Outcome<'_>) -> Vec<f32> {
        let Shape { inputs, outputs, kernel, .. } = *self.shape();
        let panels = self.kernel_rows();
        let mut weights = vec![0.0; self.job.sources.len() * panels.len() * outputs * PANEL];
        let mut turned = vec![0.0; outputs * 16];
        let block = Block { group: 0, index: 0, lanes: inputs };
        for (stream, place) in (0..self.job.sources.len()).flat_map(|s| (0..kernel[0] * kernel[1]).map(move |p| (s, p)))
        {
            // Rows of outputs, 16 numbers apart.
            let (instructions, part) = (self.job.instructions, outcome.parts[stream]);
            self.job.weights.make(instructions, block, part, place, &(0..outputs), &mut turned);
            let (p, q) = (place / kernel[1], place % kernel[1]);
            let most = PANEL / self.run_length();
            let panel = stream * panels.len() + p / most;
            let lane = p % most * self.run_length() + q * inputs;
            for (o, row) in turned.chunks_exact(16).enumerate() {
                let at = (panel * outputs + o) * PANEL + lane;
                weights[at..at + inputs].copy_from_slice(&row[..inputs]);
            }
        }
        weights
    }

    /// The rows of the upper array whose windows reach into rows of the lower one.
    fn upper_rows(&self, rows: &Range<usize>) -> Range<isize> {
        let Shape { kernel, stride, dilation, padding, .. } = *self.shape();
        let (step, before) = (stride[0] as isize, padding[0][0] as isize);
        let reach = ((kernel[0] - 1) * dilation[0]) as isize;
        let first = (rows.start as isize + before - reach + step - 1).div_euclid(step);
        let last = (rows.end as isize - 1 + before).div_euclid(step);
        first.max(0)..(last + 1).clamp(first.max(0), self.job.from.height as isize)
    }

    fn task(&self, task: &Task, weights: &[Vec<f32>]) -> (Vec<Booked>, Amount) {
        let step = self.shape().stride[0];
        let height = self.job.from.height;
        let end = if task.rows.end == self.job.to.height { height } else { task.rows.end.div_ceil(step).min(height) };
        let padded = PaddedRows {
            extent: self.job.from,
            sample: task.sample,
            rows: self.upper_rows(&task.rows),
            own: task.rows.start.div_ceil(step)..end,
            left: 0,
            width: self.job.from.width,
            chosen: 0..self.job.from.channels,
            plane: self.job.from.channels,
        };
        let length = padded.length();
        let mut upper = Scratch::take(length * self.job.sources.len());
        let fill = |(stream, source): (usize, &Source<'_>)| {
            padded.fill(self.job.instructions, source, &mut upper[stream * length..(stream + 1) * length])
        };
        let booked = self.job.sources.iter().enumerate().map(fill).collect();
        let row = self.lower_row();
        let mut lower = Scratch::take(task.rows.len() * row);
        let mut sum = Amount::default();
        for (outcome, weights) in self.job.outcomes.iter().zip(weights) {
            lower.fill(0.0);
            for (index, y) in padded.rows.clone().enumerate() {
                let from = index * self.job.from.width * self.job.from.channels;
                self.add_row(task, y as usize, &upper[from..], length, weights, &mut lower);
            }
            let totals = self.job.instructions.run(FinishedRows {
                from: &lower,
                row,
                skipped: self.shape().padding[1][0] * self.job.to.channels,
                length: self.job.to.width * self.job.to.channels,
                rows: task.rows.len(),
                first: (task.sample * self.job.to.height + task.rows.start) * self.job.to.width * self.job.to.channels,
                finish: outcome.finish,
            });
            sum += Amount::from(totals);
        }
        (booked, sum)
    }

    /// Numbers of a row of sums: all that windows reach, padding included.
    fn lower_row(&self) -> usize {
        let Shape { inputs, kernel, stride, padding, .. } = *self.shape();
        let windows = (self.job.from.width - 1) * stride[1] + kernel[1];
        windows.max(self.job.to.width + padding[1][0]) * inputs
    }

    /// Adds what a row of the upper array gives to each row of the lower one; streams lie `pitch` apart.
    fn add_row(&self, task: &Task, y: usize, upper: &[f32], pitch: usize, weights: &[f32], lower: &mut [f32]) {
        let Shape { outputs, stride, dilation, padding, .. } = *self.shape();
        let pixels: Vec<Pixel> =
            (0..self.job.from.width).map(|x| Pixel { from: x * self.job.from.channels, to: 0 }).collect();
        let panels = self.kernel_rows();
        let mut products = Scratch::take(pixels.len() * PANEL);
        for (panel, kernel_rows) in panels.iter().enumerate() {
            // Where the rows of the kernel lie in the task's rows.
            let place = |p: usize| (y * stride[0] + p * dilation[0]).checked_sub(padding[0][0] + task.rows.start);
            let places: Vec<Option<usize>> =
                kernel_rows.clone().map(|p| place(p).filter(|&row| row < task.rows.len())).collect();
            if places.iter().all(Option::is_none) {
                continue;
            }
            let chains = (0..self.job.sources.len()).flat_map(|s| pieces(outputs, CHAIN).map(move |chain| (s, chain)));
            for (index, (stream, chain)) in chains.enumerate() {
                let first = ((stream * panels.len() + panel) * outputs + chain.start) * PANEL;
                let tap =
                    Tap { from: upper[stream * pitch + chain.start..].as_ptr(), weights: weights[first..].as_ptr() };
                self.job.instructions.run(&Panel {
                    pixels: &pixels,
                    taps: &[tap],
                    run: chain.len(),
                    width: PANEL,
                    lanes: kernel_rows.len() * self.run_length(),
                    channel: 0,
                    kept: products.as_mut_ptr(),
                    begins: index == 0,
                    finish: None,
                });
            }
            self.job.instructions.run(Windows {
                products: &products,
                places: &places,
                run: self.run_length(),
                step: stride[1] * self.job.to.channels,
                row: self.lower_row(),
                to: lower,
            });
        }
    }
}

/// Adds the products of each pixel to the rows under its window.
struct Windows<'a> {
    /// `[pixel][64]`, a run for each place.
    products: &'a [f32],
    /// The rows that runs are added to.
    places: &'a [Option<usize>],
    run: usize,
    /// Numbers from one pixel's window to the next.
    step: usize,
    /// Numbers of a row.
    row: usize,
    to: &'a mut [f32],
}

impl Vectorized for Windows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { products, places, run, step, row, to } = self;
        let pixels = products.len() / PANEL;
        assert!(places.len() * run <= PANEL && (pixels.max(1) - 1) * step + run <= row);
        assert!(places.iter().flatten().all(|place| (place + 1) * row <= to.len()));
        // Rows within pixels: what was just written is not read at once.
        for pixel in 0..pixels {
            for (index, place) in places.iter().enumerate().filter_map(|(index, place)| Some((index, (*place)?))) {
                for lane in (0..run).step_by(S::LANES) {
                    // SAFETY: a run lies within the pixel's 64 products, and within the row, as checked above.
                    unsafe {
                        let from = products.as_ptr().add(pixel * PANEL + index * run + lane);
                        let to = to.as_mut_ptr().add(place * row + pixel * step + lane);
                        let sum = simd.add(simd.load_first(to, run - lane), simd.load_first(from, run - lane));
                        simd.store_first(to, sum, run - lane);
                    }
                }
            }
        }
    }
}

/// Finishes whole rows of the lower array.
struct FinishedRows<'a> {
    from: &'a [f32],
    /// Numbers from one row to the next, and how many of them come before the array's own.
    row: usize,
    skipped: usize,
    /// Numbers of a row of the array.
    length: usize,
    rows: usize,
    /// The place of the first number in the array.
    first: usize,
    finish: Finish,
}

impl Vectorized for FinishedRows<'_> {
    type Output = Totals;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Totals {
        assert!(self.skipped + self.length <= self.row && self.rows * self.row <= self.from.len());
        let mut sums = [simd.no_doubles(); 2];
        for row in 0..self.rows {
            let pixel = Pixel { from: 0, to: self.first + row * self.length };
            for at in (0..self.length).step_by(S::LANES) {
                let rest = self.length - at;
                // SAFETY: the row has `rest` numbers from `at` on, here and in the output, whose numbers are taken for
                // channels of one pixel: there is no bias.
                unsafe {
                    let from = self.from.as_ptr().add(row * self.row + self.skipped + at);
                    let mut sum = [[simd.load_first(from, rest)]];
                    self.finish.apply(simd, &mut sum, &raw const pixel, at, rest, &mut sums);
                }
            }
        }
        [simd.total_doubles(sums[0]), simd.total_doubles(sums[1])]
    }
}
