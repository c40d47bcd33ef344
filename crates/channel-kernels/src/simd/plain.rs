//! Arrays of eight numbers, which the compiler makes vectors of.
use super::{Simd, TilePixels};
use crate::instructions::Vectorized;

/// What every machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plain;

#[inline(always)]
fn lanes(f: impl Fn(usize) -> f32) -> [f32; 8] {
    std::array::from_fn(f)
}

impl Simd for Plain {
    type Vector = [f32; 8];
    type Doubles = [f64; 8];
    const LANES: usize = 8;
    // 32 registers of four lanes there, 16 elsewhere.
    const TILE: TilePixels = if cfg!(target_arch = "aarch64") { [8, 6, 0, 0] } else { [4, 0, 0, 0] };

    #[inline(always)]
    fn vectorize<W: Vectorized>(self, work: W) -> W::Output {
        work.run(self)
    }

    #[inline(always)]
    fn splat(self, x: f32) -> [f32; 8] {
        [x; 8]
    }

    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> [f32; 8] {
        // SAFETY: the caller's promise; an array of floats that is read unaligned.
        unsafe { from.cast::<[f32; 8]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32, vector: [f32; 8]) {
        // SAFETY: the caller's promise; an array of floats that is written unaligned.
        unsafe { to.cast::<[f32; 8]>().write_unaligned(vector) }
    }

    #[inline(always)]
    unsafe fn load_first(self, from: *const f32, n: usize) -> [f32; 8] {
        if n >= 8 {
            // SAFETY: the caller's promise.
            return unsafe { self.load(from) };
        }
        // SAFETY: only places below n are read.
        lanes(|i| if i < n { unsafe { *from.add(i) } } else { 0.0 })
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, vector: [f32; 8], n: usize) {
        if n >= 8 {
            // SAFETY: the caller's promise.
            return unsafe { self.store(to, vector) };
        }
        for (i, &x) in vector.iter().enumerate().take(n) {
            // SAFETY: only places below n are written.
            unsafe { *to.add(i) = x };
        }
    }

    #[inline(always)]
    fn multiply_add(self, a: [f32; 8], b: [f32; 8], c: [f32; 8]) -> [f32; 8] {
        // Without the instruction, rounding once takes a call for each number.
        if cfg!(any(target_arch = "aarch64", target_feature = "fma")) {
            lanes(|i| a[i].mul_add(b[i], c[i]))
        } else {
            lanes(|i| a[i] * b[i] + c[i])
        }
    }

    #[inline(always)]
    fn add(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        lanes(|i| a[i] + b[i])
    }

    #[inline(always)]
    fn subtract(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        lanes(|i| a[i] - b[i])
    }

    #[inline(always)]
    fn multiply(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        lanes(|i| a[i] * b[i])
    }

    #[inline(always)]
    fn divide(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        lanes(|i| a[i] / b[i])
    }

    #[inline(always)]
    fn quotients<const N: usize>(self, mut a: [[f32; 8]; N], b: [[f32; 8]; N]) -> [[f32; 8]; N] {
        for i in 0..N {
            a[i] = self.divide(a[i], b[i]);
        }
        a
    }

    #[inline(always)]
    fn reciprocal(self, b: [f32; 8]) -> [f32; 8] {
        lanes(|i| 1.0 / b[i])
    }

    #[inline(always)]
    fn times_power_of_two(self, a: [f32; 8], n: [f32; 8]) -> [f32; 8] {
        lanes(|i| f32::from_bits(a[i].to_bits().wrapping_add((n[i] as i32 as u32) << 23)))
    }

    #[inline(always)]
    fn max(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        lanes(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }

    #[inline(always)]
    fn min(self, a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        lanes(|i| if a[i] < b[i] { a[i] } else { b[i] })
    }

    #[inline(always)]
    fn magnitude(self, a: [f32; 8]) -> [f32; 8] {
        lanes(|i| a[i].abs())
    }

    #[inline(always)]
    fn where_nonnegative(self, x: [f32; 8], a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        lanes(|i| if x[i] >= 0.0 { a[i] } else { b[i] })
    }

    #[inline(always)]
    fn where_nonzero(self, x: [f32; 8], a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        lanes(|i| if x[i] != 0.0 { a[i] } else { b[i] })
    }

    #[inline(always)]
    fn where_greater(self, x: [f32; 8], y: [f32; 8], a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        lanes(|i| if x[i] > y[i] || x[i].is_nan() { a[i] } else { b[i] })
    }

    #[inline(always)]
    unsafe fn load_bytes(self, from: *const u8, n: usize) -> [f32; 8] {
        // SAFETY: only places below n are read.
        lanes(|i| if i < n { f32::from(unsafe { *from.add(i) }) } else { 0.0 })
    }

    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8, vector: [f32; 8], n: usize) {
        for (i, &x) in vector.iter().enumerate().take(n) {
            // SAFETY: only places below n are written.
            unsafe { *to.add(i) = x as u8 };
        }
    }

    #[inline(always)]
    fn first(self, a: [f32; 8], n: usize) -> [f32; 8] {
        lanes(|i| if i < n { a[i] } else { 0.0 })
    }

    #[inline(always)]
    fn total(self, a: [f32; 8]) -> f32 {
        ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]))
    }

    #[inline(always)]
    fn no_doubles(self) -> [f64; 8] {
        [0.0; 8]
    }

    #[inline(always)]
    fn add_doubles(self, sums: [f64; 8], lanes: [f32; 8]) -> [f64; 8] {
        std::array::from_fn(|i| sums[i] + f64::from(lanes[i]))
    }

    #[inline(always)]
    fn total_doubles(self, sums: [f64; 8]) -> f64 {
        sums.iter().sum()
    }

    #[inline(always)]
    unsafe fn transpose(self, from: *const f32, from_step: usize, to: *mut f32, to_step: usize) {
        for i in 0..8 {
            for j in 0..8 {
                // SAFETY: i and j stay within the blocks that the caller promises.
                unsafe { *to.add(j * to_step + i) = *from.add(i * from_step + j) };
            }
        }
    }
}
