//! Fisher vectors of a Gaussian mixture (Eqs 39–41).

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use super::Map;
use crate::error::check_dimensions;
use crate::{Assignment, Error, FisherAssignment, GaussianMixture, PrincipalComponents};

/// The Fisher mapping: how the mixture's parameters would have to change to fit a feature better.
///
/// ```text
/// weight of k:          (γ[l](k) − w_k) / √w_k
/// mean r of k:          γ[l](k) (l_r − μ_kr) / (σ_kr √w_k)
/// variance r of k:      γ[l](k) ((l_r − μ_kr)² / σ_kr² − 1) / √(2 w_k)              Bach et al. 2015, Eq. (41)
/// ```
/// * `l` — a row of `descriptors`, (L, D), or its principal components, where the mapping has [some](Self::projected)
/// * `w`, `μ`, `σ` — [`GaussianMixture::weights`] (Eq. 39), [`means`](GaussianMixture::means),
///   [`deviations`](GaussianMixture::deviations); the paper prints `μ_k`, `σ_k` for `μ_kr`, `σ_kr`
/// * `γ` — [`GaussianMixture::posteriors`] (Eq. 40)
///
/// The dimensions of component `k` (from 0) begin at `(2D + 1) k`: its weight, D means, D variances. The values are
/// signed, and computed when they are looked at ([`FisherAssignment`]). Pooled by their mean, they are usually normalized by [`Normalization::PowerL2`](crate::Normalization).
///
/// ```
/// use bow_mapping::{Fisher, GaussianMixture, Map};
/// use ndarray::array;
/// let mixture = GaussianMixture::new(array![0.0], array![[1.0]], array![[0.5]])?;
/// let m = Fisher::new(mixture).assign(array![[2.0]].view())?.to_dense();
/// assert_eq!(m, array![[0.0, 2.0, 3.0 / 2.0_f64.sqrt()]]);
/// # Ok::<(), bow_mapping::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct Fisher {
    projection: Option<PrincipalComponents>,
    mixture: GaussianMixture,
}

/// What is stored of the mapping.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    projection: Option<PrincipalComponents>,
    mixture: GaussianMixture,
}

impl TryFrom<Parts> for Fisher {
    type Error = Error;

    fn try_from(Parts { projection, mixture }: Parts) -> Result<Self, Error> {
        match projection {
            Some(projection) => Self::projected(projection, mixture),
            None => Ok(Self::new(mixture)),
        }
    }
}

impl From<Fisher> for Parts {
    fn from(Fisher { projection, mixture }: Fisher) -> Self {
        Self { projection, mixture }
    }
}

impl Fisher {
    /// The Fisher mapping of a mixture.
    pub fn new(mixture: GaussianMixture) -> Self {
        Self { projection: None, mixture }
    }

    /// The Fisher mapping of a mixture over principal components of local features.
    ///
    /// ```
    /// use bow_mapping::{Fisher, GaussianMixture, Map, PrincipalComponents};
    /// use ndarray::array;
    /// let diagonal = PrincipalComponents::learn(array![[0.0, 0.0], [2.0, 2.0]].view(), 1)?; // about (1, 1)
    /// let mixture = GaussianMixture::new(array![0.0], array![[0.0]], array![[2.0_f64.sqrt()]])?;
    /// let fisher = Fisher::projected(diagonal, mixture)?;
    /// let m = fisher.assign(array![[3.0, 3.0]].view())?.to_dense();
    /// assert!((m[[0, 1]] - 2.0).abs() < 1e-12); // √8 along the diagonal, over σ
    /// # Ok::<(), bow_mapping::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Dimensions`] for a mixture that is not over as many dimensions as there are principal components.
    pub fn projected(projection: PrincipalComponents, mixture: GaussianMixture) -> Result<Self, Error> {
        let components = projection.directions().nrows();
        check_dimensions("the mixture over principal components", mixture.dimensions(), components)?;
        Ok(Self { projection: Some(projection), mixture })
    }

