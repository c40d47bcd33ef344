//! Sparse coding: reconstruction of a feature from few words (Eqs 37, 38).

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Map, Stored, residuals, squared_rows, stored_as_codebook_and_options};
use crate::error::{check_above, check_descriptors};
use crate::linear_algebra::solve_positive_definite_vector;
use crate::{Assignment, Codebook, Error, SparseAssignment};

/// How [`Lasso`] regularizes, and when its solver stops.
///
/// The example of [`Lasso`] sets them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LassoOptions {
    /// `λ`, the weight of `‖c‖₁`, above 0. The default, 0.15, is meant for descriptors of length one; the paper gives no
    /// value.
    pub lambda: f64,
    /// Sweeps of coordinate descent over all words that a feature may take (default 100,000: a bound against endless
    /// loops; most features take some ten).
    pub max_sweeps: usize,
    /// Coordinate descent has converged when no coefficient changes by more than this share of the largest one
    /// (default 1e-13). It matters only where the exact solve for the words in use has no unique solution.
    pub tolerance: f64,
}

impl Default for LassoOptions {
    fn default() -> Self {
        Self { lambda: 0.15, max_sweeps: 100_000, tolerance: 1e-13 }
    }
}

/// The lasso mapping: a feature's code is the sparse combination of words that reconstructs it.
///
/// ```text
/// m(l) = c* = argmin_c ‖l − B c‖² + λ ‖c‖₁                   Bach et al. 2015, Eqs (37), (38) with Q(c) = λ‖c‖₁
/// ```
/// * `l` — a row of `descriptors`, (L, D)
/// * `B` — the codebook's words as columns, (D, V)
/// * `λ` — [`LassoOptions::lambda`]; the paper's Eq. 37 leaves the weight of `Q` out. There is no ½ and no 1/D in it
///
/// Solved by cyclic coordinate descent, then exactly for the words in use. The values are signed.
///
/// ```
/// use bow_mapping::{Codebook, Lasso, LassoOptions, Map};
/// use ndarray::array;
/// let codebook = Codebook::new(array![[1.0, 0.0], [0.0, 1.0]])?;
/// let lasso = Lasso::new(codebook, LassoOptions { lambda: 0.5, ..Default::default() })?;
/// // For orthonormal words, c is l shrunk by λ/2.
/// assert_eq!(lasso.assign(array![[1.0, -0.125]].view())?.to_dense(), array![[0.75, 0.0]]);
/// # Ok::<(), bow_mapping::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored<LassoOptions>", into = "Stored<LassoOptions>")]
pub struct Lasso {
    codebook: Codebook,
    options: LassoOptions,
    /// `BᵀB`, (V, V)
    gram: Array2<f64>,
}

stored_as_codebook_and_options!(Lasso, LassoOptions);

impl Lasso {
    /// The lasso mapping onto the words of `codebook`.
    ///
    /// # Errors
    /// [`Error::Parameter`] when `λ` or the tolerance is not a finite number above 0, or no sweep is allowed.
    pub fn new(codebook: Codebook, options: LassoOptions) -> Result<Self, Error> {
        check_above("λ of the lasso mapping", options.lambda, 0.0, "a finite number above 0")?;
        check_above("the tolerance of the lasso mapping", options.tolerance, 0.0, "a finite number above 0")?;
        check_above("max_sweeps of the lasso mapping", options.max_sweeps as f64, 0.0, "at least 1")?;
        let gram = codebook.words().dot(&codebook.words().t());
        Ok(Self { codebook, options, gram })
    }

    /// The words.
    pub fn codebook(&self) -> &Codebook {
        &self.codebook
    }

    /// The options.
    pub fn options(&self) -> LassoOptions {
        self.options
    }

