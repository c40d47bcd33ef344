//! Mixtures of Gaussians with diagonal covariance (Eqs 39, 40).

use std::f64::consts::TAU;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::distance::contiguous_mut;
use crate::error::{check_above, check_descriptors, check_dimensions, check_range};
use crate::softmax::exponentiate_and_normalize;

/// A mixture of K Gaussians with diagonal covariance.
///
/// ```text
/// w_k = exp(α_k) / Σ_j exp(α_j)                              Bach et al. 2015, Eq. (39)
/// g_k(l) = Π_r exp(−(l_r − μ_kr)² / 2σ_kr²) / (√(2π) σ_kr)
/// ```
/// * `α` — [`alpha`](Self::alpha), (K): the weights before the softmax
/// * `μ` — [`means`](Self::means), (K, D)
/// * `σ` — [`deviations`](Self::deviations), (K, D): standard deviations
///
/// Every component has a weight above zero, and every deviation is above zero.
///
/// ```
/// use bow_mapping::GaussianMixture;
/// use ndarray::array;
/// let alpha = array![0.0, 3.0_f64.ln()];
/// let mixture = GaussianMixture::new(alpha, array![[0.0], [1.0]], array![[1.0], [1.0]])?;
/// assert!((mixture.weights()[1] - 0.75).abs() < 1e-15);
/// // Half way between the means, the weights decide.
/// let gamma = mixture.posteriors(array![[0.5]].view())?;
/// assert!((gamma[[0, 1]] - 0.75).abs() < 1e-15);
/// # Ok::<(), bow_mapping::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct GaussianMixture {
    alpha: Array1<f64>,
    means: Array2<f64>,
    deviations: Array2<f64>,
    weights: Array1<f64>,
}

/// What is stored of a mixture.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    alpha: Array1<f64>,
    means: Array2<f64>,
    deviations: Array2<f64>,
}

impl TryFrom<Parts> for GaussianMixture {
    type Error = Error;

    fn try_from(parts: Parts) -> Result<Self, Error> {
        Self::new(parts.alpha, parts.means, parts.deviations)
    }
}

impl From<GaussianMixture> for Parts {
    fn from(mixture: GaussianMixture) -> Self {
        Self { alpha: mixture.alpha, means: mixture.means, deviations: mixture.deviations }
    }
}

impl GaussianMixture {
    /// A mixture from `α` (K), means (K, D) and standard deviations (K, D).
    ///
    /// # Errors
    /// [`Error::Empty`] without components or dimensions; [`Error::Dimensions`] when the shapes do not fit;
    /// [`Error::OutOfRange`] for an infinity or NaN; [`Error::Parameter`] for a deviation of 0 or less;
    /// [`Error::WeightlessComponent`] when a weight underflows to zero.
    pub fn new(alpha: Array1<f64>, means: Array2<f64>, deviations: Array2<f64>) -> Result<Self, Error> {
        if means.nrows() == 0 {
            return Err(Error::Empty { what: "components of a Gaussian mixture" });
        }
        if means.ncols() == 0 {
            return Err(Error::Empty { what: "dimensions of a Gaussian mixture" });
        }
        check_dimensions("α of the Gaussian mixture", alpha.len(), means.nrows())?;
        check_dimensions("the list of a Gaussian mixture's deviations", deviations.nrows(), means.nrows())?;
        check_dimensions("a deviation of the Gaussian mixture", deviations.ncols(), means.ncols())?;
        check_range("α of the Gaussian mixture, row", alpha.view().insert_axis(Axis(0)))?;
        check_range("the mean of component", means.view())?;
        check_range("the deviation of component", deviations.view())?;
        for &deviation in &deviations {
            check_above("a deviation of the Gaussian mixture", deviation, 0.0, "a standard deviation above 0")?;
        }
        let weights = softmax(alpha.view());
        match weights.iter().position(|&weight| weight <= 0.0) {
            Some(component) => Err(Error::WeightlessComponent { component }),
            None => Ok(Self { alpha, means, deviations, weights }),
        }
    }

    /// A mixture whose weights are given as such: `α_k = ln w_k`. They need not sum to one; Eq. 39 sees to it.
    ///
    /// # Errors
    /// As for [`new`](Self::new); [`Error::WeightlessComponent`] for a weight that is not above zero.
    pub fn from_weights(weights: Array1<f64>, means: Array2<f64>, deviations: Array2<f64>) -> Result<Self, Error> {
        match weights.iter().position(|&weight| weight <= 0.0) {
            Some(component) => Err(Error::WeightlessComponent { component }),
            None => Self::new(weights.mapv(f64::ln), means, deviations),
        }
    }

