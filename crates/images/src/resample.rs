//! Changing the size of a photo, to the byte as Pillow does it.
//!
//! Networks are trained on photos that Pillow made small, so what a network sees has to be what Pillow would show it.
//! General resamplers differ in how they round and in what they do where a bicubic kernel overshoots: by up to 20 of
//! 255 levels beside sharp edges. Here, as there, columns come first and rows second, the bytes between them are
//! rounded and clipped, and weights are whole multiples of 2⁻²².

use std::ops::Range;

use ndarray::{Array3, ArrayView3};
use rayon::prelude::*;

use crate::settings::Interpolation;

/// One axis of a photo, resized from `input` to `output` pixels, of which only those in `window` are wanted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Resizing {
    pub input: usize,
    pub output: usize,
    pub window: Range<usize>,
}

/// The window of the resized photo, shape (rows, columns, channels).
///
/// * `photo` — shape (`rows.input`, `columns.input`, `CHANNELS`)
pub(crate) fn resample<const CHANNELS: usize>(
    photo: ArrayView3<'_, u8>,
    interpolation: Interpolation,
    rows: &Resizing,
    columns: &Resizing,
) -> Array3<u8> {
    let photo = photo.as_standard_layout();
    let (pixels, _) = photo.as_slice().unwrap_or_default().as_chunks::<CHANNELS>();
    let taps = |axis| match interpolation {
        Interpolation::Nearest => nearest(axis),
        Interpolation::Bilinear => weighted(axis, 1.0, |x| (1.0 - x.abs()).max(0.0)),
        Interpolation::Bicubic => weighted(axis, 2.0, bicubic),
        Interpolation::Lanczos => weighted(axis, 3.0, lanczos),
        // On one side only does the end belong to it: between two pixels it takes one.
        Interpolation::Box => weighted(axis, 0.5, |x| if x > -0.5 && x <= 0.5 { 1.0 } else { 0.0 }),
        Interpolation::Hamming => weighted(axis, 1.0, hamming),
    };
    let (row_taps, column_taps): (Vec<Taps>, Vec<Taps>) = (taps(rows), taps(columns));

    let needed = covered(&row_taps);
    let pixels = &pixels[needed.start * columns.input..needed.end * columns.input];
    let narrow = resample_columns(pixels, columns.input, &column_taps);
    let mut resized = Array3::zeros((row_taps.len(), column_taps.len(), CHANNELS));
    resample_rows(
        narrow.as_flattened(),
        needed.start,
        column_taps.len() * CHANNELS,
        &row_taps,
        resized.as_slice_mut().unwrap_or_default(),
    );
    resized
}

/// What one output pixel takes of the input pixels from `first` on, in units of 2⁻²².
#[derive(Debug)]
struct Taps {
    first: usize,
    weights: Vec<i32>,
}

/// Bits behind the point of a weight. The absolute weights of any kernel sum to less than 1.9, so that a weighted
/// sum of bytes stays below 1.9 · 255 · 2²² < 2³¹.
const FRACTION_BITS: u32 = 22;

/// ```text
/// w_xi = k((i + ½ − c_x) / s) / Σ_i k(…),   c_x = (x + ½) · n / m,   s = max(1, n / m)
/// ```
/// * `n`, `m` — pixels of the input and of the output
/// * `k` — the kernel, zero from `support` on; `s` widens it when the photo shrinks, which keeps it free of aliasing
fn weighted(axis: &Resizing, support: f64, kernel: impl Fn(f64) -> f64) -> Vec<Taps> {
    let ratio = axis.input as f64 / axis.output as f64;
    let width = ratio.max(1.0);
    let narrowing = 1.0 / width;
    let taps = |x: usize| {
        let center = (x as f64 + 0.5) * ratio;
        let first = (center - support * width + 0.5).max(0.0) as usize;
        let end = ((center + support * width + 0.5) as usize).min(axis.input);
        let values: Vec<f64> = (first..end).map(|i| kernel((i as f64 - center + 0.5) * narrowing)).collect();
        let one = f64::from(1 << FRACTION_BITS) / values.iter().sum::<f64>();
        Taps { first, weights: values.iter().map(|value| (value * one).round() as i32).collect() }
    };
    axis.window.clone().map(taps).collect()
}

/// Keys' cubic convolution with a = −½.
fn bicubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    match x.abs() {
        t if t < 1.0 => ((A + 2.0) * t - (A + 3.0)) * t * t + 1.0,
        t if t < 2.0 => (((t - 5.0) * t + 8.0) * t - 4.0) * A,
        _ => 0.0,
    }
}

/// `sin πx / πx`
fn sinc(x: f64) -> f64 {
    let angle = x * std::f64::consts::PI;
    if x == 0.0 { 1.0 } else { angle.sin() / angle }
}