    /// `‖l − B c‖² + λ ‖c‖₁` of each feature, (L): what the mapping minimizes (Eq. 37).
    ///
    /// ```
    /// use bow_mapping::{Codebook, Lasso, LassoOptions};
    /// use ndarray::array;
    /// let lasso = Lasso::new(Codebook::new(array![[1.0, 0.0]])?, LassoOptions { lambda: 0.5, ..Default::default() })?;
    /// assert_eq!(lasso.objective(array![[1.0, 2.0]].view(), array![[0.75]].view())?, array![4.4375]);
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
        let penalties = codes.map_axis(Axis(1), |code| code.iter().map(|value| value.abs()).sum::<f64>());
        Ok(squared_rows(residuals.view()) + penalties * self.options.lambda)
    }

    /// `2 Bᵀ(l − B c)` of each feature, (L, V): at the minimum it is `λ sign(c_d)` where `c_d ≠ 0`, and within
    /// `[−λ, λ]` elsewhere (the conditions of Karush, Kuhn and Tucker).
    ///
    /// ```
    /// use bow_mapping::{Codebook, Lasso, LassoOptions};
    /// use ndarray::array;
    /// let lasso = Lasso::new(Codebook::new(array![[1.0, 0.0]])?, LassoOptions { lambda: 0.5, ..Default::default() })?;
    /// assert_eq!(lasso.optimality(array![[1.0, 2.0]].view(), array![[0.75]].view())?, array![[0.5]]);
    /// # Ok::<(), bow_mapping::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`objective`](Self::objective).
    pub fn optimality(
        &self,
        descriptors: ArrayView2<'_, f64>,
        codes: ArrayView2<'_, f64>,
    ) -> Result<Array2<f64>, Error> {
        Ok(residuals(&self.codebook, descriptors, codes)?.dot(&self.codebook.words().t()) * 2.0)
    }

    /// The code of one feature.
    ///
    /// Coordinate descent finds out which words are in use, and with which sign; for these the minimum is the solution
    /// of a linear system. Where that solution contradicts the signs, the step towards it ends at the first word that
    /// goes out of use. Both only ever lower the objective, and no set of words and signs is solved for twice, so that
    /// this comes to an end where coordinate descent alone takes forever: with words that are nearly collinear.
    fn code(&self, feature: usize, descriptor: ArrayView1<'_, f64>) -> Result<Vec<f64>, Error> {
        let mut descent = Descent::new(self, descriptor);
        let mut change = f64::INFINITY;
        for sweep in 1..=self.options.max_sweeps {
            change = descent.sweep();
            if change <= SETTLED || sweep % SWEEPS_BETWEEN_SOLVES == 0 {
                descent.solve_for_words_in_use();
                if descent.is_optimal() || change <= self.options.tolerance {
                    return Ok(descent.code);
                }
            }
        }
        let LassoOptions { max_sweeps: iterations, .. } = self.options;
        let what = "the lasso code of local feature";
        Err(Error::NotConverged { what, index: feature, iterations, unit: "sweeps", change })
    }
}

impl Map for Lasso {
    fn words(&self) -> usize {
        self.codebook.word_count()
    }

    fn descriptor_dimensions(&self) -> usize {
        self.codebook.dimensions()
    }

    fn assign(&self, descriptors: ArrayView2<'_, f64>) -> Result<Assignment, Error> {
        check_descriptors(descriptors, self.codebook.dimensions())?;
        let codes = (0..descriptors.nrows())
            .into_par_iter()
            .map(|feature| self.code(feature, descriptors.row(feature)))
            .collect::<Result<Vec<_>, _>>()?;
        let rows = codes.iter().map(|code| code.iter().copied().enumerate().filter(|&(_, value)| value != 0.0));
        Ok(Assignment::Sparse(SparseAssignment::from_rows(self.words(), rows)))
    }
}

/// A sweep that changes no coefficient by more than this share of the largest one has probably found the words.
const SETTLED: f64 = 1e-3;

/// After so many sweeps the words in use are solved for in any case.
const SWEEPS_BETWEEN_SOLVES: usize = 10;

/// What rounding may add to a correlation, relative to the largest of them.
const ROUNDING: f64 = 1e-12;

/// What is added to the squared lengths of the words in use, relative to the largest, when they are linearly dependent.
const PROXIMITY: f64 = 1e-10;

