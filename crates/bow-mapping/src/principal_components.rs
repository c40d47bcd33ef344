//! Principal components of local features.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::error::{check_descriptors, check_dimensions, check_range};
use crate::linear_algebra::symmetric_eigenvectors;

/// The directions along which local features vary most, and their projection onto them.
///
/// ```text
/// l'_k = u_k · (l − m),   k = 1 … K          1/L Σ_l (l − m)(l − m)ᵀ = Σ_k λ_k u_k u_kᵀ,   λ_1 ≥ λ_2 ≥ …
/// ```
/// * `l` — a row of `descriptors`, (L, D)
/// * `m` — [`mean`](Self::mean), (D)
/// * `u_k` — the rows of [`directions`](Self::directions), (K, D), orthonormal
/// * `λ_k` — [`variances`](Self::variances), (K)
///
/// A mixture of Gaussians with diagonal covariance takes the dimensions of a feature for independent within each
/// component. Those of SIFT are not; its principal components are uncorrelated, and the last of them are noise: hence
/// the 64 of them below Fisher vectors (Perronnin et al. 2010).
///
/// They are not whitened. Fisher vectors divide by each component's own deviations (Eq. 41), so that a scale of a
/// dimension cancels wherever the mixture is the maximum of the likelihood; whitening would only give more weight to
/// noise in the k-means that the maximum is sought from.
///
/// Relevance needs no way back through the projection: local features have theirs as a whole (Eqs 26–32), and hand it
/// to the pixels that they cover (Eqs 33, 34), however they are described.
///
/// ```
/// use bow_mapping::PrincipalComponents;
/// use ndarray::array;
/// // Along the diagonal, and a little across.
/// let descriptors = array![[0.0, 0.0], [3.0, 3.0], [6.0, 6.0], [3.5, 2.5], [2.5, 3.5]];
/// let components = PrincipalComponents::learn(descriptors.view(), 1)?;
/// assert!((components.variances()[0] - 36.0 / 5.0).abs() < 1e-12);
/// let projected = components.project(array![[4.0, 4.0]].view())?;
/// assert!((projected[[0, 0]] - 2.0_f64.sqrt()).abs() < 1e-12);
/// # Ok::<(), bow_mapping::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct PrincipalComponents(Parts);

/// What is stored of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    mean: Array1<f64>,
    directions: Array2<f64>,
    variances: Array1<f64>,
}

impl PrincipalComponents {
    /// The first `count` principal components of descriptors, (L, D).
    ///
    /// The sign of a direction is free; its entry of the largest magnitude is positive.
    ///
    /// # Errors
    /// [`Error::Empty`] for a count of zero, and without descriptors; [`Error::TooFew`] for more components than
    /// dimensions; [`Error::OutOfRange`] for descriptors that hold an infinity or NaN.
    pub fn learn(descriptors: ArrayView2<'_, f64>, count: usize) -> Result<Self, Error> {
        let dimensions = descriptors.ncols();
        check_descriptors(descriptors, dimensions)?;
        if count == 0 {
            return Err(Error::Empty { what: "principal components" });
        }
        if count > dimensions {
            let what = "principal components, no more than dimensions of local features,";
            return Err(Error::TooFew { what, wanted: count, available: dimensions });
        }
        let mean = descriptors.sum_axis(Axis(0)) / descriptors.nrows() as f64;
        let centered = &descriptors - &mean;
        let covariance = centered.t().dot(&centered) / descriptors.nrows() as f64;
        let (values, vectors) = symmetric_eigenvectors(covariance)
            .ok_or(Error::Singular { system: "the covariance of local features", remedy: "scale them to about 1" })?;
        let mut directions = vectors.slice(s![..count, ..]).to_owned();
        for mut direction in directions.rows_mut() {
            let largest = direction
                .iter()
                .fold(0.0, |largest: f64, &entry| if entry.abs() > largest.abs() { entry } else { largest });
            if largest < 0.0 {
                direction.mapv_inplace(|entry| -entry);
            }
        }
        // Rounding may take a variance of zero below it.
        let variances = values.slice(s![..count]).mapv(|value| value.max(0.0));
        Self::try_from(Parts { mean, directions, variances })
    }

    /// `m`, (D)
    pub fn mean(&self) -> ArrayView1<'_, f64> {
        self.0.mean.view()
    }

    /// `u_k`, one a row, (K, D).
    pub fn directions(&self) -> ArrayView2<'_, f64> {
        self.0.directions.view()
    }

    /// `λ_k`, descending, (K): the variance of what was learned from along each direction.
    pub fn variances(&self) -> ArrayView1<'_, f64> {
        self.0.variances.view()
    }

    /// `l'` of local features, (L, D) to (L, K).
    ///
    /// # Errors
    /// No descriptors, descriptors of other dimensions, or with an infinity or NaN.
    pub fn project(&self, descriptors: ArrayView2<'_, f64>) -> Result<Array2<f64>, Error> {
        check_descriptors(descriptors, self.0.mean.len())?;
        Ok((&descriptors - &self.0.mean).dot(&self.0.directions.t()))
    }
}

impl TryFrom<Parts> for PrincipalComponents {
    type Error = Error;

    fn try_from(parts: Parts) -> Result<Self, Error> {
        let (count, dimensions) = parts.directions.dim();
        if count == 0 || dimensions == 0 {
            return Err(Error::Empty { what: "principal components" });
        }
        check_dimensions("the mean of principal components", parts.mean.len(), dimensions)?;
        check_dimensions("the list of principal components' variances", parts.variances.len(), count)?;
        check_range("principal component", parts.directions.view())?;
        check_range("the mean of principal components, row", parts.mean.view().insert_axis(Axis(0)))?;
        check_range("variances of principal components, row", parts.variances.view().insert_axis(Axis(0)))?;
        Ok(Self(parts))
    }
}

