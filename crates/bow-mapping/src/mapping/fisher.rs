//! Fisher vectors of a Gaussian mixture (Eqs 39–41).

use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, Zip, s};
use serde::{Deserialize, Serialize};

use super::Map;
use crate::{Assignment, Error, GaussianMixture};

/// The Fisher mapping: how the mixture's parameters would have to change to fit a feature better.
///
/// ```text
/// weight of k:          (γ[l](k) − w_k) / √w_k
/// mean r of k:          γ[l](k) (l_r − μ_kr) / (σ_kr √w_k)
/// variance r of k:      γ[l](k) ((l_r − μ_kr)² / σ_kr² − 1) / √(2 w_k)              Bach et al. 2015, Eq. (41)
/// ```
/// * `l` — a row of `descriptors`, (L, D)
/// * `w`, `μ`, `σ` — [`GaussianMixture::weights`] (Eq. 39), [`means`](GaussianMixture::means),
///   [`deviations`](GaussianMixture::deviations); the paper prints `μ_k`, `σ_k` for `μ_kr`, `σ_kr`
/// * `γ` — [`GaussianMixture::posteriors`] (Eq. 40)
///
/// The dimensions of component `k` (from 0) begin at `(2D + 1) k`: its weight, D means, D variances. The values are
/// signed. Pooled by their mean, they are usually normalized by [`Normalization::PowerL2`](crate::Normalization).
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
#[serde(deny_unknown_fields)]
pub struct Fisher {
    mixture: GaussianMixture,
}

impl Fisher {
    /// The Fisher mapping of a mixture.
    pub fn new(mixture: GaussianMixture) -> Self {
        Self { mixture }
    }

    /// The mixture.
    pub fn mixture(&self) -> &GaussianMixture {
        &self.mixture
    }

    /// Writes the dimensions of one component for one feature.
    fn write(
        &self,
        component: usize,
        posterior: f64,
        descriptor: ArrayView1<'_, f64>,
        mut values: ArrayViewMut1<'_, f64>,
    ) {
        let weight = self.mixture.weights()[component];
        let share = posterior / weight.sqrt();
        let (mut of_weight, mut of_means, mut of_variances) =
            values.multi_slice_mut((s![..1], s![1..=descriptor.len()], s![descriptor.len() + 1..]));
        of_weight[0] = (posterior - weight) / weight.sqrt();
        Zip::from(&mut of_means)
            .and(&mut of_variances)
            .and(descriptor)
            .and(self.mixture.means().row(component))
            .and(self.mixture.deviations().row(component))
            .for_each(|of_mean, of_variance, value, mean, deviation| {
                let normalized = (value - mean) / deviation;
                *of_mean = share * normalized;
                *of_variance = share * (normalized * normalized - 1.0) / std::f64::consts::SQRT_2;
            });
    }
}

impl Map for Fisher {
    fn words(&self) -> usize {
        (2 * self.mixture.dimensions() + 1) * self.mixture.component_count()
    }

    fn descriptor_dimensions(&self) -> usize {
        self.mixture.dimensions()
    }

    fn assign(&self, descriptors: ArrayView2<'_, f64>) -> Result<Assignment, Error> {
        let posteriors = self.mixture.posteriors(descriptors)?;
        let size = 2 * self.mixture.dimensions() + 1;
        let mut values = Array2::zeros((descriptors.nrows(), self.words()));
        Zip::from(values.rows_mut()).and(posteriors.rows()).and(descriptors.rows()).par_for_each(
            |mut row, posteriors, descriptor| {
                for (component, &posterior) in posteriors.iter().enumerate() {
                    self.write(
                        component,
                        posterior,
                        descriptor,
                        row.slice_mut(s![component * size..(component + 1) * size]),
                    );
                }
            },
        );
        Ok(Assignment::Dense(values))
    }
}
