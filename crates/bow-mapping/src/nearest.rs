//! The nearest words of many features: by one matrix product, and yet exactly those of plain distances.
//!
//! The distance product `‖b‖² − 2 l·b` in single precision costs a fraction of plain double-precision distances, but
//! its rounding may swap words that are about as far. By how much it can err is known ([`margin`]), so that words whose
//! products differ by more are in the right order already. Only the others, for real descriptors a handful, are
//! compared by their plain distances `Σ(l − b)²`. The result is that of plain distances alone, whatever the order in
//! which the product sums, and exact ties go to the lower index.

use ndarray::linalg::general_mat_mul;
use ndarray::parallel::prelude::*;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, ShapeBuilder, s};

use crate::codebook::ProductSide;
use crate::distance::{contiguous, nearer_first, squared_distance};
use crate::error::{check_descriptor_shape, check_range, is_in_range};
use crate::{Codebook, Error};

/// Features of a block: their products with a thousand words just fit into a core's second-level cache.
const BLOCK: usize = 256;

/// Features that are laid side by side at a time: as many numbers in single precision as a line of the cache holds.
const SIDE_BY_SIDE: usize = 16;

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
    let (features, words) = (descriptors.nrows(), codebook.word_count());
    let mut nearest = Array2::zeros((features, count));
    if count == 0 {
        return Ok(nearest);
    }
    let search = Search { side: codebook.product_side(), words: &codebook.flat() };
    let blocks = descriptors.axis_chunks_iter(Axis(0), BLOCK);
    let found = nearest.axis_chunks_iter_mut(Axis(0), BLOCK);
    let scratch = || Scratch::new(features.min(BLOCK), words, codebook.dimensions());
    let all_in_range = if features < PARALLEL_FEATURES {
        let mut scratch = scratch();
        blocks.zip(found).fold(true, |all, (block, found)| all & search.block(block, found, &mut scratch))
    } else {
        let blocks = blocks.into_par_iter().zip(found);
        blocks
            .map_init(scratch, |scratch, (block, found)| search.block(block, found, scratch))
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
    /// `l − c` in single precision, (L, D), with the features side by side, as the product reads them.
    centered: Array2<f32>,
    /// `‖l − c‖²`
    squared_norms: Vec<f64>,
    /// `‖b − c‖² − 2 (l − c)·(b − c)`: the squared distance but for `‖l − c‖²`.
    products: Array2<f32>,
    /// What a bound of the products of the nearest words is selected from.
    selection: Vec<f32>,
    /// Words that may be among the nearest, with their products.
    candidates: Vec<(f32, usize)>,
    /// Plain distances of words whose products do not tell which is nearer.
    ambiguous: Vec<(f64, usize)>,
}

