//! Reconstruction of a feature from all words (Eqs 37, 38).

use ndarray::{Array1, Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::{Map, Stored, residuals, squared_rows, stored_as_codebook_and_options};
use crate::error::{check_above, check_descriptors};
use crate::linear_algebra::solve_positive_definite;
use crate::{Assignment, Codebook, Error};

/// How [`Ridge`] regularizes.
///
/// The example of [`Ridge`] sets them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RidgeOptions {
    /// `λ`, the weight of `‖c‖²`, above 0. The default, 1, is the squared length of a normalized descriptor; the paper
    /// gives no value.
    pub lambda: f64,
}

impl Default for RidgeOptions {
    fn default() -> Self {
        Self { lambda: 1.0 }
    }
}

/// The ridge mapping: a feature's code is the combination of words, small in its squares, that reconstructs it.
///
/// ```text
/// m(l) = argmin_c ‖l − B c‖² + λ ‖c‖² = (BᵀB + λI)⁻¹ Bᵀ l    Bach et al. 2015, Eqs (37), (38) with Q(c) = λ‖c‖²
/// ```
/// * `l` — a row of `descriptors`, (L, D)
/// * `B` — the codebook's words as columns, (D, V)
/// * `λ` — [`RidgeOptions::lambda`]; the paper's Eq. 37 leaves the weight of `Q` out
///
/// The values are signed. The system is solved once, when the mapping is made.
///
/// ```
/// use bow_mapping::{Codebook, Map, Ridge, RidgeOptions};
/// use ndarray::array;
/// let codebook = Codebook::new(array![[1.0, 0.0], [0.0, 1.0]])?;
/// let ridge = Ridge::new(codebook, RidgeOptions { lambda: 3.0 })?;
/// // For orthonormal words, c is l / (1 + λ).
/// assert_eq!(ridge.assign(array![[1.0, -2.0]].view())?.to_dense(), array![[0.25, -0.5]]);
/// # Ok::<(), bow_mapping::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored<RidgeOptions>", into = "Stored<RidgeOptions>")]
pub struct Ridge {
    codebook: Codebook,
    options: RidgeOptions,
    /// `B (BᵀB + λI)⁻¹`, (D, V): multiplied from the right by a row of descriptors, it gives the code.
    coder: Array2<f64>,
}

stored_as_codebook_and_options!(Ridge, RidgeOptions);

impl Ridge {
    /// The ridge mapping onto the words of `codebook`.
    ///
    /// # Errors
    /// [`Error::Parameter`] when `λ` is not a finite number above 0; [`Error::Singular`] when it is so small that the
    /// system is singular up to rounding.
    pub fn new(codebook: Codebook, options: RidgeOptions) -> Result<Self, Error> {
        check_above("λ of the ridge mapping", options.lambda, 0.0, "a finite number above 0")?;
        let coder = coder(codebook.words(), options.lambda)
            .ok_or(Error::Singular { system: "BᵀB + λI of the ridge mapping", remedy: "take a larger λ" })?;
        Ok(Self { codebook, options, coder })
    }

    /// The words.
    pub fn codebook(&self) -> &Codebook {
        &self.codebook
    }

    /// The options.
    pub fn options(&self) -> RidgeOptions {
        self.options
    }

    /// `‖l − B c‖² + λ ‖c‖²` of each feature, (L): what the mapping minimizes (Eq. 37).
    ///
    /// ```
    /// use bow_mapping::{Codebook, Ridge, RidgeOptions};
    /// use ndarray::array;
    /// let ridge = Ridge::new(Codebook::new(array![[1.0, 0.0]])?, RidgeOptions { lambda: 3.0 })?;
    /// assert_eq!(ridge.objective(array![[1.0, 2.0]].view(), array![[0.25]].view())?, array![4.75]);
    /// # Ok::<(), bow_mapping::Error>(())
    /// ```
    ///
    /// # Errors
    /// Descriptors or codes (L, V) that do not fit, or hold an infinity or NaN.
    pub fn objective(
        &self,
        descriptors: ArrayView2<'_, f64>,
        codes: ArrayView2<'_, f64>,
    ) -> Result<Array1<f64>, Error> {
        let residuals = residuals(&self.codebook, descriptors, codes)?;
        Ok(squared_rows(residuals.view()) + squared_rows(codes) * self.options.lambda)
    }
}

/// `B (BᵀB + λI)⁻¹ = (BBᵀ + λI)⁻¹ B`, by the smaller of the two systems. (Rows of `words` are columns of B.)
fn coder(words: ArrayView2<'_, f64>, lambda: f64) -> Option<Array2<f64>> {
    let (word_count, dimensions) = words.dim();
    if dimensions <= word_count {
        let system = words.t().dot(&words) + Array2::from_diag_elem(dimensions, lambda);
        solve_positive_definite(system, words.t().to_owned())
    } else {
        let system = words.dot(&words.t()) + Array2::from_diag_elem(word_count, lambda);
        solve_positive_definite(system, words.to_owned()).map(Array2::reversed_axes)
    }
}

impl Map for Ridge {
    fn words(&self) -> usize {
        self.codebook.word_count()
    }

    fn descriptor_dimensions(&self) -> usize {
        self.codebook.dimensions()
    }

    fn assign(&self, descriptors: ArrayView2<'_, f64>) -> Result<Assignment, Error> {
        check_descriptors(descriptors, self.codebook.dimensions())?;
        Ok(Assignment::Dense(descriptors.dot(&self.coder)))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::test_data::{assert_close, random};

    #[test]
    fn codes_satisfy_the_normal_equations() {
        for (words, dimensions) in [(1, 1), (3, 19), (19, 3), (8, 8), (100, 8)] {
            let (codebook, descriptors) = (random(words, dimensions, 1), random(20, dimensions, 2));
            let ridge = Ridge::new(Codebook::new(codebook.clone()).unwrap(), RidgeOptions { lambda: 0.3 }).unwrap();
            let codes = ridge.assign(descriptors.view()).unwrap().to_dense();
            let left = codes.dot(&codebook).dot(&codebook.t()) + &codes * 0.3;
            assert_close(&left, &descriptors.dot(&codebook.t()), 1e-12);
        }
    }

    #[test]
    fn weights_that_do_not_regularize_are_refused() {
        let ridge = |words, lambda| Ridge::new(Codebook::new(words).unwrap(), RidgeOptions { lambda });
        for lambda in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(ridge(array![[1.0]], lambda), Err(Error::Parameter { .. })), "{lambda}");
        }
    }
}
