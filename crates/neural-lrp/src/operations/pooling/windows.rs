//! The windows of a pooling over the planes of an input.

use std::ops::Range;

use ndarray::{ArrayD, ArrayViewD};

use crate::Real;
use crate::arrays::order::Order;
use crate::arrays::planes::fill_in_order;
use crate::operations::window::{Geometry, PaddingCounts, Taps, WindowAxis};

/// The windows over the planes of an input of known size.
///
/// A plane has three axes here, the first of length 1 where the input has fewer. Where channels come last, a plane is a
/// whole sample, and its last axis that of the channels, each by itself. No window is empty.
pub(super) struct Windows {
    order: Order,
    /// The shapes of input and output.
    shapes: [Vec<usize>; 2],
    lengths: [usize; 3],
    dilations: [usize; 3],
    taps: [Vec<Taps>; 3],
    /// Whether each number of a row is in windows with those above and below it only.
    is_pointwise_along_rows: bool,
}

impl Windows {
    /// The windows over an input of up to three spatial axes, or up to two with channels last.
    pub(super) fn new<F: Real>(input: &ArrayViewD<'_, F>, geometry: Geometry) -> Self {
        let outputs = geometry.output_lengths(input.ndim() - 2);
        Self::of(input, geometry.axes, outputs)
    }

    /// One window over the whole of each plane; of more axes than there is room for, the first ones count as one.
    pub(super) fn whole<F: Real>(input: &ArrayViewD<'_, F>) -> Self {
        let lengths = &input.shape()[2..];
        let kept = match Order::of(input) {
            Some(Order::ChannelsLast) => 1,
            _ => 2,
        };
        let (leading, last) = lengths.split_at(lengths.len().saturating_sub(kept));
        let lengths = [&[leading.iter().product()], last].concat();
        let geometry = Geometry::new(&lengths.into_iter().map(WindowAxis::whole).collect::<Vec<_>>());
        Self::of(input, geometry.axes, vec![1; input.ndim() - 2])
    }

    fn of<F: Real>(input: &ArrayViewD<'_, F>, axes: [WindowAxis; 3], outputs: Vec<usize>) -> Self {
        let order = Order::of(input).unwrap_or(Order::Standard);
        let axes = match (order, axes) {
            (Order::Standard, axes) => axes,
            (Order::ChannelsLast, [_, rows, columns]) => [rows, columns, WindowAxis::pointwise(input.shape()[1])],
        };
        Self {
            order,
            shapes: [input.shape().to_vec(), [&input.shape()[..2], &outputs].concat()],
            lengths: axes.map(|axis| axis.input),
            dilations: axes.map(|axis| axis.dilation),
            taps: axes.map(|axis| (0..axis.output).map(|output| axis.taps(output)).collect()),
            is_pointwise_along_rows: axes[2].is_pointwise(),
        }
    }

    /// An array of the outputs for an input, made plane by plane.
    pub(super) fn pool<F: Real>(&self, input: &ArrayViewD<'_, F>, fill: impl Fn(&[F], &mut [F]) + Sync) -> ArrayD<F> {
        fill_in_order(self.order, &self.shapes[1], [input.view()], |_, [input], output| fill(input, output))
    }

