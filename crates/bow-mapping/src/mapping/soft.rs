//! Soft assignment: all words, weighted by their distances (Eq. 36).

use multiversion::multiversion;
use ndarray::linalg::general_mat_mul;
use ndarray::parallel::prelude::*;
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis};
use serde::{Deserialize, Serialize};

use super::{Map, Stored, squared_rows, stored_as_codebook_and_options};
use crate::assignment::zeros;
use crate::distance::{contiguous, contiguous_mut, squared_distance};
use crate::error::{check_above, check_descriptors};
use crate::softmax::{weigh_distances, weigh_squared_distances};
use crate::{Assignment, Codebook, Error};

/// The distance in the exponent of Eq. 36, which the paper leaves open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distance {
    /// `‖l − b‖₂`, the literal reading.
    #[default]
    Euclidean,
    /// `‖l − b‖₂²`: the posteriors of Gaussians around the words, all of the same width.
    SquaredEuclidean,
}

/// How [`Soft`] weights the words.
///
/// The example of [`Soft`] sets them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SoftOptions {
    /// `β` > 0: how fast weights fall with distance. Default 8, meant for descriptors of length one; the paper gives no
    /// value.
    pub beta: f64,
    /// Which distance (default: Euclidean).
    pub distance: Distance,
}

impl Default for SoftOptions {
    fn default() -> Self {
        Self { beta: 8.0, distance: Distance::default() }
    }
}

/// The soft mapping.
///
/// ```text
/// m_(d)(l) = exp(−β dist(l, b_d)) / Σ_d' exp(−β dist(l, b_d'))        Bach et al. 2015, Eq. (36)
/// ```
/// * `l` — a row of `descriptors`, (L, D)
/// * `b_d` — a word of the codebook
/// * `β`, `dist` — [`SoftOptions::beta`], [`SoftOptions::distance`]
///
/// The largest exponent is subtracted from all first, so that large β do no harm.
///
/// ```
/// use bow_mapping::{Codebook, Map, Soft, SoftOptions};
/// use ndarray::array;
/// let codebook = Codebook::new(array![[0.0], [2.0]])?;
/// let soft = Soft::new(codebook, SoftOptions { beta: 3.0_f64.ln(), ..Default::default() })?;
/// let m = soft.assign(array![[0.5]].view())?.to_dense(); // distances 0.5 and 1.5: weights 3 to 1
/// assert!((m[[0, 0]] - 0.75).abs() < 1e-15 && (m[[0, 1]] - 0.25).abs() < 1e-15);
/// # Ok::<(), bow_mapping::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored<SoftOptions>", into = "Stored<SoftOptions>")]
pub struct Soft {
    codebook: Codebook,
    options: SoftOptions,
}

stored_as_codebook_and_options!(Soft, SoftOptions);

impl Soft {
    /// The soft mapping onto the words of `codebook`.
    ///
    /// # Errors
    /// [`Error::Parameter`] when `β` is not a finite number above 0.
    pub fn new(codebook: Codebook, options: SoftOptions) -> Result<Self, Error> {
        check_above("β of the soft mapping", options.beta, 0.0, "a finite number above 0")?;
        Ok(Self { codebook, options })
    }

    /// The words.
    pub fn codebook(&self) -> &Codebook {
        &self.codebook
    }

    /// The options.
    pub fn options(&self) -> SoftOptions {
        self.options
    }
}

impl Map for Soft {
    fn words(&self) -> usize {
        self.codebook.word_count()
    }

    fn descriptor_dimensions(&self) -> usize {
        self.codebook.dimensions()
    }

    fn assign(&self, descriptors: ArrayView2<'_, f64>) -> Result<Assignment, Error> {
        check_descriptors(descriptors, self.codebook.dimensions())?;
        let distances = Distances::new(&self.codebook);
        let mut values = zeros(descriptors.nrows(), self.words());
        let blocks = descriptors.axis_chunks_iter(Axis(0), BLOCK).into_par_iter();
        blocks.zip(values.axis_chunks_iter_mut(Axis(0), BLOCK)).for_each(|(descriptors, values)| {
            distances.write_squares(descriptors, values, |row, least| match self.options.distance {
                Distance::Euclidean => weigh_distances(row, least, self.options.beta),
                Distance::SquaredEuclidean => weigh_squared_distances(row, least, self.options.beta),
            });
        });
        Ok(Assignment::Dense(values))
    }
}

