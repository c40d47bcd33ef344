//! The nearest words of many features: by products of few digits, and yet exactly those of plain distances.
//!
//! Three looks, each at the words that the one before could not tell apart:
//!
//! 1. `‖b‖² − 2 l·b` of all words in eight bits, by one matrix product ([`quantized`](crate::quantized));
//! 2. the same of some words in single precision, where rounding may still swap words that are about as far;
//! 3. plain distances `Σ(l − b)²` of words that are closer to each other than that rounding, for real descriptors a
//!    handful.
//!
//! By how much the first two can err is known ([`margin`]). The result is that of plain distances alone, whatever the
//! order in which products are summed, and exact ties go to the lower index.

use multiversion::multiversion;
use ndarray::parallel::prelude::*;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};

use crate::codebook::ProductSide;
use crate::distance::{contiguous, nearer_first, squared_distance};
use crate::error::{check_descriptor_shape, check_range, is_in_range};
use crate::quantized::{MOST_DIMENSIONS, QuantizedFeatures};
use crate::{Codebook, Error};

/// Features of a block: their products with a thousand words leave room in a core's second-level cache.
const BLOCK: usize = 128;

/// Features from which blocks go to several threads.
const PARALLEL_FEATURES: usize = 1024;

/// The `count` nearest words of each feature, nearest first, shape (L, count).
///
/// Of words at the same distance `Σ_r (l_r − b_r)²`, that with the lower index comes first.
///
/// ```
/// use bow_mapping::{Codebook, nearest_words};
/// use ndarray::array;
/// let codebook = Codebook::new(array![[2.0], [0.0], [1.0], [0.0]])?;
/// assert_eq!(nearest_words(array![[0.25], [1.75]].view(), &codebook, 2)?, array![[1, 3], [0, 2]]);
/// # Ok::<(), bow_mapping::Error>(())
/// ```
///
/// # Errors
/// [`Error::TooFew`] when the codebook has fewer words; [`Error::Empty`] without descriptors; [`Error::Dimensions`],
/// [`Error::OutOfRange`] when they do not fit or hold an infinity or NaN.
pub fn nearest_words(
    descriptors: ArrayView2<'_, f64>,
    codebook: &Codebook,
    count: usize,
) -> Result<Array2<usize>, Error> {
    check_descriptor_shape(descriptors, codebook.dimensions())?;
    check_count(count, codebook)?;
    let features = descriptors.nrows();
    let mut nearest = Array2::zeros((features, count));
    if count == 0 {
        return Ok(nearest);
    }
    let search = Search { side: codebook.product_side(), words: &codebook.flat() };
    let blocks = descriptors.axis_chunks_iter(Axis(0), BLOCK);
    let found = nearest.axis_chunks_iter_mut(Axis(0), BLOCK);
    let all_in_range = if features < PARALLEL_FEATURES {
        let mut scratch = Scratch::new();
        blocks.zip(found).fold(true, |all, (block, found)| all & search.block(block, found, &mut scratch))
    } else {
        let blocks = blocks.into_par_iter().zip(found);
        blocks
            .map_init(Scratch::new, |scratch, (block, found)| search.block(block, found, scratch))
            .reduce(|| true, |one, other| one & other)
    };
    if !all_in_range {
        check_range("local feature", descriptors)?;
    }
    Ok(nearest)
}

/// Fails when the codebook has fewer than `count` words.
pub(crate) fn check_count(count: usize, codebook: &Codebook) -> Result<(), Error> {
    let available = codebook.word_count();
    if count <= available {
        return Ok(());
    }
    Err(Error::TooFew { what: "nearest visual words", wanted: count, available })
}

/// Memory that blocks use one after the other.
struct Scratch {
    /// `l − c` in single precision, one after the other.
    centered: Vec<f32>,
    /// `‖l − c‖²`
    squared_norms: Vec<f64>,
    quantized: QuantizedFeatures,
    /// `‖b − c‖² − 2 (l − c)·(b − c)` of one feature, from eight bits: the squared distances but for `‖l − c‖²`.
    products: Vec<f32>,
    /// What a bound of the products of the nearest words is selected from.
    selection: Vec<f32>,
    /// Words that may be among the nearest, with their products in single precision.
    candidates: Vec<(f32, usize)>,
    /// Plain distances of words whose products do not tell which is nearer.
    ambiguous: Vec<(f64, usize)>,
}

