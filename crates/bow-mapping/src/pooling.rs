//! p-means pooling (Eqs 19, 29).

use std::fmt;

use ndarray::{Array1, Zip};
use serde::{Deserialize, Serialize};

use crate::maximum::maxima;
use crate::power::{ScaledPowers, plain_totals};
use crate::{Assignment, Error};

/// How the assignments of all local features become one vector: by their p-mean, p in [1, ∞].
///
/// ```
/// use bow_mapping::{Assignment, Pooling};
/// use ndarray::array;
/// let assignment = Assignment::Dense(array![[0.0, 3.0], [2.0, 4.0]]);
/// assert_eq!(Pooling::MEAN.pool(&assignment)?, array![1.0, 3.5]);
/// assert_eq!(Pooling::new(2.0)?.pool(&assignment)?, array![2.0_f64.sqrt(), 12.5_f64.sqrt()]);
/// assert_eq!(Pooling::MAX.pool(&assignment)?, array![2.0, 4.0]);
/// # Ok::<(), bow_mapping::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Exponent", into = "Exponent")]
pub struct Pooling {
    p: f64,
}

impl Pooling {
    /// p = 1, the mean: the paper's "sum pooling".
    pub const MEAN: Self = Self { p: 1.0 };

    /// p = 2, the quadratic mean.
    pub const QUADRATIC: Self = Self { p: 2.0 };

    /// p = 3, the cubic mean.
    pub const CUBIC: Self = Self { p: 3.0 };

    /// p = ∞, the maximum.
    pub const MAX: Self = Self { p: f64::INFINITY };

    /// p-means pooling.
    ///
    /// # Errors
    /// [`Error::Parameter`] when `p` is not in [1, ∞].
    pub fn new(p: f64) -> Result<Self, Error> {
        if p >= 1.0 {
            Ok(Self { p })
        } else {
            Err(Error::Parameter { parameter: "p of p-means pooling", value: p, requirement: "from 1 to ∞" })
        }
    }

    /// p
    pub fn p(self) -> f64 {
        self.p
    }

    /// The pooled vector `x`, (V).
    ///
    /// ```text
    /// x_(d) = M_p( m_(d)(l_1), …, m_(d)(l_L) ) = ( 1/L · Σ_l m_(d)(l)^p )^(1/p)      Bach et al. 2015, Eqs (19), (29)
    /// ```
    /// * `m` — `assignment`, (L, V)
    ///
    /// For p = ∞ it is the maximum `max_l m_(d)(l)`, signed. Negative values are allowed for natural p; the root keeps
    /// the sign for odd p.
    ///
    /// # Errors
    /// [`Error::Empty`] without local features; [`Error::NegativeValue`] for a negative value where p is not natural;
    /// [`Error::NonFinite`] for an infinity or NaN.
    pub fn pool(&self, assignment: &Assignment) -> Result<Array1<f64>, Error> {
        check_features(assignment)?;
        if self.p.is_infinite() {
            return maxima(assignment).map(|maxima| maxima.iter().map(|maximum| maximum.value).collect());
        }
        let count = assignment.features() as f64;
        if self.p == 1.0 {
            let totals = plain_totals(assignment);
            if totals.iter().all(|total| total.is_finite()) {
                return Ok(totals / count);
            }
        }
        let powers = ScaledPowers::new(assignment, self.p)?;
        let mut pooled = powers.totals() / count;
        Zip::from(&mut pooled).and(powers.scales()).for_each(|mean, &scale| {
            *mean = scale * mean.abs().powf(1.0 / self.p).copysign(*mean);
        });
        Ok(pooled)
    }
}

/// The paper's synthetic and VOC experiments pool by the mean.
impl Default for Pooling {
    fn default() -> Self {
        Self::MEAN
    }
}

impl fmt::Display for Pooling {
    /// `p = 2`, `p = ∞`
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.p.is_infinite() { formatter.write_str("p = ∞") } else { write!(formatter, "p = {}", self.p) }
    }
}

/// p as files have it, some of which know no infinity.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Exponent {
    Finite(f64),
    Named(Name),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Name {
    Infinity,
}

impl TryFrom<Exponent> for Pooling {
    type Error = Error;

    fn try_from(exponent: Exponent) -> Result<Self, Error> {
        match exponent {
            Exponent::Finite(p) => Self::new(p),
            Exponent::Named(Name::Infinity) => Ok(Self::MAX),
        }
    }
}

impl From<Pooling> for Exponent {
    fn from(pooling: Pooling) -> Self {
        if pooling.p.is_infinite() { Self::Named(Name::Infinity) } else { Self::Finite(pooling.p) }
    }
}