    /// `α_k`, (K)
    pub fn alpha(&self) -> ArrayView1<'_, f64> {
        self.alpha.view()
    }

    /// `w_k`, (K): Eq. 39.
    pub fn weights(&self) -> ArrayView1<'_, f64> {
        self.weights.view()
    }

    /// `μ_kr`, (K, D)
    pub fn means(&self) -> ArrayView2<'_, f64> {
        self.means.view()
    }

    /// `σ_kr`, (K, D): standard deviations.
    pub fn deviations(&self) -> ArrayView2<'_, f64> {
        self.deviations.view()
    }

    /// `μ_k` and `σ_k`, (D) each.
    pub(crate) fn component(&self, component: usize) -> (ArrayView1<'_, f64>, ArrayView1<'_, f64>) {
        (self.means.row(component), self.deviations.row(component))
    }

    /// K
    pub fn component_count(&self) -> usize {
        self.means.nrows()
    }

    /// D
    pub fn dimensions(&self) -> usize {
        self.means.ncols()
    }

    /// Which component a local feature belongs to: `γ`, shape (L, K), rows sum to one.
    ///
    /// ```text
    /// γ[l](k) = w_k g_k(l) / Σ_j w_j g_j(l)                      Bach et al. 2015, Eq. (40)
    /// ```
    /// * `l` — a row of `descriptors`, (L, D)
    ///
    /// Computed from logarithms, so that it holds where all densities underflow.
    ///
    /// # Errors
    /// [`Error::Empty`] without descriptors; [`Error::Dimensions`], [`Error::OutOfRange`] when they do not fit or hold
    /// an infinity or NaN.
    pub fn posteriors(&self, descriptors: ArrayView2<'_, f64>) -> Result<Array2<f64>, Error> {
        let mut posteriors = self.log_joint_densities(descriptors)?;
        for row in posteriors.rows_mut() {
            exponentiate_and_normalize(contiguous_mut(row));
        }
        Ok(posteriors)
    }

    /// `ln(w_k g_k(l))`, shape (L, K).
    ///
    /// # Errors
    /// As for [`posteriors`](Self::posteriors).
    pub fn log_joint_densities(&self, descriptors: ArrayView2<'_, f64>) -> Result<Array2<f64>, Error> {
        check_descriptors(descriptors, self.dimensions())?;
        let constants = self.log_constants();
        let mut densities = Array2::zeros((descriptors.nrows(), self.component_count()));
        for (descriptor, mut row) in descriptors.rows().into_iter().zip(densities.rows_mut()) {
            for (component, density) in row.iter_mut().enumerate() {
                let (mean, deviation) = (self.means.row(component), self.deviations.row(component));
                let exponent: f64 = (descriptor.iter().zip(mean).zip(deviation))
                    .map(|((value, mean), deviation)| ((value - mean) / deviation).powi(2))
                    .sum();
                *density = constants[component] - 0.5 * exponent;
            }
        }
        Ok(densities)
    }

    /// `ln w_k − Σ_r ln σ_kr − D/2 · ln 2π`
    fn log_constants(&self) -> Array1<f64> {
        let half_dimensions = 0.5 * self.dimensions() as f64;
        (self.weights.iter().zip(self.deviations.rows()))
            .map(|(weight, deviations)| {
                weight.ln()
                    - deviations.iter().map(|deviation| deviation.ln()).sum::<f64>()
                    - half_dimensions * TAU.ln()
            })
            .collect()
    }
}

/// The softmax of Eq. 39, safe for any finite `alpha`.
fn softmax(alpha: ArrayView1<'_, f64>) -> Array1<f64> {
    let mut weights = alpha.to_vec();
    exponentiate_and_normalize(&mut weights);
    weights.into()
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn impossible_mixtures_are_refused() {
        let one = || array![[1.0, 1.0]];
        assert!(matches!(
            GaussianMixture::new(array![], Array2::zeros((0, 2)), Array2::zeros((0, 2))),
            Err(Error::Empty { .. })
        ));
        assert!(matches!(GaussianMixture::new(array![0.0, 0.0], one(), one()), Err(Error::Dimensions { .. })));
        assert!(matches!(GaussianMixture::new(array![0.0], one(), array![[1.0]]), Err(Error::Dimensions { .. })));
        assert!(matches!(GaussianMixture::new(array![f64::NAN], one(), one()), Err(Error::OutOfRange { .. })));
        assert!(matches!(GaussianMixture::new(array![0.0], one(), array![[1.0, 0.0]]), Err(Error::Parameter { .. })));
        let two = || array![[1.0], [2.0]];
        assert!(matches!(
            GaussianMixture::new(array![0.0, -1e4], two(), two()),
            Err(Error::WeightlessComponent { component: 1 })
        ));
        assert!(matches!(
            GaussianMixture::from_weights(array![0.0, 1.0], two(), two()),
            Err(Error::WeightlessComponent { component: 0 })
        ));
    }

    #[test]
    fn posteriors_survive_where_densities_underflow() {
        let mixture =
            GaussianMixture::from_weights(array![0.5, 0.5], array![[0.0], [1.0]], array![[0.5], [0.5]]).unwrap();
        let gamma = mixture.posteriors(array![[1000.0], [-1000.0]].view()).unwrap();
        assert_eq!(gamma, array![[0.0, 1.0], [1.0, 0.0]]);
    }

    #[test]
    fn a_mixture_survives_saving() {
        let mixture = GaussianMixture::new(array![0.3, -0.7], array![[0.1], [2.0]], array![[0.5], [0.25]]).unwrap();
        let text = serde_json::to_string(&mixture).unwrap();
        assert_eq!(serde_json::from_str::<GaussianMixture>(&text).unwrap(), mixture);
        let broken = text.replace("0.25", "-0.25");
        assert!(serde_json::from_str::<GaussianMixture>(&broken).is_err());
    }
}