impl Scratch {
    fn new() -> Self {
        Self {
            centered: Vec::new(),
            squared_norms: Vec::new(),
            quantized: QuantizedFeatures::new(),
            products: Vec::new(),
            selection: Vec::new(),
            candidates: Vec::new(),
            ambiguous: Vec::new(),
        }
    }
}

/// A codebook to be searched.
struct Search<'a> {
    side: &'a ProductSide,
    /// The words one after the other.
    words: &'a [f64],
}

impl Search<'_> {
    /// Writes the nearest words of a block of features into `found`; false when a value is out of range.
    fn block(
        &self,
        descriptors: ArrayView2<'_, f64>,
        mut found: ArrayViewMut2<'_, usize>,
        scratch: &mut Scratch,
    ) -> bool {
        self.center(descriptors, scratch);
        let dimensions = descriptors.ncols();
        scratch.quantized.multiply(&scratch.centered, dimensions, &self.side.quantized);
        let mut all_in_range = true;
        for (feature, (descriptor, mut found)) in descriptors.rows().into_iter().zip(found.rows_mut()).enumerate() {
            let descriptor = contiguous(descriptor);
            let norm = scratch.squared_norms[feature].sqrt();
            let margin = margin(self.side, norm);
            if margin.is_finite() {
                self.select(feature, norm, found.len(), margin, scratch);
            } else {
                all_in_range &= descriptor.iter().all(|&value| is_in_range(value));
                scratch.candidates.clear();
                scratch.candidates.extend((0..self.side.squared_norms.len()).map(|word| (0.0, word)));
            }
            self.order(&descriptor, &mut scratch.candidates, margin, found.len(), &mut scratch.ambiguous);
            for (found, &(_, word)) in found.iter_mut().zip(&scratch.candidates) {
                *found = word;
            }
        }
        all_in_range
    }

    /// `l − c` of a block, and `‖l − c‖²`.
    fn center(&self, descriptors: ArrayView2<'_, f64>, scratch: &mut Scratch) {
        let center = contiguous(self.side.center.view());
        scratch.centered.resize(descriptors.len(), 0.0);
        scratch.squared_norms.clear();
        let rows = descriptors.rows().into_iter().zip(scratch.centered.chunks_exact_mut(center.len()));
        scratch.squared_norms.extend(rows.map(|(row, centered)| write_centered(&contiguous(row), &center, centered)));
    }

    /// Collects, by ascending product, all words that may be among the `count` nearest: those within `margin` of the
    /// `count`-th smallest product.
    fn select(&self, feature: usize, norm: f64, count: usize, margin: f64, scratch: &mut Scratch) {
        let Scratch { centered, quantized, products, selection, candidates, .. } = scratch;
        let dimensions = self.side.center.len();
        let descriptor = &centered[feature * dimensions..(feature + 1) * dimensions];
        let (of_bytes, step) = quantized.products(feature, &self.side.quantized);
        products.resize(of_bytes.len(), 0.0);
        write_products(of_bytes, -2.0 * step, self.side.quantized.steps(), &self.side.squared_norms, products);
        candidates.clear();
        // So many words, whichever they are, bound the distance of the farthest that is looked for.
        let near = upper_bound(products, count, selection);
        collect(products, f32::NEG_INFINITY, near, candidates);
        self.refine(descriptor, candidates);
        // Rounding counts twice: single precision evaluates what comes from eight bits, too.
        let margin_of_bytes = 2.0 * margin + 2.0 * quantized.error(feature, norm, &self.side.quantized);
        let bound = cutoff(nth_product(candidates, count), margin_of_bytes);
        let start = candidates.len();
        collect(products, near, bound, candidates);
        self.refine(descriptor, &mut candidates[start..]);

        let bound = cutoff(nth_product(candidates, count), margin);
        candidates.retain(|&(product, _)| product <= bound);
        candidates.sort_unstable_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
    }

    /// Takes the products of candidates in single precision.
    fn refine(&self, descriptor: &[f32], candidates: &mut [(f32, usize)]) {
        multiply(descriptor, &self.side.words, &self.side.squared_norms, candidates);
    }

    /// Puts the first `count` of the candidates, which ascend by their products, into the order of plain distances.
    fn order(
        &self,
        descriptor: &[f64],
        candidates: &mut [(f32, usize)],
        margin: f64,
        count: usize,
        ambiguous: &mut Vec<(f64, usize)>,
    ) {
        let mut start = 0;
        while start < count {
            // Words whose products follow each other within the margin; all words after them are farther away.
            let apart =
                candidates[start..].windows(2).position(|pair| f64::from(pair[1].0) - f64::from(pair[0].0) > margin);
            let end = apart.map_or(candidates.len(), |position| start + position + 1);
            if end - start > 1 {
                let group = &mut candidates[start..end];
                ambiguous.clear();
                measure(descriptor, self.words, group, ambiguous);
                ambiguous.sort_unstable_by(nearer_first);
                group.iter_mut().zip(&*ambiguous).for_each(|(candidate, &(_, word))| candidate.1 = word);
            }
            start = end;
        }
    }
}

