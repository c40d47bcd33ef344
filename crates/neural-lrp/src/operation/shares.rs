//! What one unit of contribution is worth: the quotient of Eq. 16 over a whole tensor.

use ndarray::{ArrayD, ArrayViewD, Zip};
use relevance::{Amount, Sink, Stabilizer};

use crate::Real;

/// `s_k = R_k / stabilize(z_k)`, zero where the denominator is; with what stabilizer and zero denominators take.
pub(crate) fn shares<F: Real>(
    upper: ArrayViewD<'_, F>,
    totals: &ArrayViewD<'_, F>,
    stabilizer: Stabilizer,
) -> (ArrayD<F>, [(Sink, Amount); 2]) {
    let (mut taken, mut lost) = (Amount::default(), Amount::default());
    let shares = Zip::from(upper).and(totals).map_collect(|&upper, &total| {
        let denominator = stabilizer.stabilize(total);
        if denominator.is_zero() {
            lost += Amount::of(upper.as_());
            return F::zero();
        }
        let share = upper / denominator;
        taken += Amount::of((stabilizer.addition(total) * share).as_());
        share
    });
    (shares, [(Sink::Stabilizer, taken), (Sink::ZeroDenominator, lost)])
}
