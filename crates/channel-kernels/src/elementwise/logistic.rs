//! The logistic function, and the unit that weighs a number by it.
//!
//! ```text
//! σ(x) = 1 / (1 + exp(−x))
//! ```
use crate::Instructions;
use crate::elementwise::{Function, by_tasks, exponential};
use crate::simd::Simd;

/// Writes σ(x) for each number.
///
/// It is off by less than three units in the last place. What is below the smallest normal number counts as 0; what is not a
/// number stays so.
///
/// ```
/// let mut shares = [0.0; 3];
/// channel_kernels::logistic(&[0.0, f32::INFINITY, f32::NEG_INFINITY], &mut shares);
/// assert_eq!(shares, [0.5, 1.0, 0.0]);
/// ```
///
/// # Panics
/// When the slices have different lengths.
pub fn logistic(values: &[f32], output: &mut [f32]) {
    by_tasks(Instructions::current(), Logistic, values, output);
}

/// Writes `x σ(αx)` for each number x: the sigmoid linear unit for α = 1.
///
/// It is off by less than four units in the last place, beside what the rounding of αx makes of it. Where σ counts as 0
/// (below −87 for α = 1) so does the product, and as 0 · ∞ it is not a number, as `x / (1 + exp(−x))` isn't.
///
/// ```
/// let mut output = [0.0; 3];
/// channel_kernels::silu(1.0, &[0.0, 100.0, -1000.0], &mut output);
/// assert_eq!(output, [0.0, 100.0, 0.0]);
/// ```
///
/// # Panics
/// When the slices have different lengths.
pub fn silu(alpha: f32, values: &[f32], output: &mut [f32]) {
    by_tasks(Instructions::current(), Silu { alpha }, values, output);
}

#[derive(Clone, Copy, Debug)]
struct Logistic;

impl Function for Logistic {
    #[inline(always)]
    fn of<S: Simd, const N: usize>(self, simd: S, mut x: [S::Vector; N]) -> [S::Vector; N] {
        for x in &mut x {
            *x = simd.subtract(simd.zero(), *x);
        }
        let mut shares = exponential(simd, x);
        for share in &mut shares {
            *share = simd.reciprocal(simd.add(simd.splat(1.0), *share));
        }
        shares
    }
}

#[derive(Clone, Copy, Debug)]
struct Silu {
    alpha: f32,
}

impl Function for Silu {
    #[inline(always)]
    fn of<S: Simd, const N: usize>(self, simd: S, mut x: [S::Vector; N]) -> [S::Vector; N] {
        let mut scaled = x;
        for scaled in &mut scaled {
            *scaled = simd.multiply(simd.splat(self.alpha), *scaled);
        }
        let shares = Logistic.of(simd, scaled);
        for (x, share) in x.iter_mut().zip(shares) {
            *x = simd.multiply(*x, share);
        }
        x
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::elementwise::tests::number;

    fn sigma(x: f64) -> f64 {
        1.0 / (1.0 + (-x).exp())
    }

    /// Whether a result is off by a few units in the last place, or by σ times a factor where σ counts as 0.
    fn close(got: f32, want: f64, factor: f32) -> bool {
        let (got, factor) = (f64::from(got), f64::from(factor.abs()));
        let lost = 1.01 * f64::from(f32::MIN_POSITIVE) * factor.max(1.0);
        match want.is_finite() {
            true => (got - want).abs() <= 2.0 * f64::from(f32::EPSILON) * want.abs() + lost,
            false => got == want || (got.is_nan() && want.is_nan()),
        }
    }

    proptest! {
        #[test]
        fn functions_are_their_formulas(values in prop::collection::vec(number(), 0..70), alpha in prop_oneof![Just(1.0), -3f32..3.0]) {
            for set in Instructions::available() {
                let (mut shares, mut units) = (vec![9.0; values.len()], vec![9.0; values.len()]);
                by_tasks(set, Logistic, &values, &mut shares);
                by_tasks(set, Silu { alpha }, &values, &mut units);
                for ((&x, share), unit) in values.iter().zip(shares).zip(units) {
                    prop_assert!(close(share, sigma(f64::from(x)), 1.0), "{set}: σ({x:e}) is not {share:e}");
                    let want = f64::from(x) * sigma(f64::from(alpha * x));
                    prop_assert!(close(unit, want, x), "{set}: {unit:e} for {x:e} and α = {alpha}, not {want:e}");
                }
            }
        }
    }

    #[test]
    fn ends_are_those_of_the_formula() {
        let ends = [f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, f32::NAN, 100.0, -1000.0, -0.0];
        for set in Instructions::available() {
            let (mut shares, mut units) = ([9.0; 8], [9.0; 8]);
            by_tasks(set, Logistic, &ends, &mut shares);
            by_tasks(set, Silu { alpha: 1.0 }, &ends, &mut units);
            assert_eq!((&shares[..4], &shares[5..]), (&[1.0, 0.0, 1.0, 0.0][..], &[1.0, 0.0, 0.5][..]), "{set}");
            assert!(shares[4].is_nan() && units[4].is_nan() && units[1].is_nan(), "{set}");
            assert_eq!([units[0], units[2], units[3], units[5]], [f32::INFINITY, f32::MAX, 0.0, 100.0], "{set}");
            assert_eq!([units[6], units[7]], [0.0, 0.0], "{set}");
        }
    }
}