    /// The mixture.
    pub fn mixture(&self) -> &GaussianMixture {
        &self.mixture
    }
}

impl Map for Fisher {
    fn words(&self) -> usize {
        (2 * self.mixture.dimensions() + 1) * self.mixture.component_count()
    }

    fn descriptor_dimensions(&self) -> usize {
        self.projection.as_ref().map_or(self.mixture.dimensions(), |projection| projection.mean().len())
    }

    fn assign(&self, descriptors: ArrayView2<'_, f64>) -> Result<Assignment, Error> {
        let descriptors = match &self.projection {
            Some(projection) => projection.project(descriptors)?,
            None => descriptors.as_standard_layout().into_owned(),
        };
        let posteriors = self.mixture.posteriors(descriptors.view())?;
        Ok(Assignment::Fisher(FisherAssignment::new(self.mixture.clone(), descriptors, posteriors)))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2, Axis};

    use super::*;
    use crate::test_data::{assert_close, random};
    use crate::{Pooling, local_feature_relevance};

    /// Eqs 39–41 as they stand.
    fn plain(descriptors: &Array2<f64>, mixture: &GaussianMixture) -> Array2<f64> {
        let (components, dimensions) = mixture.means().dim();
        let mut values = Array2::zeros((descriptors.nrows(), components * (2 * dimensions + 1)));
        let weights = mixture.alpha().mapv(f64::exp) / mixture.alpha().mapv(f64::exp).sum();
        for (feature, descriptor) in descriptors.rows().into_iter().enumerate() {
            let normalized =
                |k: usize, r: usize| (descriptor[r] - mixture.means()[[k, r]]) / mixture.deviations()[[k, r]];
            let density = |k: usize| -> f64 {
                let factor = |r| {
                    (-normalized(k, r).powi(2) / 2.0).exp()
                        / (std::f64::consts::TAU.sqrt() * mixture.deviations()[[k, r]])
                };
                (0..dimensions).map(factor).product()
            };
            let joint: Array1<f64> = (0..components).map(|k| weights[k] * density(k)).collect();
            for k in 0..components {
                let (gamma, w, base) = (joint[k] / joint.sum(), weights[k], (2 * dimensions + 1) * k);
                values[[feature, base]] = (gamma - w) / w.sqrt();
                for r in 0..dimensions {
                    let z = normalized(k, r);
                    values[[feature, base + 1 + r]] = gamma * z / w.sqrt();
                    values[[feature, base + 1 + dimensions + r]] = gamma * (z * z - 1.0) / (2.0 * w).sqrt();
                }
            }
        }
        values
    }

    #[test]
    fn values_are_those_of_the_equations() {
        for (features, components, dimensions) in [(1, 1, 1), (3, 19, 3), (19, 3, 8), (100, 4, 5)] {
            let alpha = random(1, components, 1).row(0).to_owned();
            let deviations = random(components, dimensions, 3).mapv(|value| value.abs() + 0.5);
            let mixture = GaussianMixture::new(alpha, random(components, dimensions, 2), deviations).unwrap();
            let descriptors = random(features, dimensions, 4);
            let found = Fisher::new(mixture.clone()).assign(descriptors.view()).unwrap().to_dense();
            assert_close(&found, &plain(&descriptors, &mixture), 1e-12);
        }
    }

