//! R²: what pooling hands down to the local features (Eqs 26–28, 30–32).

use ndarray::{Array1, ArrayView1};
use relevance::{Entry, Stabilizer, quotients};

use crate::error::check_dimensions;
use crate::maximum::maxima;
use crate::pooling::check_features;
use crate::power::{ScaledPowers, largest_magnitudes, plain_totals};
use crate::{Assignment, Error, Pooling};

/// The words that no local feature reaches.
///
/// ```text
/// Z^(p)(x) = { d : Σ_l m_(d)(l)^p = 0 }                      Bach et al. 2015, Eq. (30); Eq. (26) for p = 1
/// ```
/// * `m` — `assignment`, (L, V)
/// * `p` — that of `pooling`; for p = ∞, the set of words whose values are all zero
///
/// The sum is signed, as the paper has it, and compared with exactly zero: a column whose values cancel counts as not
/// reached.
///
/// ```
/// use bow_mapping::{Assignment, Pooling, zero_set};
/// use ndarray::array;
/// let assignment = Assignment::Dense(array![[0.0, 0.5, 1.0], [0.0, -0.5, 2.0]]);
/// assert_eq!(zero_set(&assignment, Pooling::MEAN)?, [0, 1]);
/// assert_eq!(zero_set(&assignment, Pooling::MAX)?, [0]);
/// # Ok::<(), bow_mapping::Error>(())
/// ```
///
/// # Errors
/// As for [`Pooling::pool`].
pub fn zero_set(assignment: &Assignment, pooling: Pooling) -> Result<Vec<usize>, Error> {
    check_features(assignment)?;
    let totals = if pooling.p().is_infinite() {
        largest_magnitudes(assignment)?.into()
    } else {
        ScaledPowers::new(assignment, pooling.p())?.totals()
    };
    Ok(totals.iter().enumerate().filter(|&(_, &total)| total == 0.0).map(|(word, _)| word).collect())
}

/// R²: the relevance of each local feature, (L), with the ledger entry.
///
/// ```text
/// R_l^(2) = Σ_{d ∉ Z} R_d^(3) · m_(d)(l)^p / Σ_l' m_(d)(l')^p  +  Σ_{d ∈ Z} R_d^(3) / L
///                                                            Bach et al. 2015, Eq. (31); Eq. (27) for p = 1
/// R_l^(2) = Σ_d R_d^(3) · 1[l = argmax_l' m_(d)(l')]         Bach et al. 2015, Eq. (32), for p = ∞
/// ```
/// * `R_d^(3)` — `relevance`, (V)
/// * `m` — `assignment`, (L, V)
/// * `p` — that of `pooling`
/// * `Z` — the words that no feature reaches ([`zero_set`])
///
/// For p = ∞, features that share the maximum also share its relevance equally; the paper's indicator would give it to
/// each of them. As in pooling, the maximum is signed.
///
/// Nothing gets lost (Eq. 28): `Σ_l R_l^(2) = Σ_d R_d^(3)`.
///
/// ```
/// use bow_mapping::{Assignment, Pooling, local_feature_relevance};
/// use ndarray::array;
/// let assignment = Assignment::Dense(array![[1.0, 0.0], [3.0, 0.0]]);
/// let (relevance, entry) = local_feature_relevance(array![8.0, -2.0].view(), &assignment, Pooling::MEAN)?;
/// assert_eq!(relevance, array![2.0 - 1.0, 6.0 - 1.0]);
/// assert_eq!(entry.relative_error(), 0.0);
/// # Ok::<(), bow_mapping::Error>(())
/// ```
///
/// # Errors
/// [`Error::Dimensions`], [`Error::NonFinite`] when `relevance` has not one finite entry for each word; otherwise as for
/// [`Pooling::pool`].
pub fn local_feature_relevance(
    relevance: ArrayView1<'_, f64>,
    assignment: &Assignment,
    pooling: Pooling,
) -> Result<(Array1<f64>, Entry), Error> {
    check_features(assignment)?;
    check_relevance(relevance, assignment.words())?;
    let lower = if pooling.p().is_infinite() {
        by_maximum(relevance, assignment)?
    } else {
        by_contribution(relevance, assignment, pooling.p())?
    };
    let entry = Entry::new(stage(pooling), relevance.iter().collect(), lower.iter().collect());
    Ok((lower, entry))
}

fn check_relevance(relevance: ArrayView1<'_, f64>, words: usize) -> Result<(), Error> {
    check_dimensions("the relevance of the pooled vector", relevance.len(), words)?;
    match relevance.iter().enumerate().find(|(_, value)| !value.is_finite()) {
        Some((column, &value)) => Err(Error::NonFinite { what: "relevance of channel", row: 0, column, value }),
        None => Ok(()),
    }
}