/// Features of a block: one side of a matrix product, for which the other, the words, is laid out anew.
const BLOCK: usize = 512;

/// What the distances to the words of a codebook are computed from.
struct Distances<'a> {
    codebook: &'a Codebook,
    /// `c`: the mean word.
    center: ArrayView1<'a, f64>,
    /// `b_d − c`, (V, D)
    centered: Array2<f64>,
    /// `‖b_d − c‖²`
    squared_norms: Vec<f64>,
    /// `max_d ‖b_d − c‖`
    largest_norm: f64,
}

impl<'a> Distances<'a> {
    fn new(codebook: &'a Codebook) -> Self {
        let side = codebook.product_side();
        let centered = &codebook.words() - &side.center;
        let squared_norms = squared_rows(centered.view()).to_vec();
        Self { codebook, center: side.center.view(), centered, squared_norms, largest_norm: side.largest_norm }
    }

    /// `‖l − b_d‖²` of some features to all words, (L, V): by a matrix product, or, where that would lose digits, as it
    /// stands. What becomes of each row and its smallest square is up to `finish`, as long as the row is at hand.
    fn write_squares(
        &self,
        descriptors: ArrayView2<'_, f64>,
        mut squares: ArrayViewMut2<'_, f64>,
        finish: impl Fn(&mut [f64], f64),
    ) {
        let centered = &descriptors - &self.center;
        general_mat_mul(-2.0, &centered, &self.centered.t(), 0.0, &mut squares);
        let words = self.codebook.flat();
        let rows = squares.rows_mut().into_iter().zip(descriptors.rows());
        for ((row, descriptor), squared_norm) in rows.zip(squared_rows(centered.view())) {
            let row = contiguous_mut(row);
            let reliable = RELIABLE * (squared_norm.sqrt() + self.largest_norm).powi(2) + SMALLEST_RELIABLE;
            let descriptor = contiguous(descriptor);
            let mut least = add_norms(row, &self.squared_norms, squared_norm);
            if least <= reliable {
                for (square, word) in row.iter_mut().zip(words.chunks_exact(descriptor.len())) {
                    if *square <= reliable {
                        *square = squared_distance(&descriptor, word);
                    }
                }
                least = row.iter().copied().fold(f64::INFINITY, f64::min);
            }
            finish(row, least);
        }
    }
}

/// The share of `(‖l‖ + ‖b‖)²`, relative to the center, up to which a squared distance is computed as it stands: the
/// product's rounding is a few units of that sum's last place, and β would blow up what it loses.
const RELIABLE: f64 = 1.0 / 16.0;

/// Products below this may have underflown.
const SMALLEST_RELIABLE: f64 = 1e-280;

/// Minima that run side by side.
const LANES: usize = 8;

