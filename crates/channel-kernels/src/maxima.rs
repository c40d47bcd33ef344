//! Maxima over windows, and the way back to the winners.
use std::ops::Range;

use crate::Instructions;
use crate::instructions::Vectorized;
use crate::run::in_order;
use crate::shape::{Shape, ShapeError};
use crate::simd::Simd;
use crate::sums::Amount;
use crate::tasks::pieces;

/// Numbers of a task's input.
const STRIP: usize = 64 * 1024;

/// The greatest number of each window of each channel.
///
/// What lies outside of the input never wins. Of equal numbers the first wins, row by row; what is not a number wins
/// over all that are. A window that lies outside throughout has −∞, and the winner 255, which is no place.
#[derive(Clone, Debug)]
pub struct Maxima {
    shape: Shape,
    instructions: Instructions,
}

/// Why there are no maxima of a shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MaximaError {
    /// The shape is none.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// Maxima don't go from one channel to another.
    #[error("maxima have a group for each channel, as many outputs as inputs")]
    Channels,
    /// A winner's place is a byte.
    #[error("a window has {0} places, more than the 255 that a winner can be told from")]
    Places(usize),
}

impl Maxima {
    /// Maxima over windows of `kernel` of a shape with a group for each channel, by the current instruction set.
    ///
    /// # Errors
    /// When the shape is none, or not that of maxima.
    pub fn new(shape: Shape) -> Result<Self, MaximaError> {
        Self::by(shape, Instructions::current())
    }

    /// As [`new`](Self::new), by an instruction set.
    ///
    /// # Errors
    /// When the shape is none, or not that of maxima.
    pub fn by(shape: Shape, instructions: Instructions) -> Result<Self, MaximaError> {
        let shape = shape.checked()?;
        if !shape.is_depthwise() {
            return Err(MaximaError::Channels);
        }
        if shape.taps() > 255 {
            return Err(MaximaError::Places(shape.taps()));
        }
        Ok(Self { shape, instructions })
    }

    /// The geometry.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The maxima, and the place of each in its window, counted row by row.
    ///
    /// # Panics
    /// When the window doesn't fit the `input` (height, width), or a slice has not as many numbers as its array.
    pub fn forward(&self, batch: usize, input: [usize; 2], values: &[f32], output: &mut [f32], winners: &mut [u8]) {
        let size = self.check(batch, input, values.len(), output.len(), winners.len());
        let row = size[1] * self.shape.inputs;
        let rows = self.rows_of_a_task(input[1]);
        let parts: Vec<Range<usize>> = pieces(batch * size[0], rows).collect();
        let (output, winners) = (Shared(output.as_mut_ptr()), Shared(winners.as_mut_ptr()));
        in_order(parts.len(), |index| {
            for row_index in parts[index].clone() {
                // SAFETY: each row of the output is written once, by the task of its part.
                let (output, winners) = unsafe {
                    let at = row_index * row;
                    let output = std::slice::from_raw_parts_mut(output.get().add(at), row);
                    (output, std::slice::from_raw_parts_mut(winners.get().add(at), row))
                };
                let (sample, y) = (row_index / size[0], row_index % size[0]);
                let length = input[0] * input[1] * self.shape.inputs;
                let values = &values[sample * length..(sample + 1) * length];
                self.instructions.run(MaximaRow { shape: &self.shape, input, y, values, output, winners });
            }
        });
    }

