//! The similarity of two inputs: how alike their features are.

use std::fmt;
use std::str::FromStr;

use ndarray::{ArrayD, ArrayViewD, Zip};
use serde::{Deserialize, Serialize};

use crate::{Error, Real};

/// How alike the features of two inputs are: features are the tensor that a network's explained output is.
///
/// ```text
/// s(a, b) = Σ_k φ_k(a) φ_k(b)                           dot product
/// s(a, b) = Σ_k φ_k(a) φ_k(b) / (‖φ(a)‖ ‖φ(b)‖)         cosine
/// ```
/// * `φ_k` — the features, over all axes behind that of the samples
///
/// Relevance begins at feature k with its own term of the sum, and is handed down to one of the two inputs; the other's
/// features, and both norms, are constants to it, as normalizers are in a network. Each input so gets a map of its own,
/// which is about the whole of the similarity: these are the two marginals of what Eberle et al. (2020) share out over
/// pairs of pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Similarity {
    /// The dot product.
    Dot,
    /// The dot product of features of length 1.
    Cosine,
}

impl Similarity {
    /// The similarity of each sample's features and those of its partner.
    ///
    /// # Errors
    /// [`Error::Setting`] for features that are not of one shape, or that are all 0 under the cosine.
    pub fn of<F: Real>(self, features: ArrayViewD<'_, F>, others: ArrayViewD<'_, F>) -> Result<Vec<f64>, Error> {
        let terms = self.terms(features, others)?;
        Ok(terms.outer_iter().map(|terms| terms.iter().map(|term| term.as_()).sum()).collect())
    }

    /// The term of each feature, which relevance begins with there.
    pub(super) fn terms<F: Real>(
        self,
        features: ArrayViewD<'_, F>,
        others: ArrayViewD<'_, F>,
    ) -> Result<ArrayD<F>, Error> {
        let mut terms = self.weights(features.view(), others)?;
        Zip::from(&mut terms).and(&features).for_each(|term, &feature| *term *= feature);
        Ok(terms)
    }

    /// What each feature counts with: where gradients begin.
    pub(super) fn weights<F: Real>(
        self,
        features: ArrayViewD<'_, F>,
        others: ArrayViewD<'_, F>,
    ) -> Result<ArrayD<F>, Error> {
        let Some(others) = others.broadcast(features.raw_dim()).filter(|_| others.ndim() == features.ndim()) else {
            return Err(refusal(
                format!("features of shape {:?}", others.shape()),
                format!("those that they are compared to have shape {:?}", features.shape()),
            ));
        };
        let mut weights = others.to_owned();
        if self == Self::Cosine {
            for (mut weights, features) in weights.outer_iter_mut().zip(features.outer_iter()) {
                let norms = norm(&features) * norm(&weights.view());
                if norms == 0.0 {
                    let reason = "they are all 0, and the cosine is of features that point somewhere".to_owned();
                    return Err(refusal("features".to_owned(), reason));
                }
                weights.mapv_inplace(|weight| F::of(weight.as_() / norms));
            }
        }
        Ok(weights)
    }
}

fn norm<F: Real>(features: &ArrayViewD<'_, F>) -> f64 {
    features.iter().map(|feature| feature.as_() * feature.as_()).sum::<f64>().sqrt()
}

fn refusal(given: String, reason: String) -> Error {
    Error::Setting { what: "similarity of", given, reason }
}

impl fmt::Display for Similarity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Dot => "dot",
            Self::Cosine => "cosine",
        })
    }
}

