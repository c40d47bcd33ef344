//! Vectors of single precision: AVX-512, AVX2, and plain arrays that the compiler vectorizes.
use std::fmt::Debug;

use crate::instructions::Vectorized;

mod plain;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use plain::Plain;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2, Avx512};

/// The most pixels of a tile of `1 ..= 4` vectors of channels: as many as registers hold, with the weights and without
/// a pointer spilled.
pub(crate) type TilePixels = [usize; 4];

/// The arithmetic of one instruction set.
///
/// The value is a token: it exists only where the machine has the instructions, which is why arithmetic is safe.
pub(crate) trait Simd: Copy + Debug + Send + Sync + 'static {
    /// `LANES` numbers.
    type Vector: Copy;

    /// Sums in double precision, several at once.
    type Doubles: Copy;

    /// Numbers of a vector: 8 or 16.
    const LANES: usize;

    /// The most pixels of a tile for each number of vectors; 0 where tiles of so many vectors are not made.
    const TILE: TilePixels;

    /// Compiles `work` for this set, and does it.
    fn vectorize<W: Vectorized>(self, work: W) -> W::Output;

    /// All lanes are `x`.
    fn splat(self, x: f32) -> Self::Vector;

    /// Reads `LANES` numbers.
    ///
    /// # Safety
    /// They can be read.
    unsafe fn load(self, from: *const f32) -> Self::Vector;

    /// Writes `LANES` numbers.
    ///
    /// # Safety
    /// They can be written.
    unsafe fn store(self, to: *mut f32, vector: Self::Vector);

    /// Reads the first `n` numbers, all if `n ≥ LANES`; the other lanes are 0.
    ///
    /// # Safety
    /// Those numbers can be read.
    unsafe fn load_first(self, from: *const f32, n: usize) -> Self::Vector;

    /// Writes the first `n` lanes, all if `n ≥ LANES`.
    ///
    /// # Safety
    /// Those numbers can be written.
    unsafe fn store_first(self, to: *mut f32, vector: Self::Vector, n: usize);

    /// a · b + c, rounded once where the set can.
    fn multiply_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;

    /// a + b
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// a − b
    fn subtract(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// a · b
    fn multiply(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// a / b, rounded once.
    fn divide(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// a / b to within two units in the last place, by reciprocals where that is faster. Less exact where the quotient
    /// or a lies within 2²⁴ of the smallest normal number. A lane depends on no other.
    fn quotients<const N: usize>(self, a: [Self::Vector; N], b: [Self::Vector; N]) -> [Self::Vector; N];

    /// 1 / b for b ≥ 1, to within a unit in the last place. It is not exact below the smallest normal number, for which
    /// infinite b may have another.
    fn reciprocal(self, b: Self::Vector) -> Self::Vector;

    /// a · 2ⁿ for whole n, where neither a nor the product is beyond normal numbers. What is not a number stays so if n is
    /// none either.
    fn times_power_of_two(self, a: Self::Vector, n: Self::Vector) -> Self::Vector;

    /// The greater one; b where one of them is not a number.
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// The lesser one; b where one of them is not a number.
    fn min(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// |a|
    fn magnitude(self, a: Self::Vector) -> Self::Vector;

    /// a where x ≥ 0 (−0 included), else b.
    fn where_nonnegative(self, x: Self::Vector, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// a where x ≠ 0 (or is not a number), else b.
    fn where_nonzero(self, x: Self::Vector, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// a where x > y or x is not a number, else b.
    fn where_greater(self, x: Self::Vector, y: Self::Vector, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// Reads the first n bytes as numbers, all if `n ≥ LANES`; the other lanes are any numbers.
    ///
    /// # Safety
    /// Those bytes can be read.
    unsafe fn load_bytes(self, from: *const u8, n: usize) -> Self::Vector;

    /// Writes the first n lanes, whole numbers below 256, as bytes; all if `n ≥ LANES`.
    ///
    /// # Safety
    /// Those bytes can be written.
    unsafe fn store_bytes(self, to: *mut u8, vector: Self::Vector, n: usize);

    /// The first n lanes, all if `n ≥ LANES`; the others are 0.
    fn first(self, a: Self::Vector, n: usize) -> Self::Vector;

    /// The sum of all lanes, in an order of the set's own.
    fn total(self, a: Self::Vector) -> f32;

    /// Sums of nothing.
    fn no_doubles(self) -> Self::Doubles;

    /// Adds the lanes to the sums.
    fn add_doubles(self, sums: Self::Doubles, lanes: Self::Vector) -> Self::Doubles;

    /// The sum of the sums.
    fn total_doubles(self, sums: Self::Doubles) -> f64;

    /// Transposes a block of `LANES` × `LANES` numbers: `to[j · to_step + i] = from[i · from_step + j]`.
    ///
    /// # Safety
    /// The rows of both blocks can be read and written, and don't overlap.
    unsafe fn transpose(self, from: *const f32, from_step: usize, to: *mut f32, to_step: usize);

    /// 0 in all lanes.
    #[inline(always)]
    fn zero(self) -> Self::Vector {
        self.splat(0.0)
    }
}