    /// What the winners get of an array like the output, onto 0; gives the sums of each sample.
    ///
    /// # Panics
    /// As [`forward`](Self::forward).
    pub fn transposed(
        &self,
        batch: usize,
        input: [usize; 2],
        upper: &[f32],
        winners: &[u8],
        lower: &mut [f32],
    ) -> Vec<Amount> {
        let size = self.check(batch, input, lower.len(), upper.len(), winners.len());
        let row = input[1] * self.shape.inputs;
        let rows = self.rows_of_a_task(input[1]);
        let parts: Vec<(usize, Range<usize>)> =
            (0..batch).flat_map(|sample| pieces(input[0], rows).map(move |rows| (sample, rows))).collect();
        let lower = Shared(lower.as_mut_ptr());
        let done = in_order(parts.len(), |index| {
            let (sample, rows) = &parts[index];
            let length = size[0] * size[1] * self.shape.inputs;
            let places = sample * length..(sample + 1) * length;
            let mut sum = Amount::default();
            for y in rows.clone() {
                // SAFETY: each row of the lower array is written once, by the task of its part.
                let lower =
                    unsafe { std::slice::from_raw_parts_mut(lower.get().add((sample * input[0] + y) * row), row) };
                let (upper, winners) = (&upper[places.clone()], &winners[places.clone()]);
                sum += self.instructions.run(WinnersRow { shape: &self.shape, size, y, upper, winners, lower });
            }
            sum
        });
        let mut sums = vec![Amount::default(); batch];
        for ((sample, _), sum) in parts.iter().zip(done) {
            sums[*sample] += sum;
        }
        sums
    }

    /// Checks all lengths; gives the output's height and width.
    fn check(&self, batch: usize, input: [usize; 2], lower: usize, upper: usize, winners: usize) -> [usize; 2] {
        let Some(size) = self.shape.output_size(input) else {
            panic!("the windows of {:?} don't fit an input of {input:?}", self.shape);
        };
        assert_eq!(lower, batch * input[0] * input[1] * self.shape.inputs, "numbers of the input");
        assert_eq!(upper, batch * size[0] * size[1] * self.shape.inputs, "numbers of the output");
        assert_eq!(winners, upper, "winners");
        size
    }

    fn rows_of_a_task(&self, width: usize) -> usize {
        (STRIP / (width * self.shape.inputs)).max(1)
    }
}

/// A pointer that several threads write through, each in places of its own.
#[derive(Clone, Copy)]
struct Shared<T>(*mut T);

impl<T> Shared<T> {
    fn get(self) -> *mut T {
        self.0
    }
}

// SAFETY: whoever writes through it says why its places are its own.
unsafe impl<T> Sync for Shared<T> {}
// SAFETY: as above.
unsafe impl<T> Send for Shared<T> {}

/// The places `k` of a kernel along an axis whose window from output `at` on lies in the input there, with the input's
/// place.
fn inside(shape: &Shape, axis: usize, at: usize, length: usize) -> impl Iterator<Item = (usize, usize)> + Clone {
    let (first, dilation, before) = (at * shape.stride[axis], shape.dilation[axis], shape.padding[axis][0]);
    let place = move |k: usize| Some((k, (first + k * dilation).checked_sub(before).filter(|&place| place < length)?));
    (0..shape.kernel[axis]).filter_map(place)
}

/// The outputs along an axis whose windows have input `at`, with its place `k` in the kernel.
fn windows(shape: &Shape, axis: usize, at: usize, length: usize) -> impl Iterator<Item = (usize, usize)> + Clone {
    let (step, dilation, from) = (shape.stride[axis], shape.dilation[axis], at + shape.padding[axis][0]);
    let window = move |k: usize| {
        let first = from.checked_sub(k * dilation)?;
        (first.is_multiple_of(step) && first / step < length).then_some((k, first / step))
    };
    (0..shape.kernel[axis]).filter_map(window)
}

/// A row of maxima.
struct MaximaRow<'a> {
    shape: &'a Shape,
    /// Height and width of the input.
    input: [usize; 2],
    y: usize,
    /// One sample.
    values: &'a [f32],
    output: &'a mut [f32],
    winners: &'a mut [u8],
}