/// A sinc in the window of the first lobe of a wider one.
fn lanczos(x: f64) -> f64 {
    if (-3.0..3.0).contains(&x) { sinc(x) * sinc(x / 3.0) } else { 0.0 }
}

/// A sinc in Hamming's window.
fn hamming(x: f64) -> f64 {
    if x.abs() < 1.0 { sinc(x) * (0.54 + 0.46 * (x * std::f64::consts::PI).cos()) } else { 0.0 }
}

/// The input pixel in which the center of an output pixel lies.
fn nearest(axis: &Resizing) -> Vec<Taps> {
    let step = axis.input as f64 / axis.output as f64;
    // Centers are added up rather than multiplied out, as in Pillow: it decides which side a tie falls.
    let centers = std::iter::successors(Some(step * 0.5), |center| Some(center + step));
    let taps = |center: f64| Taps { first: (center as usize).min(axis.input - 1), weights: vec![1 << FRACTION_BITS] };
    centers.skip(axis.window.start).take(axis.window.len()).map(taps).collect()
}

/// The input pixels that any output pixel takes something of.
fn covered(taps: &[Taps]) -> Range<usize> {
    let start = taps.iter().map(|taps| taps.first).min().unwrap_or(0);
    let end = taps.iter().map(|taps| taps.first + taps.weights.len()).max().unwrap_or(0);
    start..end
}

fn resample_columns<const CHANNELS: usize>(
    pixels: &[[u8; CHANNELS]],
    width: usize,
    taps: &[Taps],
) -> Vec<[u8; CHANNELS]> {
    let mut narrow = vec![[0; CHANNELS]; pixels.len() / width * taps.len()];
    narrow.par_chunks_mut(taps.len()).zip(pixels.par_chunks(width)).for_each(|(target, row)| {
        for (target, taps) in target.iter_mut().zip(taps) {
            let mut sums = [HALF; CHANNELS];
            for (pixel, weight) in row[taps.first..].iter().zip(&taps.weights) {
                sums.iter_mut().zip(pixel).for_each(|(sum, byte)| *sum += weight * i32::from(*byte));
            }
            *target = sums.map(rounded);
        }
    });
    narrow
}

/// * `rows` — the input's rows from `first` on, each of `width` bytes
/// * `resized` — where the output's rows go
fn resample_rows(rows: &[u8], first: usize, width: usize, taps: &[Taps], resized: &mut [u8]) {
    resized.par_chunks_mut(width).zip(taps).for_each(|(target, taps)| {
        let mut sums = vec![HALF; width];
        for (row, weight) in rows.chunks_exact(width).skip(taps.first - first).zip(&taps.weights) {
            sums.iter_mut().zip(row).for_each(|(sum, byte)| *sum += weight * i32::from(*byte));
        }
        target.iter_mut().zip(sums).for_each(|(target, sum)| *target = rounded(sum));
    });
}

/// Added before the fraction is cut off, which rounds.
const HALF: i32 = 1 << (FRACTION_BITS - 1);