    #[test]
    fn pooling_and_relevance_are_those_of_written_out_values() {
        for (features, components, dimensions) in [(1, 1, 1), (3, 19, 3), (19, 3, 8), (100, 4, 5)] {
            let deviations = random(components, dimensions, 3).mapv(|value| value.abs() + 0.5);
            let means = random(components, dimensions, 2);
            let mixture = GaussianMixture::new(Array1::zeros(components), means, deviations).unwrap();
            let found = Fisher::new(mixture).assign(random(features, dimensions, 4).view()).unwrap();
            let written = Assignment::Dense(found.to_dense());
            let relevance = random(1, found.words(), 5).row(0).to_owned();
            for p in [1.0, 2.0, 3.0, f64::INFINITY] {
                let pooling = Pooling::new(p).unwrap();
                assert_eq!(pooling.pool(&found).unwrap(), pooling.pool(&written).unwrap());
                let upper = relevance.view();
                let (of_found, entry) = local_feature_relevance(upper, &found, pooling).unwrap();
                assert_eq!(of_found, local_feature_relevance(upper, &written, pooling).unwrap().0);
                assert!(entry.relative_error() < 1e-10);
            }
            let Assignment::Fisher(vectors) = found else { panic!("another assignment") };
            let some: Vec<usize> = (0..features).step_by(2).collect();
            assert_eq!(vectors.select(&some).to_dense(), written.to_dense().select(Axis(0), &some));
        }
    }

    #[test]
    fn projected_values_are_those_of_the_projected_features() {
        let descriptors = random(19, 5, 4);
        let components = PrincipalComponents::learn(random(50, 5, 6).view(), 3).unwrap();
        let deviations = random(4, 3, 3).mapv(|value| value.abs() + 0.5);
        let mixture = GaussianMixture::new(Array1::zeros(4), random(4, 3, 2), deviations).unwrap();
        let fisher = Fisher::projected(components.clone(), mixture.clone()).unwrap();
        assert_eq!((fisher.descriptor_dimensions(), fisher.words()), (5, 4 * 7));
        let expected = plain(&components.project(descriptors.view()).unwrap(), &mixture);
        assert_close(&fisher.assign(descriptors.view()).unwrap().to_dense(), &expected, 1e-12);

        let text = serde_json::to_string(&fisher).unwrap();
        assert_eq!(serde_json::from_str::<Fisher>(&text).unwrap(), fisher);
        let other = PrincipalComponents::learn(random(50, 5, 6).view(), 2).unwrap();
        let error = Fisher::projected(other.clone(), mixture.clone()).unwrap_err();
        assert!(matches!(error, Error::Dimensions { found: 3, expected: 2, .. }), "{error}");
        let unfit = serde_json::to_string(&Parts { projection: Some(other), mixture }).unwrap();
        assert!(serde_json::from_str::<Fisher>(&unfit).is_err());
    }

    #[test]
    fn values_are_the_gradient_of_the_log_likelihood() {
        // ∂ ln p(l) / ∂α_k = γ[l](k) − w_k, the numerator of the weight's dimension.
        let (alpha, means) = (random(1, 3, 1).row(0).to_owned(), random(3, 2, 2));
        let deviations = random(3, 2, 3).mapv(|value| value.abs() + 0.5);
        let descriptors = random(5, 2, 4);
        let log_likelihood = |alpha: Array1<f64>| {
            let mixture = GaussianMixture::new(alpha, means.clone(), deviations.clone()).unwrap();
            let joint = mixture.log_joint_densities(descriptors.view()).unwrap();
            joint.map_axis(ndarray::Axis(1), |row| row.mapv(f64::exp).sum().ln())
        };
        let mixture = GaussianMixture::new(alpha.clone(), means.clone(), deviations.clone()).unwrap();
        let found = Fisher::new(mixture.clone()).assign(descriptors.view()).unwrap().to_dense();
        for component in 0..3 {
            let step = Array1::from_shape_fn(3, |other| if other == component { 1e-6 } else { 0.0 });
            let gradient = (log_likelihood(&alpha + &step) - log_likelihood(&alpha - &step)) / 2e-6;
            let expected = gradient / mixture.weights()[component].sqrt();
            for (found, expected) in found.column(5 * component).iter().zip(&expected) {
                assert!((found - expected).abs() < 1e-8, "{found}, {expected}");
            }
        }
    }
}
