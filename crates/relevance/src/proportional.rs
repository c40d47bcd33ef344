//! Proportional redistribution (Eqs 14–16): the one primitive that every backward step shares.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use num_traits::{AsPrimitive, Float};

use crate::error::{check_finite, check_length};
use crate::{Amount, Entry, Error, Sink, Stabilizer};

/// What one unit of contribution is worth at each upper neuron: the quotient of Eq. 16, computed once per neuron.
///
/// ```text
/// s_k = R_k / stabilize( Σ_h z_hk )        then        R_{i←k} = z_ik s_k        Bach et al. 2015, Eq. (16)
/// ```
/// * `R_k` — relevance of the upper neuron `k`
/// * `z_ik` — what the lower neuron `i` contributes to it (`a_i w_ik`, `m_(d)(l)^p`, 1 for each pixel of an area, …)
///
/// How the `z_ik s_k` are summed up (Eq. 8) depends on the structure of the contributions, and is up to the stage:
/// sparse assignments, areas of pixels, transposed convolutions.
#[derive(Clone, Debug, PartialEq)]
pub struct Quotients<F> {
    /// `s_k`; zero where the denominator is exactly zero.
    pub values: Array1<F>,
    /// The neurons whose stabilized denominator is exactly zero, ascending. Their relevance still has to go somewhere.
    pub zeros: Vec<usize>,
    /// `Σ_k ε sign(z_k) s_k`: what the stabilizer takes (Eq. 59).
    pub stabilizer: Amount,
}

/// The quotients of Eq. 16; see [`Quotients`].
///
/// * `relevance` — `R_k`, one for each upper neuron
/// * `totals` — `Σ_h z_hk`, the same length
///
/// ```
/// use ndarray::array;
/// use relevance::{Stabilizer, quotients};
/// let shares = quotients(array![6.0, 1.0].view(), array![3.0, 0.0].view(), Stabilizer::NONE)?;
/// assert_eq!(shares.values, array![2.0, 0.0]);
/// assert_eq!(shares.zeros, [1]);
/// # Ok::<(), relevance::Error>(())
/// ```
///
/// # Errors
/// [`Error::Length`] when the two arrays differ in length.
pub fn quotients<F: Float + AsPrimitive<f64>>(
    relevance: ArrayView1<'_, F>,
    totals: ArrayView1<'_, F>,
    stabilizer: Stabilizer,
) -> Result<Quotients<F>, Error> {
    check_length("the relevance of the upper layer", relevance.len(), totals.len())?;
    let mut zeros = Vec::new();
    let mut taken = Amount::default();
    let values = relevance
        .iter()
        .zip(totals)
        .enumerate()
        .map(|(neuron, (&relevance, &total))| {
            let denominator = stabilizer.stabilize(total);
            if denominator.is_zero() {
                zeros.push(neuron);
                return F::zero();
            }
            let quotient = relevance / denominator;
            taken += Amount::of((stabilizer.addition(total) * quotient).as_());
            quotient
        })
        .collect();
    Ok(Quotients { values, zeros, stabilizer: taken })
}

/// The messages of one layer, written out: `R_{i←k}` (Eq. 16).
///
/// * `contributions` — `z_ik = a_i w_ik`, shape (lower neurons, upper neurons); 0 where `i` does not feed `k`
/// * `relevance` — `R_k`, one for each upper neuron
///
/// Where `Σ_h z_hk` is exactly zero and there is no stabilizer, neuron `k` sends nothing.
///
/// ```
/// use ndarray::array;
/// use relevance::{Stabilizer, messages};
/// // Neuron 4 of the paper's Fig 2 has the inputs 1 and 2 (Eq. 15).
/// let messages = messages(array![[1.0], [3.0]].view(), array![8.0].view(), Stabilizer::NONE)?;
/// assert_eq!(messages, array![[2.0], [6.0]]);
/// # Ok::<(), relevance::Error>(())
/// ```
///
/// # Errors
/// [`Error::Length`] when the columns of `contributions` are not as many as the entries of `relevance`;
/// [`Error::NonFinite`] when either holds an infinity or NaN.
pub fn messages(
    contributions: ArrayView2<'_, f64>,
    relevance: ArrayView1<'_, f64>,
    stabilizer: Stabilizer,
) -> Result<Array2<f64>, Error> {
    check_finite("the contributions", contributions)?;
    check_finite("the relevance of the upper layer", relevance)?;
    let shares = quotients(relevance, contributions.sum_axis(Axis(0)).view(), stabilizer)?;
    Ok(&contributions * &shares.values)
}

/// One whole backward step over written-out contributions: Eqs 16 and 8, with its ledger entry.
///
/// Arguments and errors as for [`messages`].
///
/// ```
/// use ndarray::array;
/// use relevance::{Stabilizer, redistribute};
/// let (lower, entry) = redistribute(array![[1.0, 2.0], [3.0, -1.0]].view(), array![8.0, 1.0].view(), Stabilizer::NONE)?;
/// assert_eq!(lower, array![4.0, 5.0]);
/// assert_eq!(entry.relative_error(), 0.0);
/// # Ok::<(), relevance::Error>(())
/// ```
pub fn redistribute(
    contributions: ArrayView2<'_, f64>,
    relevance: ArrayView1<'_, f64>,
    stabilizer: Stabilizer,
) -> Result<(Array1<f64>, Entry), Error> {
    check_finite("the contributions", contributions)?;
    check_finite("the relevance of the upper layer", relevance)?;
    let shares = quotients(relevance, contributions.sum_axis(Axis(0)).view(), stabilizer)?;
    let lower = contributions.dot(&shares.values);
    let entry = Entry::new("proportional redistribution (Eq. 16)", relevance.iter().collect(), lower.iter().collect())
        .with_sink(Sink::Stabilizer, shares.stabilizer)
        .with_sink(Sink::ZeroDenominator, shares.zeros.iter().map(|&neuron| relevance[neuron]).collect());
    Ok((lower, entry))
}
