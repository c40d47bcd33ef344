//! Windows at their places over an input.

use ndarray::{ArrayD, ArrayViewD};

use crate::Real;
use crate::arrays::planes::fill_planes;
use crate::operation::LARGEST_TENSOR;
use crate::operations::pooling::windows::PaddingCounts;

/// The windows along one axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    /// Positions of the input.
    pub(super) length: usize,
    /// Positions of a window.
    pub(super) kernel: usize,
    /// From one window to the next.
    pub(super) stride: usize,
    /// From one position of a window to the next.
    pub(super) dilation: usize,
    /// Padding before the input.
    pub(super) before: usize,
    /// Padding after it.
    pub(super) after: usize,
    /// How many windows there are.
    pub(super) outputs: usize,
}

impl Line {
    /// An axis that one window covers.
    fn whole(length: usize) -> Self {
        Self { length, kernel: length, stride: 1, dilation: 1, before: 0, after: 0, outputs: 1 }
    }

    /// The part of window `output` that is inside of the input.
    fn taps(&self, output: usize) -> Taps {
        let start = output * self.stride; // from the first position of the padding
        let skipped = self.before.saturating_sub(start).div_ceil(self.dilation);
        let first = (start + skipped * self.dilation).saturating_sub(self.before);
        let below = |end: usize| end.saturating_sub(start).div_ceil(self.dilation).min(self.kernel);
        let count = below(self.before + self.length).saturating_sub(skipped);
        Taps { first, count, covered: below(self.before + self.length + self.after) }
    }

    /// A window that is dilated beyond the whole input can miss it.
    pub(super) fn has_empty_windows(&self) -> bool {
        let may_miss = self.length == 0 || self.dilation > self.length;
        may_miss && self.outputs <= LARGEST_TENSOR && (0..self.outputs).any(|output| self.taps(output).count == 0)
    }
}

/// One window along one axis, cut to the input.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taps {
    /// The first position of the input.
    first: usize,
    /// How many positions of the input it holds, a dilation apart.
    count: usize,
    /// How many positions it holds with the padding; what [`Rounding::Ceil`](super::windows::Rounding) lets stick out does not count.
    covered: usize,
}

/// Windows over the planes of an input of known size. A plane has three axes here, the first of length 1 where the
/// input has fewer.
pub(super) struct Placement {
    lengths: [usize; 3],
    dilations: [usize; 3],
    taps: [Vec<Taps>; 3],
}

impl Placement {
    pub(super) fn of(lines: &[Line]) -> Self {
        let absent = 3 - lines.len().min(3);
        let line = |axis: usize| axis.checked_sub(absent).map_or_else(|| Line::whole(1), |axis| lines[axis]);
        let lines = [line(0), line(1), line(2)];
        Self {
            lengths: lines.map(|line| line.length),
            dilations: lines.map(|line| line.dilation),
            taps: lines.map(|line| (0..line.outputs).map(|output| line.taps(output)).collect()),
        }
    }

    /// One window over the whole of each plane; of more than three axes the first ones count as one.
    pub(super) fn whole(input: &[usize]) -> Self {
        let (leading, last) = input.split_at(input.len().saturating_sub(2).max(2));
        let lengths = [&[leading.iter().skip(2).product()], last].concat();
        Self::of(&lengths.into_iter().map(Line::whole).collect::<Vec<Line>>())
    }

    /// An array of the outputs for an input, made plane by plane.
    pub(super) fn pool<F: Real>(&self, input: &ArrayViewD<'_, F>, fill: impl Fn(&[F], &mut [F]) + Sync) -> ArrayD<F> {
        let axes = input.ndim() - 2;
        let outputs = |axis: usize| (axis + 3).checked_sub(axes).map_or(1, |axis| self.taps[axis].len());
        let shape = [&input.shape()[..2], (0..axes).map(outputs).collect::<Vec<usize>>().as_slice()].concat();
        fill_planes(&shape, [input.view()], |_, [input], output| fill(input, output))
    }

    /// Visits each window, in the order of the outputs: where the numbers are in a plane that it holds, in row-major
    /// order.
    pub(super) fn visit(&self, mut visit: impl FnMut(usize, &[usize])) {
        let (mut starts, mut positions) = (Vec::new(), Vec::new());
        let mut output = 0;
        for window in self.rows() {
            starts.clear();
            starts.extend(self.row_starts(window));
            for &taps in &self.taps[2] {
                positions.clear();
                for &start in &starts {
                    positions.extend(self.along(2, taps).map(|column| start + column));
                }
                visit(output, &positions);
                output += 1;
            }
        }
    }

    /// The number of each window's positions, inside of the input or with its padding, as `of` says.
    pub(super) fn counts<F: Real>(&self, of: PaddingCounts) -> Vec<F> {
        let along = |taps: &Taps| if of == PaddingCounts::Yes { taps.covered } else { taps.count };
        let [_, _, width] = &self.taps;
        let windows = self.rows().flat_map(|[depth, height]| width.iter().map(move |&width| [depth, height, width]));
        windows.map(|window| F::of(window.iter().map(|taps| along(taps) as f64).product())).collect()
    }

    /// Combines `of(x)` over the numbers of each window of a plane.
    ///
    /// Rows are combined first, number by number: that is the part which takes the time, and it vectorizes.
    pub(super) fn fold<F: Real>(
        &self,
        plane: &[F],
        output: &mut [F],
        of: impl Fn(F) -> F,
        combine: impl Fn(F, F) -> F,
    ) {
        let mut row = vec![F::zero(); self.lengths[2]];
        for (window, output) in self.rows().zip(output.chunks_exact_mut(self.taps[2].len())) {
            for (order, start) in self.row_starts(window).enumerate() {
                let numbers = row.iter_mut().zip(&plane[start..]);
                if order == 0 {
                    numbers.for_each(|(sum, &x)| *sum = of(x));
                } else {
                    numbers.for_each(|(sum, &x)| *sum = combine(*sum, of(x)));
                }
            }
            for (output, &taps) in output.iter_mut().zip(&self.taps[2]) {
                *output = self.along(2, taps).map(|column| row[column]).reduce(&combine).unwrap_or_default();
            }
        }
    }

    /// Adds each output's message to all numbers of its window: the transpose of summing windows.
    pub(super) fn spread<F: Real>(&self, messages: &[F], plane: &mut [F]) {
        let mut row = vec![F::zero(); self.lengths[2]];
        for (window, messages) in self.rows().zip(messages.chunks_exact(self.taps[2].len())) {
            row.fill(F::zero());
            for (&message, &taps) in messages.iter().zip(&self.taps[2]) {
                self.along(2, taps).for_each(|column| row[column] += message);
            }
            for start in self.row_starts(window) {
                plane[start..].iter_mut().zip(&row).for_each(|(sum, &message)| *sum += message);
            }
        }
    }

    /// The windows along all axes but the last.
    fn rows(&self) -> impl Iterator<Item = [Taps; 2]> {
        let [depth, height, _] = &self.taps;
        depth.iter().flat_map(move |&depth| height.iter().map(move |&height| [depth, height]))
    }

    fn row_starts(&self, [depth, height]: [Taps; 2]) -> impl Iterator<Item = usize> {
        let [_, rows, columns] = self.lengths;
        self.along(0, depth).flat_map(move |slice| self.along(1, height).map(move |row| (slice * rows + row) * columns))
    }

    fn along(&self, axis: usize, taps: Taps) -> impl Iterator<Item = usize> + use<> {
        let dilation = self.dilations[axis];
        (0..taps.count).map(move |tap| taps.first + tap * dilation)
    }
}