fn stage(pooling: Pooling) -> String {
    match pooling.p() {
        1.0 => "R² local features (Eq. 27)".to_owned(),
        f64::INFINITY => format!("R² local features (Eq. 32, {pooling})"),
        _ => format!("R² local features (Eq. 31, {pooling})"),
    }
}

/// Products of a share and a value below this do not overflow.
const LARGEST_PLAIN: f64 = 1e150;

/// Eqs 27 and 31.
fn by_contribution(relevance: ArrayView1<'_, f64>, assignment: &Assignment, p: f64) -> Result<Array1<f64>, Error> {
    let features = assignment.features() as f64;
    if p == 1.0 {
        let totals = plain_totals(assignment);
        let shares = quotients(relevance, totals.view(), Stabilizer::NONE)?;
        // Otherwise values are not finite, or sums of huge or quotients of tiny ones are not: scaling tells, and helps.
        if totals.iter().chain(&shares.values).all(|value| value.abs() < LARGEST_PLAIN) {
            let reached = assignment.sum_rows(&shares.values.to_vec(), |share, value| share * value);
            return Ok(reached + of_zero_set(relevance, &shares.zeros, features));
        }
    }
    let powers = ScaledPowers::new(assignment, p)?;
    let shares = quotients(relevance, powers.totals().view(), Stabilizer::NONE)?;
    Ok(powers.weighted_sums(shares.values.view()) + of_zero_set(relevance, &shares.zeros, features))
}

/// `Σ_{d ∈ Z} R_d / L`: one number, for every local feature the same.
fn of_zero_set(relevance: ArrayView1<'_, f64>, zero_set: &[usize], features: f64) -> f64 {
    zero_set.iter().map(|&word| relevance[word]).sum::<f64>() / features
}

