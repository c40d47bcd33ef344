//! How much relevance there is.

use ndarray::ArrayViewD;
use relevance::Amount;

use crate::Real;

/// The amount of all relevance in an array.
pub(crate) fn amount<F: Real>(array: &ArrayViewD<'_, F>) -> Amount {
    match array.as_slice_memory_order() {
        Some(numbers) => amount_over(numbers),
        None => amount_over(&array.iter().copied().collect::<Vec<F>>()),
    }
}

/// What kernels summed, of finite numbers.
pub(crate) fn amount_of(sums: channel_kernels::Amount) -> Amount {
    Amount { total: sums.total, magnitude: sums.magnitude, non_finite: 0 }
}

fn amount_over<F: Real>(numbers: &[F]) -> Amount {
    if let Some(numbers) = F::single(numbers) {
        let sums = channel_kernels::amount(numbers);
        if sums.magnitude.is_finite() {
            return amount_of(sums);
        }
    }
    Amount::over(numbers.len(), |position| numbers[position].as_())
}