/// Descent on one feature's code.
struct Descent<'a> {
    gram: ArrayView2<'a, f64>,
    half_lambda: f64,
    /// `Bᵀl`
    target: Array1<f64>,
    /// `Bᵀ(l − B c)`
    correlation: Array1<f64>,
    /// `c`
    code: Vec<f64>,
}

impl<'a> Descent<'a> {
    fn new(lasso: &'a Lasso, descriptor: ArrayView1<'_, f64>) -> Self {
        let target = lasso.codebook.words().dot(&descriptor);
        Self {
            gram: lasso.gram.view(),
            half_lambda: lasso.options.lambda / 2.0,
            correlation: target.clone(),
            target,
            code: vec![0.0; lasso.words()],
        }
    }

    /// Minimizes over one word's coefficient after the other; returns the largest change relative to the largest
    /// coefficient.
    fn sweep(&mut self) -> f64 {
        let (mut largest, mut largest_change) = (0.0_f64, 0.0_f64);
        for word in 0..self.code.len() {
            let gram = self.gram.row(word);
            let (old, squared_norm) = (self.code[word], gram[word]);
            if squared_norm == 0.0 {
                continue;
            }
            let new = soft_threshold(self.correlation[word] + squared_norm * old, self.half_lambda) / squared_norm;
            if new != old {
                self.correlation.scaled_add(old - new, &gram);
                self.code[word] = new;
            }
            largest = largest.max(old.abs()).max(new.abs());
            largest_change = largest_change.max((new - old).abs());
        }
        if largest_change == 0.0 { 0.0 } else { largest_change / largest }
    }

    /// Goes to the minimum for the words in use and their signs, or to where the first of them goes out of use and on
    /// from there.
    fn solve_for_words_in_use(&mut self) {
        loop {
            let used: Vec<usize> = (0..self.code.len()).filter(|&word| self.code[word] != 0.0).collect();
            let Some(solution) = self.minimum(&used) else { break };
            let crossing = used
                .iter()
                .zip(&solution)
                .filter(|&(&word, &value)| value * self.code[word] <= 0.0)
                .map(|(&word, &value)| (word, self.code[word] / (self.code[word] - value)))
                .min_by(|one, other| one.1.total_cmp(&other.1));
            let step = crossing.map_or(1.0, |(_, step)| step);
            for (&word, &value) in used.iter().zip(&solution) {
                self.code[word] = if step < 1.0 { self.code[word] + step * (value - self.code[word]) } else { value };
            }
            match crossing {
                Some((word, _)) => self.code[word] = 0.0,
                None => break,
            }
        }
        self.correlation.assign(&self.target);
        for (word, &value) in self.code.iter().enumerate().filter(|&(_, &value)| value != 0.0) {
            self.correlation.scaled_add(-value, &self.gram.row(word));
        }
    }

    /// The coefficients of `used` that minimize the objective if they keep their signs.
    ///
    /// Where the words are linearly dependent, the minimum is searched near the present code (a proximal step).
    fn minimum(&self, used: &[usize]) -> Option<Array1<f64>> {
        let mut gram = self.gram.select(Axis(0), used).select(Axis(1), used);
        let mut right: Array1<f64> =
            used.iter().map(|&word| self.target[word] - self.half_lambda * self.code[word].signum()).collect();
        solve_positive_definite_vector(gram.clone(), right.clone()).or_else(|| {
            let proximity = PROXIMITY * gram.diag().fold(0.0, |largest: f64, &value| largest.max(value));
            gram.diag_mut().map_inplace(|value| *value += proximity);
            right.iter_mut().zip(used).for_each(|(value, &word)| *value += proximity * self.code[word]);
            solve_positive_definite_vector(gram, right)
        })
    }