impl Vectorized for MaximaRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { shape, input, y, values, output, winners } = self;
        let channels = shape.inputs;
        assert!(values.len() == input[0] * input[1] * channels && output.len() == winners.len());
        let mut places = Vec::with_capacity(shape.taps());
        for x in 0..output.len() / channels {
            places.clear();
            for (p, row) in inside(shape, 0, y, input[0]) {
                let columns = inside(shape, 1, x, input[1]);
                places.extend(columns.map(|(q, column)| (row * input[1] + column, p * shape.kernel[1] + q)));
            }
            for channel in (0..channels).step_by(S::LANES) {
                let rest = channels - channel;
                let mut best = simd.splat(f32::NEG_INFINITY);
                let mut winner = simd.splat(255.0);
                for (index, &(pixel, place)) in places.iter().enumerate() {
                    // SAFETY: the pixel lies within the input, whose length is checked above.
                    let number = unsafe { simd.load_first(values.as_ptr().add(pixel * channels + channel), rest) };
                    let place = simd.splat(place as f32);
                    if index == 0 {
                        (best, winner) = (number, place);
                    } else {
                        winner = simd.where_greater(number, best, place, winner);
                        best = simd.where_greater(number, best, number, best);
                    }
                }
                // SAFETY: the pixel is one of the row.
                unsafe {
                    simd.store_first(output.as_mut_ptr().add(x * channels + channel), best, rest);
                    simd.store_bytes(winners.as_mut_ptr().add(x * channels + channel), winner, rest);
                }
            }
        }
    }
}

/// A row of what winners get.
struct WinnersRow<'a> {
    shape: &'a Shape,
    /// Height and width of the output.
    size: [usize; 2],
    y: usize,
    /// One sample.
    upper: &'a [f32],
    winners: &'a [u8],
    lower: &'a mut [f32],
}