/// How far two products in single precision have to be apart to tell which word is nearer; infinite when they can't
/// tell.
///
/// Each product errs by at most `e`, each plain distance by at most `e'`, hence the margin `2 (e + e')`:
///
/// ```text
/// e  = γ₃₂(D + 8) · (‖b‖² + 2‖l‖‖b‖) + underflow      e' = γ₆₄(D + 8) · (‖l‖ + ‖b‖)²      γ(k) = k u / (1 − k u)
/// ```
/// * `l`, `b` — feature and word relative to the center; for `b`, the largest of all words
/// * `u` — the unit roundoff of single or double precision
///
/// Any order of D + 2 sums and products of rounded factors stays within γ(D + 4); eight are allowed for the bound's own
/// rounding.
fn margin(side: &ProductSide, norm: f64) -> f64 {
    let largest = side.largest_norm;
    // Beyond this, products may overflow. (A NaN does not pass either.)
    if !(norm < 1e15 && largest < 1e15) || side.center.len() > MOST_DIMENSIONS {
        return f64::INFINITY;
    }
    let dimensions = side.center.len() as f64;
    let gamma = |unit: f64| {
        let share = (dimensions + 8.0) * unit;
        if share < 0.5 { share / (1.0 - share) } else { f64::INFINITY }
    };
    let underflow = 8.0 * dimensions * f64::from(f32::MIN_POSITIVE) * (1.0 + norm + largest).powi(2);
    let product = gamma(f64::from(f32::EPSILON) / 2.0) * (largest * largest + 2.0 * norm * largest) + underflow;
    let plain = gamma(f64::EPSILON / 2.0) * (norm + largest).powi(2);
    2.0 * (product + plain)
}

/// The largest product that is within `margin` of this one.
fn cutoff(product: f32, margin: f64) -> f32 {
    ((f64::from(product) + margin) as f32).next_up()
}

/// Writes `l − c`, and gives `‖l − c‖²`.
#[multiversion(targets("x86_64+avx2"))]
fn write_centered(descriptor: &[f64], center: &[f64], centered: &mut [f32]) -> f64 {
    for ((centered, value), center) in centered.iter_mut().zip(descriptor).zip(center) {
        *centered = (value - center) as f32;
    }
    squared_distance(descriptor, center)
}

/// Writes `‖b‖² + factor · s_b · q_l·q_b` for all words.
#[multiversion(targets("x86_64+avx2"))]
fn write_products(of_bytes: &[i32], factor: f32, steps: &[f32], squared_norms: &[f32], products: &mut [f32]) {
    for (((product, &of_bytes), step), norm) in products.iter_mut().zip(of_bytes).zip(steps).zip(squared_norms) {
        *product = norm + factor * step * of_bytes as f32;
    }
}

