//! How many multiply-adds a second this machine can do: what a network's time is measured against.

use std::hint::black_box;

use multiversion::multiversion;

/// Steps of each chain: some milliseconds.
const STEPS: usize = 1 << 22;
/// Chains that run side by side, so that none of them waits for its own last step.
const CHAINS: usize = 12;

/// Multiply-adds of [`wide`].
pub const WIDE: usize = STEPS * CHAINS * 16;
/// Multiply-adds of [`narrow`].
pub const NARROW: usize = STEPS * CHAINS * 8;

/// The loop for vectors of 512 bits.
#[multiversion(targets("x86_64+avx512f+avx512vl+fma"))]
pub fn wide() {
    run::<16>();
}

/// The loop for vectors of 128 or 256 bits, for which there are too few registers in the wide one.
#[multiversion(targets("x86_64+avx2+fma", "aarch64+neon"))]
pub fn narrow() {
    run::<8>();
}

/// `a ← a · factor + summand` in vectors of so many lanes.
///
/// Each chain is a variable of its own, which the compiler keeps in a register; an array of them it keeps in memory.
#[inline(always)]
fn run<const LANES: usize>() {
    let (factor, summand) = (black_box(0.999_f32), black_box(0.001_f32));
    let step = |chain: &mut [f32; LANES]| {
        for lane in chain {
            *lane = lane.mul_add(factor, summand);
        }
    };
    let start = [black_box(1.0_f32); LANES];
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h, mut i, mut j, mut k, mut l] = [start; CHAINS];
    for _ in 0..STEPS {
        step(&mut a);
        step(&mut b);
        step(&mut c);
        step(&mut d);
        step(&mut e);
        step(&mut f);
        step(&mut g);
        step(&mut h);
        step(&mut i);
        step(&mut j);
        step(&mut k);
        step(&mut l);
    }
    for chain in [a, b, c, d, e, f, g, h, i, j, k, l] {
        black_box(chain);
    }
}
