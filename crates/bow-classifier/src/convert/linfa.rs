//! From linfa-svm.

use ciborium::Value;
use kernels::{Coefficients, ExpansionTerm, Kernel, KernelExpansion, Linear, Rbf};
use linfa::Float;
use linfa_svm::{SeparatingHyperplane, Svm};
use ndarray::{Array1, Axis, array};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::ConvertError;

/// The parts of a serialized `linfa_svm::Svm` that make up its score.
#[derive(Deserialize)]
struct StoredSvm {
    alpha: Vec<f64>,
    rho: f64,
    kernel_method: StoredKernel,
    sep_hyperplane: SeparatingHyperplane<f64>,
}

/// `linfa_kernel::KernelMethod`
#[derive(Deserialize)]
enum StoredKernel {
    Gaussian(f64),
    Linear,
    Polynomial(IgnoredAny, IgnoredAny),
}

/// The score of a linfa-svm model, before any calibration to probabilities, as a kernel expansion.
///
/// ```text
/// f(x) = −ρ + Σ_i α_i k(x_i, x)                           Bach et al. 2015, Eq. (20)
/// ```
/// * `svm` — linear or Gaussian, classification or regression; linfa's `exp(−‖x − z‖²/eps)` is Eq. 47 with σ = eps
///
/// A linear model has its weight vector as the only support vector.
///
/// ```
/// use bow_classifier::convert::expansion_from_linfa;
/// use linfa::dataset::Dataset;
/// use linfa::traits::Fit;
/// use linfa_svm::Svm;
/// use ndarray::array;
///
/// let points = Dataset::new(array![[0.0, 1.0], [0.0, 2.0], [1.0, 0.0], [2.0, 0.0]], array![true, true, false, false]);
/// let svm = Svm::<f64, bool>::params().gaussian_kernel(2.0).fit(&points)?;
/// let expansion = expansion_from_linfa(&svm)?;
/// let x = array![0.5, 1.5];
/// assert!((expansion.value(x.view())? - (svm.weighted_sum(&x) - svm.rho)).abs() < 1e-15);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ConvertError::Kernel`] for a polynomial kernel; [`ConvertError::Expansion`] for a model whose values are not finite;
/// [`ConvertError::Layout`] when linfa-svm keeps its models in another way than that of version 0.8.
pub fn expansion_from_linfa<F: Float, T>(svm: &Svm<F, T>) -> Result<KernelExpansion, ConvertError>
where
    Svm<F, T>: Serialize,
{
    let stored: StoredSvm = Value::serialized(svm)
        .and_then(|value| value.deserialized())
        .map_err(|error| ConvertError::Layout(error.to_string()))?;
    let kernel: Kernel = match stored.kernel_method {
        StoredKernel::Linear => Linear.into(),
        StoredKernel::Gaussian(sigma) => Rbf::new(sigma)?.into(),
        StoredKernel::Polynomial(..) => return Err(ConvertError::Kernel { kernel: "polynomial" }),
    };
    let (support, coefficients) = match stored.sep_hyperplane {
        SeparatingHyperplane::Linear(weights) => (weights.insert_axis(Axis(0)), array![1.0]),
        SeparatingHyperplane::WeightedCombination(support) => {
            // What linfa takes for a support vector; it keeps only those.
            let negligible = 100.0 * F::epsilon().to_f64().unwrap_or(f64::EPSILON);
            let kept: Array1<f64> = stored.alpha.into_iter().filter(|alpha| alpha.abs() > negligible).collect();
            (support, kept)
        }
    };
    let term = ExpansionTerm { kernel, weight: 1.0, support: support.into_shared() };
    Ok(KernelExpansion::new(vec![term], Coefficients::Shared(coefficients), -stored.rho)?)
}

#[cfg(test)]
mod tests {
    use linfa::dataset::{Dataset, Pr};
    use linfa::traits::{Fit, Predict};
    use ndarray::Array2;

    use super::*;

    fn points() -> Dataset<f64, bool, ndarray::Ix1> {
        let records = Array2::from_shape_fn((40, 3), |(i, j)| ((i * 37 + j * 11 + i * i * 3) % 29) as f64 / 10.0);
        let labels = records.rows().into_iter().map(|row| row[0] + 0.5 * row[1] > 2.0).collect();
        Dataset::new(records, labels)
    }

    /// Two groups far apart: on others, linfa's ν-SVM may end with values that are not numbers.
    fn groups() -> Dataset<f64, bool, ndarray::Ix1> {
        let records = Array2::from_shape_fn((40, 3), |(i, j)| {
            let noise = (i as f64 * 12.9898 + j as f64 * 78.233).sin();
            if i < 20 { 1.0 + 0.5 * noise } else { -1.0 + 0.5 * noise }
        });
        Dataset::new(records, (0..40).map(|i| i < 20).collect())
    }

    fn assert_same_scores<T>(svm: &Svm<f64, T>, what: &str)
    where
        Svm<f64, T>: Serialize,
    {
        let expansion = expansion_from_linfa(svm).unwrap();
        for x in points().records().rows() {
            let (found, expected) = (expansion.value(x).unwrap(), svm.weighted_sum(&x) - svm.rho);
            assert!((found - expected).abs() < 1e-12 * (1.0 + expected.abs()), "{what}: {found} {expected}");
        }
    }

    #[test]
    fn scores_are_those_of_linfa() {
        let params = Svm::<f64, bool>::params;
        let cost = |svm: linfa_svm::SvmParams<f64, bool>| svm.pos_neg_weights(5.0, 3.0);
        assert_same_scores(&cost(params().gaussian_kernel(3.0)).fit(&points()).unwrap(), "Gaussian");
        assert_same_scores(&cost(params().linear_kernel()).fit(&points()).unwrap(), "linear");
        assert_same_scores(&params().nu_weight(0.05).gaussian_kernel(50.0).fit(&groups()).unwrap(), "Gaussian, ν");
        assert_same_scores(&params().nu_weight(0.05).linear_kernel().fit(&groups()).unwrap(), "linear, ν");
        let calibrated = Svm::<f64, Pr>::params().gaussian_kernel(1.0).fit(&points()).unwrap();
        assert_same_scores(&calibrated, "calibrated");
    }

    #[test]
    fn predictions_are_those_of_linfa() {
        let svm = Svm::<f64, bool>::params().gaussian_kernel(3.0).fit(&points()).unwrap();
        let expansion = expansion_from_linfa(&svm).unwrap();
        let data = points();
        let predicted: Array1<bool> = svm.predict(data.records());
        let scores = expansion.values(data.records().view()).unwrap();
        assert_eq!(scores.mapv(|score| score >= 0.0), predicted);
        assert!(predicted.iter().any(|&positive| positive) && predicted.iter().any(|&positive| !positive));
    }

    #[test]
    fn polynomial_kernels_are_named_in_the_error() {
        let svm = Svm::<f64, bool>::params().polynomial_kernel(1.0, 2.0).fit(&points()).unwrap();
        let error = expansion_from_linfa(&svm).unwrap_err();
        assert!(matches!(error, ConvertError::Kernel { kernel: "polynomial" }), "{error}");
    }
}
