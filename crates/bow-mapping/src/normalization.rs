//! Normalization of the pooled vector.

use ndarray::Array1;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::error::check_above;
use crate::power::power_of_two_below;

/// What happens to the pooled vector before the classifier sees it.
///
/// ```text
/// L1:  x_d / Σ_d' |x_d'|        L2:  x_d / √(Σ_d' x_d'²)        Power:  sign(x_d) |x_d|^ρ
/// ```
///
/// A vector of zeros stays what it is. Relevance of local features does not depend on any of these: a factor for each
/// word leaves the ratios of Eqs 27 and 31 as they are, and so does any outer function (Eq. 63).
///
/// ```
/// use bow_mapping::Normalization;
/// use ndarray::array;
/// assert_eq!(Normalization::L1.apply(array![1.0, -3.0]), array![0.25, -0.75]);
/// assert_eq!(Normalization::L2.apply(array![3.0, -4.0]), array![0.6, -0.8]);
/// assert_eq!(Normalization::Power { exponent: 0.5 }.apply(array![4.0, -9.0]), array![2.0, -3.0]);
/// assert_eq!(Normalization::PowerL2 { exponent: 0.5 }.apply(array![9.0, -16.0]), array![0.6, -0.8]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normalization {
    /// None.
    None,
    /// Sum of absolute values 1: the paper's choice for Bag-of-Words histograms.
    #[default]
    L1,
    /// Length 1.
    L2,
    /// A power of each value, keeping its sign.
    Power {
        /// `ρ` > 0; ½ is usual.
        exponent: f64,
    },
    /// The power, then length 1: the usual choice for Fisher vectors, with `ρ` = ½.
    PowerL2 {
        /// `ρ` > 0; ½ is usual.
        exponent: f64,
    },
}

impl Normalization {
    /// Fails for an exponent that is not a finite number above 0.
    ///
    /// # Errors
    /// [`Error::Parameter`]
    pub fn check(self) -> Result<Self, Error> {
        if let Self::Power { exponent } | Self::PowerL2 { exponent } = self {
            check_above("the exponent of power normalization", exponent, 0.0, "a finite number above 0")?;
        }
        Ok(self)
    }

    /// The normalized vector.
    pub fn apply(self, vector: Array1<f64>) -> Array1<f64> {
        match self {
            Self::None => vector,
            Self::L1 => divided_by(vector, |scaled| scaled.iter().map(|value| value.abs()).sum()),
            Self::L2 => divided_by(vector, |scaled| scaled.dot(scaled).sqrt()),
            Self::Power { exponent } => vector.mapv_into(|value| value.abs().powf(exponent).copysign(value)),
            Self::PowerL2 { exponent } => Self::L2.apply(Self::Power { exponent }.apply(vector)),
        }
    }
}

/// `vector` over its norm; scaled first, so that neither squares nor sums over- or underflow.
fn divided_by(vector: Array1<f64>, norm: impl Fn(&Array1<f64>) -> f64) -> Array1<f64> {
    let largest = vector.fold(0.0, |largest: f64, value| largest.max(value.abs()));
    if largest == 0.0 {
        return vector;
    }
    let scaled = vector / power_of_two_below(largest);
    let norm = norm(&scaled);
    scaled / norm
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    const ALL: [Normalization; 5] = [
        Normalization::None,
        Normalization::L1,
        Normalization::L2,
        Normalization::Power { exponent: 0.5 },
        Normalization::PowerL2 { exponent: 0.5 },
    ];

    #[test]
    fn a_vector_of_zeros_stays() {
        for normalization in ALL {
            assert_eq!(normalization.apply(array![0.0, 0.0]), array![0.0, 0.0]);
        }
    }

    #[test]
    fn tiny_and_huge_vectors_have_their_length_too() {
        for scale in [1e-310, 1e-200, 1.0, 1e200, 1e307] {
            let vector = array![3.0, -4.0] * scale;
            for (normalized, expected) in [
                (Normalization::L1.apply(vector.clone()), array![3.0 / 7.0, -4.0 / 7.0]),
                (Normalization::L2.apply(vector), array![0.6, -0.8]),
            ] {
                assert!((normalized - expected).iter().all(|difference| difference.abs() < 1e-13), "{scale}");
            }
        }
    }

    #[test]
    fn exponents_are_checked() {
        assert!(ALL.iter().all(|normalization| normalization.check().is_ok()));
        for exponent in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(Normalization::Power { exponent }.check(), Err(Error::Parameter { .. })));
            assert!(matches!(Normalization::PowerL2 { exponent }.check(), Err(Error::Parameter { .. })));
        }
    }
}