impl Vectorized for WinnersRow<'_> {
    type Output = Amount;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Amount {
        let Self { shape, size, y, upper, winners, lower } = self;
        let channels = shape.inputs;
        assert!(upper.len() == size[0] * size[1] * channels && winners.len() == upper.len());
        let mut sums = [simd.no_doubles(); 2];
        let mut places = Vec::with_capacity(shape.taps());
        for x in 0..lower.len() / channels {
            places.clear();
            for (p, row) in windows(shape, 0, y, size[0]) {
                let columns = windows(shape, 1, x, size[1]);
                places.extend(columns.map(|(q, column)| (row * size[1] + column, p * shape.kernel[1] + q)));
            }
            for channel in (0..channels).step_by(S::LANES) {
                let rest = channels - channel;
                let mut sum = simd.zero();
                for &(pixel, place) in &places {
                    let at = pixel * channels + channel;
                    // SAFETY: the pixel lies within the output, whose lengths are checked above.
                    unsafe {
                        let winner = simd.load_bytes(winners.as_ptr().add(at), rest);
                        let number = simd.load_first(upper.as_ptr().add(at), rest);
                        let elsewhere = simd.subtract(winner, simd.splat(place as f32));
                        sum = simd.add(sum, simd.where_nonzero(elsewhere, simd.zero(), number));
                    }
                }
                // SAFETY: the pixel is one of the row.
                unsafe { simd.store_first(lower.as_mut_ptr().add(x * channels + channel), sum, rest) };
                sums[0] = simd.add_doubles(sums[0], simd.first(sum, rest));
                sums[1] = simd.add_doubles(sums[1], simd.magnitude(simd.first(sum, rest)));
            }
        }
        Amount { total: simd.total_doubles(sums[0]), magnitude: simd.total_doubles(sums[1]) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rayon::ThreadPoolBuilder;

    use super::*;
    use crate::twin::{Case, depthwise_cases, random};

    fn numbers(seed: u64, count: usize) -> Vec<f32> {
        random(seed, count).into_iter().map(|x| (x * 4.0).round()).collect()
    }

    /// Maximum, winner's place in the window and in the input, for each output.
    fn twin(case: &Case, values: &[f32]) -> Vec<(f32, u8, usize)> {
        let mut best: Vec<Option<(f32, u8, usize)>> = vec![None; case.outputs()];
        case.meet(|from, to, weight| {
            let place = (weight % case.shape.taps()) as u8;
            if best[to].is_none_or(|(number, ..)| values[from] > number) {
                best[to] = Some((values[from], place, from));
            }
        });
        best.into_iter().map(|best| best.unwrap_or((f32::NEG_INFINITY, 255, usize::MAX))).collect()
    }

    proptest! {
        #[test]
        fn maxima_and_winners_are_those_of_plain_loops(case in depthwise_cases()) {
            let values = numbers(case.seed, case.inputs());
            let upper = random(case.seed ^ 1, case.outputs());
            let want = twin(&case, &values);
            let mut wanted_lower = vec![0.0_f64; case.inputs()];
            let won = want.iter().zip(&upper).filter(|((_, place, _), _)| *place < 255);
            won.clone().for_each(|((_, _, from), &r)| wanted_lower[*from] += f64::from(r));
            let given: f64 = won.map(|(_, &r)| f64::from(r)).sum();
            for set in Instructions::available() {
                let maxima = Maxima::by(case.shape, set).unwrap();
                let (mut output, mut winners) = (vec![f32::NAN; case.outputs()], vec![255; case.outputs()]);
                maxima.forward(case.batch, case.size, &values, &mut output, &mut winners);
                for (at, &(number, place, _)) in want.iter().enumerate() {
                    prop_assert_eq!((output[at], winners[at]), (number, place), "{} {}", set, at);
                }
                let mut lower = vec![f32::NAN; case.inputs()];
                let sums = maxima.transposed(case.batch, case.size, &upper, &winners, &mut lower);
                for (&got, &want) in lower.iter().zip(&wanted_lower) {
                    prop_assert!((f64::from(got) - want).abs() < 1e-5);
                }
                let total: f64 = sums.iter().map(|sum| sum.total).sum();
                prop_assert!((total - given).abs() <= 1e-6 * upper.len() as f64);
            }
        }
    }

    #[test]
    fn bytes_do_not_depend_on_threads() {
        let shape = Shape { padding: [[1; 2]; 2], stride: [2; 2], groups: 70, ..Shape::plain(70, 70, [3, 3]) };
        let case = Case { shape, batch: 2, size: [60, 56], seed: 3 };
        let (values, upper) = (numbers(1, case.inputs()), random(2, case.outputs()));
        let results: Vec<_> = [1, 2, 3]
            .into_iter()
            .map(|threads| {
                let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| {
                    let maxima = Maxima::new(shape).unwrap();
                    let (mut output, mut winners) = (vec![0.0; case.outputs()], vec![0; case.outputs()]);
                    maxima.forward(case.batch, case.size, &values, &mut output, &mut winners);
                    let mut lower = vec![0.0; case.inputs()];
                    let sums = maxima.transposed(case.batch, case.size, &upper, &winners, &mut lower);
                    (output, winners, lower, sums)
                })
            })
            .collect();
        assert!(results[0] == results[1] && results[0] == results[2]);
    }

    #[test]
    fn what_is_not_a_number_wins() {
        let shape = Shape { groups: 2, ..Shape::plain(2, 2, [2, 2]) };
        let values = [1.0, f32::NAN, f32::NAN, 5.0, 3.0, 2.0, 4.0, 1.0];
        for set in Instructions::available() {
            let (mut output, mut winners) = ([0.0; 2], [9; 2]);
            Maxima::by(shape, set).unwrap().forward(1, [2, 2], &values, &mut output, &mut winners);
            assert!(output.iter().all(|x| x.is_nan()) && winners == [1, 0], "{set} {output:?} {winners:?}");
        }
    }

    #[test]
    fn shapes_without_maxima_are_told() {
        assert_eq!(Maxima::new(Shape::plain(2, 2, [2, 2])).err(), Some(MaximaError::Channels));
        let shape = Shape { groups: 2, ..Shape::plain(2, 2, [2, 2]) };
        assert_eq!(Maxima::new(Shape { kernel: [16, 16], ..shape }).err(), Some(MaximaError::Places(256)));
    }
}
