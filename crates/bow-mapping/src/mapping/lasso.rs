//! Sparse coding: reconstruction of a feature from few words (Eqs 37, 38).

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Map, Stored, residuals, squared_rows, stored_as_codebook_and_options};
use crate::error::{check_above, check_descriptors};
use crate::linear_algebra::solve_positive_definite_vector;
use crate::{Assignment, Codebook, Error, SparseAssignment};

/// How [`Lasso`] regularizes, and when its solver stops.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LassoOptions {
    /// `λ`, the weight of `‖c‖₁`, above 0. The default, 0.15, keeps some ten words for a descriptor of length one; the
    /// paper gives no value.
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
    /// of a linear system. When that solution contradicts the signs, or a word that is not in use should be, or there
    /// is no solution, descent goes on.
    fn code(&self, feature: usize, descriptor: ArrayView1<'_, f64>) -> Result<Vec<f64>, Error> {
        let mut descent = Descent::new(self, descriptor);
        let mut solve_below = FIRST_SOLVE;
        let mut change = f64::INFINITY;
        for _ in 0..self.options.max_sweeps {
            change = descent.sweep();
            if change <= solve_below {
                if let Some(code) = descent.exact() {
                    return Ok(code);
                }
                if change <= self.options.tolerance {
                    return Ok(descent.code);
                }
                solve_below *= NEXT_SOLVE;
            }
        }
        let LassoOptions { max_sweeps: iterations, .. } = self.options;
        Err(Error::NotConverged {
            what: "the lasso code of local feature",
            index: feature,
            iterations,
            unit: "sweeps",
            change,
        })
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

/// The largest relative change in a sweep at which an exact solve is first tried, and by how much it has to shrink
/// before the next.
const FIRST_SOLVE: f64 = 1e-3;
const NEXT_SOLVE: f64 = 1e-2;

/// Coordinate descent on one feature's code.
struct Descent<'a> {
    lasso: &'a Lasso,
    /// `Bᵀl`
    target: Array1<f64>,
    /// `Bᵀ(l − B c)`
    correlation: Array1<f64>,
    code: Vec<f64>,
}

impl<'a> Descent<'a> {
    fn new(lasso: &'a Lasso, descriptor: ArrayView1<'_, f64>) -> Self {
        let target = lasso.codebook.words().dot(&descriptor);
        Self { lasso, correlation: target.clone(), target, code: vec![0.0; lasso.words()] }
    }

    /// Minimizes over one word's coefficient after the other; returns the largest change relative to the largest
    /// coefficient.
    fn sweep(&mut self) -> f64 {
        let (mut largest, mut largest_change) = (0.0_f64, 0.0_f64);
        for word in 0..self.code.len() {
            let gram = self.lasso.gram.row(word);
            let (old, squared_norm) = (self.code[word], gram[word]);
            if squared_norm == 0.0 {
                continue;
            }
            let new = soft_threshold(self.correlation[word] + squared_norm * old, self.lasso.options.lambda / 2.0)
                / squared_norm;
            if new != old {
                self.correlation.scaled_add(old - new, &gram);
                self.code[word] = new;
            }
            largest = largest.max(new.abs());
            largest_change = largest_change.max((new - old).abs());
        }
        if largest_change == 0.0 { 0.0 } else { largest_change / largest.max(f64::MIN_POSITIVE) }
    }

    /// The minimum, if the words in use and their signs are right.
    fn exact(&self) -> Option<Vec<f64>> {
        let half = self.lasso.options.lambda / 2.0;
        let used: Vec<usize> = (0..self.code.len()).filter(|&word| self.code[word] != 0.0).collect();
        let right = used.iter().map(|&word| self.target[word] - half * self.code[word].signum()).collect();
        let gram = self.lasso.gram.select(Axis(0), &used).select(Axis(1), &used);
        let solution = solve_positive_definite_vector(gram, right)?;
        let mut code = vec![0.0; self.code.len()];
        for (&word, &value) in used.iter().zip(&solution) {
            code[word] = value;
        }
        let signs_agree = used.iter().all(|&word| code[word] * self.code[word] > 0.0);
        (signs_agree && self.is_optimal(&used, &code)).then_some(code)
    }

    /// Whether `|2 Bᵀ(l − B c)| ≤ λ` for all words, up to rounding.
    fn is_optimal(&self, used: &[usize], code: &[f64]) -> bool {
        let half = self.lasso.options.lambda / 2.0;
        let mut correlation = self.target.clone();
        for &word in used {
            correlation.scaled_add(-code[word], &self.lasso.gram.row(word));
        }
        let magnitude = self.target.iter().fold(half, |largest, value| largest.max(value.abs()));
        correlation.iter().all(|value| value.abs() <= half + ROUNDING * magnitude)
    }
}

/// What rounding may add to a correlation, relative to the largest of them.
const ROUNDING: f64 = 1e-12;

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