impl Scratch {
    fn new(rows: usize, words: usize, dimensions: usize) -> Self {
        Self {
            centered: Array2::zeros((rows, dimensions).f()),
            squared_norms: vec![0.0; rows],
            products: Array2::zeros((rows, words)),
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
        self.multiply(descriptors, scratch);
        let Scratch { squared_norms, products, selection, candidates, ambiguous, .. } = scratch;
        let mut all_in_range = true;
        let rows = descriptors.rows().into_iter().zip(found.rows_mut()).zip(products.rows()).zip(squared_norms);
        for (((descriptor, mut found), products), &mut squared_norm) in rows {
            let descriptor = contiguous(descriptor);
            candidates.clear();
            let margin = margin(self.side, squared_norm);
            if margin.is_finite() {
                select_candidates(&contiguous(products), found.len(), margin, selection, candidates);
            } else {
                all_in_range &= descriptor.iter().all(|&value| is_in_range(value));
                candidates.extend((0..products.len()).map(|word| (0.0, word)));
            }
            self.order(&descriptor, candidates, margin, found.len(), ambiguous);
            for (found, &(_, word)) in found.iter_mut().zip(&*candidates) {
                *found = word;
            }
        }
        all_in_range
    }

    /// The distance product of a block.
    fn multiply(&self, descriptors: ArrayView2<'_, f64>, scratch: &mut Scratch) {
        let center = contiguous(self.side.center.view());
        let mut centered = scratch.centered.slice_mut(s![..descriptors.nrows(), ..]);
        let chunks = descriptors.axis_chunks_iter(Axis(0), SIDE_BY_SIDE);
        let centered_chunks = centered.axis_chunks_iter_mut(Axis(0), SIDE_BY_SIDE);
        let norm_chunks = scratch.squared_norms.chunks_mut(SIDE_BY_SIDE);
        for ((descriptors, mut centered), squared_norms) in chunks.zip(centered_chunks).zip(norm_chunks) {
            for (descriptor, squared_norm) in descriptors.rows().into_iter().zip(squared_norms) {
                *squared_norm = squared_distance(&contiguous(descriptor), &center);
            }
            for ((mut centered, values), center) in
                centered.columns_mut().into_iter().zip(descriptors.columns()).zip(&*center)
            {
                centered.iter_mut().zip(values).for_each(|(centered, value)| *centered = (value - center) as f32);
            }
        }
        let mut products = scratch.products.slice_mut(s![..descriptors.nrows(), ..]);
        products.rows_mut().into_iter().for_each(|mut row| row.assign(&self.side.squared_norms));
        general_mat_mul(-2.0, &centered, &self.side.words, 1.0, &mut products);
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
                ambiguous.extend(group.iter().map(|&(_, word)| {
                    let values = &self.words[word * descriptor.len()..(word + 1) * descriptor.len()];
                    (squared_distance(descriptor, values), word)
                }));
                ambiguous.sort_unstable_by(nearer_first);
                group.iter_mut().zip(&*ambiguous).for_each(|(candidate, &(_, word))| candidate.1 = word);
            }
            start = end;
        }
    }
}

/// How far two products have to be apart to tell which word is nearer; infinite when they can't tell.
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
fn margin(side: &ProductSide, squared_norm: f64) -> f64 {
    let (norm, largest) = (squared_norm.sqrt(), side.largest_norm);
    // Beyond this, single precision may overflow. (A NaN does not pass either.)
    if !(norm < 1e15 && largest < 1e15) {
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

/// Interleaved groups of words, of which only the smallest products are looked at first.
const GROUPS: usize = 32;

/// Words whose products are compared with the cutoff at once.
const SCAN: usize = 16;

/// Collects, by ascending product, all words that may be among the `count` nearest: those within `margin` of the
/// `count`-th smallest product.
fn select_candidates(
    products: &[f32],
    count: usize,
    margin: f64,
    selection: &mut Vec<f32>,
    candidates: &mut Vec<(f32, usize)>,
) {
    let cutoff = |product: f32| ((f64::from(product) + margin) as f32).next_up();
    let loose = cutoff(upper_bound(products, count, selection));
    for (scan, chunk) in products.chunks(SCAN).enumerate() {
        if chunk.iter().fold(false, |any, &product| any | (product <= loose)) {
            let near = chunk.iter().enumerate().filter(|&(_, &product)| product <= loose);
            candidates.extend(near.map(|(offset, &product)| (product, scan * SCAN + offset)));
        }
    }
    candidates.sort_unstable_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
    let exact = cutoff(candidates[count - 1].0);
    candidates.truncate(candidates.partition_point(|&(product, _)| product <= exact));
}

/// At least the `count`-th smallest product: with enough words, the `count`-th smallest of the groups' minima, which
/// are as many different words.
fn upper_bound(products: &[f32], count: usize, selection: &mut Vec<f32>) -> f32 {
    selection.clear();
    if 4 * count <= GROUPS && products.len() >= 2 * GROUPS {
        let mut minima = [f32::INFINITY; GROUPS];
        for chunk in products.chunks_exact(GROUPS) {
            for (minimum, &product) in minima.iter_mut().zip(chunk) {
                *minimum = if product < *minimum { product } else { *minimum };
            }
        }
        selection.extend(minima);
    } else {
        selection.extend(products);
    }
    *selection.select_nth_unstable_by(count - 1, f32::total_cmp).1
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
