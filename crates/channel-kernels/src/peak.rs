//! What a core can do at best.
use std::hint::black_box;

use crate::Instructions;
use crate::instructions::Vectorized;
use crate::simd::Simd;

/// Sums that are kept going at once: more than the steps that a multiplication with addition takes, times what a core
/// begins in one step.
const SUMS: usize = 12;

/// Multiplies and adds in registers, to measure the peak of a core; gives how many operations on single numbers that
/// were, two for each product that is added.
///
/// ```
/// let instructions = channel_kernels::Instructions::current();
/// let begin = std::time::Instant::now();
/// let operations = channel_kernels::multiply_add(instructions, 1000);
/// println!("{:.0} GFLOP/s", operations / begin.elapsed().as_secs_f64() / 1e9);
/// # assert!(operations >= 1000.0 * 12.0 * 8.0 * 2.0);
/// ```
pub fn multiply_add(instructions: Instructions, rounds: usize) -> f64 {
    instructions.run(Rounds(rounds))
}

struct Rounds(usize);

impl Vectorized for Rounds {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> f64 {
        let (x, y) = (simd.splat(black_box(0.5)), simd.splat(black_box(0.25)));
        let mut sums = [simd.zero(); SUMS];
        for _ in 0..self.0 {
            for sum in &mut sums {
                *sum = simd.multiply_add(*sum, x, y);
            }
        }
        let total = sums.into_iter().fold(simd.zero(), |total, sum| simd.add(total, sum));
        black_box(simd.total(total));
        (self.0 * SUMS * S::LANES * 2) as f64
    }
}
