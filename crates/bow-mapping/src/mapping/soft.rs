//! Soft assignment: all words, weighted by their distances (Eq. 36).

use ndarray::{Array2, ArrayView2, Zip};
use serde::{Deserialize, Serialize};

use super::{Map, Stored, stored_as_codebook_and_options};
use crate::distance::{contiguous, squared_distances};
use crate::error::{check_above, check_descriptors};
use crate::gaussian_mixture::exponentiate_and_normalize;
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

    fn exponent(&self, squared_distance: f64) -> f64 {
        -self.options.beta
            * match self.options.distance {
                Distance::Euclidean => squared_distance.sqrt(),
                Distance::SquaredEuclidean => squared_distance,
            }
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
        let words = self.codebook.flat();
        let mut values = Array2::zeros((descriptors.nrows(), self.words()));
        // Plain distances, not the distance product: where a feature is close to a word, β would blow up its rounding.
        Zip::from(values.rows_mut()).and(descriptors.rows()).par_for_each(|mut row, descriptor| {
            let descriptor = contiguous(descriptor);
            for (value, distance) in row.iter_mut().zip(squared_distances(&descriptor, &words)) {
                *value = self.exponent(distance);
            }
            exponentiate_and_normalize(row);
        });
        Ok(Assignment::Dense(values))
    }
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
