//! The distance product in eight bits: a first look at all words, for a fraction of a product in single precision.
//!
//! ```text
//! l ≈ s_l q_l,  b ≈ s_b q_b          |l·b − s_l s_b q_l·q_b| ≤ ‖l‖ ‖b − s_b q_b‖ + ‖l − s_l q_l‖ ‖s_b q_b‖
//! ```
//!
//! Products of integers are exact, so that this bound is all there is to say about them, but for the rounding of `l` and
//! its residual, which are single precision.

use std::fmt;

use multiversion::multiversion;
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use rten_gemm::{GemmExecutor, GemmInputA, GemmInputB, GemmOptions, PackedBMatrix, QuantParams};
use rten_tensor::NdTensorView;

/// What stands for zero in a feature's bytes, which have no sign.
const ZERO: u8 = 128;

/// The largest |q| of a feature.
const LARGEST: f32 = 127.0;

/// Up to so many dimensions, products fit into 32 bits.
pub(crate) const MOST_DIMENSIONS: usize = 1 << 15;

/// Words in eight bits.
#[derive(Clone)]
pub(crate) struct QuantizedWords {
    /// `q_b`, as the product reads them.
    packed: PackedBMatrix<i8>,
    /// `s_b`
    steps: Vec<f32>,
    /// `max_d ‖b_d − s_b q_b‖`
    largest_residual: f64,
    /// `max_d ‖s_b q_b‖`
    largest_norm: f64,
}

impl fmt::Debug for QuantizedWords {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("QuantizedWords").field("steps", &self.steps).finish_non_exhaustive()
    }
}

impl QuantizedWords {
    /// Quantizes the rows of `words`, (V, D).
    pub(crate) fn new(words: ArrayView2<'_, f64>) -> Self {
        let executor = GemmExecutor::<u8, i8, i32>::new();
        // Processors without a product of bytes add two of them in 16 bits.
        let largest = if executor.may_saturate() { 63.0 } else { 127.0 };
        let most = |word: ArrayView1<'_, f64>| word.fold(0.0, |most: f64, value| most.max(value.abs()));
        let steps: Vec<f32> = words.rows().into_iter().map(|word| step_of(most(word), largest)).collect();
        let column: Array2<f64> = steps.iter().map(|&step| [f64::from(step)]).collect::<Vec<_>>().into();
        let quantized = (&words / &column).mapv(|value| value.round().clamp(-largest, largest) as i8);
        let norm = |row: ArrayView1<'_, f64>| row.dot(&row).sqrt();
        let rounded = quantized.mapv(f64::from) * &column;
        let most = |rows: ArrayView2<'_, f64>| rows.axis_iter(Axis(0)).map(norm).fold(0.0, f64::max);
        let bytes: Vec<i8> = quantized.t().iter().copied().collect();
        Self {
            packed: executor.prepack_b(NdTensorView::from_data([words.ncols(), words.nrows()], bytes.as_slice())),
            steps,
            largest_residual: most((&words - &rounded).view()),
            largest_norm: most(rounded.view()),
        }
    }

    /// `s_b`
    pub(crate) fn steps(&self) -> &[f32] {
        &self.steps
    }
}

/// `s`, so that no |q| exceeds `largest`; 1 where all values vanish, in which case any would do.
fn step_of(most: f64, largest: f64) -> f32 {
    let step = (most / largest) as f32;
    if step > 0.0 { step } else { 1.0 }
}

/// Features in eight bits, and their products with all words: memory that blocks of features use one after the other.
pub(crate) struct QuantizedFeatures {
    executor: GemmExecutor<u8, i8, i32>,
    /// `q_l`, one feature after the other.
    bytes: Vec<u8>,
    zeros: Vec<u8>,
    features: Vec<Feature>,
    /// `q_l·q_b`, (L, V).
    products: Vec<i32>,
}

/// How one feature is quantized.
#[derive(Clone, Copy)]
struct Feature {
    /// `s_l`
    step: f32,
    /// `‖l − s_l q_l‖`
    residual: f32,
}

impl QuantizedFeatures {
    pub(crate) fn new() -> Self {
        Self {
            executor: GemmExecutor::new(),
            bytes: Vec::new(),
            zeros: Vec::new(),
            features: Vec::new(),
            products: Vec::new(),
        }
    }

    /// Quantizes features of `dimensions` numbers, and multiplies them with all words.
    pub(crate) fn multiply(&mut self, features: &[f32], dimensions: usize, words: &QuantizedWords) {
        let count = features.len() / dimensions;
        self.bytes.resize(features.len(), ZERO);
        self.zeros.resize(count, ZERO);
        let rows = features.chunks_exact(dimensions).zip(self.bytes.chunks_exact_mut(dimensions));
        self.features.clear();
        self.features.extend(rows.map(|(values, bytes)| quantize(values, bytes)));
        self.products.resize(count * words.packed.cols(), 0);
        let features = NdTensorView::from_data([count, dimensions], self.bytes.as_slice());
        let quantization = Some(QuantParams { zero_point: &self.zeros });
        let result = self.executor.gemm(
            &mut self.products,
            GemmInputA::Unpacked(features),
            GemmInputB::Packed(&words.packed),
            GemmOptions { a_quant: quantization, ..GemmOptions::default() },
        );
        if let Err(error) = result {
            unreachable!("the shapes are those of the words and features, and the words are packed here: {error}");
        }
    }