    /// Whether `Bᵀ(l − B c)` is `λ/2 sign(c_d)` for the words in use, and within `[−λ/2, λ/2]` for the others, up to
    /// rounding.
    fn is_optimal(&self) -> bool {
        let largest = self.target.iter().fold(self.half_lambda, |largest, value| largest.max(value.abs()));
        let slack = ROUNDING * largest;
        self.correlation.iter().zip(&self.code).all(|(&correlation, &value)| {
            if value == 0.0 {
                correlation.abs() <= self.half_lambda + slack
            } else {
                (correlation - self.half_lambda * value.signum()).abs() <= slack
            }
        })
    }
}

/// `S(v, t) = sign(v) · max(|v| − t, 0)`
fn soft_threshold(value: f64, threshold: f64) -> f64 {
    if value > threshold {
        value - threshold
    } else if value < -threshold {
        value + threshold
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::test_data::random;

    fn lasso(words: Array2<f64>, lambda: f64) -> Lasso {
        Lasso::new(Codebook::new(words).unwrap(), LassoOptions { lambda, ..Default::default() }).unwrap()
    }

    /// Fails unless the codes satisfy the conditions that hold at the minimum, and there only.
    fn assert_optimal(lasso: &Lasso, descriptors: &Array2<f64>) -> Array2<f64> {
        let codes = lasso.assign(descriptors.view()).unwrap().to_dense();
        let conditions = lasso.optimality(descriptors.view(), codes.view()).unwrap();
        let lambda = lasso.options.lambda;
        for (&condition, &value) in conditions.iter().zip(&codes) {
            assert!(condition.abs() <= lambda * (1.0 + 1e-9) + 1e-9, "{condition} where λ = {lambda}");
            assert!(value == 0.0 || (condition - lambda * value.signum()).abs() <= 1e-9, "{condition} for c = {value}");
        }
        codes
    }

    #[test]
    fn codes_are_minima() {
        for (words, dimensions) in [(1, 1), (3, 19), (19, 3), (19, 19), (100, 8)] {
            for lambda in [1e-3, 0.1, 1.0] {
                let lasso = lasso(random(words, dimensions, 1), lambda);
                assert_optimal(&lasso, &random(20, dimensions, 2));
            }
        }
    }

    #[test]
    fn words_that_are_equal_or_nearly_collinear_or_zero_do_no_harm() {
        let base = random(10, 5, 3);
        let nearly = &base + &(random(10, 5, 4) * 1e-7);
        let words = ndarray::concatenate![Axis(0), base, nearly, base, Array2::zeros((1, 5))];
        let codes = assert_optimal(&lasso(words, 0.01), &random(30, 5, 5));
        assert!(codes.column(30).iter().all(|&value| value == 0.0));
    }

    #[test]
    fn a_large_weight_leaves_nothing() {
        let descriptors = random(5, 4, 6);
        let assignment = lasso(random(7, 4, 7), 100.0).assign(descriptors.view()).unwrap();
        assert!(matches!(assignment, Assignment::Sparse(rows) if rows.stored() == 0 && rows.features() == 5));
    }

    #[test]
    fn the_objective_is_smallest_at_the_code() {
        let (lasso, descriptors) = (lasso(random(9, 4, 8), 0.2), random(6, 4, 9));
        let codes = lasso.assign(descriptors.view()).unwrap().to_dense();
        let smallest = lasso.objective(descriptors.view(), codes.view()).unwrap();
        for seed in 0..20 {
            let others = &codes + &(random(6, 9, 10 + seed) * 0.1);
            let objective = lasso.objective(descriptors.view(), others.view()).unwrap();
            assert!(objective.iter().zip(&smallest).all(|(other, smallest)| other >= smallest));
        }
    }

    #[test]
    fn wrong_options_are_refused() {
        let codebook = || Codebook::new(array![[1.0]]).unwrap();
        for lambda in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let error = Lasso::new(codebook(), LassoOptions { lambda, ..Default::default() }).unwrap_err();
            assert!(matches!(error, Error::Parameter { .. }), "{error}");
        }
        assert!(Lasso::new(codebook(), LassoOptions { max_sweeps: 0, ..Default::default() }).is_err());
        assert!(Lasso::new(codebook(), LassoOptions { tolerance: 0.0, ..Default::default() }).is_err());
    }
}
