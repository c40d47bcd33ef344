//! R²: what pooling hands down to the local features (Eqs 26–28, 30–32).

use ndarray::{Array1, ArrayView1};
use relevance::{Entry, Stabilizer, quotients};

use crate::error::check_dimensions;
use crate::pooling::{check_features, maxima};
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

/// Eqs 27 and 31.
fn by_contribution(relevance: ArrayView1<'_, f64>, assignment: &Assignment, p: f64) -> Result<Array1<f64>, Error> {
    let features = assignment.features() as f64;
    if p == 1.0 {
        let shares = quotients(relevance, plain_totals(assignment).view(), Stabilizer::NONE)?;
        // Otherwise totals, or quotients of tiny totals, are beyond the range of numbers: scaling helps.
        if shares.values.iter().all(|share| share.is_finite() && share.abs() < f64::MAX.sqrt()) {
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