/// Fails without local features.
pub(crate) fn check_features(assignment: &Assignment) -> Result<(), Error> {
    if assignment.features() == 0 { Err(Error::Empty { what: "local features" }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    /// Eq. 29 as it stands.
    fn plain(assignment: &Array2<f64>, p: f64) -> Array1<f64> {
        assignment
            .columns()
            .into_iter()
            .map(|column| {
                if p.is_infinite() {
                    return column.fold(f64::NEG_INFINITY, |largest, &value| largest.max(value));
                }
                let power = |value: f64| match p.fract() == 0.0 {
                    true => value.powi(p as i32),
                    false => value.powf(p),
                };
                let mean = column.iter().map(|&value| power(value)).sum::<f64>() / column.len() as f64;
                if mean < 0.0 { -(-mean).powf(1.0 / p) } else { mean.powf(1.0 / p) }
            })
            .collect()
    }

    fn wave(features: usize, words: usize) -> Array2<f64> {
        Array2::from_shape_fn((features, words), |(feature, word)| ((feature * 31 + word * 17) as f64).sin())
    }

    fn assert_close(found: &Array1<f64>, expected: &Array1<f64>) {
        let close = |(found, expected): (&f64, &f64)| (found - expected).abs() <= 1e-13 * expected.abs() + 1e-15;
        assert!(found.iter().zip(expected).all(close), "{found} instead of {expected}");
    }

    #[test]
    fn every_p_is_the_p_mean() {
        for (features, words) in [(1, 1), (3, 19), (19, 3), (100, 8)] {
            let signed = wave(features, words);
            for p in [1.0, 2.0, 3.0, 4.0, 5.0, 65.0, 80.0, f64::INFINITY] {
                let pooled = Pooling::new(p).unwrap().pool(&Assignment::Dense(signed.clone())).unwrap();
                assert_close(&pooled, &plain(&signed, p));
            }
            let positive = signed.mapv(f64::abs);
            for p in [1.5, 2.5, 7.25, 70.5] {
                let pooled = Pooling::new(p).unwrap().pool(&Assignment::Dense(positive.clone())).unwrap();
                assert_close(&pooled, &plain(&positive, p));
            }
        }
    }

    #[test]
    fn no_power_over_or_underflows() {
        for scale in [1e-310, 1e-200, 1.0, 1e200, 1e308] {
            let assignment = Assignment::Dense(array![[0.5, 0.0], [1.0, 0.0], [1.0, 0.0]] * scale);
            for p in [1.0, 1.5, 2.0, 63.0, 64.0, 65.0, 1e3, 1e6, 1e300, f64::INFINITY] {
                let pooled = Pooling::new(p).unwrap().pool(&assignment).unwrap();
                let factor = match p {
                    1.0 => 2.5 / 3.0,
                    _ => ((2.0 + 0.5_f64.powf(p)) / 3.0).powf(1.0 / p),
                };
                assert!((pooled[0] / scale - factor).abs() < 1e-11, "p = {p}, scale {scale}: {}", pooled[0]);
                assert_eq!(pooled[1], 0.0);
            }
        }
    }

    #[test]
    fn wrong_input_is_refused() {
        for p in [0.5, 0.0, -1.0, f64::NAN] {
            assert!(matches!(Pooling::new(p), Err(Error::Parameter { .. })));
        }
        let none = Assignment::Dense(Array2::zeros((0, 3)));
        assert!(matches!(Pooling::MEAN.pool(&none), Err(Error::Empty { .. })));
        let negative = Assignment::Dense(array![[1.0, 2.0], [3.0, -4.0]]);
        let error = Pooling::new(2.5).unwrap().pool(&negative).unwrap_err();
        assert!(matches!(error, Error::NegativeValue { feature: 1, word: 1, .. }), "{error}");
        for p in [1.0, 2.0, f64::INFINITY] {
            for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let error = Pooling::new(p).unwrap().pool(&Assignment::Dense(array![[1.0, bad]])).unwrap_err();
                assert!(matches!(error, Error::NonFinite { row: 0, column: 1, .. }), "{error}");
            }
        }
    }

    #[test]
    fn an_infinite_p_survives_json() {
        for pooling in [Pooling::MEAN, Pooling::MAX, Pooling::new(2.4).unwrap()] {
            let text = serde_json::to_string(&pooling).unwrap();
            assert_eq!(serde_json::from_str::<Pooling>(&text).unwrap(), pooling);
        }
        assert_eq!(serde_json::to_string(&Pooling::MAX).unwrap(), "\"infinity\"");
        assert!(serde_json::from_str::<Pooling>("0.5").is_err());
        assert_eq!((Pooling::MAX.to_string(), Pooling::MEAN.to_string()), ("p = ∞".into(), "p = 1".into()));
    }
}
