//! The measure of kernels: multiply-adds in registers.
use std::hint::black_box;

use crate::Instructions;
use crate::instructions::Vectorized;
use crate::simd::Simd;

/// Does `count` times 24 multiply-adds of 16 numbers that wait for nothing but each other's registers, and gives
/// something made of them.
///
/// It is what the speed of kernels is measured against.
pub fn multiply_adds(instructions: Instructions, count: usize) -> f32 {
    instructions.run(Chains { count })
}

struct Chains {
    count: usize,
}

impl Vectorized for Chains {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> f32 {
        // More chains than the instruction's latency asks for, fewer than there are registers.
        if S::TILE[1] > 0 { chains::<S, 12>(simd, self.count) } else { chains::<S, 6>(simd, self.count) }
    }
}

/// The mean of N chains side by side.
#[inline(always)]
fn chains<S: Simd, const N: usize>(simd: S, count: usize) -> f32 {
    let (factor, term) = (simd.splat(black_box(0.999)), simd.splat(black_box(0.001)));
    let mut chains = [simd.splat(1.0); N];
    for _ in 0..count * 24 / N * 16 / S::LANES {
        for chain in &mut chains {
            *chain = simd.multiply_add(*chain, factor, term);
        }
    }
    chains.iter().fold(0.0, |sum, &chain| sum + simd.total(chain)) / (N * S::LANES) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_stay_at_their_fixed_point() {
        for set in Instructions::available() {
            let mean = multiply_adds(set, 10);
            assert!((mean - 1.0).abs() < 1e-3, "{set} {mean}");
        }
    }
}