    /// `q_l·q_b` of one feature with all words, and `s_l`.
    pub(crate) fn products(&self, feature: usize, words: &QuantizedWords) -> (&[i32], f32) {
        let count = words.packed.cols();
        (&self.products[feature * count..(feature + 1) * count], self.features[feature].step)
    }

    /// How much `s_l s_b q_l·q_b` may differ from `l·b`, for any word, but for roundings of `‖l‖‖b‖` in single
    /// precision; `norm` is `‖l‖`.
    pub(crate) fn error(&self, feature: usize, norm: f64, words: &QuantizedWords) -> f64 {
        norm * words.largest_residual + f64::from(self.features[feature].residual) * words.largest_norm
    }
}

/// Sums that run side by side.
const LANES: usize = 16;

/// Writes `q_l` of a feature.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
fn quantize(values: &[f32], bytes: &mut [u8]) -> Feature {
    let mut most = [0.0_f32; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for (most, value) in most.iter_mut().zip(chunk) {
            *most = if value.abs() > *most { value.abs() } else { *most };
        }
    }
    let mut largest = 0.0_f32;
    for value in rest.iter().chain(&most) {
        largest = largest.max(value.abs());
    }
    let step = step_of(f64::from(largest), f64::from(LARGEST));
    // Below the smallest numbers there is no step that they could be told apart by: all of them become zero.
    let per_step = if step >= f32::MIN_POSITIVE { 1.0 / step } else { 0.0 };
    let mut sums = [0.0_f32; LANES];
    let (byte_chunks, byte_rest) = bytes.as_chunks_mut::<LANES>();
    for (chunk, bytes) in chunks.iter().zip(byte_chunks) {
        for lane in 0..LANES {
            let (byte, residual) = rounded(chunk[lane], per_step, step);
            bytes[lane] = byte;
            sums[lane] += residual * residual;
        }
    }
    let mut sum = 0.0;
    for lane in sums {
        sum += lane;
    }
    for (&value, byte_of_value) in rest.iter().zip(byte_rest) {
        let (byte, residual) = rounded(value, per_step, step);
        *byte_of_value = byte;
        sum += residual * residual;
    }
    Feature { step, residual: sum.sqrt() }
}

/// `q_l` of one number, and `l − s_l q_l`.
#[inline(always)]
fn rounded(value: f32, per_step: f32, step: f32) -> (u8, f32) {
    /// Numbers of this size have no digits behind the point: adding it rounds. Its last bits are those of [`ZERO`].
    const ROUNDING: f32 = 12_582_912.0 + ZERO as f32; // 1.5 · 2^23
    let shifted = value * per_step + ROUNDING;
    (shifted.to_bits() as u8, value - step * (shifted - ROUNDING))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_data::random;

    #[test]
    fn products_are_within_their_bound() {
        for (count, words, dimensions) in [(1, 1, 1), (3, 19, 3), (19, 100, 16), (5, 33, 19), (7, 40, 128)] {
            for scale in [1.0, 1e-3, 1e6] {
                let (features, words) = (random(count, dimensions, 1) * scale, random(words, dimensions, 2));
                let quantized = QuantizedWords::new(words.view());
                let mut products = QuantizedFeatures::new();
                let values: Vec<f32> = features.iter().map(|&value| value as f32).collect();
                products.multiply(&values, dimensions, &quantized);
                for (feature, values) in features.rows().into_iter().enumerate() {
                    let norm = values.dot(&values).sqrt();
                    let (found, step) = products.products(feature, &quantized);
                    let rounding = 4.0 * f64::from(f32::EPSILON) * norm * quantized.largest_norm;
                    let bound = products.error(feature, norm, &quantized) + rounding;
                    let steps = quantized.steps().iter().map(|&of_word| f64::from(step) * f64::from(of_word));
                    for ((&found, step), expected) in found.iter().zip(steps).zip(words.dot(&values)) {
                        let error = (f64::from(found) * step - expected).abs();
                        assert!(error <= bound, "{error}, {bound}");
                    }
                    assert!(bound <= 0.02 * scale * dimensions as f64, "{bound}");
                }
            }
        }
    }

    #[test]
    fn zeros_stay_zeros() {
        let quantized = QuantizedWords::new(ArrayView2::from(&[[0.0, 0.0]]));
        let mut products = QuantizedFeatures::new();
        products.multiply(&[0.0, 0.0, 3.0, -1.0], 2, &quantized);
        assert_eq!(products.products(0, &quantized).0, [0]);
        assert_eq!(products.products(1, &quantized).0, [0]);
        assert_eq!(products.error(0, 0.0, &quantized), 0.0);
    }
}