/// Writes `‖b‖² − 2 l·b` of the candidates.
#[multiversion(targets("x86_64+avx2"))]
fn multiply(descriptor: &[f32], words: &[f32], squared_norms: &[f32], candidates: &mut [(f32, usize)]) {
    const LANES: usize = 8;
    let (blocks, rest) = descriptor.as_chunks::<LANES>();
    for (product, word) in candidates {
        let (word_blocks, word_rest) = words[*word * descriptor.len()..][..descriptor.len()].as_chunks::<LANES>();
        let mut lanes = [0.0; LANES];
        for (block, word) in blocks.iter().zip(word_blocks) {
            for lane in 0..LANES {
                lanes[lane] += block[lane] * word[lane];
            }
        }
        let mut sum = lanes.iter().sum::<f32>();
        for (value, word) in rest.iter().zip(word_rest) {
            sum += value * word;
        }
        *product = squared_norms[*word] - 2.0 * sum;
    }
}

/// Collects the plain squared distances of the candidates.
#[multiversion(targets("x86_64+avx2"))]
fn measure(descriptor: &[f64], words: &[f64], candidates: &[(f32, usize)], distances: &mut Vec<(f64, usize)>) {
    for &(_, word) in candidates {
        let values = &words[word * descriptor.len()..(word + 1) * descriptor.len()];
        distances.push((squared_distance(descriptor, values), word));
    }
}

/// Words whose products are compared with a bound at once.
const SCAN: usize = 16;

/// Collects the words whose products are above `lower`, and at most `upper`.
#[multiversion(targets("x86_64+avx2"))]
fn collect(products: &[f32], lower: f32, upper: f32, candidates: &mut Vec<(f32, usize)>) {
    let (chunks, rest) = products.as_chunks::<SCAN>();
    for (scan, chunk) in chunks.iter().enumerate() {
        let mut any = false;
        for product in chunk {
            any |= (*product > lower) & (*product <= upper);
        }
        if any {
            push(chunk, scan * SCAN, lower, upper, candidates);
        }
    }
    push(rest, chunks.len() * SCAN, lower, upper, candidates);
}

/// [`collect`] for up to [`SCAN`] words, from the `first`: without a branch for each of them.
#[inline(always)]
fn push(products: &[f32], first: usize, lower: f32, upper: f32, candidates: &mut Vec<(f32, usize)>) {
    let mut within = 0_u32;
    for (offset, product) in products.iter().enumerate() {
        within |= u32::from((*product > lower) & (*product <= upper)) << offset;
    }
    while within != 0 {
        let offset = within.trailing_zeros() as usize;
        candidates.push((products[offset], first + offset));
        within &= within - 1;
    }
}

/// The `count`-th smallest product of the candidates, which change places.
fn nth_product(candidates: &mut [(f32, usize)], count: usize) -> f32 {
    candidates.select_nth_unstable_by(count - 1, |one, other| one.0.total_cmp(&other.0)).1.0
}

/// Interleaved groups of words, of which only the smallest products are looked at first.
const GROUPS: usize = 32;

/// At least the `count`-th smallest product: with enough words, the `count`-th smallest of the groups' minima, which
/// are as many different words.
fn upper_bound(products: &[f32], count: usize, selection: &mut Vec<f32>) -> f32 {
    selection.clear();
    if 4 * count <= GROUPS && products.len() >= 2 * GROUPS {
        selection.extend(minima(products));
    } else {
        selection.extend(products);
    }
    *selection.select_nth_unstable_by(count - 1, f32::total_cmp).1
}