/// Adds `‖l‖² + ‖b_d‖²` to a row of products; gives the smallest result.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn add_norms(row: &mut [f64], squared_norms: &[f64], squared_norm: f64) -> f64 {
    let mut minima = [f64::INFINITY; LANES];
    let ((rows, rest), (norms, norms_rest)) = (row.as_chunks_mut::<LANES>(), squared_norms.as_chunks::<LANES>());
    for (squares, norms) in rows.iter_mut().zip(norms) {
        for lane in 0..LANES {
            squares[lane] += squared_norm + norms[lane];
            minima[lane] = if squares[lane] < minima[lane] { squares[lane] } else { minima[lane] };
        }
    }
    let mut least = minima.into_iter().fold(f64::INFINITY, f64::min);
    for (square, of_word) in rest.iter_mut().zip(norms_rest) {
        *square += squared_norm + of_word;
        least = least.min(*square);
    }
    least
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::test_data::{assert_close, random};

    /// Eq. 36 as it stands.
    fn plain(descriptors: &Array2<f64>, words: &Array2<f64>, options: SoftOptions) -> Array2<f64> {
        let weight = |(feature, word): (usize, usize)| {
            let squared: f64 = descriptors.row(feature).iter().zip(words.row(word)).map(|(l, b)| (l - b).powi(2)).sum();
            let distance = if options.distance == Distance::Euclidean { squared.sqrt() } else { squared };
            (-options.beta * distance).exp()
        };
        let weights = Array2::from_shape_fn((descriptors.nrows(), words.nrows()), weight);
        &weights / &weights.sum_axis(ndarray::Axis(1)).insert_axis(ndarray::Axis(1))
    }

    #[test]
    fn weights_are_those_of_the_equation() {
        for (features, words, dimensions) in [(1, 1, 1), (3, 19, 3), (19, 100, 8), (100, 3, 19)] {
            let (descriptors, codebook) = (random(features, dimensions, 1), random(words, dimensions, 2));
            for distance in [Distance::Euclidean, Distance::SquaredEuclidean] {
                let options = SoftOptions { beta: 1.7, distance };
                let soft = Soft::new(Codebook::new(codebook.clone()).unwrap(), options).unwrap();
                let found = soft.assign(descriptors.view()).unwrap().to_dense();
                assert_close(&found, &plain(&descriptors, &codebook, options), 1e-13);
            }
        }
    }

    #[test]
    fn features_close_to_words_lose_no_digits() {
        // Pairs of words that only digits behind the seventh tell apart, and features beside them.
        let pairs = Array2::from_shape_fn((40, 16), |(word, axis)| ((word / 2 * 16 + axis) as f64).sin() + 5.0);
        let words = &pairs + &(random(40, 16, 3) * 1e-7);
        let descriptors = &pairs + &(random(40, 16, 4) * 1e-7);
        let options = SoftOptions { beta: 1e7, ..Default::default() };
        let soft = Soft::new(Codebook::new(words.clone()).unwrap(), options).unwrap();
        let near = |scale: f64| {
            let codebook = Codebook::new(&words * scale).unwrap();
            let options = SoftOptions { beta: 1e7 / scale, ..Default::default() };
            Soft::new(codebook, options).unwrap().assign((&descriptors * scale).view()).unwrap().to_dense()
        };
        assert_close(
            &soft.assign(descriptors.view()).unwrap().to_dense(),
            &plain_close(&descriptors, &words, 1e7),
            1e-9,
        );
        assert_close(&near(2.0_f64.powi(-400)), &near(1.0), 1e-12);
    }

    /// Eq. 36, with the largest exponent subtracted.
    fn plain_close(descriptors: &Array2<f64>, words: &Array2<f64>, beta: f64) -> Array2<f64> {
        let exponent = |(feature, word): (usize, usize)| {
            let squared: f64 = descriptors.row(feature).iter().zip(words.row(word)).map(|(l, b)| (l - b).powi(2)).sum();
            -beta * squared.sqrt()
        };
        let mut weights = Array2::from_shape_fn((descriptors.nrows(), words.nrows()), exponent);
        for mut row in weights.rows_mut() {
            let largest = row.fold(f64::NEG_INFINITY, |largest, &value| largest.max(value));
            row.mapv_inplace(|value| (value - largest).exp());
            let sum = row.sum();
            row /= sum;
        }
        weights
    }

    #[test]
    fn no_beta_underflows() {
        let codebook = Codebook::new(array![[100.0], [101.0]]).unwrap();
        let soft = Soft::new(codebook, SoftOptions { beta: 1e6, ..Default::default() }).unwrap();
        let found = soft.assign(array![[0.0], [200.0], [100.5]].view()).unwrap().to_dense();
        assert_eq!(found, array![[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]);
    }

    #[test]
    fn wrong_options_are_refused() {
        for beta in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let codebook = Codebook::new(array![[0.0]]).unwrap();
            assert!(matches!(
                Soft::new(codebook, SoftOptions { beta, ..Default::default() }),
                Err(Error::Parameter { .. })
            ));
        }
    }
}