/// Eq. 32.
fn by_maximum(relevance: ArrayView1<'_, f64>, assignment: &Assignment) -> Result<Array1<f64>, Error> {
    let maxima = maxima(assignment)?;
    let ties: Array1<f64> = maxima.iter().map(|maximum| maximum.ties as f64).collect();
    let shares = quotients(relevance, ties.view(), Stabilizer::NONE)?.values;
    // Where features that are not stored share a maximum of zero, everybody gets the share, and the few that are stored
    // with less give it back.
    let (mut of_everybody, mut context) = (0.0, Vec::with_capacity(maxima.len()));
    for (maximum, &share) in maxima.iter().zip(&shares) {
        let (of_stored_maximum, of_others) = if maximum.of_absent { (0.0, -share) } else { (share, 0.0) };
        of_everybody += if maximum.of_absent { share } else { 0.0 };
        context.push((maximum.value, of_stored_maximum, of_others));
    }
    let stored = assignment.sum_rows(
        &context,
        |(maximum, of_maximum, of_others), value| {
            if value == maximum { of_maximum } else { of_others }
        },
    );
    Ok(stored + of_everybody)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;
    use crate::test_data::{assert_close, random};

    /// Eqs 26, 27, 30–32 as they stand, with ties shared.
    fn plain(relevance: &Array1<f64>, m: &Array2<f64>, p: f64) -> Array2<f64> {
        let features = m.nrows();
        let mut lower = Array2::zeros((1, features));
        for (word, &relevance) in relevance.iter().enumerate() {
            let maximum = m.column(word).fold(f64::NEG_INFINITY, |largest, &value| largest.max(value));
            let contribution = |feature: usize| match (m[[feature, word]], p) {
                (value, f64::INFINITY) => f64::from(value == maximum),
                (value, _) if p.fract() == 0.0 => value.powi(p as i32),
                (value, _) => value.powf(p),
            };
            let total: f64 = (0..features).map(contribution).sum();
            for feature in 0..features {
                let share = if total == 0.0 { 1.0 / features as f64 } else { contribution(feature) / total };
                lower[[0, feature]] += relevance * share;
            }
        }
        lower
    }

    #[test]
    fn relevance_is_that_of_the_equations() {
        for (features, words) in [(1, 1), (3, 19), (19, 3), (100, 16)] {
            let relevance = random(1, words, 1).row(0).to_owned();
            // Signed values, with ties and a column of zeros.
            let mut m = random(features, words, 2).mapv(|value| (value * 8.0).round() / 8.0 + 1e-3);
            m.column_mut(0).fill(0.0);
            let positive = m.mapv(f64::abs);
            let cases = [1.0, 2.0, 3.0, 4.0, 7.0, f64::INFINITY].map(|p| (&m, p)).into_iter();
            for (m, p) in cases.chain([1.5, 2.5].map(|p| (&positive, p))) {
                let pooling = Pooling::new(p).unwrap();
                let (found, _) =
                    local_feature_relevance(relevance.view(), &Assignment::Dense(m.clone()), pooling).unwrap();
                assert_close(&found.insert_axis(ndarray::Axis(0)), &plain(&relevance, m, p), 1e-11);
            }
        }
    }

    #[test]
    fn exact_cancellations_make_a_zero_set_at_any_scale() {
        for scale in [-1050.0, -600.0, 0.0, 600.0, 1000.0].map(|exponent| 2.0_f64.powf(exponent)) {
            // p = 1: 1 + 2 − 3;  p = 3: 3³ + 4³ + 5³ − 6³;  both: 1 − 1
            let m = array![[1.0, 3.0, 1.0], [2.0, 4.0, -1.0], [-3.0, 5.0, 0.0], [0.0, -6.0, 0.0]] * (scale / 8.0);
            let assignment = Assignment::Dense(m);
            for (p, expected) in
                [(1.0, vec![0, 2]), (2.0, vec![]), (3.0, vec![1, 2]), (65.0, vec![2]), (101.0, vec![2])]
            {
                assert_eq!(
                    zero_set(&assignment, Pooling::new(p).unwrap()).unwrap(),
                    expected,
                    "p = {p}, scale {scale}"
                );
            }
            let (lower, entry) =
                local_feature_relevance(array![1.0, 2.0, 4.0].view(), &assignment, Pooling::MEAN).unwrap();
            let shares = array![[1.0, 4.0 / 3.0, 5.0 / 3.0, -2.0]];
            assert_close(&(lower - 1.25).insert_axis(ndarray::Axis(0)), &shares, 1e-13);
            assert!(entry.relative_error() < 1e-15);
        }
    }

    #[test]
    fn tiny_values_and_large_powers_keep_their_relevance() {
        let assignment = Assignment::Dense(array![[1e-320], [3e-320]]);
        let (lower, _) = local_feature_relevance(array![1.0].view(), &assignment, Pooling::MEAN).unwrap();
        assert!((lower[0] - 0.25).abs() < 1e-3, "{lower}"); // subnormal numbers have few digits
        let assignment = Assignment::Dense(array![[1e-200], [3e-200], [3e-200]]);
        for p in [2.0, 65.0, 1e4, 1e9 + 0.5, 1e300] {
            let (lower, entry) =
                local_feature_relevance(array![1.0].view(), &assignment, Pooling::new(p).unwrap()).unwrap();
            let of_least = 3.0_f64.powf(-p) / (2.0 + 3.0_f64.powf(-p));
            assert!((lower[0] - of_least).abs() < 1e-14 && lower[1] == lower[2], "{p}: {lower}");
            assert!(entry.relative_error() < 1e-15);
        }
    }

    #[test]
    fn stages_are_named_after_their_equations() {
        let stage = |p| {
            let assignment = Assignment::Dense(array![[1.0]]);
            local_feature_relevance(array![1.0].view(), &assignment, Pooling::new(p).unwrap()).unwrap().1.stage
        };
        assert_eq!(stage(1.0), "R² local features (Eq. 27)");
        assert_eq!(stage(2.0), "R² local features (Eq. 31, p = 2)");
        assert_eq!(stage(f64::INFINITY), "R² local features (Eq. 32, p = ∞)");
    }

    #[test]
    fn wrong_input_is_refused() {
        let assignment = Assignment::Dense(array![[1.0, -2.0]]);
        let relevance =
            |values: Array1<f64>, p| local_feature_relevance(values.view(), &assignment, Pooling::new(p).unwrap());
        assert!(matches!(relevance(array![1.0], 1.0), Err(Error::Dimensions { found: 1, expected: 2, .. })));
        assert!(matches!(relevance(array![1.0, f64::NAN], 1.0), Err(Error::NonFinite { column: 1, .. })));
        assert!(matches!(relevance(array![1.0, 1.0], 1.5), Err(Error::NegativeValue { word: 1, .. })));
        let none = Assignment::Dense(Array2::zeros((0, 1)));
        assert!(matches!(local_feature_relevance(array![1.0].view(), &none, Pooling::MEAN), Err(Error::Empty { .. })));
        assert!(matches!(zero_set(&none, Pooling::MAX), Err(Error::Empty { .. })));
        for p in [1.0, 2.0, f64::INFINITY] {
            for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let broken = Assignment::Dense(array![[1.0, bad]]);
                let found = local_feature_relevance(array![1.0, 1.0].view(), &broken, Pooling::new(p).unwrap());
                assert!(matches!(found, Err(Error::NonFinite { row: 0, column: 1, .. })), "p = {p}, {bad}");
            }
        }
    }
}
