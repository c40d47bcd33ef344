//! What one unit of contribution is worth: the quotient of Eq. 16 over a whole tensor.

use ndarray::{ArrayD, ArrayViewD};
use relevance::{Amount, Sink, Stabilizer};

use crate::Real;
use crate::arrays::map::map_parts;
use crate::arrays::order::Order;
use crate::operation::amount::amount_of;

/// Shares, with what stabilizer and zero denominators take.
pub(crate) type Shares<F> = (ArrayD<F>, [(Sink, Amount); 2]);

/// `s_k = R_k / stabilize(z_k)`, zero where the denominator is; with what stabilizer and zero denominators take.
///
/// `upper` is R and `totals` z, of one shape, which is that of s.
pub(crate) fn shares<F: Real>(
    upper: ArrayViewD<'_, F>,
    totals: &ArrayViewD<'_, F>,
    stabilizer: Stabilizer,
) -> Shares<F> {
    let arrays = [upper.view(), totals.view()];
    if let Some(shares) = shares_by_kernel(&arrays, stabilizer) {
        return shares;
    }
    let shares = map_parts(arrays.clone(), |[upper, totals], shares| {
        for (share, (&upper, &total)) in shares.iter_mut().zip(upper.iter().zip(totals)) {
            let denominator = stabilizer.stabilize(total);
            *share = if denominator == F::zero() { F::zero() } else { upper / denominator };
        }
    });
    let sinks = {
        let (order, view) = (Order::common(&arrays), shares.view());
        let ([r, z], s) = (arrays.each_ref().map(|array| order.numbers(array)), order.numbers(&view));
        let has_none = |place: usize| stabilizer.stabilize(z[place]) == F::zero();
        let taken = Amount::over(z.len(), |place| (stabilizer.addition(z[place]) * s[place]).as_());
        let lost = Amount::over(z.len(), |place| if has_none(place) { r[place].as_() } else { 0.0 });
        [(Sink::Stabilizer, taken), (Sink::ZeroDenominator, lost)]
    };
    (shares, sinks)
}

/// The same by the kernel of these numbers, if they have one and all of them are finite.
fn shares_by_kernel<F: Real>(arrays: &[ArrayViewD<'_, F>; 2], stabilizer: Stabilizer) -> Option<Shares<F>> {
    let order = Order::common(arrays);
    let [upper, totals] = arrays.each_ref().map(|array| order.numbers(array));
    let (r, z) = (F::single(&upper)?, F::single(&totals)?);
    let mut shares = F::zeros(z.len());
    let booked = channel_kernels::shares(r, z, stabilizer.epsilon() as f32, F::single_mut(&mut shares)?);
    let sinks = [(Sink::Stabilizer, amount_of(booked.stabilizer)), (Sink::ZeroDenominator, amount_of(booked.zero))];
    let is_finite = booked.upper.magnitude.is_finite() && sinks.iter().all(|(_, amount)| amount.magnitude.is_finite());
    is_finite.then(|| (order.array(arrays[1].shape(), shares), sinks))
}

/// The contribution `x · s` of a number to which a message `s` comes: nothing where there is no message. The number may be
/// infinite then, as masks are.
pub(crate) fn contribution<F: Real>(x: F, message: F) -> F {
    if message == F::zero() { F::zero() } else { x * message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_without_a_message_contributes_nothing() {
        assert_eq!(contribution(f64::NEG_INFINITY, 0.0), 0.0);
        assert_eq!(contribution(3.0, -0.5), -1.5);
        assert!(contribution(f64::NEG_INFINITY, 1e-300).is_infinite());
    }
}