/// The smallest product of each group.
#[multiversion(targets("x86_64+avx2"))]
fn minima(products: &[f32]) -> [f32; GROUPS] {
    let mut minima = [f32::INFINITY; GROUPS];
    for chunk in products.chunks_exact(GROUPS) {
        for (minimum, &product) in minima.iter_mut().zip(chunk) {
            *minimum = if product < *minimum { product } else { *minimum };
        }
    }
    minima
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ranks;
    use crate::test_data::random;

    /// The definition: sort by plain distances.
    fn by_full_ranks(descriptors: ArrayView2<'_, f64>, codebook: &Codebook, count: usize) -> Array2<usize> {
        let ranks = ranks(descriptors, codebook).unwrap();
        let mut nearest = Array2::zeros((descriptors.nrows(), count));
        for ((feature, word), &rank) in ranks.indexed_iter() {
            if rank <= count {
                nearest[[feature, rank - 1]] = word;
            }
        }
        nearest
    }

    #[test]
    fn nearest_words_are_those_of_plain_distances() {
        let sizes = [(1, 1, 1), (3, 19, 1), (100, 3, 19), (130, 64, 8), (300, 100, 3), (19, 129, 128), (1300, 70, 5)];
        for (features, words, dimensions) in sizes {
            for (scale, offset) in [(1.0, 0.0), (1.0, 1e6), (1e-25, 0.0), (1e30, 0.0), (1e-200, 0.0), (1.0, 1e17)] {
                let descriptors = random(features, dimensions, 1) * scale + offset;
                let codebook = Codebook::new(random(words, dimensions, 2) * scale + offset).unwrap();
                for count in [1, 2, 4, 8, 9, words].into_iter().filter(|&count| count <= words) {
                    assert_eq!(
                        nearest_words(descriptors.view(), &codebook, count).unwrap(),
                        by_full_ranks(descriptors.view(), &codebook, count),
                        "{features}×{dimensions}, {words} words, {count} nearest, scale {scale}, offset {offset}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_memory_layout_does_not_matter() {
        let descriptors = random(40, 9, 3);
        let codebook = Codebook::new(random(50, 9, 4)).unwrap();
        let transposed = descriptors.t().as_standard_layout().into_owned();
        assert_eq!(
            nearest_words(transposed.t(), &codebook, 5).unwrap(),
            nearest_words(descriptors.view(), &codebook, 5).unwrap()
        );
    }

    #[test]
    fn words_within_the_rounding_of_single_precision_are_told_apart() {
        // All words are as good as one in single precision, and repeat after 50.
        let words = Array2::from_shape_fn((100, 3), |(word, axis)| 1.0 + ((word * 7 + axis) % 50) as f64 * 1e-12);
        let codebook = Codebook::new(words).unwrap();
        let descriptors = Array2::from_shape_fn((20, 3), |(feature, axis)| 1.0 + ((feature + axis) % 7) as f64 * 1e-12);
        for count in [1, 4, 60] {
            assert_eq!(
                nearest_words(descriptors.view(), &codebook, count).unwrap(),
                by_full_ranks(descriptors.view(), &codebook, count)
            );
        }
    }

    #[test]
    fn impossible_requests_are_errors() {
        let codebook = Codebook::new(random(3, 2, 5)).unwrap();
        let error = nearest_words(random(2, 2, 6).view(), &codebook, 4).unwrap_err().to_string();
        assert_eq!(error, "4 nearest visual words were asked for, but there are only 3");
        for bad in [f64::NAN, f64::INFINITY, 1e200] {
            let mut descriptors = random(200, 2, 7);
            descriptors[[150, 1]] = bad;
            let error = nearest_words(descriptors.view(), &codebook, 1).unwrap_err();
            assert!(matches!(error, Error::OutOfRange { row: 150, column: 1, .. }), "{error}");
        }
        assert_eq!(nearest_words(random(2, 2, 8).view(), &codebook, 0).unwrap().dim(), (2, 0));
    }

    proptest! {
        #[test]
        fn many_ties(
            descriptors in prop::collection::vec(0_i8..3, 2 * 40),
            words in prop::collection::vec(0_i8..3, 2 * 80),
            count in 1_usize..10,
        ) {
            let grid = |values: Vec<i8>| {
                Array2::from_shape_vec((values.len() / 2, 2), values.into_iter().map(f64::from).collect()).unwrap()
            };
            let (descriptors, codebook) = (grid(descriptors), Codebook::new(grid(words)).unwrap());
            prop_assert_eq!(
                nearest_words(descriptors.view(), &codebook, count).unwrap(),
                by_full_ranks(descriptors.view(), &codebook, count)
            );
        }
    }
}
