//! Checks of the constraints that define layer-wise relevance propagation (Eqs 2, 8, 13).

use ndarray::{ArrayView1, ArrayView2, Axis};

use crate::error::check_length;
use crate::{Amount, Entry, Error};

/// Conservation between layers (Eq. 2): all layers have the same total relevance.
///
/// * `layers` — the relevance of each layer, from the output down
/// * `tolerance` — largest allowed difference of two neighbors, relative to the larger Σ|R| of the two
///
/// ```
/// use ndarray::array;
/// use relevance::check_layers;
/// let (output, hidden, input) = (array![2.0], array![3.0, -1.0], array![0.5, 1.0]);
/// check_layers(&[output.view(), hidden.view()], 1e-12)?;
/// let error = check_layers(&[output.view(), hidden.view(), input.view()], 1e-12).unwrap_err();
/// assert!(error.to_string().starts_with("layer 2 (Eq. 2): relevance is not conserved"));
/// # Ok::<(), relevance::Error>(())
/// ```
///
/// A classifier whose steps have sinks is checked by its [`Ledger`](crate::Ledger::check) instead.
///
/// # Errors
/// [`Error::Imbalance`] names the first layer, counted from 0 at the output, that differs from the one above it.
pub fn check_layers(layers: &[ArrayView1<'_, f64>], tolerance: f64) -> Result<(), Error> {
    for (above, pair) in layers.windows(2).enumerate() {
        let step =
            Entry::new(format!("layer {} (Eq. 2)", above + 1), pair[0].iter().collect(), pair[1].iter().collect());
        check(step, tolerance)?;
    }
    Ok(())
}

/// The relevance of a lower neuron is the sum of its incoming messages (Eq. 8).
///
/// * `messages` — `R_{i←k}`, shape (lower neurons, upper neurons)
/// * `lower` — `R_i`
/// * `tolerance` — largest allowed difference, relative to the larger Σ|R| of the two sides
///
/// ```
/// use ndarray::array;
/// use relevance::check_collected;
/// let messages = array![[1.0, 2.0], [4.0, -1.0]]; // lower neuron 0 gets 1 and 2
/// check_collected(messages.view(), array![3.0, 3.0].view(), 1e-12)?;
/// let error = check_collected(messages.view(), array![3.0, 5.0].view(), 1e-12).unwrap_err();
/// assert!(error.to_string().starts_with("lower neuron 1 (Eq. 8)"));
/// # Ok::<(), relevance::Error>(())
/// ```
///
/// # Errors
/// [`Error::Imbalance`] names the first neuron for which this does not hold; [`Error::Length`] when shapes differ.
pub fn check_collected(messages: ArrayView2<'_, f64>, lower: ArrayView1<'_, f64>, tolerance: f64) -> Result<(), Error> {
    check_length("the relevance of the lower layer", lower.len(), messages.nrows())?;
    for (neuron, (incoming, &owned)) in messages.axis_iter(Axis(0)).zip(lower).enumerate() {
        check(
            Entry::new(format!("lower neuron {neuron} (Eq. 8)"), Amount::of(owned), incoming.iter().collect()),
            tolerance,
        )?;
    }
    Ok(())
}

/// What an upper neuron hands down equals what it owns (Eq. 13).
///
/// * `messages` — `R_{i←k}`, shape (lower neurons, upper neurons)
/// * `upper` — `R_k`
/// * `tolerance` — largest allowed difference, relative to the larger Σ|R| of the two sides
///
/// ```
/// use ndarray::array;
/// use relevance::check_handed_down;
/// let messages = array![[1.0, 2.0], [4.0, -1.0]]; // upper neuron 0 hands down 1 and 4
/// check_handed_down(messages.view(), array![5.0, 1.0].view(), 1e-12)?;
/// let error = check_handed_down(messages.view(), array![5.0, 2.0].view(), 1e-12).unwrap_err();
/// assert!(error.to_string().starts_with("upper neuron 1 (Eq. 13)"));
/// # Ok::<(), relevance::Error>(())
/// ```
///
/// # Errors
/// [`Error::Imbalance`] names the first neuron for which this does not hold; [`Error::Length`] when shapes differ.
pub fn check_handed_down(
    messages: ArrayView2<'_, f64>,
    upper: ArrayView1<'_, f64>,
    tolerance: f64,
) -> Result<(), Error> {
    check_length("the relevance of the upper layer", upper.len(), messages.ncols())?;
    for (neuron, (outgoing, &owned)) in messages.axis_iter(Axis(1)).zip(upper).enumerate() {
        check(
            Entry::new(format!("upper neuron {neuron} (Eq. 13)"), Amount::of(owned), outgoing.iter().collect()),
            tolerance,
        )?;
    }
    Ok(())
}

fn check(step: Entry, tolerance: f64) -> Result<(), Error> {
    let error = step.relative_error();
    if error > tolerance { Err(Error::Imbalance { stage: step.stage, error, tolerance }) } else { Ok(()) }
}
