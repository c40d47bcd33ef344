//! Sums of arrays, in double precision.

use crate::Instructions;
use crate::instructions::Vectorized;
use crate::simd::Simd;
use crate::sums::Amount;

/// How many vectors are summed side by side, so that no sum waits for the one before.
const ROWS: usize = 4;

/// Σ x and Σ|x|, each number added in double precision, in an order that depends on their count and on the instruction
/// set.
///
/// ```
/// let amount = channel_kernels::amount(&[1.0, -3.0, 0.5]);
/// assert_eq!((amount.total, amount.magnitude), (-1.5, 4.5));
/// ```
pub fn amount(numbers: &[f32]) -> Amount {
    Instructions::current().run(Sum(numbers))
}

struct Sum<'a>(&'a [f32]);

impl Vectorized for Sum<'_> {
    type Output = Amount;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Amount {
        let mut sums = [[simd.no_doubles(); 2]; ROWS];
        for block in self.0.chunks(ROWS * S::LANES) {
            for row in 0..ROWS {
                let at = (row * S::LANES).min(block.len());
                // SAFETY: the block has as many numbers from there on, and no more are loaded.
                let x = unsafe { simd.load_first(block.as_ptr().add(at), block.len() - at) };
                sums[row][0] = simd.add_doubles(sums[row][0], x);
                sums[row][1] = simd.add_doubles(sums[row][1], simd.magnitude(x));
            }
        }
        let mut amount = Amount::default();
        for [total, magnitude] in sums {
            amount += Amount { total: simd.total_doubles(total), magnitude: simd.total_doubles(magnitude) };
        }
        amount
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::twin::random;

    proptest! {
        #[test]
        fn sums_are_those_of_plain_loops(count in 0usize..300, seed: u64) {
            let numbers = random(seed, count);
            let total: f64 = numbers.iter().map(|&x| f64::from(x)).sum();
            let magnitude: f64 = numbers.iter().map(|&x| f64::from(x).abs()).sum();
            for set in Instructions::available() {
                let found = set.run(Sum(&numbers));
                prop_assert!((found.total - total).abs() <= 1e-14 * magnitude, "{}", set);
                prop_assert!((found.magnitude - magnitude).abs() <= 1e-14 * magnitude, "{}", set);
            }
        }
    }

    #[test]
    fn what_is_not_finite_shows() {
        for set in Instructions::available() {
            assert!(set.run(Sum(&[1.0, f32::NAN])).magnitude.is_nan());
            assert_eq!(set.run(Sum(&[1.0, f32::NEG_INFINITY])).total, f64::NEG_INFINITY);
        }
    }
}