fn rounded(sum: i32) -> u8 {
    (sum >> FRACTION_BITS).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn picture(height: usize, width: usize) -> Array3<u8> {
        Array3::from_shape_fn((height, width, 3), |(r, c, k)| {
            if (r + 2 * c + k) % 5 < 2 { 255 } else { (91 * r + 57 * c + 13 * k) as u8 }
        })
    }

    fn whole(input: usize, output: usize) -> Resizing {
        Resizing { input, output, window: 0..output }
    }

    /// The slow twin: the formula of the doc in plain loops, for one channel of one row or column.
    fn resampled(line: &[u8], output: usize, support: f64, kernel: fn(f64) -> f64) -> Vec<u8> {
        let ratio = line.len() as f64 / output as f64;
        let stretch = if ratio > 1.0 { ratio } else { 1.0 };
        let pixel = |x: usize| {
            let (mut sum, mut weights) = (0.0, 0.0);
            for (i, byte) in line.iter().enumerate() {
                let distance = (i as f64 + 0.5 - (x as f64 + 0.5) * ratio).abs() / stretch;
                let weight = if distance < support { kernel(distance) } else { 0.0 };
                sum += weight * f64::from(*byte);
                weights += weight;
            }
            (sum / weights + 0.5).floor().clamp(0.0, 255.0) as u8
        };
        (0..output).map(pixel).collect()
    }

    fn slow_twin(photo: &Array3<u8>, interpolation: Interpolation, height: usize, width: usize) -> Array3<u8> {
        let line = |line: Vec<u8>, output| match interpolation {
            Interpolation::Nearest => (0..output).map(|x| line[(2 * x + 1) * line.len() / (2 * output)]).collect(),
            Interpolation::Bilinear => resampled(&line, output, 1.0, |t| 1.0 - t),
            Interpolation::Bicubic => resampled(&line, output, 2.0, |t| match t {
                t if t < 1.0 => 1.5 * t.powi(3) - 2.5 * t.powi(2) + 1.0,
                t => -0.5 * t.powi(3) + 2.5 * t.powi(2) - 4.0 * t + 2.0,
            }),
            other => unreachable!("{other} is compared with Pillow alone"),
        };
        let (rows, _, channels) = photo.dim();
        let mut narrow = Array3::zeros((rows, width, channels));
        let mut resized = Array3::zeros((height, width, channels));
        for channel in 0..channels {
            for row in 0..rows {
                let bytes = line(photo.slice(ndarray::s![row, .., channel]).to_vec(), width);
                narrow.slice_mut(ndarray::s![row, .., channel]).assign(&ndarray::Array1::from(bytes));
            }
            for column in 0..width {
                let bytes = line(narrow.slice(ndarray::s![.., column, channel]).to_vec(), height);
                resized.slice_mut(ndarray::s![.., column, channel]).assign(&ndarray::Array1::from(bytes));
            }
        }
        resized
    }

    const INTERPOLATIONS: [Interpolation; 3] =
        [Interpolation::Nearest, Interpolation::Bilinear, Interpolation::Bicubic];

    #[test]
    fn it_is_the_formula_at_awkward_sizes() {
        let sizes = [(1, 1), (1, 19), (19, 3), (3, 100), (100, 19)];
        for interpolation in INTERPOLATIONS {
            for (from, to) in sizes.iter().flat_map(|from| sizes.map(|to| (*from, to))) {
                let photo = picture(from.0, from.1);
                let fast = resample::<3>(photo.view(), interpolation, &whole(from.0, to.0), &whole(from.1, to.1));
                let slow = slow_twin(&photo, interpolation, to.0, to.1);
                let largest = fast.iter().zip(&slow).map(|(fast, slow)| fast.abs_diff(*slow)).max();
                // Weights in steps of 2⁻²² can turn a half the other way, once in each pass.
                let tolerance = if interpolation == Interpolation::Nearest { 0 } else { 1 };
                assert!(largest <= Some(tolerance), "{interpolation} {from:?} to {to:?}: {largest:?}");
            }
        }
    }

    #[test]
    fn a_photo_that_keeps_its_size_stays_as_it_is() {
        let photo = picture(7, 12);
        for interpolation in INTERPOLATIONS {
            assert_eq!(resample::<3>(photo.view(), interpolation, &whole(7, 7), &whole(12, 12)), photo);
        }
    }

    #[test]
    fn it_is_the_same_for_any_number_of_threads_and_any_strides() {
        let photo = picture(41, 37);
        let turned = photo.view().permuted_axes([1, 0, 2]);
        let results = [1, 2, 3].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| resample::<3>(turned, Interpolation::Bicubic, &whole(37, 16), &whole(41, 50)))
        });
        assert!(results[0] == results[1] && results[0] == results[2]);
        let copied = turned.as_standard_layout().into_owned();
        assert_eq!(results[0], resample::<3>(copied.view(), Interpolation::Bicubic, &whole(37, 16), &whole(41, 50)));
    }

    proptest! {
        #[test]
        fn a_window_is_a_part_of_the_whole(
            input in (1usize..40, 1usize..40),
            output in (1usize..40, 1usize..40),
            part in (0.0..1.0, 0.0..1.0),
            kind in 0usize..3,
        ) {
            let photo = picture(input.0, input.1);
            let rows = (part.0 * output.0 as f64) as usize..output.0;
            let columns = 0..output.1 - (part.1 * output.1 as f64) as usize;
            let (all_rows, all_columns) = (whole(input.0, output.0), whole(input.1, output.1));
            let all = resample::<3>(photo.view(), INTERPOLATIONS[kind], &all_rows, &all_columns);
            let window = resample::<3>(
                photo.view(),
                INTERPOLATIONS[kind],
                &Resizing { window: rows.clone(), ..all_rows },
                &Resizing { window: columns.clone(), ..all_columns },
            );
            prop_assert_eq!(window.view(), all.slice(ndarray::s![rows, columns, ..]));
        }

        /// Constants are kept, so nothing is brighter or darker after any resizing.
        #[test]
        fn an_even_color_stays(byte: u8, input in (1usize..60, 1usize..60), output in (1usize..60, 1usize..60)) {
            let photo = Array3::from_elem((input.0, input.1, 1), byte);
            for interpolation in INTERPOLATIONS {
                let (rows, columns) = (whole(input.0, output.0), whole(input.1, output.1));
                let resized = resample::<1>(photo.view(), interpolation, &rows, &columns);
                prop_assert!(resized.iter().all(|resized| *resized == byte));
            }
        }
    }
}
