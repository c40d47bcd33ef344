//! The windows of a pooling over the planes of an input.

use ndarray::{ArrayD, ArrayViewD};

use crate::Real;
use crate::arrays::planes::fill_planes;
use crate::operations::window::{Geometry, PaddingCounts, Taps, WindowAxis};

/// The windows over the planes of an input of known size.
///
/// A plane has three axes here, the first of length 1 where the input has fewer. No window is empty.
pub(super) struct Windows {
    lengths: [usize; 3],
    dilations: [usize; 3],
    taps: [Vec<Taps>; 3],
}

impl Windows {
    pub(super) fn new(geometry: &Geometry) -> Self {
        let axes = geometry.axes;
        Self {
            lengths: axes.map(|axis| axis.input),
            dilations: axes.map(|axis| axis.dilation),
            taps: axes.map(|axis| (0..axis.output).map(|output| axis.taps(output)).collect()),
        }
    }

    /// One window over the whole of each plane; of more than three axes the first ones count as one.
    pub(super) fn whole(input: &[usize]) -> Self {
        let (leading, last) = input.split_at(input.len().saturating_sub(2).max(2));
        let lengths = [&[leading.iter().skip(2).product()], last].concat();
        Self::new(&Geometry::new(&lengths.into_iter().map(WindowAxis::whole).collect::<Vec<_>>()))
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

    /// The number of each window's positions, inside of the input or with its padding.
    pub(super) fn counts<F: Real>(&self, padding: PaddingCounts) -> Vec<F> {
        let [_, _, width] = &self.taps;
        let windows = self.rows().flat_map(|[depth, height]| width.iter().map(move |&width| [depth, height, width]));
        windows.map(|window| F::of(window.iter().map(|taps| taps.count(padding) as f64).product())).collect()
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
                let whole = self.along(2, taps).map(|column| row[column]).reduce(&combine);
                *output = whole.unwrap_or_else(|| unreachable!("no window is empty"));
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
        (0..taps.inside).map(move |tap| taps.first + tap * dilation)
    }
}