impl From<PrincipalComponents> for Parts {
    fn from(components: PrincipalComponents) -> Self {
        components.0
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::test_data::{assert_close, random};

    /// Correlated descriptors, of which each dimension has another variance.
    fn correlated(rows: usize, dimensions: usize) -> Array2<f64> {
        let mixing = random(dimensions, dimensions, 7);
        random(rows, dimensions, 8).dot(&mixing) + 3.0
    }

    /// The covariance as it stands in the definition.
    fn plain_covariance(descriptors: &Array2<f64>) -> Array2<f64> {
        let (rows, dimensions) = descriptors.dim();
        let mean: Vec<f64> =
            (0..dimensions).map(|r| (0..rows).map(|l| descriptors[[l, r]]).sum::<f64>() / rows as f64).collect();
        Array2::from_shape_fn((dimensions, dimensions), |(r, s)| {
            let product = |l: usize| (descriptors[[l, r]] - mean[r]) * (descriptors[[l, s]] - mean[s]);
            (0..rows).map(product).sum::<f64>() / rows as f64
        })
    }

    #[test]
    fn the_covariance_is_diagonal_along_them() {
        for (rows, dimensions) in [(1, 1), (3, 19), (19, 3), (100, 8), (300, 128)] {
            let descriptors = correlated(rows, dimensions);
            let components = PrincipalComponents::learn(descriptors.view(), dimensions).unwrap();
            let directions = components.directions();
            assert_close(&directions.dot(&directions.t()), &Array2::eye(dimensions), 1e-12);
            let covariance = plain_covariance(&descriptors);
            let scale = components.variances()[0].max(1.0);
            let along = directions.dot(&covariance).dot(&directions.t()) / scale;
            assert_close(&along, &(Array2::from_diag(&components.variances()) / scale), 1e-12);
            assert!(components.variances().as_slice().unwrap().is_sorted_by(|left, right| left >= right));
            // What is projected has that covariance, and the mean of zero.
            let projected = components.project(descriptors.view()).unwrap();
            assert_close(&(plain_covariance(&projected) / scale), &along, 1e-12);
            assert!(projected.sum_axis(Axis(0)).iter().all(|sum| sum.abs() < 1e-10 * rows as f64));
        }
    }

    #[test]
    fn a_known_covariance_is_found() {
        // Deviations 3 along (4, 3)/5, and 1 across it.
        let (long, short) = (array![0.8, 0.6], array![-0.6, 0.8]);
        let mut descriptors = Array2::zeros((4, 2));
        for (row, (a, b)) in [(3.0, 1.0), (-3.0, 1.0), (3.0, -1.0), (-3.0, -1.0)].into_iter().enumerate() {
            descriptors.row_mut(row).assign(&(&long * a + &short * b + array![10.0, -20.0]));
        }
        let components = PrincipalComponents::learn(descriptors.view(), 2).unwrap();
        assert_close(&components.directions().to_owned(), &array![[0.8, 0.6], [-0.6, 0.8]], 1e-14);
        assert_close(&components.variances().to_owned().insert_axis(Axis(0)), &array![[9.0, 1.0]], 1e-13);
        assert_close(&components.mean().to_owned().insert_axis(Axis(0)), &array![[10.0, -20.0]], 1e-13);
        // The first of them alone are the first of all.
        let one = PrincipalComponents::learn(descriptors.view(), 1).unwrap();
        assert_eq!(one.directions(), components.directions().slice(s![..1, ..]));
        // Not whitened: distances along the direction are what they were.
        assert_close(&one.project(array![[18.0, -14.0]].view()).unwrap(), &array![[10.0]], 1e-13);
    }

    #[test]
    fn what_can_not_be_learned_or_projected_is_refused() {
        let descriptors = correlated(9, 3);
        let message = PrincipalComponents::learn(descriptors.view(), 4).unwrap_err().to_string();
        assert!(message.contains('4') && message.contains("only 3"), "{message}");
        assert!(matches!(PrincipalComponents::learn(descriptors.view(), 0), Err(Error::Empty { .. })));
        let none = Array2::zeros((0, 3));
        assert!(matches!(PrincipalComponents::learn(none.view(), 1), Err(Error::Empty { .. })));
        assert!(PrincipalComponents::learn(array![[1.0, f64::NAN]].view(), 1).is_err());
        let components = PrincipalComponents::learn(descriptors.view(), 2).unwrap();
        assert!(matches!(components.project(correlated(2, 4).view()), Err(Error::Dimensions { .. })));
        // Descriptors that are all the same vary in no direction.
        let same = PrincipalComponents::learn(Array2::ones((5, 3)).view(), 2).unwrap();
        assert_eq!(same.variances(), array![0.0, 0.0]);
        assert_eq!(same.project(Array2::ones((1, 3)).view()).unwrap(), array![[0.0, 0.0]]);
    }

    #[test]
    fn they_survive_saving_and_are_checked_when_they_are_read() {
        let components = PrincipalComponents::learn(correlated(19, 5).view(), 3).unwrap();
        let text = serde_json::to_string(&components).unwrap();
        assert_eq!(serde_json::from_str::<PrincipalComponents>(&text).unwrap(), components);
        let shorter = Parts { mean: Array1::zeros(4), ..components.0 };
        assert!(serde_json::from_str::<PrincipalComponents>(&serde_json::to_string(&shorter).unwrap()).is_err());
    }
}