impl FromStr for Similarity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Dot, Self::Cosine]
            .into_iter()
            .find(|similarity| similarity.to_string() == text)
            .ok_or_else(|| format!("{text:?} is no similarity: dot and cosine are"))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;
    use crate::explain::{Composite, Explainer, Initial, Start};
    use crate::methods::testing::{assert_close, class, linear_network, random, rectifier_network};

    fn relevance(explainer: &Explainer<f64>, composite: &str, x: &ArrayD<f64>, initial: Initial<f64>) -> ArrayD<f64> {
        let forward = explainer.forward(x.view()).unwrap();
        let explained = forward.explain(&Composite::named(composite).unwrap(), &initial.into()).unwrap();
        explained.ledgers.iter().for_each(|ledger| ledger.check(1e-10).unwrap());
        explained.relevance[0].clone()
    }

    #[test]
    fn similarities_are_sums_over_features() {
        let (a, b) = (array![[1.0, 2.0], [3.0, -4.0]].into_dyn(), array![[5.0, 6.0], [0.0, 2.0]].into_dyn());
        assert_eq!(Similarity::Dot.of(a.view(), b.view()).unwrap(), [17.0, -8.0]);
        let cosine = Similarity::Cosine.of(a.view(), b.view()).unwrap();
        assert!((cosine[0] - 17.0 / (5.0_f64 * 61.0).sqrt()).abs() < 1e-15 && (cosine[1] + 0.8).abs() < 1e-15);
        // One partner for all samples; the features of a map lie along several axes.
        let one = array![[1.0, 0.0]].into_dyn();
        assert_eq!(Similarity::Dot.of(a.view(), one.view()).unwrap(), [1.0, 3.0]);
        let map = ArrayD::from_elem(vec![1, 2, 3], 2.0);
        assert_eq!(Similarity::Dot.of(map.view(), map.view()).unwrap(), [24.0]);
        assert!((Similarity::Cosine.of(map.view(), map.view()).unwrap()[0] - 1.0).abs() < 1e-15);
    }

    #[test]
    fn each_input_gets_all_of_the_similarity() {
        // Of two linear networks without biases the shares are those of the bilinear form xᵀ Wᵀ W y.
        let weights: Array2<f64> = random(&[4, 3], 7);
        let network = linear_network(weights.clone(), ndarray::Array1::zeros(4));
        let (x, y) = (random::<ndarray::IxDyn>(&[1, 3], 8), random::<ndarray::IxDyn>(&[1, 3], 9));
        let features = |input: &ArrayD<f64>| network.forward(input.view()).unwrap().scores();
        for (own, other) in [(&x, &y), (&y, &x)] {
            let initial = Initial::Alike(Start::Score, Similarity::Dot, features(other));
            let found = relevance(&network, "figure-12", own, initial);
            let expected = ArrayD::from_shape_fn(vec![1, 3], |index| {
                let mut share = 0.0;
                for j in 0..3 {
                    for k in 0..4 {
                        share += own[[0, index[1]]] * weights[[k, index[1]]] * weights[[k, j]] * other[[0, j]];
                    }
                }
                share
            });
            assert_close(&found, &expected);
        }
    }

    #[test]
    fn the_gradient_is_that_of_the_similarity_at_constant_norms() {
        let network = rectifier_network();
        let (x, y) = (random::<ndarray::IxDyn>(&[1, 5], 3), random::<ndarray::IxDyn>(&[1, 5], 4));
        let features = |input: &ArrayD<f64>| network.forward(input.view()).unwrap().scores();
        for similarity in [Similarity::Dot, Similarity::Cosine] {
            let initial = Initial::Alike(Start::One, similarity, features(&y));
            let forward = network.forward(x.view()).unwrap();
            let composite = Composite::named("gradient").unwrap();
            let gradient = forward.explain(&composite, &initial.into()).unwrap().relevance[0].clone();
            let scale = match similarity {
                Similarity::Dot => 1.0,
                Similarity::Cosine => 1.0 / (norm(&features(&x).view()) * norm(&features(&y).view())),
            };
            let value = |x: &ArrayD<f64>| (&features(x) * &features(&y)).sum() * scale;
            let step = 1e-6;
            let difference = ArrayD::from_shape_fn(vec![1, 5], |index| {
                let moved = |by: f64| {
                    let mut moved = x.clone();
                    moved[&index] += by;
                    value(&moved)
                };
                (moved(step) - moved(-step)) / (2.0 * step)
            });
            for (found, expected) in gradient.iter().zip(&difference) {
                assert!((found - expected).abs() <= 1e-7 * (1.0 + expected.abs()), "{found}, {expected}");
            }
        }
    }

    #[test]
    fn similarity_to_a_single_feature_is_that_feature() {
        let network = rectifier_network();
        let x = random::<ndarray::IxDyn>(&[2, 5], 5);
        let initial = Initial::Alike(Start::Score, Similarity::Dot, array![[0.0, 1.0, 0.0]].into_dyn());
        let found = relevance(&network, "epsilon-plus", &x, initial);
        let of_class = Initial::Score(crate::Target::Class(1));
        assert_eq!(found, relevance(&network, "epsilon-plus", &x, of_class));
        let one = Initial::Alike(Start::One, Similarity::Dot, array![[0.0, 1.0, 0.0]].into_dyn());
        let forward = network.forward(x.view()).unwrap();
        let composite = Composite::named("gradient").unwrap();
        assert_eq!(
            forward.explain(&composite, &one.into()).unwrap().relevance,
            forward.explain(&composite, &class(1)).unwrap().relevance
        );
    }

    #[test]
    fn features_of_another_shape_or_of_no_length_are_refused() {
        let refused = |similarity: Similarity, others: ArrayD<f64>| {
            similarity.of(array![[1.0, 2.0]].into_dyn().view(), others.view()).unwrap_err().to_string()
        };
        assert!(refused(Similarity::Dot, array![[1.0, 2.0, 3.0]].into_dyn()).contains("[1, 3]"));
        assert!(refused(Similarity::Dot, array![1.0, 2.0].into_dyn()).contains("[2]"));
        assert!(refused(Similarity::Cosine, array![[0.0, 0.0]].into_dyn()).contains("all 0"));
        assert!("angle".parse::<Similarity>().unwrap_err().contains("dot and cosine"));
        assert_eq!("cosine".parse(), Ok(Similarity::Cosine));
    }
}