    /// An array of the shape of the input, made plane by plane.
    pub(super) fn fill<F: Real, const N: usize>(
        &self,
        sources: [ArrayViewD<'_, F>; N],
        fill: impl Fn(usize, [&[F]; N], &mut [F]) + Sync,
    ) -> ArrayD<F> {
        fill_in_order(self.order, &self.shapes[0], sources, fill)
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

    /// The number of each window's positions, inside of the input or with its padding.
    pub(super) fn counts<F: Real>(&self, padding: PaddingCounts) -> Vec<F> {
        let [_, _, width] = &self.taps;
        let windows = self.rows().flat_map(|[depth, height]| width.iter().map(move |&width| [depth, height, width]));
        windows.map(|window| F::of(window.iter().map(|taps| taps.count(padding) as f64).product())).collect()
    }

    /// Combines `of(x)` over the numbers of each window of a plane.
    ///
    /// Rows are combined first, number by number: that is the part which takes the time, and it vectorizes. Numbers are
    /// combined in one order wherever they lie in memory, so that sums are the same to the bit: a sum that cancels to nothing
    /// may have the sign of its roundings, and a stabilizer follows it.
    pub(super) fn fold<F: Real>(
        &self,
        plane: &[F],
        output: &mut [F],
        of: impl Fn(F) -> F,
        combine: impl Fn(F, F) -> F,
    ) {
        let mut row = vec![F::zero(); self.lengths[2]];
        if self.is_pointwise_along_rows {
            for (window, output) in self.rows().zip(output.chunks_exact_mut(row.len())) {
                for (place, starts) in self.column_starts(window).enumerate() {
                    if place == 0 {
                        self.fold_rows(plane, &starts, output, &of, &combine);
                    } else {
                        self.fold_rows(plane, &starts, &mut row, &of, &combine);
                        output.iter_mut().zip(&row).for_each(|(output, &column)| *output = combine(*output, column));
                    }
                }
            }
            return;
        }
        for (window, output) in self.rows().zip(output.chunks_exact_mut(self.taps[2].len())) {
            let starts: Vec<usize> = self.row_starts(window).collect();
            self.fold_rows(plane, &starts, &mut row, &of, &combine);
            for (output, &taps) in output.iter_mut().zip(&self.taps[2]) {
                let whole = self.along(2, taps).map(|column| row[column]).reduce(&combine);
                *output = whole.unwrap_or_else(|| unreachable!("no window is empty"));
            }
        }
    }

    /// Combines rows of a plane, number by number.
    fn fold_rows<F: Real>(
        &self,
        plane: &[F],
        starts: &[usize],
        row: &mut [F],
        of: impl Fn(F) -> F,
        combine: impl Fn(F, F) -> F,
    ) {
        for (order, &start) in starts.iter().enumerate() {
            let numbers = row.iter_mut().zip(&plane[start..]);
            if order == 0 {
                numbers.for_each(|(sum, &x)| *sum = of(x));
            } else {
                numbers.for_each(|(sum, &x)| *sum = combine(*sum, of(x)));
            }
        }
    }

    /// Whether each number of a row is in windows with those above and below it only: then
    /// [`visit_rows`](Self::visit_rows) goes faster than [`visit`](Self::visit).
    pub(super) fn is_pointwise_along_rows(&self) -> bool {
        self.is_pointwise_along_rows
    }

    /// How many numbers a row of the input has.
    pub(super) fn row_length(&self) -> usize {
        self.lengths[2]
    }

    /// Visits the windows of a row of outputs at a time: where these outputs are, and where the rows begin that the windows
    /// hold one number of each.
    pub(super) fn visit_rows(&self, mut visit: impl FnMut(Range<usize>, &[usize])) {
        let (length, mut starts) = (self.lengths[2], Vec::new());
        for (row, window) in self.rows().enumerate() {
            starts.clear();
            starts.extend(self.row_starts(window));
            visit(row * length..(row + 1) * length, &starts);
        }
    }

    /// Adds each output's message to all numbers of its window: the transpose of summing windows.
    pub(super) fn spread<F: Real>(&self, messages: &[F], plane: &mut [F]) {
        let add = |start: usize, messages: &[F], plane: &mut [F]| {
            plane[start..].iter_mut().zip(messages).for_each(|(sum, &message)| *sum += message);
        };
        if self.is_pointwise_along_rows {
            return self.visit_rows(|outputs, starts| {
                starts.iter().for_each(|&start| add(start, &messages[outputs.clone()], plane));
            });
        }
        let mut row = vec![F::zero(); self.lengths[2]];
        for (window, messages) in self.rows().zip(messages.chunks_exact(self.taps[2].len())) {
            row.fill(F::zero());
            for (&message, &taps) in messages.iter().zip(&self.taps[2]) {
                self.along(2, taps).for_each(|column| row[column] += message);
            }
            self.row_starts(window).for_each(|start| add(start, &row, plane));
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

    /// Where the rows of each column of a window begin, if a row holds the channels of a position.
    fn column_starts(&self, [depth, height]: [Taps; 2]) -> impl Iterator<Item = Vec<usize>> {
        let [_, rows, columns] = self.lengths;
        let start = move |slice: usize, row: usize| (slice * rows + row) * columns;
        self.along(1, height).map(move |row| self.along(0, depth).map(|slice| start(slice, row)).collect())
    }

    fn along(&self, axis: usize, taps: Taps) -> impl Iterator<Item = usize> + use<> {
        let dilation = self.dilations[axis];
        (0..taps.inside).map(move |tap| taps.first + tap * dilation)
    }
}
